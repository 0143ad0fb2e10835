"""An appointment as Ava sees it, whichever calendar it stands in."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo


@dataclass(frozen=True)
class CalendarEvent:
    """An event of a calendar. Times are aware and in UTC; `ends_at` is exclusive.

    An all-day event runs from midnight to midnight of the calendar's own time zone. `url` opens it at the provider
    and may be "". `busy` says that the person cannot be booked meanwhile.
    """

    id: str
    title: str
    starts_at: datetime
    ends_at: datetime
    all_day: bool
    location: str
    description: str
    url: str
    busy: bool


@dataclass(frozen=True)
class NewEvent:
    """An event to be made. Times are aware; `timezone` is the zone in which the provider shows them.

    `key` names the event for us: making one again under the same key gives the first one back. Attendees are e-mail
    addresses, and the provider writes to them.
    """

    key: str
    title: str
    starts_at: datetime
    ends_at: datetime
    timezone: ZoneInfo
    description: str = ""
    location: str = ""
    attendees: Sequence[str] = ()

    def identifier(self, attempt: int) -> str:
        """The event's id at the provider, 64 of 0-9a-f. Each attempt has its own: a deleted event keeps its id."""
        return hashlib.sha256(f"{self.key}/{attempt}".encode()).hexdigest()
