"""The webhook inbox: every delivery a row, stored once, processed by the workers, replayed at will."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from assistants.models import Studio
from ava.lib.phones import normalize
from calls.doorbell import inbox_bell
from calls.models import EventState, WebhookEvent
from calls.webhooks.reports import CallReport
from telephony.models import TenantNumber

LEASE = timedelta(seconds=60)

_INSERT = """
    INSERT INTO calls_webhookevent
        (organization_id, digest, body, received_at, due_at, state, kind, vapi_call_id, error, attempts)
    VALUES {rows}
    ON CONFLICT (digest) DO NOTHING
"""
_ROW = "(%s, %s, %s, %s, %s, 'received', '', '', '', 0)"


@dataclass(frozen=True)
class Arrival:
    """A delivery as it came, and whose it is; None while nobody is known."""

    body: bytes
    organization_id: int | None

    @cached_property
    def digest(self) -> str:
        """By which a repeat is known."""
        return hashlib.sha256(f"{self.organization_id}:".encode() + self.body).hexdigest()


def store(body: bytes, *, organization_id: int | None) -> bool:
    """Keep a delivery, once whatever is repeated, and ring for the workers. False when the tenant is gone meanwhile."""
    [is_stored] = store_all([Arrival(body, organization_id)])
    return is_stored


def store_all(arrivals: Sequence[Arrival]) -> list[bool]:
    """Keep deliveries in one statement, each once; for each, whether its tenant is still there.

    The raw bodies are encrypted: payloads echo tokens and prompts.
    """
    try:
        _insert(arrivals)
    except IntegrityError:  # a tenant is gone, and only its own deliveries are to go with it
        if len(arrivals) == 1:
            return [False]
        return [is_stored for arrival in arrivals for is_stored in store_all([arrival])]
    transaction.on_commit(inbox_bell.ring)
    return [True] * len(arrivals)


def _insert(arrivals: Sequence[Arrival]) -> None:
    """Plain SQL, and the only statement that a delivery waits for.

    In the order of the digests: two processes with the same deliveries then wait for each other one way only.
    """
    now, seal = timezone.now(), WebhookEvent._meta.get_field("body").get_db_prep_save
    values: list[Any] = []
    for arrival in sorted(arrivals, key=lambda arrival: arrival.digest):
        values += [arrival.organization_id, arrival.digest, seal(arrival.body, connection), now, now]
    with connection.cursor() as cursor:
        cursor.execute(_INSERT.format(rows=", ".join([_ROW] * len(arrivals))), values)


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
