"""What the list of calls may be narrowed to."""

from datetime import date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from calls.models import CallStatus, Direction
from calls.search import Filters

DATE = "%Y-%m-%d"
# Days that every time zone and database can tell.
FIRST_DAY, LAST_DAY = date(1970, 1, 2), date(9998, 12, 31)


def _choices(kind: type[models.TextChoices], everything: Any) -> list[tuple[str, Any]]:
    return [("", everything), *((value, capfirst(label)) for value, label in kind.choices)]


def _day(label: Any) -> forms.DateField:
    return forms.DateField(
        label=label,
        required=False,
        input_formats=[DATE],
        validators=[MinValueValidator(FIRST_DAY), MaxValueValidator(LAST_DAY)],
        widget=forms.DateInput(attrs={"type": "date", "dir": "ltr"}, format=DATE),
    )


class CallFilterForm(forms.Form):
    """The filters beside the search box. What cannot be read is told beside its field, and filters nothing."""

    status = forms.ChoiceField(label=_("Status"), required=False, choices=lambda: _choices(CallStatus, _("Any")))
    direction = forms.ChoiceField(label=_("Direction"), required=False, choices=lambda: _choices(Direction, _("Any")))
    since = _day(_("From"))
    until = _day(_("Until"))
    recorded = forms.BooleanField(label=_("With a recording"), required=False)

    @property
    def chosen(self) -> dict[str, Any]:
        """The filters that are set, by their names."""
        self.full_clean()
        return {name: value for name, value in self.cleaned_data.items() if value}

    @property
    def filters(self) -> Filters:
        """The days are those of the person's own time zone, the last one included."""
        chosen = self.chosen
        return Filters(
            statuses=[chosen["status"]] if "status" in chosen else [],
            direction=chosen.get("direction", ""),
            since=_midnight(chosen["since"]) if "since" in chosen else None,
            until=_midnight(chosen["until"] + timedelta(days=1)) if "until" in chosen else None,
            has_recording=True if "recorded" in chosen else None,
        )

    def query(self, words: str) -> str:
        """What is looked for, for links: "" or "q=…&status=…"."""
        values = {name: "on" if value is True else value for name, value in self.chosen.items()}
        return urlencode({"q": words, **values} if words else values)


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))
