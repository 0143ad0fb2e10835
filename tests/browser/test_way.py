"""The whole way in a real browser, in each language: sign-up, code from the mail, nine steps, launch, a call."""

import re
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.chromium import needs_chromium
from tests.browser.site import LANGUAGES, Site, complaints_of, mails_to
from tests.servers.processes import eventually
from tests.story.installation import PASSWORD

pytestmark = [pytest.mark.story, pytest.mark.slow, needs_chromium]
GO_ON = "main form .closing button:not([formaction])"


def sign_up(page: Page, demo: Site, language: str) -> str:
    """A new person, signed in with the code that came by mail; their address."""
    email = f"dora-{uuid4().hex[:8]}@practice.example"
    page.goto(demo.url(language, "/accounts/signup/"))
    page.fill("input[name=email]", email)
    page.fill("input[name=password1]", PASSWORD)
    page.locator("main form button.button").first.click()
    page.wait_for_selector("input[name=code]")
    mail = eventually(lambda: mails_to(demo.ava, email), timeout=20)[0]
    code = re.search(r"\b([A-Z0-9]{4}-[A-Z0-9]{4})\b(?!@)", mail.split("<pre")[1])
    assert code, mail
    page.fill("input[name=code]", code[1])
    page.locator("main form button.button").first.click()
    page.wait_for_url("**/onboarding/profile/")
    return email


def go_on(page: Page, following: str) -> None:
    page.locator(GO_ON).last.click()
    page.wait_for_url(f"**/onboarding/{following}/")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_whole_way_from_sign_up_to_the_first_call(browser: Browser, demo: Site, language):
    context = browser.new_context(locale=language, timezone_id="Europe/Paris", viewport={"width": 390, "height": 844})
    context.set_default_timeout(20_000)
    heard, page = complaints_of(context), context.new_page()
    sign_up(page, demo, language)

    page.fill("input[name=full_name]", "Dora Levi")
    page.fill("input[name=organization_name]", "Dora & Co")
    page.select_option("select[name=country]", "FR")
    expect(page.locator("select[name=timezone]")).to_have_value("Europe/Paris")  # guessed from the browser
    page.check("input[name=accept_terms]")
    go_on(page, "vapi")

    page.fill("input[name=api_key]", str(uuid4()).replace("00000000", "1a2b3c4d", 1))
    page.locator("form[action$='vapi/key/'] button.button").click()
    expect(page.locator("[aria-labelledby=key-title] .badge.positive")).to_be_visible()
    go_on(page, "ava")

    page.fill("textarea[name=job_to_be_done]", "Note who called and why.")
    go_on(page, "twilio")

    page.fill("input[name=account_sid]", "AC" + uuid4().hex)
    page.fill("input[name=auth_token]", uuid4().hex)
    page.locator("form[action$='twilio/account/'] button.button").click()
    expect(page.locator("[aria-labelledby=key-title] .badge.positive")).to_be_visible()
    go_on(page, "telephony")

    page.locator("#number-listing button[name=attach]").first.click()
    expect(page.locator("#yours")).to_be_visible()
    go_on(page, "integrations")
    go_on(page, "assistant")

    assert page.input_value("textarea[name=first_message]")
    assert page.input_value("textarea[name=system_prompt]")
    page.locator("button[formaction$='assistant/create/']").click()
    page.wait_for_url("**/onboarding/plan/")
    go_on(page, "done")

    expect(page.locator("main")).to_contain_text("Dora & Co")
    page.locator("#launch button.large").click()
    page.wait_for_url("**/onboarding/launched/")
    page.locator("main a.button").click()
    page.wait_for_url("**/dashboard/")
    expect(page.locator(".answering")).to_be_visible()

    page.locator("form[action$='test-call/'] button").click()
    page.wait_for_selector("audio", state="attached", timeout=40_000)
    expect(page.locator(".turn.assistant").first).to_be_visible()
    assert page.evaluate("document.documentElement.dir") == ("rtl" if language == "he" else "ltr")
    assert heard == []
    context.close()


def test_every_step_can_be_skipped_and_launching_asks_for_the_terms_alone(browser: Browser, demo: Site):
    context = browser.new_context(locale="en")
    page = context.new_page()
    sign_up(page, demo, "en")
    for following in ("vapi", "ava", "twilio", "telephony", "integrations", "assistant", "plan", "done"):
        page.locator("button[formaction$='/skip/']").last.click()
        page.wait_for_url(f"**/onboarding/{following}/")
    assert page.locator(".stepper .skipped").count() == 8
    page.locator("#launch button.large").click()
    expect(page.locator("#launch [role=alert]")).to_contain_text("terms")
    page.check("#launch input[name=accept_terms]")
    page.locator("#launch button.large").click()
    page.wait_for_url("**/onboarding/launched/")
    context.close()


def test_a_key_set_in_the_settings_leads_back_to_the_step_with_its_state_fresh(browser: Browser, demo: Site):
    context = browser.new_context(locale="fr")
    page = context.new_page()
    sign_up(page, demo, "fr")
    page.goto(demo.url("fr", "/onboarding/vapi/"))
    page.locator("a[href*='returnTo=onboarding']").first.click()
    page.wait_for_url("**/fr/settings?section=vapi&returnTo=onboarding")
    page.fill("input[name=api_key]", "not a key")
    page.locator("form:has(input[name=api_key]) button.button").last.click()
    expect(page.locator("input[name=api_key]")).to_have_value("not a key")
    expect(page.locator("input[name=api_key]")).to_have_attribute("aria-invalid", "true")
    page.fill("input[name=api_key]", "7" + str(uuid4())[1:])
    page.locator("form:has(input[name=api_key]) button.button").last.click()
    page.wait_for_url("**/onboarding/vapi/")
    expect(page.locator("[aria-labelledby=key-title] .badge.positive")).to_be_visible()
    context.close()
