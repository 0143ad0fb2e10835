"""Celery's doors to the assistants. Whether there is work is read from the database."""

from celery import shared_task

from assistants import calendar_mails


@shared_task(expires=60)
def send_calendar_mails() -> None:
    """Tell owners of calendars that have to be connected again."""
    calendar_mails.send_due()
