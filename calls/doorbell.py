"""Telling the workers what to look at. Messages carry ids only, and may be lost: the sweeper reads the database."""

from celery import current_app

from ava.lib.doorbell import Doorbell, Messenger

DRAIN_INBOX = "calls.tasks.drain_inbox"
RUN_STEP = "calls.tasks.run_step"
SEND_HOOK = "calls.tasks.send_hook"
TELL_OF_HOOK = "calls.tasks.tell_of_hook"


def _publish_drain() -> None:
    # Nobody needs a ring that nobody heard for a minute: the sweeper has looked by then.
    current_app.send_task(DRAIN_INBOX, expires=60)


# The first ring is passed on at once. After it one task empties the inbox, so a rush needs few more.
inbox_bell = Doorbell(_publish_drain, every_seconds=0.2, rest_seconds=10)


def _publish(task: str, row_id: int) -> None:
    current_app.send_task(task, args=[row_id])


_messenger = Messenger(_publish, rest_seconds=5)


def queue_step(step_id: int) -> None:
    """Hand a step to the workers now; if the broker does not take it, the sweeper will."""
    _messenger.send(RUN_STEP, step_id)


def queue_delivery(delivery_id: int) -> None:
    """Hand a delivery to a tenant's receiver to the workers now, in the same way."""
    _messenger.send(SEND_HOOK, delivery_id)


def queue_notice(endpoint_id: int) -> None:
    """Let the owner be told that a receiver was switched off."""
    _messenger.send(TELL_OF_HOOK, endpoint_id)
