"""An example of each event, for tools in which fields are chosen before anything has happened."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from calls.hooks.messages import TYPES, data_of, message_of
from calls.models import Call, HookType

STARTED_AT = datetime(2026, 10, 6, 8, 14, 36, tzinfo=UTC)
LASTED = timedelta(seconds=85)
UNANSWERED = {HookType.MISSED, HookType.FAILED}


def sample_of(name: HookType) -> dict[str, Any]:
    """The body of an event of this type, of a call that never was. `name` is not "ping"."""
    was_answered, ended_at = name not in UNANSWERED, STARTED_AT + LASTED
    call = Call(
        id=UUID("5c1b9a56-0f3c-4c56-9a0d-0c5f3a3a8f11"),
        vapi_call_id="01a11046-dd86-77ed-9b36-0f06acaef2cc",
        caller_number="+33639980017",
        number="+33199004512",
        started_at=STARTED_AT,
        ended_at=ended_at,
        duration_seconds=LASTED.seconds,
        status=next(status for status, told in TYPES.items() if told == name),
        ended_reason="customer-ended-call" if was_answered else "customer-did-not-answer",
        summary="Nadia Ferrand moves her appointment to Thursday at ten." if was_answered else "",
        recording_name="sample.mp3" if was_answered else "",
    )
    return message_of(name, ended_at, data_of(call))
