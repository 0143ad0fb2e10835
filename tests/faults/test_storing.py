"""What was answered with 2xx is stored, whatever dies meanwhile: the database, or the web processes."""

import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import psutil
import pytest
from django.core.management import call_command
from django.db import connection

from accounts.tenancy import organization_endpoint
from tests import factories
from tests.faults.senders import Answer, Post, send
from tests.faults.stack import Tenant, around
from tests.servers import postgres
from tests.servers.postgres import PostgresServer
from tests.servers.processes import Web
from tests.servers.smtp import SmtpSink

pytestmark = [pytest.mark.fault, pytest.mark.slow]


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """A database that keeps its promises through a crash: the run's own is made hasty."""
    with postgres.start(durable=True) as server:
        yield server


@pytest.fixture(scope="module")
def database(server: PostgresServer, django_db_setup: None, django_db_blocker: Any) -> Iterator[str]:
    """In place of the run's database, in this process as well."""
    hasty = dict(connection.settings_dict)
    place = urlsplit(server.url)
    with django_db_blocker.unblock():
        connection.close()
        own = {"HOST": place.hostname, "PORT": place.port, "USER": place.username, "PASSWORD": "", "NAME": "postgres"}
        connection.settings_dict |= own
        try:
            call_command("migrate", verbosity=0)
            call_command("createcachetable", verbosity=0)
            yield server.url
        finally:
            connection.close()
            connection.settings_dict |= hasty


@pytest.fixture(scope="module")
def web(database: str, smtp_sink: SmtpSink, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    folder = tmp_path_factory.mktemp("storing")
    with around(folder, smtp_sink, DATABASE_URL=database) as (processes, _):
        yield processes.web(workers=2, threads=4).wait_ready()


@dataclass(frozen=True)
class Sent:
    post: Post
    at: float
    answer: Answer


def send_while(web: Web, tenant: Tenant, play: Callable[[], None], *, connections: int = 16) -> list[Sent]:
    """Send on so many connections for as long as `play` plays."""
    sent: list[Sent] = []
    is_over = threading.Event()
    path, secret = tenant.path, organization_endpoint(tenant.organization).secret

    def lane() -> None:
        while not is_over.is_set():
            body = factories.encode({"message": {"type": "status-update", "call": {"id": str(uuid4())}}})
            post = Post(path, body, {"X-Vapi-Signature": factories.signature(body, secret)})
            started_at = time.monotonic()
            sent.append(Sent(post, started_at, send(web.url, post)))
            time.sleep(0.02)  # a busy hour, not a flood

    with ThreadPoolExecutor(connections) as pool:
        lanes = [pool.submit(lane) for _ in range(connections)]
        try:
            play()
        finally:
            is_over.set()
        for one in lanes:
            one.result()
    return sent


def stored(tenant: Tenant) -> list[bytes]:
    """The bodies that the database has."""
    connection.close()  # this process's own has ended with the server
    return list(tenant.events().values_list("body", flat=True))


def bodies(sent: list[Sent], status: int) -> set[bytes]:
    return {one.post.body for one in sent if one.answer.status == status}


@pytest.mark.parametrize("how", ["restart", "crash"])
def test_a_webhook_that_was_answered_outlives_the_database_and_others_are_told_to_come_again(web, server, tenant, how):
    times: dict[str, float] = {}

    def play() -> None:
        time.sleep(0.7)
        server.restart() if how == "restart" else server.crash().start_again()
        times["up"] = time.monotonic()
        time.sleep(1)

    sent = send_while(web, tenant, play)
    taken = bodies(sent, 200)
    refused = [one.answer for one in sent if one.answer.status != 200]
    assert taken <= set(stored(tenant))
    assert {answer.status for answer in refused} == {503}
    assert all(answer.headers.get("Retry-After") for answer in refused)
    back = min(one.at + one.answer.seconds for one in sent if one.at > times["up"] and one.answer.status == 200)
    assert back - times["up"] < 5
    last_refusal = max(one.at + one.answer.seconds for one in sent if one.answer.status == 503)
    longest = max(one.answer.seconds for one in sent)
    print(
        f"{how}: {len(taken)} taken, {len(refused)} told to come again, first success {back - times['up']:.2f} s after "
        f"the start, last refusal {last_refusal - times['up']:+.2f} s, longest answer {longest:.2f} s"
    )


def test_a_webhook_that_was_answered_outlives_its_web_process_and_a_retry_is_stored_once(web, tenant):
    killed = []

    def kill_some() -> None:
        for _ in range(5):
            time.sleep(0.5)
            children = psutil.Process(web.pid).children()
            victim = random.choice(children)
            victim.kill()
            killed.append(victim.pid)
        time.sleep(0.5)

    sent = send_while(web, tenant, kill_some, connections=8)
    assert len(killed) == 5
    assert {one.answer.status for one in sent} <= {200, 0}
    answered, unanswered = bodies(sent, 200), bodies(sent, 0)
    kept = set(stored(tenant))
    assert answered <= kept
    retries = [send(web.url, one.post) for one in sent if one.answer.status == 0]
    assert {retry.status for retry in retries} <= {200}
    assert sorted(stored(tenant)) == sorted(answered | unanswered)
    print(f"{len(answered)} answered, {len(unanswered)} not, of those {len(kept - answered)} were stored all the same")
