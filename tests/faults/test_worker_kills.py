"""Workers that die with a part in their hands: the part is done again, and leaves one of everything."""

import os
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from calls import inbox, processing
from calls.models import StepKind, StepState
from tests.faults.bucket import new_private_key, open_door, service_account
from tests.faults.senders import send
from tests.faults.stack import AUDIO, Recorder, Tenant, around, broker_is_idle, forget_messages, make_tenant, until_done
from tests.servers.gcs import Gcs, ScriptedGcs
from tests.servers.processes import Process, Processes, Web, eventually
from tests.servers.scripted_http import ScriptedServer, serve
from tests.servers.smtp import SmtpSink

pytestmark = [pytest.mark.fault, pytest.mark.slow]

LARGE_AUDIO = AUDIO + os.urandom(8_000_000)  # what a dead sender has sent still arrives: up to 3 MB of it


class Outside:
    """A recorder in the sandbox's place, and the processes around it."""

    def __init__(self, processes: Processes, server: ScriptedServer, mailbox: SmtpSink) -> None:
        self.processes, self.server, self.mailbox = processes, server, mailbox
        self.web: Web = processes.web()
        self._worker: Process | None = None
        self.recorder = self.anew()

    def anew(self, audio: bytes = AUDIO) -> Recorder:
        self.recorder = Recorder(audio)
        self.server.handler = self.recorder.answer
        return self.recorder

    def worker(self, **environment: str) -> Process:
        """The one that is still there, else another."""
        if environment or self._worker is None or not self._worker.running:
            self.kill_worker()
            self.processes.env.update(environment)
            self._worker = self.processes.worker().wait_ready()
            for name in environment:
                self.processes.env.pop(name)
        return self._worker

    def kill_worker(self) -> None:
        if self._worker:
            self._worker.kill9()

    def forget_what_killed_workers_held(self) -> None:
        forget_messages(self.processes)

    def report_a_call(self, tenant: Tenant) -> None:
        event = tenant.report(recording=f"{self.server.url}/recordings/{tenant.organization.pk}")
        assert send(self.web.url, tenant.post(event)).status == 200


@pytest.fixture(scope="module")
def running(database: str, smtp_sink: SmtpSink, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    """Web and a worker, but no beat: a test that needs the sweeper lets it out itself."""
    folder = tmp_path_factory.mktemp("kills")
    with serve(Recorder().answer) as server, around(folder, smtp_sink, DATABASE_URL=database) as (processes, _):
        processes.env["SANDBOX_URL"] = server.url
        outside = Outside(processes, server, smtp_sink)
        outside.worker()
        outside.web.wait_ready()
        yield outside


@pytest.fixture
def outside(running: Outside) -> Outside:
    running.anew()
    running.mailbox.clear()
    return running


def recording_of(tenant: Tenant) -> Any:
    return tenant.steps(kind=StepKind.RECORDING).get()


def until_only_the_recording_is_left(tenant: Tenant, recorder: Recorder) -> None:
    open_states = [StepState.PENDING, StepState.RUNNING]
    eventually(lambda: recorder.downloads and tenant.steps().count() == 4)
    eventually(lambda: list(tenant.steps(state__in=open_states)) == [recording_of(tenant)])


def test_a_killed_child_s_download_is_done_again_at_once(outside, tenant):
    """The broker alone hands the part out again, and the part's own claim does not stand in its way."""
    worker = outside.worker()
    outside.report_a_call(tenant)
    until_only_the_recording_is_left(tenant, outside.recorder)
    worker.kill9_children()
    outside.recorder.may_flow.set()
    killed_at = time.monotonic()
    until_done(tenant)
    took = time.monotonic() - killed_at
    print(f"done {took:.1f} s after the kill")
    assert took < 10
    assert recording_of(tenant).attempts == 2
    assert [file.read_bytes() for file in tenant.files(outside.processes)] == [AUDIO]
    assert len(tenant.mails(outside.mailbox)) == len(tenant.people)
    assert len(outside.recorder.pushes) == 1


def test_a_killed_worker_s_part_is_done_when_its_lease_is_over(outside, tenant):
    """Within two minutes, that is; the lease is read, and then put to an end in the row so as not to wait for it."""
    worker = outside.worker()
    outside.report_a_call(tenant)
    until_only_the_recording_is_left(tenant, outside.recorder)
    worker.kill9()
    outside.recorder.may_flow.set()
    lease = recording_of(tenant).due_at - timezone.now()
    assert timedelta(seconds=30) < lease < timedelta(seconds=95)
    assert recording_of(tenant).pk not in processing.due_steps(timezone.now())

    outside.worker()
    tenant.steps(kind=StepKind.RECORDING).update(due_at=timezone.now())
    processing.sweep()
    until_done(tenant)
    assert [file.read_bytes() for file in tenant.files(outside.processes)] == [AUDIO]
    assert len(tenant.mails(outside.mailbox)) == len(tenant.people)


def test_a_killed_worker_s_event_is_found_again(outside, tenant):
    """The test takes the event as a worker does, and never gives it back; its lease is put to an end as above."""
    worker = outside.worker()
    outside.recorder.may_flow.set()
    worker.freeze()
    try:
        outside.report_a_call(tenant)
        event = tenant.events().get()
        assert inbox.claim_next() == event.pk
        assert inbox.claim_next() is None
        event.refresh_from_db()
        assert event.due_at - timezone.now() < timedelta(seconds=65)
    finally:
        worker.thaw()
    tenant.events().update(due_at=timezone.now())
    processing.sweep()
    until_done(tenant)
    assert tenant.events().get().attempts == 2


@pytest.fixture
def door(outside: Outside, gcs: Gcs) -> Iterator[ScriptedGcs]:
    """A bucket that is as slow as told, with a worker that keeps its recordings there."""
    with open_door(gcs) as (door, token_url):
        outside.worker(
            STORAGE_PROVIDER="gcs",
            STORAGE_EMULATOR_HOST=door.url,
            GCS_BUCKET=gcs.bucket,
            GCS_CREDENTIALS_JSON=service_account(new_private_key(), token_url),
        )
        yield door
        outside.kill_worker()


def test_a_killed_child_s_upload_is_done_again_as_one_object(outside, door, gcs, tenant):
    outside.anew(LARGE_AUDIO).may_flow.set()
    door.slow(bytes_per_second=8_000_000)
    outside.report_a_call(tenant)
    until_only_the_recording_is_left(tenant, outside.recorder)
    eventually(lambda: door.received > 2_000_000, every=0.01)
    outside.worker().kill9_children()
    door.slow(0)
    until_done(tenant)
    assert recording_of(tenant).attempts == 2
    [name] = gcs.names()
    assert name == tenant.call().recording_name
    assert gcs.read(name) == LARGE_AUDIO


def test_a_stopped_worker_ends_what_it_does_and_nothing_is_done_twice(outside):
    """As at a deploy; what it had not begun, the next worker does."""
    worker = outside.worker()
    outside.recorder.may_flow.set()
    outside.mailbox.answer_after(0.5)
    tenants = [make_tenant() for _ in range(6)]
    for tenant in tenants:
        outside.report_a_call(tenant)
    eventually(lambda: outside.mailbox.messages, every=0.01)
    code = worker.terminate()
    outside.mailbox.answer_after(0)
    assert code == 0
    assert not any(tenant.steps(state=StepState.RUNNING).exists() for tenant in tenants)
    outside.worker()
    processing.sweep()
    for tenant in tenants:
        until_done(tenant)
        assert sorted(mail.recipients[0] for mail in tenant.mails(outside.mailbox)) == sorted(tenant.people)
    assert len(outside.recorder.pushes) == 6


def test_a_tenant_deleted_in_the_middle_of_a_download_ends_it_quietly(outside, tenant):
    outside.forget_what_killed_workers_held()
    worker = outside.worker()
    outside.report_a_call(tenant)
    until_only_the_recording_is_left(tenant, outside.recorder)
    said_before = worker.output
    tenant.organization.delete()
    outside.recorder.may_flow.set()
    other = make_tenant()
    outside.report_a_call(other)
    until_done(other)
    eventually(lambda: broker_is_idle(outside.processes.env["REDIS_URL"]))
    assert "Traceback" not in worker.output.removeprefix(said_before)
    assert tenant.files(outside.processes) == []


def test_a_part_that_kills_its_worker_each_time_gives_up(outside, tenant):
    """As a recording that takes all memory would; others go on."""
    worker = outside.worker()
    outside.report_a_call(tenant)
    until_only_the_recording_is_left(tenant, outside.recorder)
    tenant.steps(kind=StepKind.RECORDING).update(attempts=processing.MOST_STEP_ATTEMPTS)
    worker.kill9_children()
    until_done(tenant)
    assert recording_of(tenant).state == StepState.FAILED
    outside.recorder.may_flow.set()
    other = make_tenant()
    outside.report_a_call(other)
    until_done(other)
