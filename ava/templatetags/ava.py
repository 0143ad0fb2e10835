"""Tags used on every page: numbers and lengths as people read them, and the icons."""

from datetime import datetime, timedelta
from typing import Any

from django import template
from django.contrib.humanize.templatetags.humanize import naturaltime
from django.forms import BoundField
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language_bidi
from django.utils.translation import gettext as _

from ava.lib import phones

register = template.Library()

# Outlines on a 24 by 24 grid, drawn for Ava.
_ICONS = {
    "home": "M4 11 12 4l8 7v8a1 1 0 0 1-1 1h-4v-6H9v6H5a1 1 0 0 1-1-1z",
    "calls": "M6 4h3l2 5-2.5 1.5a11 11 0 0 0 5 5L15 13l5 2v3a2 2 0 0 1-2 2A15 15 0 0 1 4 6a2 2 0 0 1 2-2z",
    "settings": "M4 7h8M16 7h4M4 17h4M12 17h8M14 5v4M10 15v4",
    "mail": "M4 6h16v12H4zM4 7l8 6 8-6",
    "languages": "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM3 12h18M12 3c3 3 3 15 0 18M12 3c-3 3-3 15 0 18",
    "key": "M14 10a4 4 0 1 0-4 4 4 4 0 0 0 4-4zM13 13l7 7M17 17l2-2",
    "back": "M15 5l-7 7 7 7",
    "play": "M8 5l11 7-11 7z",
}
DAY = timedelta(days=1)


@register.simple_tag
def icon(name: str) -> SafeString:
    """An icon beside a word, so it is hidden from screen readers."""
    return format_html(
        '<svg class="icon {}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.8" '
        'stroke-linecap="round" stroke-linejoin="round" aria-hidden="true"><path d="{}"/></svg>',
        name,
        _ICONS[name],
    )


@register.filter
def phone(number: str, home_country: str = "") -> SafeString | str:
    """A number in the reader's own format, kept left to right on a right-to-left page."""
    if not number:
        return _("Hidden number")
    return format_html('<bdi dir="ltr" class="number">{}</bdi>', phones.readable(number, home_country=home_country))


@register.filter
def clock(seconds: Any) -> SafeString | str:
    """Seconds as m:ss."""
    if seconds is None:
        return ""
    minutes, rest = divmod(int(seconds), 60)
    return format_html('<bdi dir="ltr" class="number">{}:{:0>2}</bdi>', minutes, rest)


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
    words = naturaltime(moment) if abs(timezone.now() - moment) < DAY else date_format(local, older)
    return format_html('<time datetime="{}" title="{}">{}</time>', moment.isoformat(), exact, words)


@register.filter
def shorten(text: str, most: int) -> str:
    """The beginning of a text. (Django's own way sets Hebrew readers an override of direction into the line.)"""
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"


@register.filter
def control(field: BoundField) -> SafeString:
    """A field's own control, without a placeholder: the label says what belongs there."""
    field.field.widget.attrs.pop("placeholder", None)
    return field.as_widget()


@register.filter
def tone(status: str) -> str:
    """The colour role of a state."""
    if status in {"completed", "done", "processed", "works", "transferred"}:
        return "positive"
    if status in {"failed", "refused", "invalid"}:
        return "danger"
    return "warning" if status in {"missed", "voicemail", "unreachable", "pending", "running"} else ""


@register.filter
def plain_phone(number: str, home_country: str = "") -> str:
    """A number for plain text; in a right-to-left line invisible marks keep it whole."""
    if not number:
        return _("Hidden number")
    readable = phones.readable(number, home_country=home_country)
    return f"\u2066{readable}\u2069" if get_language_bidi() else readable
