"""Ava as real processes with the outside played on loopback, and tenants who are called."""

import itertools
import os
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import redis

from accounts.models import Device, Organization
from accounts.tenancy import organization_endpoint
from ava.sandbox import server as sandbox_server
from ava.sandbox import storage as sandbox_storage
from calls.models import Call, ProcessingStep, StepState, WebhookEvent
from tests import factories
from tests.faults.senders import Post
from tests.servers.plugin import is_ours
from tests.servers.processes import Process, Processes, Web, eventually
from tests.servers.scripted_http import Received, Reply, as_json
from tests.servers.smtp import ReceivedMail, SmtpSink

AUDIO = b"RIFF\x24\x40\x00\x00WAVEfmt " + bytes(range(256)) * 64
_count = itertools.count(1)


class Sandbox:
    """The sandbox in this process, so that a test can put recordings into it and read what it was sent."""

    def __init__(self, folder: Path, origins: Iterable[str] = ()) -> None:
        self._server = sandbox_server.make("127.0.0.1", 0, folder, origins)
        self.url = f"http://127.0.0.1:{self._server.port}"
        self.state = self._server.app.sandbox.state  # type: ignore[attr-defined]
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def keep(self, audio: bytes = AUDIO) -> str:
        """A recording; its signed address."""
        name = f"{uuid4()}.wav"
        sandbox_storage.keep(self.state, [name], audio, ready_at=datetime.now(UTC))
        return sandbox_storage.presigned_url(self.state, self.url, name)

    def pushes(self, device: str) -> list[dict[str, Any]]:
        return self.state.pushes.where(to=device)

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@dataclass
class Tenant:
    """An organization of two people and a phone that rings, with a number of its own."""

    organization: Organization
    organization_id: int  # stays when it is deleted
    people: list[str]
    device: str
    number: str

    @property
    def path(self) -> str:
        return factories.webhook_path(self.organization)

    def post(self, event: Any) -> Post:
        """The event, signed, for the tenant's own address."""
        body = factories.encode(event)
        secret = organization_endpoint(self.organization).secret
        return Post(self.path, body, {"X-Vapi-Signature": factories.signature(body, secret)})

    def report(self, call_id: str = "", recording: str = "", **message: Any) -> dict[str, Any]:
        """Vapi's report of an ended call to the tenant's number."""
        until = (datetime.now(UTC) + timedelta(minutes=30)).isoformat()
        links = {"presignedMonoUrl": recording, "presignedUrlsExpiresAt": until} if recording else {}
        told = factories.payload("end-of-call-report")["message"]
        artifact = {"messages": told["artifact"]["messages"], **links}
        phone = {**told["phoneNumber"], "number": self.number}
        event = factories.report(call_id or None, artifact=artifact, phoneNumber=phone, **message)
        for name in ("recordingUrl", "stereoRecordingUrl"):
            event["message"].pop(name)
        return event

    def seeds_report(self, call_id: str = "", recording: str = "", **call: Any) -> dict[str, Any]:
        """The same, as the seeds have it."""
        link = {"recordingUrl": recording} if recording else {}
        return factories.seeds_report(call_id or None, phoneNumber=self.number, **link, **call)

    def events(self) -> Any:
        return WebhookEvent.objects.filter(organization=self.organization)

    def steps(self, **conditions: Any) -> Any:
        return ProcessingStep.objects.filter(call__organization=self.organization, **conditions)

    def call(self) -> Call:
        """The only call there is."""
        return self.organization.calls.get()

    def is_done(self, calls: int = 1) -> bool:
        """Whether so many calls are known, each with all its parts over."""
        over = [StepState.DONE, StepState.SKIPPED, StepState.FAILED]
        return self.organization.calls.count() == calls and self.steps(state__in=over).count() == 4 * calls

    def states(self) -> dict[str, str]:
        """What became of each part of the only call."""
        return dict(self.steps().values_list("kind", "state"))

    def mails(self, sink: SmtpSink) -> list[ReceivedMail]:
        return [mail for mail in list(sink.messages) if set(mail.recipients) & set(self.people)]

    def files(self, processes: Processes) -> list[Path]:
        """The recordings on disk."""
        folder = Path(processes.env["DATA_DIR"]) / "recordings" / "org" / str(self.organization_id)
        return sorted(folder.rglob("*.*"))


def make_tenant(people: int = 2) -> Tenant:
    """A tenant nobody else in the run has anything to do with."""
    number = next(_count)
    emails = [f"person{one}@tenant{number}.example" for one in range(people)]
    owner = factories.make_user(emails[0])
    organization = owner.organizations.get()
    for email in emails[1:]:
        factories.make_user(email, organization=organization, locale="fr")
    device = Device.objects.create(user=owner, expo_token=f"ExponentPushToken[{uuid4().hex}]").expo_token
    dialled = factories.make_number(organization, f"+33199{number:06d}").number
    return Tenant(organization, organization.pk, emails, device, dialled)


@dataclass
class Ava:
    """The processes and what is around them."""

    processes: Processes
    sandbox: Sandbox
    mailbox: SmtpSink
    web: Web
    worker: Process
    beat: Process

    def wait_ready(self) -> "Ava":
        for process in (self.web, self.worker, self.beat):
            process.wait_ready()
        return self


class Recorder:
    """In the sandbox's place: a recording that drips until it may flow, and Expo."""

    def __init__(self, audio: bytes = AUDIO) -> None:
        self.audio = audio
        self.downloads = 0
        self.pushes: list[dict[str, Any]] = []
        self.may_flow = threading.Event()

    def answer(self, request: Received) -> Reply:
        if request.path.startswith("/recordings/"):
            self.downloads += 1
            return Reply(headers={"Content-Length": str(len(self.audio))}, stream=self._stream())
        if request.path.endswith("/push/send"):
            self.pushes += request.json()
            return as_json({"data": [{"status": "ok", "id": uuid4().hex} for _ in request.json()]})
        return Reply(404)

    def _stream(self) -> Iterator[bytes]:
        half = len(self.audio) // 2
        yield self.audio[:half]
        while not self.may_flow.wait(0.05):
            yield self.audio[half : half + 1]
            half += 1
        yield self.audio[half:]


def broker_is_idle(url: str) -> bool:
    """Whether nothing waits in the queue and nothing is in a worker's hands."""
    with redis.Redis.from_url(url, socket_timeout=1) as queue:
        return not queue.llen("celery") and not queue.hlen("unacked")


def forget_messages(processes: Processes) -> None:
    """What earlier tests left waiting, or killed workers still seem to hold, is not for these processes."""
    if "REDIS_URL" not in processes.env or processes.env["REDIS_URL"] == os.environ.get("REDIS_URL"):
        assert is_ours("REDIS_URL"), "these tests empty their broker, so it must not be somebody's"
    with redis.Redis.from_url(processes.env["REDIS_URL"]) as queue:
        queue.flushdb()


@contextmanager
def around(
    folder: Path, mailbox: SmtpSink, origins: Iterable[str] = (), **environment: str
) -> Iterator[tuple[Processes, Sandbox]]:
    """Processes that know this test's database and, for the outside, only loopback."""
    sandbox = Sandbox(folder / "sandbox", origins)
    nowhere = {"HTTPS_PROXY": "http://127.0.0.1:1", "NO_PROXY": "127.0.0.1,localhost"}  # for what a library may ask
    values = {"SANDBOX_URL": sandbox.url, "EMAIL_URL": mailbox.url, "DATA_DIR": str(folder / "data"), **nowhere}
    try:
        with Processes(folder, {**values, **environment}) as processes:
            forget_messages(processes)
            yield processes, sandbox
            processes.print_output()
            for process in processes.started:
                process.kill9()  # how they end in good order is not what these tests are about
    finally:
        sandbox.stop()


def until_done(tenant: Tenant, calls: int = 1, timeout: float = 60) -> None:
    """Wait for all parts of the tenant's calls."""
    eventually(lambda: tenant.is_done(calls), timeout, every=0.05)
