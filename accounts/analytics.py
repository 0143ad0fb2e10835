"""What people do, kept in a table of our own; PostHog gets a copy when the operator gave a key."""

from typing import Any

from accounts.models import AnalyticsEvent, Organization, User


def track(name: str, *, organization: Organization, user: User | None, **properties: Any) -> AnalyticsEvent:
    """Keep that something happened."""
    return AnalyticsEvent.objects.for_organization(organization).create(
        organization=organization, user=user, name=name, properties=properties
    )
