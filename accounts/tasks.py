"""Celery's doors to accounts. Arguments are ids; whether there is work is read from the database."""

from celery import shared_task

from accounts import invitations
from accounts.api import limits, repeats


@shared_task
def send_invitation(invitation_id: int) -> None:
    """Send the mail of one invitation."""
    invitations.send_mail(invitation_id)


@shared_task(expires=60)
def sweep_invitations() -> None:
    """Send the mails that a lost message or a mail server that was away left behind."""
    invitations.send_due_mails()


@shared_task(expires=3600)
def forget_requests() -> None:
    """Drop what the API no longer needs to remember."""
    limits.forget_old()
    repeats.forget_old()
