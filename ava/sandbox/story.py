"""Plays a call: a caller rings an imported number, the assistant talks, Vapi reports.

The conversation's time is simulated: a few seconds pass, while startedAt and endedAt span its real length.
"""

from __future__ import annotations

import json
import re
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from ava.sandbox import audio, delivery, given, reports, storage, twilio_call, vapi
from ava.sandbox.http import Json, Sandbox, iso, now

SCRIPTS = Path(__file__).parent / "scripts"
DEFAULT_WAIT_SECONDS = 3.0
RING_SECONDS = 0.4
ANONYMOUS = "anonymous"
LANGUAGES = {"french": "fr", "english": "en", "hebrew": "he"}
COUNTRY_LANGUAGES = {"+33": "fr", "+972": "he"}
FRENCH_WORDS = re.compile(r"\b(bonjour|bonsoir|allô|je|vous|votre|cabinet|merci)\b", re.IGNORECASE)
HEBREW_LETTERS = re.compile(r"[\u0590-\u05ff]")
NO_NUMBER = "The number is not imported at Vapi."
NO_ASSISTANT = "The number has no assistant."
STOPPED = "call.in-progress.error-vapifault-worker-died"


@dataclass(frozen=True)
class Order:
    """What `POST /sandbox/calls` asks for."""

    number: str
    script: str | None = None
    from_number: str | None = None
    wait_seconds: float = DEFAULT_WAIT_SECONDS
    recording_delay_seconds: float = 0
    link_seconds: int = storage.LINK_SECONDS
    duplicates: int = 1
    shuffle: bool = False
    shape: str = "vapi"
    url: str | None = None
    secret: str = ""
    report: Json | None = None


# --- scripts ---


@cache
def scripts() -> dict[str, Json]:
    return {file.stem: json.loads(file.read_text("utf-8")) for file in sorted(SCRIPTS.glob("*.json"))}


def language_of(assistant: Json, number: str) -> str:
    """The transcriber's language, else that of the first message, else the number's country's."""
    spoken = str((assistant.get("transcriber") or {}).get("language") or "").lower()
    spoken = LANGUAGES.get(spoken, spoken[:2])
    if spoken in LANGUAGES.values():
        return spoken
    first_message = assistant.get("firstMessage") or ""
    if HEBREW_LETTERS.search(first_message):
        return "he"
    if first_message:
        return "fr" if FRENCH_WORDS.search(first_message) else "en"
    return next((language for prefix, language in COUNTRY_LANGUAGES.items() if number.startswith(prefix)), "en")


def choose_script(order: Order, assistant: Json) -> Json:
    if order.report is not None:
        return given.script(order.report)
    if order.script:
        return scripts()[order.script]
    language = language_of(assistant, order.number)
    return next(script for script in scripts().values() if script["language"] == language and script.get("isDefault"))


def lines(script: Json, assistant: Json) -> Iterator[tuple[str, str]]:
    """The script's turns, opened by the assistant's own first message where it has one."""
    greeting = assistant.get("firstMessage")
    for index, turn in enumerate(script["turns"]):
        yield turn["role"], greeting if greeting and index == 0 else turn["text"]


# --- placing ---


def place(sandbox: Sandbox, base: str, order: Order) -> Json:
    """Start a call and return its progress at once; it plays on in the background."""
    placed: Json = {
        "id": str(uuid4()),
        "number": order.number,
        "status": "ringing",
        "reason": None,
        "vapi_call_id": None,
        "deliveries": [],
        "is_finished": False,
        "placed_at": iso(now()),
    }
    sandbox.state.placed_calls.put(placed["id"], placed)
    reason, act = answering(sandbox, base, order, placed["id"])
    if act is None:
        return update(sandbox, placed["id"], status="not-answered", reason=reason, is_finished=True)
    threading.Thread(target=act, daemon=True).start()
    return sandbox.state.placed_calls.get(placed["id"]) or placed


def answering(sandbox: Sandbox, base: str, order: Order, placed_id: str) -> tuple[str | None, Callable[[], Any] | None]:
    """Who takes the call: (None, what to do), or why nobody does."""
    phone_number = imported(sandbox, order.number)
    if order.shape == "seeds":
        assistant = sandbox.state.assistants.get((phone_number or {}).get("assistantId") or "") or {}
        return None, Play(sandbox, base, order, placed_id, phone_number or {"number": order.number}, assistant)
    diverted_to = twilio_call.diverted_to(sandbox, order.number)
    if diverted_to and vapi.webhook_rule(sandbox, diverted_to):
        caller = caller_of(order, {"caller": "+33639980017"}) or ""
        return None, lambda: update(sandbox, placed_id, **twilio_call.ring(sandbox, order.number, caller))
    if diverted_to is not None:
        return f"Twilio does not send this number's calls to Vapi but to {diverted_to or 'nobody'}.", None
    if phone_number is None:
        return NO_NUMBER, None
    assistant = sandbox.state.assistants.get(phone_number.get("assistantId") or "") or {}
    if not assistant:
        return NO_ASSISTANT, None
    return None, Play(sandbox, base, order, placed_id, phone_number, assistant)


def imported(sandbox: Sandbox, number: str) -> Json | None:
    """The import that counts: the last one rewrote Twilio's voice URL."""
    rows = sandbox.state.phone_numbers.where(number=number)
    return max(rows, key=lambda row: row["createdAt"], default=None)


def caller_of(order: Order, script: Json) -> str | None:
    number = order.from_number if order.from_number is not None else script["caller"]
    return None if number.lower() in ("", ANONYMOUS) else number


def update(sandbox: Sandbox, placed_id: str, **fields: Any) -> Json:
    return sandbox.state.placed_calls.change(placed_id, **fields)


# --- playing ---


class Play:
    """One call from ringing to the last delivery."""

    def __init__(
        self, sandbox: Sandbox, base: str, order: Order, placed_id: str, phone_number: Json, assistant: Json
    ) -> None:
        self.sandbox, self.base, self.order, self.placed_id = sandbox, base, order, placed_id
        self.phone_number, self.assistant = phone_number, assistant
        self.script = choose_script(order, assistant)

    def __call__(self) -> None:
        try:
            self._play()
        except Exception as error:
            update(self.sandbox, self.placed_id, status="failed", reason=repr(error), is_finished=True)
            raise

    def _play(self) -> None:
        speaker = {} if self.order.report is not None else self.assistant
        wav, turns = audio.record(list(lines(self.script, speaker)), self.script["language"])
        call = self._call(turns)
        self._save_call({**call.created, "status": "in-progress", "startedAt": iso(call.started_at)})
        self._progress(status="in-progress", vapi_call_id=call.created["id"])
        courier = self._courier()
        begun, *ended = self._messages(call)
        if not self.order.shuffle:
            self._deliver(courier, [begun])
        time.sleep(self.order.wait_seconds)
        self._end(call, wav)
        self._deliver(courier, [*reversed(ended), begun] if self.order.shuffle else ended)
        if courier:
            courier.wait()
        self._progress(is_finished=True)

    def _call(self, turns: list[audio.Turn]) -> reports.PlayedCall:
        """The call lies in the past by its own length, so that it ends about now."""
        seconds = turns[-1].end + audio.GAP_SECONDS
        started_at = now() + timedelta(seconds=self.order.wait_seconds - seconds)
        created_at = started_at - timedelta(seconds=RING_SECONDS)
        created = created_call(self.phone_number, caller_of(self.order, self.script), created_at)
        if self.order.report is not None:
            created["id"] = given.call_id(self.order.report) or created["id"]
        return reports.PlayedCall(
            created=created,
            assistant=self.assistant,
            phone_number=self.phone_number,
            script=self.script,
            turns=turns,
            started_at=started_at,
            ended_at=started_at + timedelta(seconds=seconds),
            recording_names=self._recording_names(created),
            link_seconds=self.order.link_seconds,
        )

    def _recording_names(self, created: Json) -> dict[str, str]:
        if not (self.assistant.get("artifactPlan") or {}).get("recordingEnabled", True):
            return {}
        return {kind: f"{created['id']}-{uuid4()}-{kind}.wav" for kind in reports.RECORDING_KINDS}

    def _end(self, call: reports.PlayedCall, wav: bytes) -> None:
        if call.recording_names:
            ready_at = now() + timedelta(seconds=self.order.recording_delay_seconds)
            storage.keep(self.sandbox.state, list(call.recording_names.values()), wav, ready_at=ready_at)
        self._save_call(reports.ended_call(call, self.base))
        self._progress(
            status="ended",
            ended_reason=self.script["endedReason"],
            duration_seconds=round(call.seconds, 1),
            turns=[{"role": turn.role, "text": turn.text} for turn in call.turns],
        )

    def _save_call(self, call: Json) -> None:
        if call.get("orgId"):  # a call of the seeds' shape may belong to no organization
            self.sandbox.state.calls.put(call["id"], call)

    def _courier(self) -> delivery.Courier | None:
        """assistant.server wins over phoneNumber.server. https://docs.vapi.ai/server-url/setting-server-urls"""
        if self.order.shape == "seeds":
            return delivery.Courier(delivery.seeds_destination(self.order.url or "", self.order.secret), self._note)
        servers = (self.assistant.get("server") or {}, self.phone_number.get("server") or {})
        server = next((server for server in servers if server.get("url")), None)
        return delivery.Courier(delivery.destination(self.sandbox.state, server), self._note) if server else None

    def _messages(self, call: reports.PlayedCall) -> list[tuple[str, Callable[[], Json]]]:
        state = self.sandbox.state
        return [
            ("status-update", lambda: reports.status_update(call, "in-progress")),
            ("status-update", lambda: reports.status_update(call, "ended")),
            ("end-of-call-report", lambda: self._report(call)),
            ("call.completed", lambda: reports.seeds_report(call, state, self.base)),
        ]

    def _report(self, call: reports.PlayedCall) -> Json:
        if self.order.report is not None:
            return given.tied(self.order.report, call, self.sandbox.state, self.base)
        return reports.end_of_call_report(call, self.sandbox.state, self.base)

    def _deliver(self, courier: delivery.Courier | None, messages: list[tuple[str, Callable[[], Json]]]) -> None:
        wanted = ["call.completed"] if self.order.shape == "seeds" else self._subscribed()
        if courier is None:
            return
        for kind, build in messages:
            for _ in range(self.order.duplicates if kind in wanted else 0):
                courier.deliver(kind, build)

    def _subscribed(self) -> list[str]:
        chosen = self.assistant.get("serverMessages")
        return ["status-update", "end-of-call-report"] if chosen is None else chosen

    def _note(self, attempt: Json) -> None:
        with self.sandbox.state.changing():
            placed = self.sandbox.state.placed_calls.get(self.placed_id) or {}
            self._progress(deliveries=[*placed.get("deliveries", []), attempt])

    def _progress(self, **fields: Any) -> None:
        update(self.sandbox, self.placed_id, **fields)


def created_call(phone_number: Json, caller: str | None, created_at: datetime) -> Json:
    """The call as Vapi saw it ring: what its reports will repeat, however the call went on."""
    call_sid = f"CA{secrets.token_hex(16)}"
    account_sid = phone_number.get("twilioAccountSid")
    transport = {
        "conversationType": "voice",
        "provider": "twilio",
        "accountSid": account_sid,
        "callSid": call_sid,
    }
    call_id = uuid7(created_at.timestamp())
    return {
        "id": call_id,
        "orgId": phone_number.get("orgId"),
        "createdAt": iso(created_at),
        "updatedAt": iso(created_at),
        "type": "inboundPhoneCall",
        "status": "ringing",
        "cost": 0,
        "phoneCallProvider": "twilio",
        "phoneCallProviderId": call_sid,
        "phoneCallTransport": "pstn",
        "transport": transport,
        "monitor": {
            "listenUrl": f"wss://phone-call-websocket.example.invalid/{call_id}/listen",
            "controlUrl": f"https://phone-call-websocket.example.invalid/{call_id}/control",
        },
        "phoneNumberId": phone_number.get("id"),
        "assistantId": phone_number.get("assistantId"),
        "customer": {"number": caller} if caller else {},
    }


def uuid7(seconds: float) -> str:
    """Time first, as in Vapi's call ids since 2025."""
    bits = int(seconds * 1000) << 80 | 7 << 76 | secrets.randbits(12) << 64 | 2 << 62 | secrets.randbits(62)
    return str(UUID(int=bits))


def settle_stopped_calls(sandbox: Sandbox) -> None:
    """Calls that were under way when the sandbox stopped will never end by themselves."""
    for call in sandbox.state.calls.where(status="in-progress"):
        sandbox.state.calls.change(call["id"], status="ended", endedReason=STOPPED, endedAt=iso(now()))
    for placed in sandbox.state.placed_calls.where(is_finished=False):
        update(sandbox, placed["id"], status="failed", reason="The sandbox was stopped.", is_finished=True)
