"""Fixtures over the servers; tests/conftest.py imports them."""

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import redis
from django.db import connection

from tests.servers import gcs as gcs_server
from tests.servers import smtp
from tests.servers.plugin import is_ours
from tests.servers.processes import Processes

__all__ = ["gcs", "processes", "smtp_sink"]


@pytest.fixture(scope="session")
def smtp_sink() -> Iterator[smtp.SmtpSink]:
    """One mail server for the run; a test that reads it clears it first."""
    sink = smtp.start()
    yield sink
    sink.stop()


@pytest.fixture(scope="session")
def gcs() -> Iterator[gcs_server.Gcs]:
    """One storage emulator for the run; a test that counts objects wipes it first."""
    with gcs_server.start() as server:
        yield server


@pytest.fixture
def processes(transactional_db: None, tmp_path: Path) -> Iterator[Processes]:
    """The project's processes, on this test's own database: what the test commits, they see."""
    if connection.vendor != "postgresql":
        pytest.skip("needs PostgreSQL: other processes cannot see a test database that is in memory")
    if is_ours("REDIS_URL"):
        with redis.Redis.from_url(os.environ["REDIS_URL"]) as queue:
            queue.flushdb()  # what an earlier test left waiting is not for this one
    database = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}")
    with Processes(tmp_path, {"DATABASE_URL": database.geturl()}) as started:
        yield started
    started.print_output()  # pytest shows it only when the test has failed
