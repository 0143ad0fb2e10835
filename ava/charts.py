"""Bar charts as plain geometry: the template draws them as SVG, style sheets give the colours."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.utils.functional import Promise
from django.utils.translation import get_language_bidi
from django.utils.translation import gettext_lazy as _

from calls.reports import Day, Report

WIDTH, HEIGHT, FOOT = 280, 96, 18
BAR = 0.56  # of the room that a day has
ROUND = 3


@dataclass(frozen=True)
class Bar:
    """A rectangle of a series."""

    series: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Label:
    """A day under its bars."""

    x: float
    day: date
    is_today: bool


@dataclass(frozen=True)
class Chart:
    """What the template needs to draw."""

    name: str
    title: str | Promise
    bars: Sequence[Bar]
    labels: Sequence[Label]
    is_empty: bool
    width: int = WIDTH
    height: int = HEIGHT + FOOT
    base: int = HEIGHT


Series = tuple[str, Callable[[Day], int | Decimal]]


def of_week(report: Report) -> list[Chart]:
    """The dashboard's charts: calls answered and missed, minutes, cost."""
    answered: Series = ("answered", lambda day: day.answered)
    missed: Series = ("missed", lambda day: day.missed)
    return [
        bars(report.days, name="calls", title=_("Calls per day, answered and missed"), series=[answered, missed]),
        bars(report.days, name="minutes", title=_("Minutes per day"), series=[("minutes", lambda day: day.minutes)]),
        bars(report.days, name="cost", title=_("Cost per day"), series=[("cost", lambda day: day.cost)]),
    ]


def bars(days: Sequence[Day], *, name: str, title: str | Promise, series: Sequence[Series]) -> Chart:
    """A stack of bars per day; time runs the way the reader reads."""
    highest = max(sum(value(day) for _name, value in series) for day in days)
    room = WIDTH / len(days)
    drawn, labels = [], []
    for number, day in enumerate(days):
        place = len(days) - 1 - number if get_language_bidi() else number
        labels.append(Label(round(place * room + room / 2, 1), day.day, number == len(days) - 1))
        top = float(HEIGHT)
        for part, value in series:
            height = round(float(value(day)) / float(highest) * (HEIGHT - 4), 1) if highest else 0.0
            if height:
                top = round(top - height, 1)
                drawn.append(
                    Bar(part, round(place * room + room * (1 - BAR) / 2, 1), top, round(room * BAR, 1), height)
                )
    return Chart(name, title, drawn, labels, is_empty=not highest)
