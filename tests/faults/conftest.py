"""One set of processes for a module; each test brings tenants of its own, so that they do not meet."""

import os
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core.management import call_command
from django.db import connection

from tests.faults.stack import Ava, Sandbox, Tenant, around, make_tenant
from tests.servers.processes import Processes
from tests.servers.smtp import SmtpSink


@pytest.fixture(scope="module")
def database(django_db_setup: None, django_db_blocker: Any) -> Iterator[str]:
    """The test database, for real: what is written is committed, and removed when the module is over."""
    if connection.vendor != "postgresql":
        pytest.skip("needs PostgreSQL: other processes cannot see a test database that is in memory")
    with django_db_blocker.unblock():
        name = connection.settings_dict["NAME"]
        yield urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}").geturl()
        call_command("flush", interactive=False, verbosity=0)
        connection.close()


@pytest.fixture(autouse=True)
def transactional_db(database: str) -> None:
    """In place of pytest-django's, which empties the tables after each test: the processes are still at work."""


@pytest.fixture(scope="module")
def outside(
    database: str, smtp_sink: SmtpSink, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Processes, Sandbox]]:
    """Nothing is running yet; the tests start what they need."""
    with around(tmp_path_factory.mktemp("ava"), smtp_sink, DATABASE_URL=database) as outside:
        yield outside


@pytest.fixture(scope="module")
def ava(outside: tuple[Processes, Sandbox], smtp_sink: SmtpSink) -> Ava:
    """Web, worker and beat, running."""
    processes, sandbox = outside
    web, worker, beat = processes.web(), processes.worker(), processes.beat()
    return Ava(processes, sandbox, smtp_sink, web, worker, beat).wait_ready()


@pytest.fixture
def tenant(database: str) -> Tenant:
    return make_tenant()
