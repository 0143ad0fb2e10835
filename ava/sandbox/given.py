"""A call told by a given report instead of a script: `place_call --report FILE.json`.

The report is sent as it is, but for what ties it to this sandbox: the number that was rung, its assistant, and links to
a recording that exists.
"""

from __future__ import annotations

import re
from copy import deepcopy
from typing import Any

from ava.sandbox import reports
from ava.sandbox.http import Json
from ava.sandbox.state import State

SPEAKERS = {"bot": "assistant", "assistant": "assistant", "user": "user"}
# Ids become file names here.
SAFE_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")
NOTHING_SAID = [{"role": "assistant", "text": "…"}]


def script(report: Json) -> Json:
    """What the sandbox itself has to know of the call: who said what, and how it ended."""
    message = _object(report.get("message"))
    call = _object(message.get("call")) or _object(report.get("call"))
    customer = _object(message.get("customer")) or _object(call.get("customer"))
    transcriber = _object(_object(message.get("assistant")).get("transcriber"))
    return {
        "language": str(transcriber.get("language") or "en")[:2],
        "caller": str(customer.get("number") or ""),
        "turns": _turns(message, call) or NOTHING_SAID,
        "endedReason": str(message.get("endedReason") or call.get("endedReason") or "customer-ended-call"),
        "costs": [],
    }


def call_id(report: Json) -> str | None:
    """The report's own call id, when it can be kept."""
    given = _object(_object(report.get("message")).get("call") or report.get("call")).get("id")
    return given if isinstance(given, str) and SAFE_ID.fullmatch(given) else None


def tied(report: Json, call: reports.PlayedCall, state: State, base: str) -> Json:
    """The report with this sandbox's number, assistant and recording in it."""
    told = deepcopy(report)
    if isinstance(told.get("message"), dict):
        _tie_message(told["message"], call, state, base)
    elif isinstance(told.get("call"), dict):
        names = call.recording_names
        told["call"]["phoneNumber"] = call.phone_number.get("number")
        if told["call"].get("recordingUrl") and names:
            told["call"]["recordingUrl"] = reports.presigned_fields(state, base, names, call.link_seconds)[
                "presignedMonoUrl"
            ]
    return told


def _tie_message(message: Json, call: reports.PlayedCall, state: State, base: str) -> None:
    identity = ("orgId", "phoneNumberId", "assistantId")
    message["phoneNumber"] = call.phone_number
    if isinstance(message.get("call"), dict):
        message["call"] |= {name: call.created[name] for name in identity}
    if isinstance(message.get("assistant"), dict):
        message["assistant"] = call.assistant
    artifact = _object(message.get("artifact"))
    if not any(_names_a_recording(holder) for holder in (artifact, message)):
        return
    fresh = reports.recording_fields(call.recording_names, base)
    message["artifact"] = {
        **artifact,
        **fresh,
        **reports.presigned_fields(state, base, call.recording_names, call.link_seconds),
    }
    message |= {name: fresh[name] for name in ("recordingUrl", "stereoRecordingUrl") if name in message}


def _names_a_recording(holder: Json) -> bool:
    return any(holder.get(name) for name in ("recording", "recordingUrl", "presignedMonoUrl", "stereoRecordingUrl"))


def _turns(message: Json, call: Json) -> list[Json]:
    artifact = _object(message.get("artifact"))
    for entries in (artifact.get("messages"), message.get("messages"), call.get("transcript")):
        if isinstance(entries, list) and (turns := [turn for entry in entries for turn in _turn(entry)]):
            return turns
    return []


def _turn(entry: Any) -> list[Json]:
    entry = _object(entry)
    role = SPEAKERS.get(str(entry.get("role")))
    text = next((entry[name] for name in ("message", "content", "text") if isinstance(entry.get(name), str)), "")
    return [{"role": role, "text": text}] if role and text.strip() else []


def _object(value: Any) -> Json:
    return value if isinstance(value, dict) else {}
