"""Both shapes of a delivery (Vapi's envelope and the seeds') into one CallReport. Tolerant: it never raises on content.

https://docs.vapi.ai/server-url/events
"""

import json
import re
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext_noop

from calls.models import CallStatus, Direction
from calls.webhooks.reports import CallReport
from calls.webhooks.values import clean, first, items, mapping, moment, money, number, text

RANK_STATUS, RANK_SEEDS, RANK_REPORT = 0, 1, 2
MOST_LINES = 5_000
LONGEST_CALL_SECONDS = 7 * 24 * 3600
_SPEAKERS = {
    "bot": "assistant",
    "assistant": "assistant",
    "ai": "assistant",
    "user": "user",
    "customer": "user",
}
_SPOKEN_LINE = re.compile(r"^(?P<who>[^\n:]{1,40}): ?(?P<text>.*)$")
_DIRECTIONS = {
    "outboundPhoneCall": Direction.OUTBOUND,
    "webCall": Direction.WEB,
    "vapi.websocketCall": Direction.WEB,
}
_STATUSES = {
    "scheduled": CallStatus.RINGING,
    "queued": CallStatus.RINGING,
    "ringing": CallStatus.RINGING,
    "in-progress": CallStatus.IN_PROGRESS,
    "forwarding": CallStatus.IN_PROGRESS,
}
# Older payloads say how long the call was, in one of these.
_DURATIONS = {"durationSeconds": 1, "durationMs": 0.001, "durationMinutes": 60}
# How a call ended, by the family of Vapi's reason (over 600 and growing); the first that fits, else it is a failure.
_FAMILIES = [
    (re.compile(r"forward|transfer"), CallStatus.TRANSFERRED),
    (re.compile(r"^voicemail"), CallStatus.VOICEMAIL),
    (
        re.compile(r"fault|error|failed|^assistant-(request|not)|subscription|concurrency|blocked"),
        CallStatus.FAILED,
    ),
    (
        re.compile(r"did-not-answer|busy|no-call-received|did-not-give|misdialed|not-answered"),
        CallStatus.MISSED,
    ),
    (
        re.compile(r"ended-call|end-call|silence-timed-out|exceeded-max-duration|completed|hangup"),
        CallStatus.COMPLETED,
    ),
]


class NotUnderstood(ValueError):
    """The body is no JSON object that could be a server message; the text says why."""


def decode(body: bytes) -> Any:
    """The JSON in `body`. Raises NotUnderstood for what is none, or is nested beyond reason."""
    try:
        return json.loads(body, parse_constant=lambda name: None)
    except RecursionError:
        raise NotUnderstood(gettext_noop("The JSON is nested too deeply")) from None
    except (ValueError, UnicodeDecodeError):
        raise NotUnderstood(gettext_noop("The body is not JSON")) from None


def read(body: bytes) -> CallReport:
    """The report in a delivery's raw bytes. Raises NotUnderstood."""
    return parse(decode(body))


def parse(payload: Any) -> CallReport:
    """The report in a delivery's JSON, of either shape. Raises NotUnderstood when it is no object."""
    if not isinstance(payload, dict):
        raise NotUnderstood(gettext_noop("The JSON is not an object"))
    if isinstance(payload.get("message"), dict):
        return _vapi(payload["message"])
    if "event" in payload or "call" in payload:
        return _seeds(payload)
    raise NotUnderstood(gettext_noop("Neither a message nor an event is in the JSON"))


def _vapi(message: dict[str, Any]) -> CallReport:
    call, artifact = mapping(message.get("call")), mapping(message.get("artifact"))
    phone, assistant = mapping(message.get("phoneNumber")), mapping(message.get("assistant"))
    kind = text(message.get("type"), longest=60)
    is_report = kind == "end-of-call-report"
    # message.call is the call as it was created: its status, cost and end are never read.
    return CallReport(
        kind=kind,
        rank=RANK_REPORT if is_report else RANK_STATUS,
        told_at=moment(message.get("timestamp")),
        vapi_call_id=_call_id(call),
        vapi_org_id=_id(call.get("orgId")),
        assistant_id=first(_id(call.get("assistantId")), _id(assistant.get("id"))),
        phone_number_id=first(_id(call.get("phoneNumberId")), _id(phone.get("id"))),
        number=first(_phone(phone), _phone(mapping(call.get("phoneNumber")))),
        caller_number=first(_phone(mapping(message.get("customer"))), _phone(mapping(call.get("customer")))),
        direction=_DIRECTIONS.get(text(call.get("type")), Direction.INBOUND if call.get("type") else ""),
        status=_vapi_status(message, is_report),
        ended_reason=text(message.get("endedReason"), longest=200),
        started_at=moment(message.get("startedAt")) or moment(call.get("startedAt")) or moment(call.get("createdAt")),
        ended_at=moment(message.get("endedAt")),
        duration_seconds=_vapi_duration(message),
        summary=first(text(mapping(message.get("analysis")).get("summary")), text(message.get("summary"))),
        transcript=_first_lines(
            _lines(artifact.get("messages")),
            _lines(message.get("messages")),
            _spoken_lines(artifact.get("transcript")),
            _spoken_lines(message.get("transcript")),
        ),
        cost=_vapi_cost(message),
        presigned_url=first(_url(artifact.get("presignedMonoUrl")), _url(artifact.get("presignedStereoUrl"))),
        presigned_until=moment(artifact.get("presignedUrlsExpiresAt")),
        recording_url=_vapi_recording(message, artifact),
    )


def _seeds(payload: dict[str, Any]) -> CallReport:
    call = mapping(payload.get("call"))
    duration = number(call.get("duration"), most=LONGEST_CALL_SECONDS)
    told_at = moment(payload.get("timestamp"))
    kind = text(payload.get("event"), longest=60) or "call.completed"
    is_final = kind == "call.completed"
    return CallReport(
        kind=kind,
        rank=RANK_SEEDS if is_final else RANK_STATUS,
        told_at=told_at,
        vapi_call_id=_call_id(call),
        assistant_id=_id(call.get("assistantId")),
        phone_number_id=_id(call.get("phoneNumberId")),
        number=first(text(call.get("phoneNumber"), longest=64), _phone(mapping(call.get("phoneNumber")))),
        caller_number=_phone(mapping(call.get("customer"))),
        status=_seeds_status(text(call.get("status")), is_final),
        ended_reason=text(call.get("endedReason"), longest=200),
        started_at=moment(call.get("startedAt")) or told_at,
        ended_at=moment(call.get("endedAt")),
        duration_seconds=None if duration is None else round(duration),
        summary=first(text(call.get("aiSummary")), text(call.get("summary"))),
        transcript=_first_lines(_lines(call.get("transcript")), _spoken_lines(call.get("transcript"))),
        cost=money(call.get("cost")),
        recording_url=_url(call.get("recordingUrl")),
    )


def _vapi_status(message: dict[str, Any], is_report: bool) -> str:
    status = text(message.get("status"))
    if is_report or status == "ended":
        return _how_it_ended(text(message.get("endedReason")), bool(mapping(message.get("destination"))))
    return _STATUSES.get(status, "")


def _how_it_ended(reason: str, was_forwarded: bool) -> str:
    if was_forwarded:
        return CallStatus.TRANSFERRED
    if not reason:
        return CallStatus.COMPLETED
    return next((status for family, status in _FAMILIES if family.search(reason)), CallStatus.FAILED)


def _seeds_status(status: str, is_final: bool) -> str:
    if not is_final:
        return _STATUSES.get(status, "")
    has_ended = status in CallStatus.values and status not in _STATUSES
    return status if has_ended else CallStatus.COMPLETED


def _vapi_duration(message: dict[str, Any]) -> int | None:
    started, ended = moment(message.get("startedAt")), moment(message.get("endedAt"))
    if started and ended:
        return min(max(0, round((ended - started).total_seconds())), LONGEST_CALL_SECONDS)
    for name, seconds in _DURATIONS.items():
        told = number(message.get(name), most=LONGEST_CALL_SECONDS / seconds)
        if told is not None:
            return round(told * seconds)
    return None


def _vapi_cost(message: dict[str, Any]) -> Decimal | None:
    parts = [money(mapping(part).get("cost")) for part in items(message.get("costs"))]
    known = [float(part) for part in parts if part is not None]
    told = (message.get("cost"), mapping(message.get("costBreakdown")).get("total"), sum(known) if known else None)
    return next((amount for amount in map(money, told) if amount is not None), None)


def _vapi_recording(message: dict[str, Any], artifact: dict[str, Any]) -> str:
    recording = mapping(artifact.get("recording"))
    return first(
        _url(mapping(recording.get("mono")).get("combinedUrl")),
        _url(artifact.get("recordingUrl")),
        _url(message.get("recordingUrl")),
        _url(recording.get("stereoUrl")),
        _url(artifact.get("stereoRecordingUrl")),
    )


def _lines(value: Any) -> list[dict[str, Any]]:
    """What was said, without the system prompt and the tools' business."""
    entries = [mapping(entry) for entry in items(value)[:MOST_LINES]]
    beginning = next((moment(entry.get("time")) for entry in entries if moment(entry.get("time"))), None)
    lines = []
    for entry in entries:
        role = _SPEAKERS.get(text(entry.get("role")).lower())
        said = first(text(entry.get("message")), text(entry.get("content")), text(entry.get("text")))
        if role and said:
            lines.append({"role": role, "text": said, "seconds": _seconds(entry, beginning)})
    return lines


def _seconds(entry: dict[str, Any], beginning: Any) -> float | None:
    told = number(entry.get("secondsFromStart"), most=LONGEST_CALL_SECONDS)
    told = number(entry.get("seconds"), most=LONGEST_CALL_SECONDS) if told is None else told
    at = moment(entry.get("time"))
    if told is None and at and beginning:
        told = max(0.0, (at - beginning).total_seconds())
    return None if told is None else round(told, 2)


def _spoken_lines(value: Any) -> list[dict[str, Any]]:
    """Vapi's one-string transcript: `AI: …` and `User: …`; a line without a label goes on with the one before."""
    lines: list[dict[str, Any]] = []
    for line in text(value, longest=500_000).splitlines()[:MOST_LINES]:
        match = _SPOKEN_LINE.match(line)
        role = _SPEAKERS.get(match["who"].strip().lower()) if match else None
        if match and role:
            lines.append({"role": role, "text": match["text"].strip(), "seconds": None})
        elif lines and line.strip():
            lines[-1]["text"] = f"{lines[-1]['text']}\n{line.strip()}"
        elif line.strip():
            lines.append({"role": "user", "text": line.strip(), "seconds": None})
    return lines


def _first_lines(*transcripts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return next((lines for lines in transcripts if lines), [])


def _call_id(call: dict[str, Any]) -> str:
    """The call's id; "" for one that is missing or too long to be one."""
    value = text(call.get("id"), longest=201)
    return value if len(value) <= 200 else ""


def _id(value: Any) -> str:
    """An id as it came; "" for what cannot be one: it is compared, so it is not repaired."""
    return value if isinstance(value, str) and len(value) <= 64 and value == clean(value).strip() else ""


def _phone(holder: dict[str, Any]) -> str:
    return text(holder.get("number"), longest=64)


def _url(value: Any) -> str:
    return text(value, longest=4_000) if isinstance(value, str) else ""
