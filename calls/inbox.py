"""The webhook inbox: every delivery a row, stored once, processed by the workers, replayed at will."""

import functools
import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from accounts.models import WebhookEndpoint
from assistants.models import Studio
from ava.lib.phones import normalize
from calls.doorbell import inbox_bell
from calls.models import EventState, WebhookEvent
from calls.webhooks.reports import CallReport
from telephony.models import TenantNumber

LEASE = timedelta(seconds=60)
ENDPOINT_SECONDS = 10

_ENDPOINT = """
    SELECT organization_id, secret, previous_secret, previous_secret_until
    FROM accounts_webhookendpoint WHERE token = %s
"""
_INSERT = """
    INSERT INTO calls_webhookevent
        (organization_id, digest, body, received_at, due_at, state, kind, vapi_call_id, error, attempts)
    VALUES (%s, %s, %s, %s, %s, 'received', '', '', '', 0)
    ON CONFLICT (digest) DO NOTHING
"""


@dataclass(frozen=True)
class Endpoint:
    """What a delivery is checked against."""

    organization_id: int
    secrets: Sequence[str]


def find_endpoint(token: str, *, anew: bool = False) -> Endpoint | None:
    """The endpoint with this token, as it was at most `ENDPOINT_SECONDS` ago, or read `anew`.

    Only the row as it is stored is remembered: its secrets stay encrypted.
    """
    row = _read_endpoint(token) if anew else _recent_endpoint(token, time.monotonic() // ENDPOINT_SECONDS)
    if row is None:
        return None
    organization_id, secret, previous_secret, until = row
    overlapping = until is not None and until.replace(tzinfo=UTC) > timezone.now()  # SQLite leaves the zone out
    valid = [secret, previous_secret] if overlapping else [secret]
    return Endpoint(organization_id, [_decrypt(one) for one in valid])


@functools.lru_cache(maxsize=2_000)
def _recent_endpoint(token: str, period: float) -> tuple[Any, ...] | None:
    return _read_endpoint(token)


def _read_endpoint(token: str) -> tuple[Any, ...] | None:
    """Plain SQL, as in `store`: these two are all that a delivery waits for."""
    with connection.cursor() as cursor:
        cursor.execute(_ENDPOINT, [token])
        return cursor.fetchone()


def _decrypt(stored: bytes | None) -> str:
    return WebhookEndpoint._meta.get_field("secret").from_db_value(stored, None, connection) or ""


def store(body: bytes, *, organization_id: int | None) -> bool:
    """Keep a delivery, once whatever is repeated, and ring for the workers. False when the tenant is gone meanwhile.

    The raw body is encrypted: payloads echo tokens and prompts.
    """
    now = timezone.now()
    sealed = WebhookEvent._meta.get_field("body").get_db_prep_save(body, connection)
    try:
        with connection.cursor() as cursor:
            cursor.execute(_INSERT, [organization_id, _digest(body, organization_id), sealed, now, now])
    except IntegrityError:
        return False
    transaction.on_commit(inbox_bell.ring)
    return True


def _digest(body: bytes, organization_id: int | None) -> str:
    return hashlib.sha256(f"{organization_id}:".encode() + body).hexdigest()


def find_organization(report: CallReport) -> int | None:
    """Whose call this is: by the number that was dialled, by Vapi's id of that number, or by the assistant's."""
    lookups = [
        (TenantNumber, {"number": normalize(report.number)}),
        (TenantNumber, {"vapi_id": report.phone_number_id}),
        (Studio, {"vapi_id": report.assistant_id}),
    ]
    for model, condition in lookups:
        if all(condition.values()):
            found = model.objects.unscoped().filter(**condition).values_list("organization_id", flat=True).first()
            if found is not None:
                return found
    return None


def claim_next(now: datetime | None = None) -> int | None:
    """Take the oldest event that is due; others pass it by until the lease ends, so a dead worker's is found again."""
    now = now or timezone.now()
    due = WebhookEvent.objects.filter(state=EventState.RECEIVED, due_at__lte=now)
    with transaction.atomic():
        event = due.select_for_update(skip_locked=True).only("pk", "attempts").order_by("due_at").first()
        if event is None:
            return None
        event.attempts, event.due_at = event.attempts + 1, now + LEASE
        event.save(update_fields=["attempts", "due_at"])
        return event.pk


def replay(event: WebhookEvent) -> None:
    """Process an event again, as if it had just arrived; its tenant is looked for anew when it had none."""
    event.state, event.error, event.attempts, event.due_at = EventState.RECEIVED, "", 0, timezone.now()
    event.save(update_fields=["state", "error", "attempts", "due_at"])
    transaction.on_commit(inbox_bell.ring)


def drop_raw_bodies(*, older_than: datetime) -> int:
    """Forget the raw bodies of processed events received before; the redacted copies stay. Returns how many."""
    old = WebhookEvent.objects.filter(body__isnull=False, received_at__lt=older_than)
    return old.exclude(state=EventState.RECEIVED).update(body=None)
