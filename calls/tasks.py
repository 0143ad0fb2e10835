"""Celery's doors to what is done after a call. Arguments are ids; whether there is work is read from the database."""

from datetime import timedelta

from celery import Task, shared_task
from django.conf import settings
from django.utils import timezone

from calls import digests, inbox, notifications, parts, processing, reconciliation
from calls.doorbell import inbox_bell
from calls.hooks import delivery, messages, notices

EVENTS_PER_TASK = 200


@shared_task
def drain_inbox() -> None:
    """Process what is in the inbox; several of these share the work."""
    for _ in range(EVENTS_PER_TASK):
        event_id = inbox.claim_next()
        if event_id is None:
            return
        processing.process_event(event_id)
    inbox_bell.ring()  # there may be more: after an outage thousands wait, and nobody else may ring for them


@shared_task(bind=True)
def run_step(self: Task, step_id: int) -> None:
    """Do one part of one call."""
    parts.run(step_id, str(self.request.id))


@shared_task(bind=True)
def send_hook(self: Task, delivery_id: int) -> None:
    """Tell one receiver of one event."""
    delivery.run(delivery_id, str(self.request.id))


@shared_task
def tell_of_hook(endpoint_id: int) -> None:
    """Tell the owner that a receiver was switched off."""
    notices.tell_owner(endpoint_id)


@shared_task(expires=60)
def sweep() -> None:
    """Find what was left behind."""
    processing.sweep()
    delivery.sweep()


@shared_task(expires=600)
def reconcile_calls() -> None:
    """Ask Vapi for calls whose report never came."""
    reconciliation.reconcile_all()


@shared_task(expires=600)
def check_push_receipts() -> None:
    """Forget the devices that Expo says are gone."""
    notifications.check_push_receipts()


@shared_task(expires=240)
def send_digests() -> None:
    """Send the daily mails whose evening has come."""
    digests.send_due()


@shared_task(expires=3600)
def drop_raw_bodies() -> None:
    """Forget the raw bodies of old deliveries."""
    inbox.drop_raw_bodies(older_than=timezone.now() - timedelta(days=settings.WEBHOOK_RAW_RETENTION_DAYS))


@shared_task(expires=3600)
def drop_old_hooks() -> None:
    """Forget what tenants' receivers were told long ago."""
    messages.drop_old()
