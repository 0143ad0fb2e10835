"""Telling the workers of mails to send. Messages carry ids only, and may be lost: the sweep reads the database."""

from celery import current_app

from ava.lib.doorbell import Messenger

SEND_INVITATION = "accounts.tasks.send_invitation"


def _publish(invitation_id: int) -> None:
    current_app.send_task(SEND_INVITATION, args=[invitation_id])


_messenger = Messenger(_publish, rest_seconds=5)


def queue_invitation(invitation_id: int) -> None:
    """Hand an invitation to the workers now; if the broker does not take it, the sweep will."""
    _messenger.send(invitation_id)
