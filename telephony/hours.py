"""When a business is open: what a week may look like, and whether a moment falls into it. Knows no database.

A week is {"0": [["09:00", "12:30"], ["14:00", "18:00"]], …}, Monday = "0". An interval that ends at or before its start
goes on into the next day; one from 00:00 to 00:00 is the whole day.
"""

import re
import zoneinfo
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any, Protocol

from django.core.exceptions import ValidationError
from django.utils.dates import WEEKDAYS
from django.utils.formats import get_format
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from ava.lib.timezones import names as known_timezones

DAYS = range(7)
DAY_MINUTES = 24 * 60
WEEK_MINUTES = 7 * DAY_MINUTES
MOST_INTERVALS = 6
REGIONS = ["Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific"]
_TIME = re.compile(
    r"(\d{1,2})(?:[:.](\d{2})(?::\d{2}(?:\.\d+)?)?|h(\d{2})?)?\s*(?:([ap])\.?m\.?)?", re.IGNORECASE | re.ASCII
)

Weekly = dict[str, list[list[str]]]


class Hours(Protocol):
    """What `is_open_at` asks of business hours."""

    timezone: str
    weekly: Any


@dataclass(frozen=True)
class Problem:
    """What is wrong with one interval of a day, in words that name the day."""

    day: int
    position: int
    message: str


def is_open_at(hours: Hours, moment: datetime, *, holidays: Collection[date] = ()) -> bool:
    """Whether the business is open at `moment`: as the clock on its wall says, so a change of the clocks needs no care.

    An interval belongs to the day on which it starts: on a holiday none starts.
    """
    if moment.tzinfo is None:
        raise ValueError("is_open_at needs a moment with its time zone")
    local = moment.astimezone(zoneinfo.ZoneInfo(hours.timezone))
    today, clock = local.date(), f"{local:%H:%M}"
    yesterday = today - timedelta(days=1)
    return any(
        start <= clock and (clock < end or end <= start) for start, end in _intervals(hours.weekly, today, holidays)
    ) or any(clock < end <= start for start, end in _intervals(hours.weekly, yesterday, holidays))


def _intervals(weekly: Mapping[str, Any], day: date, holidays: Collection[date]) -> Sequence[Sequence[str]]:
    return () if day in holidays else weekly.get(str(day.weekday()), ())


def parse_time(typed: str) -> str | None:
    """A time as people write it (9, 9h30, 09:30, 6 pm) as HH:MM; None when it is none. 24:00 is midnight."""
    match = _TIME.fullmatch(typed.strip())
    if match is None:
        return None
    hour, colon_minute, letter_minute, half = match.groups()
    hours, minutes = int(hour), int(colon_minute or letter_minute or 0)
    if half:
        if not 1 <= hours <= 12:
            return None
        hours = hours % 12 + (12 if half in "pP" else 0)
    if (hours, minutes) == (24, 0):
        hours = 0
    return f"{hours:02}:{minutes:02}" if hours < 24 and minutes < 60 else None


def problems_of(weekly: Mapping[str, Sequence[Sequence[str]]]) -> list[Problem]:
    """What is wrong with a week of well-written times: empty intervals, and intervals that overlap."""
    spans = sorted(
        (int(day) * DAY_MINUTES + _minutes(start), _minutes(end) - _minutes(start), int(day), position)
        for day, intervals in weekly.items()
        for position, (start, end) in enumerate(intervals)
    )
    found = []
    following = [*spans[1:], *((begin + WEEK_MINUTES, *rest) for begin, *rest in spans[:1])]
    for (begin, length, day, position), (next_begin, _length, next_day, next_position) in zip(
        spans, following, strict=True
    ):
        if length == 0 and begin % DAY_MINUTES:
            words = _("%(day)s: opening and closing time are the same.") % {"day": day_name(day)}
            found.append(Problem(day, position, words))
        elif begin + (length if length > 0 else length + DAY_MINUTES) > next_begin:
            found.append(Problem(next_day, next_position, _overlap(day, next_day)))
    return found


def _overlap(day: int, next_day: int) -> str:
    if day == next_day:
        return _("%(day)s: the hours overlap.") % {"day": day_name(day)}
    names = {"day": day_name(next_day), "other": WEEKDAYS[day]}
    return _("%(day)s: the hours begin before those of %(other)s end.") % names


def _minutes(clock: str) -> int:
    hours, minutes = clock.split(":")
    return int(hours) * 60 + int(minutes)


def clean_weekly(value: Any) -> Weekly:
    """A week from outside, sorted and with all seven days. Raises ValidationError naming each day that is wrong."""
    if not isinstance(value, dict) or not set(map(str, value)) <= set(map(str, DAYS)):
        raise ValidationError(_("The week needs its days by number, from 0 for Monday to 6 for Sunday."))
    given = {str(day): intervals for day, intervals in value.items()}
    weekly = {str(day): _clean_day(day, given.get(str(day))) for day in DAYS}
    if problems := problems_of(weekly):
        raise ValidationError([problem.message for problem in problems])
    return weekly


def _clean_day(day: int, intervals: Any) -> list[list[str]]:
    wrong = ValidationError(_("%(day)s: write the hours as 09:00 to 18:00.") % {"day": day_name(day)})
    if intervals is None:
        return []
    if not isinstance(intervals, list | tuple) or len(intervals) > MOST_INTERVALS:
        raise wrong
    cleaned = []
    for interval in intervals:
        if not isinstance(interval, list | tuple) or len(interval) != 2:
            raise wrong
        times = [parse_time(time) if isinstance(time, str) else None for time in interval]
        if None in times:
            raise wrong
        cleaned.append([str(time) for time in times])
    return sorted(cleaned)


def day_name(day: int) -> str:
    """Monday for 0, as a sentence begins with it."""
    return capfirst(str(WEEKDAYS[day]))


def week_days() -> list[int]:
    """The days by number, from the first one of the reader's week."""
    first = (int(get_format("FIRST_DAY_OF_WEEK")) - 1) % 7  # Django counts from Sunday, we from Monday
    return [(first + offset) % 7 for offset in range(7)]


def usual_week(country: str = "") -> Weekly:
    """The hours a form begins with: nine to six on the country's working days."""
    working = {6, 0, 1, 2, 3} if country == "IL" else {0, 1, 2, 3, 4}
    return {str(day): [["09:00", "18:00"]] if day in working else [] for day in DAYS}


def usual_timezone(country: str) -> str:
    """The time zone of a country that has one; "" for others."""
    return {"FR": "Europe/Paris", "IL": "Asia/Jerusalem"}.get(country, "")


@lru_cache(maxsize=1)
def timezones() -> dict[str, list[str]]:
    """The names of time zones by region, as a select groups them."""
    names = sorted(known_timezones())
    regions = {region: [name for name in names if name.startswith(f"{region}/")] for region in REGIONS}
    return {**regions, "": ["UTC"]}


def is_timezone(name: str) -> bool:
    """Whether `name` is a time zone, under its own name or an old one."""
    return name in known_timezones()


def validate_timezone(name: str) -> None:
    """Raises ValidationError for a name that is no time zone."""
    if not is_timezone(name):
        raise ValidationError(_("“%(name)s” is not a time zone.") % {"name": name})


def validate_weekly(value: Any) -> None:
    """Raises ValidationError for a week that `clean_weekly` refuses."""
    clean_weekly(value)
