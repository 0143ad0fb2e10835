"""Gives a test run its real servers: load it with `-p tests.servers.plugin`.

pytest-django reads the settings before any conftest is imported, so the environment must be ready earlier.
What is already set is left alone. xdist's workers inherit the environment and start nothing.
"""

import os
import signal
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.servers import postgres, valkey
from tests.servers.processes import Server, ServerUnavailable

OURS = "AVA_TEST_OURS"  # names of the variables that point to what this run has made for itself
TEST_ONLY = {
    "SECRET_KEY": "a key for tests only, which protects nothing at all and is long enough",
    "FIELD_ENCRYPTION_KEYS": "dGVzdHMgb25seSwgcHJvdGVjdHMgbm90aGluZyAhISE=",
    "DEBUG": "0",
    "PUBLIC_URL": "http://testserver",
    "ALLOWED_HOSTS": "*",
    "EMAIL_URL": "memorymail://",
}

_servers: list[Server] = []
_folders: list[tempfile.TemporaryDirectory[str]] = []


def is_ours(name: str) -> bool:
    """Whether this run has made what the variable points to, so that tests may empty it."""
    return name in os.environ.get(OURS, "").split()


@pytest.hookimpl(tryfirst=True)  # before pytest-django's
def pytest_load_initial_conftests(args: list[str]) -> None:
    if {"-h", "--help", "-V", "--version"}.intersection(args):
        return
    for name, value in TEST_ONLY.items():
        os.environ.setdefault(name, value)
    if worker := os.environ.get("PYTEST_XDIST_WORKER"):
        _keep_apart(worker)
        return
    try:
        _start_missing()
    except ServerUnavailable as error:
        raise pytest.UsageError(str(error)) from error


@pytest.hookimpl(trylast=True)
def pytest_unconfigure() -> None:
    while _servers:
        _servers.pop().close()
    while _folders:
        _folders.pop().cleanup()


def _start_missing() -> None:
    signal.signal(signal.SIGTERM, _end_in_order)
    if "DATA_DIR" not in os.environ:
        _folders.append(tempfile.TemporaryDirectory(prefix="ava-tests-", ignore_cleanup_errors=True))
        _set("DATA_DIR", _folders[-1].name)
    if "REDIS_URL" not in os.environ:
        _servers.append(cache := valkey.start())
        _set("REDIS_URL", cache.url)
    if "DATABASE_URL" not in os.environ and os.environ.get("AVA_TEST_SQLITE") != "1":
        _servers.append(database := postgres.start())
        _set("DATABASE_URL", database.url)


def _set(name: str, value: str) -> None:
    os.environ[name] = value
    os.environ[OURS] = f"{os.environ.get(OURS, '')} {name}".strip()


def _end_in_order(*signal_and_frame: object) -> None:
    """Stop the servers also when the run itself is stopped, as CI does when the time is up."""
    pytest.exit("stopped by a signal", returncode=128 + signal.SIGTERM)


def _keep_apart(worker: str) -> None:
    """Each xdist worker has a database by pytest-django; give it a queue and a data folder of its own too."""
    if is_ours("REDIS_URL"):
        number = int(worker.removeprefix("gw")) + 1
        os.environ["REDIS_URL"] = urlsplit(os.environ["REDIS_URL"])._replace(path=f"/{number}").geturl()
    if is_ours("DATA_DIR"):
        folder = Path(os.environ["DATA_DIR"]) / worker
        folder.mkdir(exist_ok=True)
        os.environ["DATA_DIR"] = str(folder)
