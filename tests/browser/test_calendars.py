"""Connecting a calendar in a real browser, whose content policy follows where a form leads."""

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.chromium import needs_chromium
from tests.browser.site import Site, complaints_of, log_in

pytestmark = [pytest.mark.story, pytest.mark.slow, needs_chromium]

SECTION = "/settings?section=integrations"


@pytest.mark.parametrize("with_scripts", [True, False])
@pytest.mark.parametrize("name", ["Google Calendar", "Outlook"])
def test_a_calendar_is_connected_and_disconnected(browser: Browser, demo: Site, name: str, with_scripts: bool) -> None:
    context = browser.new_context(java_script_enabled=with_scripts)
    page, heard = context.new_page(), complaints_of(context)
    log_in(page, demo)
    page.goto(demo.url("en", SECTION))
    page.get_by_role("button", name=f"Connect {name}").click()
    expect(page.get_by_role("heading", name="Sandbox account")).to_be_visible()
    page.get_by_role("button", name="Deny").click()
    expect(page.get_by_text(f"{name} was not connected")).to_be_visible()

    page.get_by_role("button", name=f"Connect {name}").click()
    page.get_by_label("Account").fill("practice@calendar.example")
    page.get_by_role("button", name="Allow").click()
    expect(page.get_by_text(f"{name} is connected as practice@calendar.example.")).to_be_visible()

    page.locator("summary", has_text=f"Disconnect {name}").click()
    page.get_by_role("checkbox", name="Ava can no longer see").check()
    page.get_by_role("button", name=f"Disconnect {name}").click()
    expect(page.get_by_text(f"{name} is disconnected.")).to_be_visible()
    assert heard == []
    context.close()
