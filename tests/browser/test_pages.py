"""Every page in every language, in a real browser: accessible, light, and quiet in the console."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page

from tests.browser.chromium import needs_chromium
from tests.browser.site import SIGNED_OUT, Site, complaints_of, log_in

pytestmark = [pytest.mark.story, pytest.mark.slow, needs_chromium]

MOST_BYTES = 100_000
WEIGHED_TYPES = {"Document", "Script", "Stylesheet", "Image", "Font", "XHR", "Fetch"}


def faults_of(page: Page) -> list[str]:
    """What axe calls serious or critical here."""
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    return [
        f"{one['id']}: {node['html'][:160]}"
        for one in found
        if one["impact"] in {"serious", "critical"}
        for node in one["nodes"]
    ]


class Scale:
    """Weighs what a page transfers to who has nothing in the cache, its recording left out."""

    def __init__(self, page: Page) -> None:
        self.bytes = 0
        self._addresses: dict[str, str] = {}
        self._bytes_of: dict[str, int] = {}
        session = page.context.new_cdp_session(page)
        session.send("Network.enable")
        session.send("Network.clearBrowserCache")
        session.on("Network.responseReceived", self._responded)
        session.on("Network.loadingFinished", self._finished)

    def _responded(self, event: dict) -> None:
        if event["type"] in WEIGHED_TYPES:
            self._addresses[event["requestId"]] = event["response"]["url"]

    def _finished(self, event: dict) -> None:
        if address := self._addresses.get(event["requestId"]):
            # From the cache come none; it weighs what it did when it was fetched.
            self._bytes_of[address] = max(event["encodedDataLength"], self._bytes_of.get(address, 0))
            self.bytes += self._bytes_of[address]


def visit(context: BrowserContext, urls: dict[str, str]) -> dict[str, list[str]]:
    """What is wrong with each page."""
    page, wrong = context.new_page(), {}
    scale, heard = Scale(page), complaints_of(context)
    for name, url in urls.items():
        scale.bytes, expected = 0, 404 if name == "not-found" else 200
        answer = page.goto(url, wait_until="load")
        found = [] if answer and answer.status == expected else [f"status {answer and answer.status}"]
        found += faults_of(page)
        found += [] if scale.bytes <= MOST_BYTES else [f"{scale.bytes} bytes"]
        found += [text for text in heard if not (expected == 404 and "404" in text)]
        heard.clear()
        if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth + 1"):
            found.append("scrolls sideways")
        if found:
            wrong[name] = found
    return wrong


@pytest.mark.parametrize(
    ("language", "width", "scheme"), [("en", 1280, "light"), ("fr", 390, "light"), ("he", 390, "dark")]
)
def test_every_page_is_accessible_light_and_quiet(browser: Browser, demo: Site, language, width, scheme):
    size = {"width": width, "height": 900}
    context = browser.new_context(viewport=size, color_scheme=scheme, reduced_motion="reduce", locale=language)
    wrong = visit(context, {name: demo.url(language, path) for name, path in SIGNED_OUT.items()})
    log_in(context.new_page(), demo, language=language)
    wrong |= visit(context, {name: demo.url(language, path) for name, path in demo.pages.items()})
    context.close()
    assert wrong == {}


def test_no_page_needs_javascript_to_be_read(browser: Browser, demo: Site):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    log_in(page, demo)
    for name, path in demo.pages.items():
        page.goto(demo.url("en", path))
        assert page.locator("main h1").first.is_visible(), name
    context.close()
