"""A call that has just ended, its parts, and the outside that they need."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from calls import inbox, parts, tasks
from calls.models import Call, ProcessingStep
from tests import webhooks
from tests.calls.intake import SHARED_SECRET
from tests.factories import encode, report, webhook_path
from tests.servers.scripted_http import Raw, Received, Reply, ScriptedServer, serve
from tests.servers.smtp import SmtpSink


@pytest.fixture
def shared_secret(settings: Any) -> str:
    settings.VAPI_WEBHOOK_SECRET = SHARED_SECRET
    return SHARED_SECRET


@pytest.fixture
def post(organization):
    """Post a body with these headers to Alice's address, or to another."""

    def send(body: bytes, headers: dict[str, Any] | None = None, path: str = "") -> webhooks.Answered:
        return webhooks.post(path or webhook_path(organization), body, headers)

    return send


@pytest.fixture
def ended_call(organization) -> Callable[..., Call]:
    """Make a call of Alice's by the report of its end; its parts wait."""

    def make(event: Any = None) -> Call:
        before = set(organization.calls.values_list("pk", flat=True))
        inbox.store(encode(event or report()), organization_id=organization.pk)
        tasks.drain_inbox()
        return organization.calls.exclude(pk__in=before).get()

    return make


def run_now(call: Call, kind: str, *, times: int = 1) -> ProcessingStep:
    """Do a part as if its time had come, so many times; how it stands then."""
    step = call.steps.get(kind=kind)
    for _ in range(times):
        call.steps.filter(pk=step.pk).update(due_at=timezone.now() - timedelta(seconds=1))
        parts.run(step.pk, "test")
    step.refresh_from_db()
    return step


class Outside:
    """Answers by path: each path's replies in turn, the last of them for ever; 404 for any other path."""

    def __init__(self) -> None:
        self.replies: dict[str, list[Reply | Raw]] = {}
        self.server: ScriptedServer

    def __call__(self, received: Received) -> Reply | Raw:
        replies = self.replies.get(received.path, [Reply(404)])
        return replies.pop(0) if len(replies) > 1 else replies[0]

    def answer(self, path: str, *replies: Reply | Raw) -> str:
        self.replies[path] = list(replies)
        return self.server.url + path

    @property
    def asked(self) -> list[str]:
        return [received.path for received in self.server.requests]


@pytest.fixture
def outside(settings: Any) -> Iterator[Outside]:
    """Vapi, its object store and OpenAI on one port of loopback."""
    script = Outside()
    with serve(script) as server:
        script.server = server
        settings.TRUSTED_FETCH_ORIGINS = frozenset({server.url})
        settings.VAPI_API_KEY, settings.VAPI_BASE_URLS = "a-platform-key-of-vapi", {"us": server.url, "eu": server.url}
        settings.OPENAI_BASE_URL = f"{server.url}/v1"
        yield script


@pytest.fixture(autouse=True)
def recordings_folder(settings: Any, tmp_path: Path) -> Path:
    settings.DATA_DIR = tmp_path
    return tmp_path / "recordings"


@pytest.fixture
def mails(smtp_sink: SmtpSink, settings: Any) -> Iterator[SmtpSink]:
    """The mail server that Ava sends over, empty."""
    smtp_sink.clear()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", smtp_sink.port
    settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
    settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
    yield smtp_sink
    smtp_sink.clear()
