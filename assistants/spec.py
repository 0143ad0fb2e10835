"""Studio → Vapi's assistant, as one whole object. The only place that knows Vapi's JSON.

https://docs.vapi.ai/api-reference/assistants/create. Unknown properties are refused there, and a PATCH replaces each
sub-object it is given, so every one of them is always complete.
"""

import hashlib
import json
from typing import Any

from django.conf import settings

from assistants import prompts, voices
from assistants.models import Studio

LONGEST_NAME = 40
SERVER_TIMEOUT_SECONDS = 20
SUMMARY_TIMEOUT_SECONDS = 20
_AZURE_LOCALES = {"en": "en-US", "fr": "fr-FR", "he": "he-IL"}
_LANGUAGE_NAMES = {"en": "English", "fr": "French", "he": "Hebrew"}


def build(studio: Studio, *, server: dict[str, Any]) -> dict[str, Any]:
    """The assistant's whole JSON; `server` says where its events go."""
    return {
        "name": f"{studio.name} - {studio.organization.name}".strip(" -")[:LONGEST_NAME],
        "firstMessage": prompts.first_message(studio),
        "firstMessageMode": "assistant-speaks-first",
        "endCallMessage": prompts.filled(
            studio.end_call_message, studio
        ),  # also when it is empty: what a PATCH leaves out stays at Vapi
        "model": _model(studio),
        "voice": _voice(studio),
        "transcriber": _transcriber(studio),
        "maxDurationSeconds": studio.max_duration_seconds,
        "backgroundSound": "off",
        "serverMessages": ["end-of-call-report", "status-update"],
        "server": server,
        "artifactPlan": {"recordingEnabled": studio.recording_enabled, "recordingFormat": "mp3"},
        "analysisPlan": _analysis(studio),
        "metadata": {**studio.metadata, **_own_metadata(studio)},
    }


def server(*, url: str, credential_id: str) -> dict[str, Any]:
    """Where events go, signed by a credential, and how often Vapi tries: without a plan it never repeats."""
    return {
        "url": url,
        "credentialId": credential_id,
        "timeoutSeconds": SERVER_TIMEOUT_SECONDS,
        "backoffPlan": {
            "type": "exponential",
            "maxRetries": 5,
            "baseDelaySeconds": 1,
            "excludedStatusCodes": [400, 401, 403, 404, 413, 422],
        },
    }


def is_ours(assistant: dict[str, Any], studio: Studio) -> bool:
    """Whether an assistant at Vapi is the one of this studio."""
    return _contains(assistant.get("metadata"), _own_metadata(studio))


def _own_metadata(studio: Studio) -> dict[str, str]:
    return {"ava_organization": str(studio.organization_id), "ava_address": settings.PUBLIC_URL}


def digest(assistant: dict[str, Any]) -> str:
    """A fingerprint of an assistant's JSON, to tell whether Vapi has the latest."""
    return hashlib.sha256(json.dumps(assistant, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def differences(wanted: dict[str, Any], found: dict[str, Any]) -> list[str]:
    """The top-level fields that Vapi has otherwise than they were sent (it may add, not change)."""
    return [name for name, value in wanted.items() if not _contains(found.get(name), value)]


def _contains(found: Any, wanted: Any) -> bool:
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(_contains(found.get(key), value) for key, value in wanted.items())
    if isinstance(wanted, list):
        return (
            isinstance(found, list)
            and len(found) == len(wanted)
            and all(_contains(one, other) for one, other in zip(found, wanted, strict=True))
        )
    return found == wanted


def _model(studio: Studio) -> dict[str, Any]:
    return {
        "provider": studio.model_provider,
        "model": studio.model_name,
        "messages": [{"role": "system", "content": prompts.build(studio)}],
        "temperature": float(studio.temperature),
        "maxTokens": studio.max_tokens,
    }


def _voice(studio: Studio) -> dict[str, Any]:
    voice: dict[str, Any] = {"provider": studio.voice_provider, "voiceId": studio.voice_id}
    if studio.voice_provider in voices.SPEEDS:
        slowest, fastest = voices.speed_bounds(studio.voice_provider)
        voice["speed"] = float(min(max(studio.voice_speed, slowest), fastest))
    if studio.voice_provider == "11labs":
        voice["model"] = "eleven_multilingual_v2"
    return voice


def _transcriber(studio: Studio) -> dict[str, Any]:
    transcriber: dict[str, Any] = {"provider": studio.transcriber_provider}
    if studio.transcriber_model:
        transcriber["model"] = studio.transcriber_model
    if studio.transcriber_provider == "azure":
        transcriber["language"] = _AZURE_LOCALES.get(studio.language, "en-US")
    elif studio.transcriber_provider == "google":
        transcriber["language"] = _LANGUAGE_NAMES.get(studio.language, "Multilingual")
    else:
        transcriber["language"] = studio.language
    return transcriber


def _analysis(studio: Studio) -> dict[str, Any]:
    language = prompts.language_name(studio.language)
    return {
        "summaryPlan": {
            "enabled": True,
            "timeoutSeconds": SUMMARY_TIMEOUT_SECONDS,
            "messages": [
                {
                    "role": "system",
                    "content": f"Summarize the call in two or three sentences, in {language}: who called, why, what is "
                    "to be done.",
                },
                {"role": "user", "content": "Here is the transcript:\n\n{{transcript}}"},
            ],
        },
        "successEvaluationPlan": {"enabled": True, "rubric": "PassFail"},
    }
