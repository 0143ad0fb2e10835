"""Celery's doors to the wizard's analytics, and to leaving."""

from celery import shared_task

from accounts import analytics
from onboarding import exports, offboarding


@shared_task(expires=60)
def deliver_analytics() -> None:
    """Bring new events to PostHog."""
    analytics.deliver()


@shared_task(time_limit=exports.TIME_LIMIT_SECONDS)
def build_export(export_id: int) -> None:
    """Put an organization's archive together."""
    exports.build(export_id)


@shared_task(expires=60)
def sweep_exports() -> None:
    """Ring for archives that were left behind, and delete the old ones and what closed accounts leave."""
    exports.sweep()
    offboarding.delete_files()
