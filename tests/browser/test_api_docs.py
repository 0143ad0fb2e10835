"""The page that describes the API, in a real browser."""

import pytest
from playwright.sync_api import Browser, expect

from tests.api.description import description, operations
from tests.browser.chromium import needs_chromium
from tests.browser.site import complaints_of
from tests.story.installation import RunningAva

pytestmark = [pytest.mark.story, pytest.mark.slow, needs_chromium]


def test_the_page_shows_every_operation_and_the_console_stays_silent(browser: Browser, ava: RunningAva):
    context = browser.new_context()
    heard, page = complaints_of(context), context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{ava.url}/api/docs/")
    expect(page.locator(".opblock")).to_have_count(len(list(operations(description()))))
    expect(page.get_by_text("Signing in.")).to_be_visible()
    page.locator(".opblock-summary-get").first.click()
    expect(page.locator(".opblock.is-open .response").first).to_be_visible()
    assert heard == []
    assert {url for url in asked if not url.startswith((ava.url, "data:"))} == set()
    context.close()
