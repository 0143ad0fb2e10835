"""Nothing typed is lost: a browser that dies, a session that ends, a line that breaks, two tabs at once."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Error, Page, expect

from tests.browser import chromium
from tests.browser.chromium import needs_chromium
from tests.browser.site import Site, log_in
from tests.servers.processes import eventually
from tests.story.installation import PASSWORD

pytestmark = [pytest.mark.story, pytest.mark.slow, needs_chromium]
PROFILE = "/onboarding/profile/"


@pytest.fixture(scope="module")
def people(demo: Site) -> Iterator[str]:
    """Addresses of people who have signed up and not begun."""
    emails = [f"person{number}@typing.example" for number in range(4)]
    made = demo.ava.manage(
        "shell",
        "-v0",
        "-c",
        f"from tests.factories import make_user; from tests.story.installation import PASSWORD\n"
        f"for email in {emails}:\n    user = make_user(email); user.set_password(PASSWORD); user.save()",
    )
    assert made.returncode == 0, made.stderr
    return iter(emails)


def open_profile(browser: Browser, demo: Site, email: str) -> Page:
    """On a device of its own."""
    context = browser.new_context(locale="en")
    context.set_default_timeout(15_000)
    page = context.new_page()
    log_in(page, demo, email)
    page.goto(demo.url("en", PROFILE))
    return page


def wait_saved(page: Page) -> None:
    expect(page.locator("#save-state[data-state=saved]")).to_be_visible(timeout=15_000)


def type_into(page: Page, name: str, text: str) -> None:
    """As a person does, leaving the field afterwards."""
    page.fill(f"[name={name}]", text)
    page.locator(f"[name={name}]").blur()


def save_into(page: Page, name: str, text: str) -> None:
    """Typed, and answered by the server: "saved" may still stand there from the time before."""
    with page.expect_response("**/save/"):
        type_into(page, name, text)
    wait_saved(page)


def test_a_browser_that_dies_ten_seconds_after_typing_loses_nothing(browser: Browser, demo: Site, people):
    email = next(people)
    doomed = browser.browser_type.launch(executable_path=chromium.find(), args=chromium.flags())
    page = open_profile(doomed, demo, email)
    page.locator("[name=profession]").press_sequentially("Luthier", delay=20)  # the field is not even left
    page.wait_for_timeout(10_000)
    with pytest.raises(Error):
        doomed.new_browser_cdp_session().send("Browser.crash")
    second_device = open_profile(browser, demo, email)
    assert second_device.input_value("[name=profession]") == "Luthier"
    second_device.context.close()


def test_two_tabs_merge_field_by_field_and_a_conflict_is_shown(browser: Browser, demo: Site, people):
    one = open_profile(browser, demo, next(people))
    other = one.context.new_page()
    other.goto(demo.url("en", PROFILE))
    save_into(one, "profession", "Luthier")
    save_into(other, "industry", "Crafts")
    save_into(one, "full_name", "Dora")
    type_into(other, "full_name", "Emil")
    conflict = other.locator("[data-conflict=full_name]")
    expect(conflict).to_contain_text("Dora")
    expect(conflict).to_contain_text("Emil")
    conflict.locator("button[name=take]").click()
    expect(other.locator("[name=full_name]")).to_have_value("Dora")
    other.reload()
    typed = {name: other.input_value(f"[name={name}]") for name in ("full_name", "profession", "industry")}
    assert typed == {"full_name": "Dora", "profession": "Luthier", "industry": "Crafts"}
    one.context.close()


def test_what_is_typed_after_the_session_has_ended_is_saved_after_signing_in_again(
    browser: Browser, demo: Site, people
):
    email = next(people)
    page = open_profile(browser, demo, email)
    page.context.clear_cookies(name="sessionid")
    type_into(page, "profession", "Luthier")
    expect(page.locator("#save-state[data-state=signed-out] a")).to_be_visible()
    assert page.input_value("[name=profession]") == "Luthier"
    page.locator("#save-state a").click()
    log_in_here(page, email)
    page.wait_for_url(f"**{PROFILE}")
    expect(page.locator("[name=profession]")).to_have_value("Luthier")
    wait_saved(page)
    assert eventually(lambda: saved_profession(browser, demo, email) == "Luthier", timeout=10)
    page.context.close()


def log_in_here(page: Page, email: str) -> None:
    page.fill("input[name=login]", email)
    page.fill("input[name=password]", PASSWORD)
    page.locator("main form button.button").first.click()


def saved_profession(browser: Browser, demo: Site, email: str) -> str:
    page = open_profile(browser, demo, email)
    found = page.input_value("[name=profession]")
    page.context.close()
    return found


def test_what_is_typed_offline_is_saved_when_the_line_is_back(browser: Browser, demo: Site, people):
    email = next(people)
    page = open_profile(browser, demo, email)
    page.context.set_offline(True)
    type_into(page, "profession", "Luthier")
    expect(page.locator("#save-state[data-state=offline]")).to_be_visible()
    page.context.set_offline(False)
    wait_saved(page)
    assert saved_profession(browser, demo, email) == "Luthier"
    page.context.close()
