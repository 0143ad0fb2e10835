"""What the page `/design/` shows the components with."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django import forms

from ava import charts
from calls.reports import Day, Report

# The page is for the people who build Ava: its words are not translated.
ICONS = [
    *("home", "phone", "sparkles", "hashtag", "cog-6-tooth", "key", "globe-alt", "language", "envelope", "user-group"),
    *("calendar", "clock", "credit-card", "bell", "shield-check", "eye", "trash", "clipboard", "arrow-path"),
    *("arrow-left", "chevron-right", "check-circle", "exclamation-triangle", "sun", "moon"),
]


class Specimen(forms.Form):
    """One field of each kind, half of them with something to say."""

    name = forms.CharField(label="Text", help_text="A hint says what is wanted.", initial="Cabinet Delmas")
    country = forms.ChoiceField(label="Select", choices=[("fr", "France"), ("il", "Israel"), ("us", "United States")])
    words = forms.CharField(label="Long text", widget=forms.Textarea(attrs={"rows": 3}), required=False)
    key = forms.CharField(label="Secret", widget=forms.PasswordInput, help_text="Never filled in beforehand.")
    tone = forms.ChoiceField(
        label="One of few",
        widget=forms.RadioSelect,
        choices=[("warm", "Warm"), ("formal", "Formal"), ("brisk", "Brisk")],
        initial="warm",
    )
    apps = forms.MultipleChoiceField(
        label="Some of several",
        widget=forms.CheckboxSelectMultiple,
        choices=[("slack", "Slack"), ("notion", "Notion"), ("drive", "Drive")],
        initial=["slack"],
    )
    terms = forms.BooleanField(label="I accept the terms")
    digest = forms.BooleanField(label="One mail a day", widget=forms.CheckboxInput(attrs={"role": "switch"}))
    email = forms.EmailField(label="With an error")
    seats = forms.IntegerField(label="With a warning", initial=40)


def context() -> dict[str, Any]:
    """Forms, charts and names for the page."""
    empty = Specimen(initial={"digest": True}, prefix="plain")
    form = Specimen({"email": "not-an-address", "seats": "40", "tone": "warm"}, prefix="")
    form.cautions = {"seats": "Your plan has 5 seats. You can go on, and change the plan later."}  # type: ignore[attr-defined]
    report = Report([Day(date(2026, 11, 15) + timedelta(days=n), *_FIGURES[n]) for n in range(7)], "USD")
    return {"form": empty, "filled": form, "icons": ICONS, "charts": charts.of_week(report), "week": report}


_FIGURES = [
    (4, 1, 610, Decimal("0.61")),
    (7, 0, 1200, Decimal("1.10")),
    (2, 2, 300, Decimal("0.29")),
    (9, 1, 1500, Decimal("1.42")),
    (0, 0, 0, Decimal(0)),
    (5, 0, 700, Decimal("0.70")),
    (6, 3, 980, Decimal("0.93")),
]
