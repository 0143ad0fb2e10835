"""Pictures of every page, to be looked at: 3 languages, light and dark, phone and desktop (`make screenshots`)."""

import argparse
import tempfile
from itertools import product
from pathlib import Path

from playwright.sync_api import Browser

from tests.browser import chromium, site
from tests.browser.site import LANGUAGES, SIGNED_OUT, Site, log_in
from tests.story.installation import RunningAva

SCHEMES = ("light", "dark")
SIZES = {"phone": {"width": 390, "height": 844}, "desktop": {"width": 1280, "height": 900}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path("screenshots"))
    parser.add_argument("--only", default="", help="only pages whose name contains this")
    parser.add_argument("--languages", nargs="*", default=LANGUAGES)
    parser.add_argument("--schemes", nargs="*", default=SCHEMES)
    parser.add_argument("--sizes", nargs="*", default=list(SIZES))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="screenshots-") as folder, RunningAva(Path(folder)) as ava:
        demo = site.prepare(ava)
        with chromium.launched() as browser:
            for language, scheme, size in product(options.languages, options.schemes, options.sizes):
                take_all(browser, demo, options.folder, options.only, language, scheme, size)
    print(f"{sum(1 for _ in options.folder.rglob('*.png'))} pictures in {options.folder}/")


def take_all(browser: Browser, demo: Site, folder: Path, only: str, language: str, scheme: str, size: str) -> None:
    """One combination, into a folder of its own."""
    context = browser.new_context(viewport=SIZES[size], color_scheme=scheme, reduced_motion="reduce", locale=language)
    page = context.new_page()
    page.context.set_default_timeout(15_000)
    target = folder / f"{language}-{scheme}-{size}"
    for pages in (SIGNED_OUT, demo.pages):
        if pages is not SIGNED_OUT:
            log_in(page, demo, language=language)
        for name, path in pages.items():
            if only in name:
                page.goto(demo.url(language, path))
                page.wait_for_timeout(150)
                page.screenshot(path=target / f"{name}.png", full_page=True)
    context.close()


if __name__ == "__main__":
    main()
