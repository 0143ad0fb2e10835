"""A tenant's calls, newest first, page by page: as fast with a million calls as with ten."""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db.models import OuterRef, Q, QuerySet, Subquery

from accounts.models import Organization
from calls.models import Call, SearchEntry
from calls.words import asked_for

PAGE_SIZE = 25
# A word that many calls hold is found in the next few of them; only for a rarer one are all its matches collected.
LOOKED_THROUGH = 4


class BadCursor(ValueError):
    """A cursor that no page gave out."""


@dataclass(frozen=True)
class Filters:
    """Which calls are wanted; what is not said is not asked. Times are aware; `until` is the first moment too late."""

    statuses: Sequence[str] = ()
    direction: str = ""
    number: str = ""
    caller: str = ""
    since: datetime | None = None
    until: datetime | None = None
    has_recording: bool | None = None

    def narrow(self, calls: QuerySet[Call]) -> QuerySet[Call]:
        """Only those calls that are wanted."""
        asked = {
            "status__in": self.statuses,
            "direction": self.direction,
            "number": self.number,
            "caller_number": self.caller,
            "started_at__gte": self.since,
            "started_at__lt": self.until,
        }
        calls = calls.filter(**{name: value for name, value in asked.items() if value})
        if self.has_recording is None:
            return calls
        return calls.exclude(recording_name="") if self.has_recording else calls.filter(recording_name="")


ALL = Filters()
NOTHING: Mapping[str, Any] = {}


@dataclass(frozen=True)
class Page:
    """Some calls, newest first, and the cursors of the pages after and before them ("" when there is none)."""

    calls: list[Call]
    next_cursor: str = ""
    previous_cursor: str = ""


@dataclass(frozen=True)
class _Place:
    """A call beside which a page begins, and the way from there."""

    started_at: datetime
    pk: UUID
    is_newer: bool


def find_calls(
    organization: Organization,
    *,
    words: str = "",
    cursor: str = "",
    size: int = PAGE_SIZE,
    filters: Filters = ALL,
    extra: Mapping[str, Any] = NOTHING,
) -> Page:
    """A page of the calls that pass `filters` and hold all of `words` (the last one may be a beginning).

    `extra` is annotated to each call of the page. At most two queries; transcripts are left out until somebody reads
    them. Raises BadCursor.
    """
    place = _read(cursor) if cursor else None
    # The list shows no transcript, which is the heaviest column.
    shown = Call.objects.unscoped().defer("transcript").annotate(**extra)
    calls = filters.narrow(shown.filter(organization=organization))
    if words.strip():
        asked = asked_for(words, organization_id=organization.pk)
        found = _holding(calls, shown, asked, place, size + 1, is_filtered=filters != ALL) if asked else []
    else:
        found = list(_from(place, calls)[: size + 1])
    return _page(found, place, size)


def _holding(
    calls: QuerySet[Call],
    shown: QuerySet[Call],
    asked: list[list[str]],
    place: _Place | None,
    most: int,
    *,
    is_filtered: bool,
) -> list[Call]:
    """Those of `calls` that hold the words, from the place on.

    A plan that PostgreSQL keeps is made for a tenant and a word of average size. So it is left nothing to choose: ids
    come from one subquery and are looked up among all that could be `shown`, as the tenant's own index would be the
    wrong way to them; what else is asked of a row is asked as a value, which is never turned into a join.
    """
    entries = SearchEntry.objects.filter(words__holds=asked)
    near = _from(place, calls).values("pk")[: most * LOOKED_THROUGH]
    found = list(_from(place, _where(shown.filter(pk__in=near), entries))[:most])
    if len(found) == most:
        return found
    matching = _where(entries, calls) if is_filtered else entries
    ids = _from(place, matching, key="call").values("call")[:most]
    return list(_from(place, shown.filter(pk__in=ids)))


def _where(rows: QuerySet[Any], others: QuerySet[Any]) -> QuerySet[Any]:
    """Rows for which there is one with the same key among the others."""
    same = others.filter(pk=OuterRef("pk")).order_by().values("pk")[:1]
    return rows.alias(same=Subquery(same)).filter(same__isnull=False)


def _from(place: _Place | None, rows: QuerySet[Any], key: str = "pk") -> QuerySet[Any]:
    """The rows from a place on, the nearest first; without one, the newest first."""
    if place is None:
        return rows.order_by("-started_at", f"-{key}")
    way, sign = ("gt", "") if place.is_newer else ("lt", "-")
    beyond = Q(started_at=place.started_at, **{f"{key}__{way}": place.pk}) | Q(
        **{f"started_at__{way}": place.started_at}
    )
    # Said once more without "or", it is what the index is entered with.
    begins = {f"started_at__{way}e": place.started_at}
    return rows.filter(beyond, **begins).order_by(f"{sign}started_at", f"{sign}{key}")


def _page(found: list[Call], place: _Place | None, size: int) -> Page:
    is_more, calls = len(found) > size, found[:size]
    if not calls:
        return Page([])
    if place is None or not place.is_newer:
        next_cursor = _write("older", calls[-1]) if is_more else ""
        return Page(calls, next_cursor, _write("newer", calls[0]) if place else "")
    calls.reverse()
    return Page(calls, _write("older", calls[-1]), _write("newer", calls[0]) if is_more else "")


def _write(way: str, call: Call) -> str:
    return urlsafe_b64encode(f"{way}|{call.started_at.isoformat()}|{call.pk}".encode()).decode()


def _read(cursor: str) -> _Place:
    try:
        way, started_at, pk = urlsafe_b64decode(cursor.encode()).decode().split("|")
        moment = datetime.fromisoformat(started_at)
        if way not in {"newer", "older"} or not moment.tzinfo:
            raise BadCursor(cursor)
        return _Place(moment.astimezone(UTC), UUID(pk), way == "newer")
    except (ValueError, OverflowError, binascii.Error):
        raise BadCursor(cursor) from None
