"""Calls whose report never came: listed at Vapi and put into the inbox as if it had. https://docs.vapi.ai/api-reference/calls/list"""

import json
import logging
from datetime import timedelta
from typing import Any

from django.utils import timezone

from accounts import credentials
from assistants.models import Studio
from ava.clients.errors import ProviderError
from calls import inbox
from calls.models import Call

logger = logging.getLogger(__name__)

MOST_CALLS = 1000
LOOK_BACK = timedelta(days=1)
# Vapi's own retries come first.
GRACE = timedelta(minutes=10)


def reconcile_all() -> None:
    """Look at every active organization's calls of the last day; one that fails does not hold the others up."""
    for studio in Studio.objects.unscoped().filter(is_active=True).select_related("organization"):
        try:
            reconcile(studio)
        except (ProviderError, credentials.MissingCredential) as error:
            logger.warning("Organization %s could not be reconciled: %s", studio.organization_id, type(error).__name__)


def reconcile(studio: Studio) -> int:
    """Store a report for each ended call of the assistant that has none. Returns how many. Raises ProviderError."""
    now = timezone.now()
    found = credentials.vapi_client(studio.organization).list_calls(limit=MOST_CALLS, updated_since=now - LOOK_BACK)
    ended = [one for one in found if _is_ours(one, studio) and _ended_before(one, (now - GRACE).isoformat())]
    known = Call.objects.for_organization(studio.organization).filter(
        vapi_call_id__in=[one["id"] for one in ended], steps__isnull=False
    )
    reported = set(known.values_list("vapi_call_id", flat=True))
    missing = [one for one in ended if one["id"] not in reported]
    for one in missing:
        inbox.store(json.dumps(_as_report(one)).encode(), organization_id=studio.organization_id)
    return len(missing)


def _is_ours(call: dict[str, Any], studio: Studio) -> bool:
    return call.get("assistantId") == studio.vapi_id and call.get("status") == "ended"


def _ended_before(call: dict[str, Any], moment: str) -> bool:
    ended_at = call.get("endedAt") or call.get("updatedAt")
    return isinstance(ended_at, str) and ended_at < moment


def _as_report(call: dict[str, Any]) -> dict[str, Any]:
    """Vapi's call object in the shape of its report: what the report says at the top, the call object says too."""
    told = (
        "endedReason",
        "startedAt",
        "endedAt",
        "analysis",
        "artifact",
        "cost",
        "costs",
        "costBreakdown",
        "customer",
    )
    return {
        "message": {
            "type": "end-of-call-report",
            "timestamp": call.get("endedAt"),
            **{name: call[name] for name in told if name in call},
            "call": call,
        }
    }
