"""What a tenant's calls come to: figures per day, in the reader's own time zone."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Count, Q, Sum
from django.db.models.functions import TruncDate
from django.utils import timezone

from accounts.models import Organization
from calls.models import CallStatus

ANSWERED = (CallStatus.COMPLETED, CallStatus.TRANSFERRED, CallStatus.IN_PROGRESS)
MISSED = (CallStatus.MISSED, CallStatus.VOICEMAIL, CallStatus.FAILED)


@dataclass(frozen=True)
class Day:
    """One day's calls."""

    day: date
    answered: int = 0
    missed: int = 0
    seconds: int = 0
    cost: Decimal = Decimal(0)

    @property
    def calls(self) -> int:
        """All calls that were answered or missed; one that still rings is neither."""
        return self.answered + self.missed

    @property
    def minutes(self) -> int:
        """Spoken minutes, rounded up as providers do."""
        return -(-self.seconds // 60)


@dataclass(frozen=True)
class Report:
    """Days in order, the last one being today, and what they come to."""

    days: Sequence[Day]
    currency: str

    @property
    def total(self) -> Day:
        """All days as one."""
        return Day(
            self.days[-1].day,
            sum(day.answered for day in self.days),
            sum(day.missed for day in self.days),
            sum(day.seconds for day in self.days),
            sum((day.cost for day in self.days), Decimal(0)),
        )


def last_days(organization: Organization, *, days: int = 7) -> Report:
    """Calls, minutes and cost of today and the days before, by one query."""
    today = timezone.localdate()
    first = today - timedelta(days=days - 1)
    begin = timezone.make_aware(datetime.combine(first, time.min))
    rows = list(
        organization.calls.filter(started_at__gte=begin)
        .order_by()
        .annotate(day=TruncDate("started_at"))
        .values("day", "currency")
        .annotate(
            answered=Count("pk", filter=Q(status__in=ANSWERED)),
            missed=Count("pk", filter=Q(status__in=MISSED)),
            seconds=Sum("duration_seconds"),
            cost=Sum("cost"),
        )
    )
    currency = _main_currency(rows)
    wanted = [first + timedelta(days=number) for number in range(days)]
    return Report([_day(day, rows, currency) for day in wanted], currency)


def _main_currency(rows: Sequence[dict[str, Any]]) -> str:
    """The currency that most was paid in; amounts of two currencies cannot be added."""
    costs: dict[str, Decimal] = {}
    for row in rows:
        costs[row["currency"]] = costs.get(row["currency"], Decimal(0)) + (row["cost"] or 0)
    return max(costs, key=lambda currency: costs[currency]) if costs else "USD"


def _day(day: date, rows: Sequence[dict[str, Any]], currency: str) -> Day:
    own = [row for row in rows if row["day"] == day]
    return Day(
        day,
        sum(row["answered"] for row in own),
        sum(row["missed"] for row in own),
        sum(row["seconds"] or 0 for row in own),
        sum((row["cost"] or Decimal(0) for row in own if row["currency"] == currency), Decimal(0)),
    )
