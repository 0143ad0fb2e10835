"""The messages Vapi sends about a call, and the call as its API shows it.

Shapes as recorded in production: `message.call` is the call as it was created (ringing, cost 0, no endedAt),
texts stand there up to three times, secrets are echoed. https://docs.vapi.ai/server-url/events
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from ava.sandbox import storage
from ava.sandbox.audio import Turn
from ava.sandbox.http import Json, iso, now
from ava.sandbox.state import State

RECORDING_NAMES = "_recordingNames"
RECORDING_KINDS = ("mono", "stereo", "assistant", "customer")
API_ROLES = {"assistant": "bot", "user": "user"}
LATENCIES = {"model": 540, "voice": 190, "transcriber": 130, "endpointing": 410, "turn": 1270}
PERFORMANCE: Json = {
    "turnLatencies": [{f"{part}Latency": value for part, value in LATENCIES.items()}],
    **{f"{part}LatencyAverage": value for part, value in LATENCIES.items()},
    "numUserInterrupted": 0,
    "numAssistantInterrupted": 0,
}
BREAKDOWN_NAMES = {
    "transport": "transport",
    "transcriber": "stt",
    "model": "llm",
    "voice": "tts",
    "vapi": "vapi",
    "analysis": "analysis",
}


@dataclass
class PlayedCall:
    """All that is known of one call; `created` is the call as Vapi saw it ring."""

    created: Json
    assistant: Json
    phone_number: Json
    script: Json
    turns: list[Turn]
    started_at: datetime
    ended_at: datetime
    recording_names: dict[str, str] = field(default_factory=dict)
    link_seconds: int = storage.LINK_SECONDS

    @property
    def seconds(self) -> float:
        return (self.ended_at - self.started_at).total_seconds()


def milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def system_prompt(assistant: Json) -> str | None:
    messages = (assistant.get("model") or {}).get("messages") or []
    return next((message.get("content") for message in messages if message.get("role") == "system"), None)


# --- the conversation ---


def messages(call: PlayedCall, turns: list[Turn]) -> list[Json]:
    prompt = system_prompt(call.assistant)
    time = milliseconds(call.started_at)
    first = [{"role": "system", "message": prompt, "time": time, "secondsFromStart": 0}] if prompt else []
    return [*first, *(message(call, turn) for turn in turns)]


def message(call: PlayedCall, turn: Turn) -> Json:
    start = milliseconds(call.started_at + timedelta(seconds=turn.start))
    end = milliseconds(call.started_at + timedelta(seconds=turn.end))
    extra: Json = {"source": ""} if turn.role == "assistant" else {"metadata": {"wordLevelConfidence": []}}
    return {
        "role": API_ROLES[turn.role],
        "message": turn.text,
        "time": start,
        "endTime": end,
        "secondsFromStart": round(turn.start, 3),
        "duration": end - start,
        **extra,
    }


def openai_messages(call: PlayedCall, turns: list[Turn]) -> list[Json]:
    prompt = system_prompt(call.assistant)
    first = [{"role": "system", "content": prompt}] if prompt else []
    return [*first, *({"role": turn.role, "content": turn.text} for turn in turns)]


def transcript(call: PlayedCall) -> str:
    plan = (call.assistant.get("artifactPlan") or {}).get("transcriptPlan") or {}
    labels = {"assistant": plan.get("assistantName") or "AI", "user": plan.get("userName") or "User"}
    return "".join(f"{labels[turn.role]}: {turn.text}\n" for turn in call.turns)


def analysis(call: PlayedCall) -> Json:
    """A short or failed call has none."""
    plan = call.assistant.get("analysisPlan") or {}
    wants_summary = (plan.get("summaryPlan") or {}).get("enabled", True)
    wants_success = (plan.get("successEvaluationPlan") or {}).get("enabled", True)
    found = {
        "summary": call.script.get("summary") if wants_summary else None,
        "successEvaluation": call.script.get("successEvaluation") if wants_success else None,
    }
    return {key: value for key, value in found.items() if value is not None}


# --- what it cost ---


def costs(call: PlayedCall) -> list[Json]:
    """The script's prices, with the minutes of this call and the providers of this assistant."""
    model, voice = call.assistant.get("model") or {}, call.assistant.get("voice") or {}
    minutes = round(call.seconds / 60, 4)
    known: dict[str, Json] = {
        "transport": {"provider": "twilio", "minutes": minutes},
        "transcriber": {"transcriber": call.assistant.get("transcriber") or {}, "minutes": minutes},
        "model": {"model": {key: model.get(key) for key in ("provider", "model")}},
        "voice": {"voice": {key: voice[key] for key in ("provider", "voiceId", "model") if key in voice}},
        "vapi": {"minutes": minutes},
    }
    return [{**known.get(part["type"], {}), **part} for part in call.script["costs"]]


def total_cost(call: PlayedCall) -> float:
    return round(sum(part["cost"] for part in costs(call)), 4)


def cost_breakdown(call: PlayedCall) -> Json:
    parts = {part["type"]: part for part in costs(call)}
    amounts = {name: parts.get(kind, {}).get("cost", 0) for kind, name in BREAKDOWN_NAMES.items()}
    summary_cost = amounts.pop("analysis")
    summary = parts.get("analysis", {})
    return {
        **amounts,
        "chat": 0,
        "total": total_cost(call),
        "llmPromptTokens": parts.get("model", {}).get("promptTokens", 0),
        "llmCompletionTokens": parts.get("model", {}).get("completionTokens", 0),
        "llmCachedPromptTokens": 0,
        "ttsCharacters": parts.get("voice", {}).get("characters", 0),
        "analysisCostBreakdown": {
            "summary": summary_cost,
            "summaryPromptTokens": summary.get("promptTokens", 0),
            "summaryCompletionTokens": summary.get("completionTokens", 0),
            "structuredData": 0,
            "successEvaluation": 0,
        },
    }


# --- recordings ---


def recording_fields(names: dict[str, str], base: str) -> Json:
    """Unsigned addresses: identifiers, which open nothing."""
    if not names:
        return {}
    urls = {kind: storage.unsigned_url(base, name) for kind, name in names.items()}
    mono = {"combinedUrl": urls["mono"], "assistantUrl": urls["assistant"], "customerUrl": urls["customer"]}
    return {
        "recordingUrl": urls["mono"],
        "stereoRecordingUrl": urls["stereo"],
        "recording": {"stereoUrl": urls["stereo"], "mono": mono},
        "logUrl": urls["mono"].replace("-mono.wav", "-call.jsonl.gz"),
    }


def presigned_fields(state: State, base: str, names: dict[str, str], seconds: int) -> Json:
    """Made anew for each delivery, so they differ between retries."""
    if not names:
        return {}
    links = {
        f"presigned{kind.capitalize()}Url": storage.presigned_url(state, base, name, seconds)
        for kind, name in names.items()
    }
    return {**links, "presignedUrlsExpiresAt": iso(now() + timedelta(seconds=seconds))}


# --- the messages ---


def envelope(call: PlayedCall, kind: str, moment: datetime, fields: Json) -> Json:
    return {
        "message": {
            "timestamp": milliseconds(moment),
            "type": kind,
            **fields,
            "assistantVersion": None,
            "call": call.created,
            "phoneNumber": call.phone_number,
            "customer": call.created.get("customer", {}),
            "assistant": call.assistant,
        }
    }


def status_update(call: PlayedCall, status: str) -> Json:
    is_ended = status == "ended"
    turns = call.turns if is_ended else []
    fields: Json = {"status": status}
    if is_ended:
        fields["endedReason"] = call.script["endedReason"]
    fields["artifact"] = {
        "messages": messages(call, turns),
        "messagesOpenAIFormatted": openai_messages(call, turns),
    }
    return envelope(call, "status-update", call.ended_at if is_ended else call.started_at, fields)


def end_of_call_report(call: PlayedCall, state: State, base: str) -> Json:
    spoken = {"transcript": transcript(call), "messages": messages(call, call.turns)}
    recording = recording_fields(call.recording_names, base)
    copies: Json = {key: recording[key] for key in ("recordingUrl", "stereoRecordingUrl") if key in recording}
    found = analysis(call)
    fields: Json = {
        "endedReason": call.script["endedReason"],
        "startedAt": iso(call.started_at),
        "endedAt": iso(call.ended_at),
        "analysis": found,
        "artifact": artifact(call, recording, presigned_fields(state, base, call.recording_names, call.link_seconds)),
        "cost": total_cost(call),
        "costBreakdown": cost_breakdown(call),
        "costs": costs(call),
        **({"summary": found["summary"]} if "summary" in found else {}),
        **spoken,
        **copies,
    }
    return envelope(call, "end-of-call-report", call.ended_at, fields)


def artifact(call: PlayedCall, recording: Json, presigned: Json) -> Json:
    activation = {"assistantName": call.assistant.get("name"), "assistantId": call.assistant.get("id")}
    return {
        "messages": messages(call, call.turns),
        "messagesOpenAIFormatted": openai_messages(call, call.turns),
        "transcript": transcript(call),
        **recording,
        **presigned,
        "nodes": [],
        "transfers": [],
        "assistantActivations": [activation],
        "variableValues": variable_values(call),
        "performanceMetrics": PERFORMANCE,
    }


def variable_values(call: PlayedCall) -> dict[str, Any]:
    """The real ones hold the tenant's Twilio token too."""
    values = {
        "customer.number": call.created.get("customer", {}).get("number"),
        "phoneNumber.number": call.phone_number.get("number"),
        "phoneNumber.twilioAccountSid": call.phone_number.get("twilioAccountSid"),
        "phoneNumber.twilioAuthToken": call.phone_number.get("twilioAuthToken"),
        "transport.callSid": call.created["transport"]["callSid"],
    }
    return {key: value for key, value in values.items() if value is not None}


def seeds_report(call: PlayedCall, state: State, base: str) -> Json:
    """The older notice of a completed call, which some documents describe."""
    name = call.recording_names.get("mono")
    return {
        "event": "call.completed",
        "timestamp": iso(call.ended_at),
        "call": {
            "id": call.created["id"],
            "status": "completed",
            "phoneNumber": call.phone_number.get("number"),
            "customer": call.created.get("customer", {}),
            "recordingUrl": storage.presigned_url(state, base, name, call.link_seconds) if name else None,
            "transcript": [{"role": turn.role, "text": turn.text} for turn in call.turns],
            "aiSummary": call.script.get("summary"),
            "duration": round(call.seconds),
        },
    }


# --- the call as the API shows it ---


def ended_call(call: PlayedCall, base: str) -> Json:
    return {
        **call.created,
        "status": "ended",
        "endedReason": call.script["endedReason"],
        "startedAt": iso(call.started_at),
        "endedAt": iso(call.ended_at),
        "updatedAt": iso(call.ended_at),
        "cost": total_cost(call),
        "costBreakdown": cost_breakdown(call),
        "costs": costs(call),
        "analysis": analysis(call),
        "artifact": artifact(call, recording_fields(call.recording_names, base), {}),
        RECORDING_NAMES: call.recording_names,
    }


def call_answer(state: State, base: str, row: Json) -> Json:
    """The stored call with fresh presigned links."""
    names = row.get(RECORDING_NAMES, {})
    shown = {key: value for key, value in row.items() if key != RECORDING_NAMES}
    if "artifact" in shown:
        shown["artifact"] |= presigned_fields(state, base, names, storage.LINK_SECONDS)
    return shown
