"""Ava: an AI receptionist on the phone for every small business."""

from ava.celery import app as celery_app

__all__ = ["celery_app"]
