"""One browser for all tests of a process."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.browser import chromium, site
from tests.browser.site import Site
from tests.story.installation import RunningAva

expect.set_options(timeout=20_000)  # a busy machine is no fault


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Not for the whole run: while Playwright's loop lives, Django takes every test after it for asynchronous."""
    with chromium.launched() as launched:
        yield launched


@pytest.fixture(scope="session")
def demo(ava: RunningAva) -> Site:
    return site.prepare(ava)
