"""What a tenant's own systems are told: one message for each event, and who gets it."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from accounts.models import Organization
from calls.doorbell import queue_delivery
from calls.hooks import endpoints
from calls.hooks.endpoints import NotPossible
from calls.models import Call, CallStatus, HookDelivery, HookEndpoint, HookMessage, HookType, StepKind, StepState

KEPT_FOR = timedelta(days=30)
SUMMARY_CHARACTERS = 2000
TYPES = {
    CallStatus.COMPLETED: HookType.COMPLETED,
    CallStatus.TRANSFERRED: HookType.TRANSFERRED,
    CallStatus.VOICEMAIL: HookType.VOICEMAIL,
    CallStatus.MISSED: HookType.MISSED,
    CallStatus.FAILED: HookType.FAILED,
}


@transaction.atomic
def announce_end(*, organization: Organization, call_id: Any) -> None:
    """Tell of an ended call, as its row stands now. Part of the transaction that ended it."""
    if not organization.hook_endpoints.filter(is_enabled=True).exists():
        return
    call = organization.calls.select_for_update().filter(pk=call_id).first()
    if call and call.status in TYPES:
        announce(call, TYPES[CallStatus(call.status)])


@transaction.atomic
def announce(call: Call, name: HookType) -> HookMessage | None:
    """Write the message, and a delivery for each receiver that wants it: once for each call and type.

    None when nobody wants it, or when it was announced before.
    """
    rows = endpoints.of(call.organization).select_for_update().filter(is_enabled=True)
    wanting = [endpoint for endpoint in rows if endpoint.wants(name)]
    if not wanting:
        return None
    message, is_new = call.organization.hook_messages.get_or_create(
        call=call, type=name, defaults={"body": _body(name, call.ended_at or call.started_at, data_of(call))}
    )
    if is_new:
        _address(message, wanting)
    return message if is_new else None


@transaction.atomic
def send_test(endpoint: HookEndpoint) -> HookDelivery:
    """A test event for one receiver. Raises NotPossible when it is switched off."""
    if not endpoints.of(endpoint.organization).select_for_update().filter(pk=endpoint.pk, is_enabled=True):
        raise NotPossible(_("Switch the receiver on first."), "endpoint_disabled")
    body = _body(HookType.PING, timezone.now(), {"organization": endpoint.organization.name})
    message = endpoint.organization.hook_messages.create(type=HookType.PING, body=body)
    return _address(message, [endpoint])[0]


def _address(message: HookMessage, receivers: Iterable[HookEndpoint]) -> list[HookDelivery]:
    tenant = message.organization
    new = [HookDelivery(organization=tenant, endpoint=endpoint, message=message) for endpoint in receivers]
    deliveries = tenant.hook_deliveries.bulk_create(new)
    for delivery in deliveries:
        transaction.on_commit(partial(queue_delivery, delivery.pk))
    return deliveries


def _body(name: HookType, happened_at: datetime, data: dict[str, Any]) -> str:
    """The text that is signed and sent: written once, the same for every try."""
    return json.dumps(message_of(name, happened_at, data), ensure_ascii=False)


def message_of(name: HookType, happened_at: datetime, data: dict[str, Any]) -> dict[str, Any]:
    """What is told: the event, when it happened, and about what."""
    return {"type": name.value, "timestamp": _iso(happened_at), "data": data}


def data_of(call: Call) -> dict[str, Any]:
    """What is told of a call: enough to act on, little to lose. Below 20 kB whatever is in it; no transcript."""
    with translation.override(settings.LANGUAGE_CODE):
        path = call.get_absolute_url()
    return {
        "id": str(call.pk),
        "vapi_call_id": call.vapi_call_id,
        "direction": call.direction,
        "caller_number": call.caller_number,
        "number": call.number,
        "started_at": _iso(call.started_at),
        "ended_at": _iso(call.ended_at) if call.ended_at else None,
        "duration_seconds": call.duration_seconds,
        "status": call.status,
        "ended_reason": call.ended_reason,
        "summary": call.summary[:SUMMARY_CHARACTERS],
        "recording": _recording_of(call),
        "url": settings.PUBLIC_URL + path,
    }


def _recording_of(call: Call) -> str:
    """ready, pending, failed or none."""
    if call.recording_name:
        return "ready"
    state = call.steps.filter(kind=StepKind.RECORDING).values_list("state", flat=True).first()
    if state in {StepState.PENDING, StepState.RUNNING}:
        return "pending"
    return "failed" if state == StepState.FAILED else "none"


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def drop_old(now: datetime | None = None) -> int:
    """Forget messages of more than 30 days ago, and their deliveries; returns how many rows went."""
    old = HookMessage.objects.unscoped().filter(created_at__lt=(now or timezone.now()) - KEPT_FOR)
    return old.delete()[0]
