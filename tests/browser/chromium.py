"""A real browser for the tests: the machine's Chromium, or Debian's, installed where that can be done.

`python -m tests.browser.chromium` installs it (called by `make test`); without one the browser tests skip and say so.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, sync_playwright

INSTALL_SECONDS = 240
NEEDED = "no Chromium on this machine: install Debian's package chromium, or set CHROMIUM to a browser's path"
FLAGS = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--autoplay-policy=no-user-gesture-required",
]


def find() -> str | None:
    """The path of a Chromium."""
    return os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")


def flags() -> list[str]:
    """Quiet, and without the sandbox that root cannot have."""
    return [*FLAGS, "--no-sandbox"] if os.geteuid() == 0 else FLAGS


needs_chromium = pytest.mark.skipif(find() is None, reason=NEEDED)


@contextmanager
def launched() -> Iterator[Browser]:
    """A Chromium without a window."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find(), args=flags())
        yield browser
        browser.close()


def install() -> None:
    """Debian's package, where somebody may install it; else one line that says what is missing."""
    if find():
        return
    apt = shutil.which("apt-get")
    if apt and os.geteuid() == 0:
        print("Installing Chromium for the browser tests …", flush=True)
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        package = [apt, "install", "--yes", "--quiet", "--no-install-recommends", "chromium"]
        for command in (package, [apt, "update", "--quiet"], package):
            try:
                done = subprocess.run(command, env=quiet, capture_output=True, timeout=INSTALL_SECONDS, check=False)
            except subprocess.TimeoutExpired:
                break
            if command is package and done.returncode == 0:
                return
    print(f"The browser tests will be skipped: {NEEDED}.")


if __name__ == "__main__":
    install()
