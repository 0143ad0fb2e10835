"""Saying when the business is open: the weekly grid, and the holidays."""

import datetime
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.forms import BoundField
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.models import Organization, User
from ava.lib.forms import LongSelect
from telephony import hours, opening
from telephony.models import BusinessHours

INTERVALS = 2
REGION_NAMES = {
    "Africa": _("Africa"),
    "America": _("America"),
    "Antarctica": _("Antarctica"),
    "Arctic": _("Arctic"),
    "Asia": _("Asia"),
    "Atlantic": _("Atlantic"),
    "Australia": _("Australia"),
    "Europe": _("Europe"),
    "Indian": _("Indian Ocean"),
    "Pacific": _("Pacific"),
    "": _("Others"),
}
_CLOCK = re.compile(r"\d{2}:\d{2}")


@dataclass(frozen=True)
class Interval:
    """The two inputs of one opening."""

    opens: BoundField
    closes: BoundField

    @property
    def is_used(self) -> bool:
        """Whether something stands in it."""
        return any(field.value() or field.errors for field in (self.opens, self.closes))


@dataclass(frozen=True)
class Day:
    """One weekday of the grid."""

    number: int
    name: str
    is_open: BoundField
    intervals: Sequence[Interval]

    @property
    def wrong_fields(self) -> list[BoundField]:
        """The inputs that have a problem."""
        fields = [self.is_open, *(one for pair in self.intervals for one in (pair.opens, pair.closes))]
        return [field for field in fields if field.errors]


class BusinessHoursForm(forms.Form):
    """The week as a grid of flat fields (`day-0-open`, `day-0-from-1`, `day-0-to-1`, …), so that each saves on its own.

    `initial` may hold flat fields or a whole `weekly`; it goes before the organization's saved hours. Without any, the
    form begins with what suits the organization's country and the person.
    A posted `copy` with a day's number copies that day to all others: then `is_copying`, and the form is never valid.
    """

    timezone = forms.CharField(
        label=_("Time zone"), widget=LongSelect, error_messages={"required": _("Choose your time zone.")}
    )
    fallback_email = forms.EmailField(
        label=_("Fallback e-mail"),
        help_text=_("Who is told when a call comes outside these hours, or could not be answered."),
        required=False,
        max_length=254,
        error_messages={"invalid": _("Enter the fallback e-mail as name@example.com.")},
    )

    def __init__(
        self,
        data: Any = None,
        *,
        organization: Organization | None = None,
        person: User | None = None,
        instance: BusinessHours | None = None,
        initial: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        saved = instance or opening.starting_hours(organization, person)
        values = {"timezone": saved.timezone, "fallback_email": saved.fallback_email, **dict(initial or {})}
        weekly = values.pop("weekly", saved.weekly)
        self.rows = max(INTERVALS, *(len(intervals) for intervals in weekly.values()), 0)
        super().__init__(data, initial={**flat_week(weekly), **values}, **kwargs)
        self.order_fields(["timezone", *self._add_days(), "fallback_email"])
        self.is_new = saved.pk is None
        copied = str(self.data.get("copy", ""))
        self.is_copying = copied in {str(day) for day in hours.DAYS}
        if self.is_copying:
            self.data = self._copied_to_all(copied)
        self._offer_timezones()

    def _add_days(self) -> list[str]:
        names = []
        for day in hours.DAYS:
            self.fields[f"day-{day}-open"] = forms.BooleanField(
                label=hours.day_name(day), required=False, widget=forms.CheckboxInput(attrs={"role": "switch"})
            )
            for row in range(1, self.rows + 1):
                for edge, label in zip(("from", "to"), _labels(day, row), strict=True):
                    widget = forms.TimeInput(attrs={"type": "time", "dir": "ltr"})
                    self.fields[f"day-{day}-{edge}-{row}"] = forms.CharField(
                        label=label, required=False, max_length=40, widget=widget
                    )
            names += [name for name in self.fields if name.startswith(f"day-{day}-")]
        return names

    def _offer_timezones(self) -> None:
        choices: list[Any] = [
            (REGION_NAMES[region], [(name, name.partition("/")[2].replace("_", " ") or name) for name in names])
            for region, names in hours.timezones().items()
        ]
        chosen = self["timezone"].value() or ""
        if hours.is_timezone(chosen) and not any(chosen in names for names in hours.timezones().values()):
            choices.insert(0, (chosen, chosen))  # an old name, such as browsers may still give
        elif not hours.is_timezone(chosen):
            choices.insert(0, (chosen, chosen or _("Choose …")))
        select = self.fields["timezone"].widget
        select.choices = choices
        if self.is_new:
            select.attrs["data-guess"] = "timezone"

    def _copied_to_all(self, source: str) -> Any:
        data: Any = self.data.copy()  # type: ignore[attr-defined]
        for name in [name for name in self.fields if name.startswith("day-")]:
            _day, _number, rest = name.split("-", 2)
            value = data.get(self.add_prefix(f"day-{source}-{rest}"))
            data.pop(self.add_prefix(name), None)
            if value is not None:
                data[self.add_prefix(name)] = value
        return data

    def is_valid(self) -> bool:
        """Never while a day is being copied: that only shows the form again."""
        return not self.is_copying and super().is_valid()

    def clean_timezone(self) -> str:
        name = self.cleaned_data["timezone"]
        hours.validate_timezone(name)
        return name

    def clean(self) -> dict[str, Any]:
        """Puts the week together under `weekly`; each problem goes to a field of its day."""
        cleaned = super().clean() or self.cleaned_data
        typed = {day: self._typed_intervals(day) for day in hours.DAYS}
        weekly = {str(day): [(start, end) for _row, start, end in found] for day, found in typed.items()}
        for problem in hours.problems_of(weekly):
            row = typed[problem.day][problem.position][0]
            self.add_error(f"day-{problem.day}-from-{row}", problem.message)
        if not any(name.startswith("day-") for name in self.errors):
            cleaned["weekly"] = hours.clean_weekly(weekly)
        return cleaned

    def _typed_intervals(self, day: int) -> list[tuple[int, str, str]]:
        """Row, start and end of what is rightly typed for an open day; what is not is marked."""
        if not self.cleaned_data.get(f"day-{day}-open"):
            return []
        rows = [
            (row, *(self.cleaned_data.get(f"day-{day}-{edge}-{row}", "") for edge in ("from", "to")))
            for row in range(1, self.rows + 1)
        ]
        rows = [(row, start, end) for row, start, end in rows if start or end]
        if not rows:
            self._say(day, "from-1", gettext("%(day)s: enter when you open and when you close, or switch the day off."))
        return [(row, *times) for row, start, end in rows if (times := self._times(day, row, start, end))]

    def _times(self, day: int, row: int, start: str, end: str) -> tuple[str, str] | None:
        parsed = []
        for edge, typed in (("from", start), ("to", end)):
            time = hours.parse_time(typed)
            if not typed:
                missing = {
                    "from": gettext("%(day)s: enter when you open."),
                    "to": gettext("%(day)s: enter when you close."),
                }
                self._say(day, f"{edge}-{row}", missing[edge])
            elif time is None:
                self._say(
                    day, f"{edge}-{row}", gettext("%(day)s: “%(typed)s” is not a time. Write it as 09:30."), typed
                )
            else:
                parsed.append(time)
        return (parsed[0], parsed[1]) if len(parsed) == 2 else None

    def _say(self, day: int, rest: str, words: str, typed: str = "") -> None:
        self.add_error(f"day-{day}-{rest}", words % {"day": hours.day_name(day), "typed": typed})

    @property
    def days(self) -> Iterator[Day]:
        """The grid, from the first day of the reader's week."""
        for number in hours.week_days():
            intervals = [self._interval(number, row) for row in range(1, self.rows + 1)]
            yield Day(number, hours.day_name(number), self[f"day-{number}-open"], intervals)

    def _interval(self, day: int, row: int) -> Interval:
        opens, closes = (self[f"day-{day}-{edge}-{row}"] for edge in ("from", "to"))
        for field in (opens, closes):
            typed = str(field.value() or "")
            if typed and not _CLOCK.fullmatch(typed):
                field.field.widget.input_type = "text"  # a time input would hide what was typed
                field.field.widget.attrs["type"] = "text"
        return Interval(opens, closes)

    def save_for(self, organization: Organization) -> BusinessHours:
        """Keep the hours as the organization's."""
        values = {name: self.cleaned_data[name] for name in ("timezone", "weekly", "fallback_email")}
        return opening.save_hours(organization=organization, **values)


def _labels(day: int, row: int) -> tuple[str, str]:
    """What the two inputs of an opening are called to who cannot see where they stand."""
    words = gettext("%(day)s, opens at"), gettext("%(day)s, closes at")
    if row > 1:
        words = gettext("%(day)s, opens again at"), gettext("%(day)s, closes again at")
    opens, closes = (one % {"day": hours.day_name(day)} for one in words)
    return opens, closes


def flat_week(weekly: Mapping[str, Any]) -> dict[str, Any]:
    """A week as the grid's fields."""
    flat: dict[str, Any] = {}
    for day in hours.DAYS:
        intervals = weekly.get(str(day), [])
        flat[f"day-{day}-open"] = bool(intervals)
        for row, (start, end) in enumerate(intervals, start=1):
            flat |= {f"day-{day}-from-{row}": start, f"day-{day}-to-{row}": end}
    return flat


class HolidayForm(forms.Form):
    """A day on which the business does not open."""

    date = forms.DateField(
        label=_("Date"),
        widget=forms.DateInput(attrs={"type": "date", "dir": "ltr"}, format="%Y-%m-%d"),
        error_messages={"required": _("Choose the holiday's date."), "invalid": _("Enter the date as 2027-01-31.")},
    )
    name = forms.CharField(label=_("Name (optional)"), max_length=80, required=False)

    def __init__(self, *args: Any, organization: Organization, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.organization = organization

    def clean_date(self) -> datetime.date:
        day = self.cleaned_data["date"]
        opening.check_holiday(self.organization, day)
        return day

    def save_for(self, organization: Organization) -> None:
        """Keep the holiday; one that is already there stays as it is."""
        opening.keep_holiday(organization=organization, **self.cleaned_data)
