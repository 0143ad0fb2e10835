"""The broker stopped, frozen, emptied or restarted: no webhook is lost or late, and nothing is done twice."""

import time
from collections.abc import Iterator
from uuid import uuid4

import pytest
from celery import Celery
from django.conf import settings

from ava.lib.doorbell import Messenger
from calls.models import EventState, StepKind
from tests import factories
from tests.faults.senders import Post, send, send_all, slowest
from tests.faults.stack import Ava, Tenant, around, make_tenant, until_done
from tests.servers import valkey
from tests.servers.processes import eventually
from tests.servers.smtp import SmtpSink
from tests.servers.valkey import ValkeyServer

pytestmark = [pytest.mark.fault, pytest.mark.slow]


@pytest.fixture(scope="module")
def broker() -> Iterator[ValkeyServer]:
    """One that may be broken: the run's own is for all."""
    with valkey.start() as server:
        yield server


@pytest.fixture(scope="module")
def ava(
    database: str, broker: ValkeyServer, smtp_sink: SmtpSink, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Ava]:
    environment = {"DATABASE_URL": database, "REDIS_URL": broker.url}
    with around(tmp_path_factory.mktemp("broker"), smtp_sink, **environment) as (processes, sandbox):
        web, worker, beat = processes.web(), processes.worker(), processes.beat()
        yield Ava(processes, sandbox, smtp_sink, web, worker, beat).wait_ready()


def a_busy_minute(ava: Ava, tenant: Tenant, count: int) -> list[Post]:
    """So many deliveries of different calls; every fifth call is over."""
    posts = []
    recording = ava.sandbox.keep()
    for number in range(count):
        update = factories.payload("status-update")
        update["message"]["call"]["id"] = str(uuid4())
        posts.append(tenant.post(tenant.report(recording=recording) if number % 5 == 0 else update))
    return posts


def until_all_is_processed(tenant: Tenant, calls: int, *, ended: int, timeout: float) -> float:
    """Wait for every call and for all parts of those that ended; how long it took."""
    started_at = time.monotonic()
    eventually(lambda: not tenant.events().filter(state=EventState.RECEIVED).exists(), timeout)
    eventually(lambda: tenant.steps(finished_at__isnull=False).count() == 4 * ended, timeout)
    assert tenant.organization.calls.count() == calls
    return time.monotonic() - started_at


def assert_each_effect_once(ava: Ava, tenant: Tenant, calls: int) -> None:
    assert len(tenant.mails(ava.mailbox)) == calls * len(tenant.people)
    assert len(ava.sandbox.pushes(tenant.device)) == calls


def test_webhooks_are_stored_while_the_broker_is_down_and_done_when_it_is_back(ava, broker, tenant):
    broker.stop()
    answers = send_all(ava.web.url, a_busy_minute(ava, tenant, 100))
    stored = tenant.events().count()
    broker.start_again()
    assert [answer.status for answer in answers] == [200] * 100
    assert stored == 100
    assert slowest(answers, 0.99) < 1.5
    took = until_all_is_processed(tenant, 100, ended=20, timeout=30)
    print(f"down: slowest {slowest(answers):.3f} s; all done {took:.1f} s after the start")
    assert_each_effect_once(ava, tenant, 20)


def test_webhooks_are_answered_while_the_broker_is_frozen_and_done_when_it_thaws(ava, broker, tenant):
    broker.freeze()
    answers = send_all(ava.web.url, a_busy_minute(ava, tenant, 50), concurrency=16)
    stored = tenant.events().count()
    broker.thaw()
    assert [answer.status for answer in answers] == [200] * 50
    assert stored == 50
    assert slowest(answers) < 1.5
    took = until_all_is_processed(tenant, 50, ended=10, timeout=30)
    print(f"frozen: slowest {slowest(answers):.3f} s; all done {took:.1f} s after the thaw")
    assert_each_effect_once(ava, tenant, 10)


@pytest.mark.parametrize("fault", ["frozen", "down"])
def test_who_publishes_waits_for_a_broker_that_is_away_but_once(fault):
    """Else a worker would wait for four timeouts with each call, and the sweeper for hundreds."""
    options = settings.CELERY_BROKER_TRANSPORT_OPTIONS
    with valkey.start() as away, Celery(broker=away.url, set_as_current=False) as app:
        app.conf.update(broker_transport_options=options, task_publish_retry=False)
        messenger = Messenger(lambda number: app.send_task("nothing", args=[number]), rest_seconds=60)
        messenger.send(0)
        away.freeze() if fault == "frozen" else away.stop()
        started_at = time.monotonic()
        for number in range(20):
            messenger.send(number)
        assert time.monotonic() - started_at < 2
        away.thaw() if fault == "frozen" else away.start_again()


def test_work_is_found_again_when_the_broker_has_forgotten_it(ava, broker, tenant):
    """Two beats look for it at once, and still each effect is there once."""
    ava.worker.freeze()
    posts = a_busy_minute(ava, tenant, 50)
    assert {answer.status for answer in send_all(ava.web.url, posts)} == {200}
    broker.flush()
    second_beat = ava.processes.beat().wait_ready()
    ava.worker.thaw()
    took = until_all_is_processed(tenant, 50, ended=10, timeout=30)
    second_beat.terminate()
    print(f"flushed: all done {took:.1f} s later")
    assert_each_effect_once(ava, tenant, 10)


def test_a_part_that_runs_while_the_broker_restarts_is_not_done_twice(ava, broker):
    """A worker whose connection breaks must not give back, and get again, what it still does; nor end over it."""
    tenant = make_tenant(people=6)
    ava.mailbox.answer_after(1)
    try:
        assert send(ava.web.url, tenant.post(tenant.report(recording=ava.sandbox.keep()))).status == 200
        eventually(lambda: tenant.mails(ava.mailbox), timeout=20, every=0.01)
        broker.restart()
        until_done(tenant, timeout=40)
    finally:
        ava.mailbox.answer_after(0)
    assert tenant.steps(kind=StepKind.EMAIL).get().attempts == 1
    assert_each_effect_once(ava, tenant, 1)
    after = make_tenant()
    assert send(ava.web.url, after.post(after.report(recording=ava.sandbox.keep()))).status == 200
    until_done(after)  # the worker has survived it
