"""Celery's doors to telephony."""

from celery import shared_task

from telephony import pool


@shared_task(expires=3600)
def end_quarantines() -> None:
    """Free the pool numbers whose quarantine is over."""
    pool.end_quarantines()
