"""The calls as a table for spreadsheets, sent while it is written."""

import csv
import io
from collections.abc import Iterator
from datetime import tzinfo
from typing import Any

from django.utils import timezone, translation
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from accounts.models import Organization
from ava.lib import csv_files
from calls.models import Call
from calls.search import ALL, Filters, find_calls

BATCH = 500
FIELDS = (
    *("started_at", "ended_at", "duration_seconds", "direction", "caller_number", "number", "status", "summary"),
    *("transcript", "cost", "currency"),
)
BYTE_ORDER_MARK = "\ufeff"  # or spreadsheets take the text for an older encoding


def csv_of(organization: Organization, *, words: str = "", filters: Filters = ALL) -> Iterator[str]:
    """The found calls, newest first, in the language and time zone of this moment.

    However many there are, only a batch of them is ever in memory.
    """
    return _written(organization, words, filters, translation.get_language(), timezone.get_current_timezone())


def _written(
    organization: Organization, words: str, filters: Filters, language: str | None, zone: tzinfo
) -> Iterator[str]:
    with translation.override(language):
        header = [capfirst(Call._meta.get_field(name).verbose_name) for name in FIELDS]  # type: ignore[union-attr]
        text = BYTE_ORDER_MARK + _lines([[*header, _("Recording")]])
    yield text
    for calls in _batches(organization, words, filters):
        # What asks for the next batch has a language of its own: this one does not stay beyond it.
        with translation.override(language), timezone.override(zone):
            text = _lines([_row(call) for call in calls])
        yield text


def _batches(organization: Organization, words: str, filters: Filters) -> Iterator[list[Call]]:
    cursor, is_more = "", True
    while is_more:
        page = find_calls(organization, words=words, cursor=cursor, size=BATCH, filters=filters)
        ids = [call.pk for call in page.calls]
        transcripts = dict(organization.calls.filter(pk__in=ids).values_list("pk", "transcript"))
        for call in page.calls:
            call.transcript = transcripts.get(call.pk, [])
        yield page.calls
        cursor, is_more = page.next_cursor, bool(page.next_cursor)


def _lines(rows: list[list[Any]]) -> str:
    file = io.StringIO(newline="")
    csv.writer(file).writerows([csv_files.cell(value) for value in row] for row in rows)
    return file.getvalue()


def _row(call: Call) -> list[Any]:
    shown = {
        "started_at": _moment(call.started_at),
        "ended_at": _moment(call.ended_at),
        "direction": call.get_direction_display(),
        "status": call.get_status_display(),
        "transcript": _conversation(call),
    }
    recording = _("yes") if call.recording_name else _("no")
    return [*(shown[name] if name in shown else getattr(call, name) for name in FIELDS), recording]


def _moment(moment: Any) -> str:
    return timezone.localtime(moment).strftime("%Y-%m-%d %H:%M:%S") if moment else ""


def _conversation(call: Call) -> str:
    names = {"assistant": _("Assistant"), "user": _("Caller")}
    said = ((names.get(line.get("role", ""), ""), line.get("text", "")) for line in call.transcript)
    return "\n".join(f"{name}: {text}" if name else text for name, text in said)
