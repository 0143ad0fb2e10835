"""What people do, kept in a table of our own; PostHog gets a copy when the operator gave a key."""

import logging
import uuid
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone

from accounts.models import AnalyticsEvent, Organization, User
from ava.clients import posthog
from ava.clients.errors import ProviderError

logger = logging.getLogger(__name__)

# What is older is not sent any more: a key that is set later does not flood PostHog with the past.
DELIVERED_WITHIN = timedelta(days=7)
EVENTS_PER_RUN = 500


def track(name: str, *, organization: Organization, user: User | None, **properties: Any) -> AnalyticsEvent:
    """Keep that something happened. Properties are ids, names of steps and numbers: never an address or a secret."""
    return AnalyticsEvent.objects.for_organization(organization).create(
        organization=organization, user=user, name=name, properties=properties
    )


def deliver() -> int:
    """Send PostHog what it does not have yet, oldest first; returns how many. Without a key, nothing leaves the house.

    An event that was sent but not marked is sent again under the same id, and PostHog counts it once.
    """
    if not settings.POSTHOG_API_KEY:
        return 0
    waiting = AnalyticsEvent.objects.unscoped().filter(
        delivered_at__isnull=True, created_at__gte=timezone.now() - DELIVERED_WITHIN
    )
    events = list(waiting.order_by("pk")[:EVENTS_PER_RUN])
    if not events:
        return 0
    try:
        posthog.capture(settings.POSTHOG_API_KEY, settings.POSTHOG_HOST, [_outward(event) for event in events])
    except ProviderError as error:
        logger.log(logging.WARNING if error.retryable else logging.ERROR, "Analytics wait: %s", error)
        return 0
    sent = AnalyticsEvent.objects.unscoped().filter(pk__in=[event.pk for event in events])
    return sent.update(delivered_at=timezone.now())


def pseudonym(kind: str, key: Any) -> str:
    """A stable id that says nothing about who it stands for."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{settings.PUBLIC_URL}/analytics/{kind}/{key}"))


def _outward(event: AnalyticsEvent) -> posthog.Event:
    who = pseudonym("user", event.user_id) if event.user_id else pseudonym("organization", event.organization_id)
    return posthog.Event(
        uuid=pseudonym("event", event.pk),
        name=event.name,
        distinct_id=who,
        at=event.created_at,
        properties={**event.properties, "organization": pseudonym("organization", event.organization_id)},
    )
