"""The daily mail: for those who want one mail in the evening instead of one after each call."""

import logging
import zoneinfo
from datetime import UTC, datetime, time, timedelta, tzinfo
from urllib.parse import urlsplit

from django.conf import settings
from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils import timezone, translation

from accounts.models import Membership
from accounts.models.organizations import MailTiming
from ava.lib import mail
from calls.models import Call, StepKind

logger = logging.getLogger(__name__)

EVENING = time(18)
# What a worker was just writing at six is written by then; later it belongs to tomorrow's mail.
GRACE = timedelta(minutes=1)
# A worker that dies lets go of a mail after this; a mail server that is away is asked again after this.
LEASE = timedelta(minutes=10)
# Calls that were told of later than this after they began are not in any daily mail; their page has them.
LATEST_NEWS = timedelta(days=30)
MOST_CALLS = 50


def send_due(now: datetime | None = None) -> int:
    """Write to everybody whose evening has come and who has not been written to; returns how many mails were sent.

    Safe to run twice at once: whoever claims a mail sends it. What could not be sent is in the next evening's mail.
    """
    now = now or timezone.now()
    daily = Membership.objects.filter(mail_timing=MailTiming.DAILY, user__is_active=True)
    sent = 0
    for membership in daily.select_related("user", "organization").order_by("pk").iterator():
        evening = last_evening(membership.user.timezone, now)
        if _claim(membership, evening, now):
            sent += _send(membership, evening)
    return sent


def last_evening(zone_name: str, now: datetime) -> datetime:
    """The latest six in the evening, in that time zone, that is over."""
    zone = _zone(zone_name)
    today = (now - GRACE).astimezone(zone).date()
    evening = datetime.combine(today, EVENING, zone)
    if evening > now - GRACE:
        evening = datetime.combine(today - timedelta(days=1), EVENING, zone)
    return evening.astimezone(UTC)


def _zone(name: str) -> tzinfo:
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        return UTC


def _claim(membership: Membership, evening: datetime, now: datetime) -> bool:
    if membership.digest_through and membership.digest_through >= evening:
        return False
    untold = Q(digest_through__isnull=True) | Q(digest_through__lt=evening)
    free = Q(digest_claimed_until__isnull=True) | Q(digest_claimed_until__lte=now)
    mine = Membership.objects.filter(untold, free, pk=membership.pk, mail_timing=MailTiming.DAILY)
    return bool(mine.update(digest_claimed_until=now + LEASE))


def _send(membership: Membership, evening: datetime) -> int:
    membership.refresh_from_db(fields=["digest_through"])
    since = membership.digest_through or evening - timedelta(days=1)
    told = calls_between(membership, since, evening)
    count = told.count()
    try:
        if count:
            _mail(membership, list(told[:MOST_CALLS]), count, evening)
    except mail.MailUnreachable as error:
        logger.warning("The daily mail of membership %s has to wait: %s", membership.pk, error)
        return 0
    except mail.MailRefused as error:
        logger.warning("The daily mail of membership %s is given up: %s", membership.pk, error)
        count = 0
    Membership.objects.filter(pk=membership.pk).update(digest_through=evening, digest_claimed_until=None)
    return int(bool(count))


def calls_between(membership: Membership, since: datetime, until: datetime) -> QuerySet[Call]:
    """The calls that those who want a mail after each were told of in this time, the first one first."""
    calls = membership.organization.calls.filter(started_at__gt=since - LATEST_NEWS)
    told = calls.filter(steps__kind=StepKind.EMAIL, steps__finished_at__gt=since, steps__finished_at__lte=until)
    return told.order_by("started_at", "pk")


def _mail(membership: Membership, calls: list[Call], count: int, evening: datetime) -> None:
    person = membership.user
    host = urlsplit(settings.PUBLIC_URL).hostname or "localhost"
    with translation.override(person.locale), timezone.override(_zone(person.timezone)):
        mail.send(
            to=person.email,
            template="digest",
            language=person.locale,
            context={
                "organization": membership.organization,
                "lines": [(call, settings.PUBLIC_URL + call.get_absolute_url()) for call in calls],
                "count": count,
                "left_out": count - len(calls),
                "day": evening,
                "url": settings.PUBLIC_URL + reverse("calls:list"),
            },
            message_id=f"<digest-{membership.pk}-{evening:%Y%m%d%H}@{host}>",
        )
