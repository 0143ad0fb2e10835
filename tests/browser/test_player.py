"""What the demo tenant hears: a test call's recording plays in a real browser."""

import pytest
from playwright.sync_api import Browser

from tests.browser.chromium import needs_chromium
from tests.browser.site import Site, complaints_of, log_in

pytestmark = [pytest.mark.story, pytest.mark.slow, needs_chromium]


def test_the_recording_of_a_test_call_plays(browser: Browser, demo: Site):
    context = browser.new_context(locale="en")
    heard, page = complaints_of(context), context.new_page()
    log_in(page, demo)
    page.goto(demo.url("en", "/dashboard/"))
    page.locator("form[action$='test-call/'] button").click()
    page.wait_for_selector("audio", state="attached", timeout=30_000)
    at, length = page.evaluate(
        """async () => { const audio = document.querySelector("audio"); audio.muted = true; await audio.play();
        await new Promise(done => setTimeout(done, 700)); return [audio.currentTime, audio.duration]; }"""
    )
    assert at > 0.2
    assert length > 10
    assert heard == []
    context.close()
