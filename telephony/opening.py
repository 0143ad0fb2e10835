"""The organization's business hours and holidays: what they are, and keeping them."""

import datetime

from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone as clock
from django.utils.translation import gettext as _

from accounts.models import Organization, User
from telephony import hours
from telephony.models import BusinessHours, Holiday


def starting_hours(organization: Organization | None, person: User | None = None) -> BusinessHours:
    """The organization's hours; when it has none, ones that suit its country and the person, not saved yet."""
    if organization and (saved := BusinessHours.objects.for_organization(organization).first()):
        return saved
    country = organization.country if organization else ""
    started = BusinessHours(weekly=hours.usual_week(country), timezone=hours.usual_timezone(country))
    if person:
        started.fallback_email = person.email
        if person.timezone not in {"", "UTC"}:  # what everybody has who never said
            started.timezone = person.timezone
    return started


def save_hours(
    *, organization: Organization, timezone: str, weekly: hours.Weekly, fallback_email: str
) -> BusinessHours:
    """Keep the hours as the organization's."""
    values = {"timezone": timezone, "weekly": weekly, "fallback_email": fallback_email}
    saved, _created = BusinessHours.objects.for_organization(organization).update_or_create(
        defaults=values, create_defaults={**values, "organization": organization}
    )
    return saved


def coming_holidays(organization: Organization) -> models.QuerySet[Holiday]:
    """Those that are not over yet, wherever the business is."""
    return organization.holidays.filter(date__gte=earliest_holiday())


def earliest_holiday() -> datetime.date:
    """Yesterday here: it may still be today where the business is."""
    return clock.localdate() - datetime.timedelta(days=1)


def check_holiday(organization: Organization, date: datetime.date) -> None:
    """Raises ValidationError for a day that is over or noted already."""
    if date < earliest_holiday():
        raise ValidationError(_("This day has already passed."))
    if organization.holidays.filter(date=date).exists():
        raise ValidationError(_("This day is already a holiday."))


def keep_holiday(*, organization: Organization, date: datetime.date, name: str) -> Holiday:
    """Note the holiday; one that is already there stays as it is."""
    holiday, _created = organization.holidays.get_or_create(date=date, defaults={"name": name})
    return holiday
