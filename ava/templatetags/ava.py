"""Tags used on every page: numbers and lengths as people read them, and the icons."""

import functools
import re
from datetime import datetime, timedelta
from typing import Any

from django import forms, template
from django.contrib.humanize.templatetags.humanize import naturaltime
from django.forms import BoundField
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from heroicons.templatetags.heroicons import heroicon_outline

from ava.lib import bidi, phones

register = template.Library()

DAY = timedelta(days=1)


# Icons that point along the line; on a right-to-left page they point the other way. What plays a recording does not.
_DIRECTIONAL = re.compile(r"(^|-)(left|right)(-|$)|backspace|paper-airplane")


@register.simple_tag
@functools.cache
def icon(name: str) -> SafeString:
    """One of heroicons' outlines beside a word, so it is hidden from screen readers."""
    classes = "icon directional" if _DIRECTIONAL.search(name) else "icon"
    return mark_safe(heroicon_outline(str(name), size=None, **{"class": classes, "stroke-width": "1.6"}))  # noqa: S308


@register.filter
def phone(number: str, home_country: str = "") -> SafeString | str:
    """A number in the reader's own format, kept left to right on a right-to-left page."""
    if not number:
        return _("Hidden number")
    return format_html('<bdi dir="ltr" class="number">{}</bdi>', phones.readable(number, home_country=home_country))


@register.filter
def clock(seconds: Any) -> SafeString | str:
    """Seconds as m:ss, or h:mm:ss."""
    if seconds is None:
        return ""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    words = f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
    return format_html('<bdi dir="ltr" class="number">{}</bdi>', words)


@register.filter
def spell(seconds: int) -> str:
    """A length in words: "33 s", "2 min 5 s"."""
    minutes, rest = divmod(int(seconds), 60)
    values = {"minutes": minutes, "seconds": rest}
    return _("%(minutes)s min %(seconds)s s") % values if minutes else _("%(seconds)s s") % values


@register.filter
def when(moment: datetime, older: str = "DATETIME_FORMAT") -> SafeString:
    """A time as people say it: relative within a day, else in the format `older`; exact for who points at it."""
    local = timezone.localtime(moment)
    exact = date_format(local, "DATETIME_FORMAT")
    words = naturaltime(moment) if abs(timezone.now() - moment) < DAY else _in_format(local, older)
    return format_html('<time datetime="{}" title="{}">{}</time>', moment.isoformat(), exact, words)


def _in_format(local: datetime, name: str) -> str:
    """In a format of the locale's, or as "day": the day and the time; of another year, the date."""
    if name != "day":
        return date_format(local, name)
    if local.year != timezone.localtime().year:
        return date_format(local, "DATE_FORMAT")
    return f"{date_format(local, 'MONTH_DAY_FORMAT')}, {date_format(local, 'TIME_FORMAT')}"


@register.filter
def shorten(text: str, most: int) -> str:
    """The beginning of a text. (Django's own way sets Hebrew readers an override of direction into the line.)"""
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"


@register.filter
def kind(field: BoundField) -> str:
    """How a field is drawn: segmented, checks, check, switch, secret, or as its widget is."""
    widget = field.field.widget
    if isinstance(widget, forms.CheckboxSelectMultiple):
        return "checks"
    if isinstance(widget, forms.RadioSelect):
        return "segmented"
    if isinstance(widget, forms.CheckboxInput):
        return "switch" if widget.attrs.get("role") == "switch" else "check"
    return "secret" if isinstance(widget, forms.PasswordInput) else ""


@register.filter
def described_by(field: BoundField) -> str:
    """The ids of what is said about a field: its hint, its warning, its error."""
    parts = {
        "helptext": field.help_text,
        "caution": getattr(field.form, "cautions", None) is not None,
        "error": field.errors,
    }
    return " ".join(f"{field.auto_id}_{part}" for part, is_there in parts.items() if is_there)


@register.filter
def caution(field: BoundField) -> str:
    """A warning that does not block, from the form's own `cautions` (by the field's name)."""
    return getattr(field.form, "cautions", {}).get(field.name, "")


@register.filter
def control(field: BoundField) -> SafeString:
    """A field's own control, without a placeholder: the label says what belongs there."""
    field.field.widget.attrs.pop("placeholder", None)
    attrs: dict[str, str | bool] = {}
    if described := described_by(field):
        attrs["aria-describedby"] = described
    if field.value() and _is_prose(field):  # an empty one begins where the page's own language does
        attrs["dir"] = "rtl" if bidi.direction(str(field.value())) == "rtl" else "auto"
    return field.as_widget(attrs=attrs)


def _is_prose(field: BoundField) -> bool:
    widget = field.field.widget
    is_text = isinstance(widget, forms.Textarea) or getattr(widget, "input_type", "") == "text"
    return is_text and "dir" not in widget.attrs and not isinstance(field.value(), int | float)


@register.filter
def tone(status: str) -> str:
    """The colour role of a state."""
    if status in {"completed", "done", "processed", "works", "transferred", "delivered"}:
        return "positive"
    if status in {"failed", "refused", "invalid"}:
        return "danger"
    return "warning" if status in {"missed", "voicemail", "unreachable", "pending", "running"} else ""


@register.filter
def plain_phone(number: str, home_country: str = "") -> str:
    """A number for plain text; in a right-to-left line invisible marks keep it whole."""
    if not number:
        return _("Hidden number")
    return bidi.isolate(phones.readable(number, home_country=home_country))


@register.filter
def direction(text: str) -> str:
    """Which way a text runs, for `dir`: what was said on a call is not always in the page's language."""
    return bidi.direction(text)


@register.filter
def opening_mark(text: str) -> str:
    """What its line begins with in plain text."""
    return bidi.opening_mark(text)
