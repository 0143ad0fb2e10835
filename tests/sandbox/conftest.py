"""The sandbox over real HTTP on a free port, one tenant's keys, and a receiver for its webhooks."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import requests

from ava.sandbox import server
from tests.sandbox.receiver import Receiver, wait_until

ACCOUNT_SID = "AC" + "4c122831efef10ac68b5223dccd6f614"
AUTH_TOKEN = "0123456789abcdef0123456789abcdef"
PROMPT = "You are Ava, the receptionist of Cabinet Delmas. Answer in French."
ASSISTANT = {
    "name": "Ava - Cabinet Delmas",
    "firstMessage": "Cabinet Delmas bonjour, je suis Ava.",
    "model": {
        "provider": "openai",
        "model": "gpt-4o-mini",
        "temperature": 0.4,
        "messages": [{"role": "system", "content": PROMPT}],
    },
    "voice": {"provider": "11labs", "voiceId": "sarah", "speed": 1.0},
    "transcriber": {"provider": "deepgram", "model": "nova-3", "language": "fr"},
    "serverMessages": ["end-of-call-report", "status-update"],
}


class Vapi:
    """Plain requests to one region with one key."""

    def __init__(self, root: str, key: str | None) -> None:
        self.root = root
        self.headers = {"Authorization": f"Bearer {key}"} if key else {}

    def __call__(self, method: str, path: str, body: Any = None) -> requests.Response:
        options: dict[str, Any] = {"headers": self.headers, "allow_redirects": False, "timeout": 10}
        return requests.request(method, self.root + path, json=body, **options)

    def create_assistant(self, **changes: Any) -> dict[str, Any]:
        response = self("POST", "/assistant", {**ASSISTANT, **changes})
        assert response.status_code == 201, response.text
        return response.json()


class Tenant:
    """A newcomer at the sandbox: a Vapi key, a Twilio account and its numbers."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.vapi = Vapi(f"{url}/vapi/us", f"a{str(uuid4())[1:]}")

    def twilio(self, method: str, path: str = "", **options: Any) -> requests.Response:
        url = f"{self.url}/twilio/api.twilio.com/2010-04-01/Accounts/{ACCOUNT_SID}{path}.json"
        return requests.request(method, url, auth=(ACCOUNT_SID, AUTH_TOKEN), timeout=10, **options)

    def numbers(self) -> list[dict[str, Any]]:
        return self.twilio("GET", "/IncomingPhoneNumbers").json()["incoming_phone_numbers"]

    def french_number(self) -> str:
        return next(row["phone_number"] for row in self.numbers() if row["phone_number"].startswith("+331"))

    def import_number(self, **changes: Any) -> requests.Response:
        body = {
            "provider": "twilio",
            "number": self.french_number(),
            "twilioAccountSid": ACCOUNT_SID,
            "twilioAuthToken": AUTH_TOKEN,
            "smsEnabled": False,
        }
        return self.vapi("POST", "/phone-number", {**body, **changes})

    def open_for_calls(self, webhook_url: str, *, server: dict[str, Any] | None = None, **assistant: Any) -> str:
        """An assistant on the French number, reporting to `webhook_url`; returns the number."""
        made = self.vapi.create_assistant(server={"url": webhook_url, **(server or {})}, **assistant)
        response = self.import_number(assistantId=made["id"])
        assert response.status_code == 201, response.text
        return response.json()["number"]

    def place(self, number: str, **options: Any) -> dict[str, Any]:
        """Place a call and wait until all is delivered."""
        body = {"number": number, "wait_seconds": 0, **options}
        response = requests.post(f"{self.url}/sandbox/calls", json=body, timeout=10)
        assert response.status_code == 201, response.text
        placed = f"{self.url}/sandbox/calls/{response.json()['id']}"
        wait_until(lambda: requests.get(placed, timeout=10).json()["is_finished"])
        return requests.get(placed, timeout=10).json()


@contextmanager
def running(state: Path, *origins: str) -> Iterator[str]:
    made = server.make("127.0.0.1", 0, state, origins)
    threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{made.port}"
    finally:
        made.shutdown()
        made.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def sandbox(tmp_path: Path, receiver: Receiver) -> Iterator[str]:
    with running(tmp_path / "state", receiver.origin) as url:
        yield url


@pytest.fixture
def tenant(sandbox: str) -> Tenant:
    return Tenant(sandbox)


@pytest.fixture
def restarted(tmp_path: Path, receiver: Receiver) -> Callable[[], Any]:
    """Another sandbox on the same state, as after a restart."""
    return lambda: running(tmp_path / "state", receiver.origin)
