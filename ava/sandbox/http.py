"""What the stand-ins share: the sandbox itself, JSON answers, and a refusal that carries its answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Lock
from typing import Any

from werkzeug.wrappers import Request, Response

from ava.sandbox.state import State

Json = dict[str, Any]
Route = tuple[str, str, Callable[..., Response]]


@dataclass
class Fault:
    """An answer forced upon the next `times` requests under `prefix`, so that a test can see a bad day."""

    prefix: str
    status: int
    times: int


@dataclass
class Sandbox:
    state: State
    allowed_webhook_origins: frozenset[str] = frozenset()
    faults: list[Fault] = field(default_factory=list)
    faults_lock: Lock = field(default_factory=Lock)

    def take_fault(self, path: str) -> int | None:
        """The status forced upon this request, if any; each fault is used up after `times` requests."""
        with self.faults_lock:
            for fault in self.faults:
                if fault.times > 0 and path.startswith(fault.prefix):
                    fault.times -= 1
                    return fault.status
        return None


class Refusal(Exception):
    """Ends a request with this status and body, in the provider's own error shape."""

    def __init__(self, status: int, body: Json, headers: dict[str, str] | None = None) -> None:
        super().__init__(status)
        self.response = answer(body, status)
        self.response.headers.extend(headers or {})


def answer(body: Any, status: int = 200) -> Response:
    return Response(json.dumps(body, ensure_ascii=False), status, content_type="application/json; charset=utf-8")


def json_body(request: Request) -> Any:
    """The request's JSON, None when it is not JSON."""
    try:
        return json.loads(request.get_data() or b"{}")
    except ValueError:
        return None


def base_url(request: Request) -> str:
    return request.host_url.rstrip("/")


def iso(moment: datetime) -> str:
    """Both providers write UTC with milliseconds and a Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def now() -> datetime:
    return datetime.now(UTC)
