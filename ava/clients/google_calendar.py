"""A person's own Google calendar: asking for access, reading and making events.

Only the `primary` calendar is used, and only what its owner's events need is asked for.
https://developers.google.com/calendar/api/v3/reference
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.translation import gettext_noop

from ava.clients.calendar_events import CalendarEvent, NewEvent
from ava.clients.errors import Misconfigured, Unreachable
from ava.clients.http import JsonClient
from ava.clients.oauth import ANSWER_SECONDS, TIMEOUT_SECONDS, OAuthApp

PROVIDER = "google"
CALENDAR_SCOPE = "https://www.googleapis.com/auth/calendar.events.owned"
SCOPES = ("openid", "email", CALENDAR_SCOPE)
EVENTS = "/calendar/v3/calendars/primary/events"
EVENTS_PER_PAGE = 250
MOST_PAGES = 40
MOST_ATTEMPTS = 5


def oauth_app(*, client_id: str, client_secret: str, base_urls: Mapping[str, str]) -> OAuthApp:
    """Ava at Google; `base_urls` has the hosts `accounts` and `oauth`.

    `prompt=consent` gives a refresh token each time, else only the first time. Not all that is asked for need be
    granted: people may untick the calendar. https://developers.google.com/identity/protocols/oauth2/web-server
    """
    return OAuthApp(
        provider=PROVIDER,
        client_id=client_id,
        client_secret=client_secret,
        authorize_at=f"{base_urls['accounts']}/o/oauth2/v2/auth",
        token_base_url=base_urls["oauth"],
        token_path="/token",  # noqa: S106
        scopes=SCOPES,
        extra={"access_type": "offline", "prompt": "consent"},
    )


def may_use_calendar(scopes: tuple[str, ...]) -> bool:
    """Whether what was granted is enough for the calls of this module."""
    return CALENDAR_SCOPE in scopes


def revoke(*, token: str, base_url: str) -> None:
    """End the whole grant that a token belongs to; one that is dead already counts as ended. Raises ProviderError.

    https://developers.google.com/identity/protocols/oauth2/web-server#tokenrevoke
    """
    http = JsonClient(provider=PROVIDER, base_url=base_url, timeout=TIMEOUT_SECONDS, answer_seconds=ANSWER_SECONDS)
    with suppress(Misconfigured):
        http.send("POST", "/revoke", form={"token": token})


class GoogleCalendarClient:
    """Calls Google with one access token.

    Every method raises Refused (401: the token; 403: not granted), NotFound, Misconfigured (other 4xx) or Unreachable
    (time-out, 429, a 403 about rates, 5xx, an answer that is not what Google promises).
    """

    def __init__(self, access_token: str, base_url: str) -> None:
        self._http = JsonClient(
            provider=PROVIDER, base_url=base_url, token=access_token, answer_seconds=ANSWER_SECONDS, attempts=2
        )

    def __repr__(self) -> str:
        return f"<GoogleCalendarClient {self._http.base_url}>"

    def email(self) -> str:
        """The address of the account. https://developers.google.com/identity/openid-connect/openid-connect"""
        answer = self._http.get("/oauth2/v2/userinfo")
        if not isinstance(answer, dict) or not isinstance(answer.get("email"), str):
            raise Unreachable(PROVIDER, "unexpected answer: no e-mail address")
        return answer["email"]

    def list_events(self, *, starts_at: datetime, ends_at: datetime) -> list[CalendarEvent]:
        """What touches the window (aware times), repeats one by one, in order.

        https://developers.google.com/calendar/api/v3/reference/events/list
        """
        events = [event for page in self._pages(starts_at, ends_at) for event in _events(page)]
        return sorted(events, key=lambda event: (event.starts_at, event.id))

    def create_event(self, new: NewEvent) -> CalendarEvent:
        """Make an event, or find the one made under its key before. Google does not promise to notice every double.

        https://developers.google.com/calendar/api/v3/reference/events/insert
        """
        for attempt in range(1, MOST_ATTEMPTS + 1):
            identifier = new.identifier(attempt)
            made = self._insert(identifier, new) or self._http.get(f"{EVENTS}/{identifier}")
            if made.get("status") != "cancelled":  # deleted since, and it keeps its id
                return _event(made, UTC)
        raise Misconfigured(PROVIDER, gettext_noop("this event was made and deleted too often"))

    def _insert(self, identifier: str, new: NewEvent) -> dict[str, Any] | None:
        """The event; None when the id is taken."""
        body = {
            "id": identifier,
            "summary": new.title,
            "description": new.description,
            "location": new.location,
            "start": _moment(new.starts_at, new.timezone),
            "end": _moment(new.ends_at, new.timezone),
            "attendees": [{"email": address} for address in new.attendees],
        }
        try:
            return _object(self._http.post(EVENTS, body, params={"sendUpdates": "all" if new.attendees else "none"}))
        except Misconfigured as error:
            if error.status == 409:
                return None
            raise

    def _pages(self, starts_at: datetime, ends_at: datetime) -> Iterator[dict[str, Any]]:
        """A page may be empty and still not be the last."""
        params = {
            "timeMin": starts_at.astimezone(UTC).isoformat(),
            "timeMax": ends_at.astimezone(UTC).isoformat(),
            "singleEvents": "true",
            "orderBy": "startTime",
            "maxResults": str(EVENTS_PER_PAGE),
        }
        for _page in range(MOST_PAGES):
            page = _object(self._http.get(EVENTS, params=params))
            yield page
            if not page.get("nextPageToken"):
                return
            params["pageToken"] = str(page["nextPageToken"])
        raise Misconfigured(PROVIDER, gettext_noop("there are too many events in this time"))


def _moment(moment: datetime, timezone: ZoneInfo) -> dict[str, str]:
    return {"dateTime": moment.astimezone(timezone).isoformat(), "timeZone": timezone.key}


def _events(page: dict[str, Any]) -> Iterator[CalendarEvent]:
    try:
        zone = ZoneInfo(str(page.get("timeZone") or "UTC"))
    except (KeyError, ValueError):
        zone = ZoneInfo("UTC")
    items = page.get("items", [])
    if not isinstance(items, list):
        raise Unreachable(PROVIDER, "unexpected answer: no events")
    return (_event(item, zone) for item in map(_object, items) if item.get("status") != "cancelled")


def _event(item: dict[str, Any], zone: Any) -> CalendarEvent:
    try:
        return CalendarEvent(
            id=item["id"],
            title=str(item.get("summary") or ""),
            starts_at=_time(item["start"], zone),
            ends_at=_time(item["end"], zone),
            all_day="date" in item["start"],
            location=str(item.get("location") or ""),
            description=str(item.get("description") or ""),
            url=str(item.get("htmlLink") or ""),
            busy=item.get("transparency") != "transparent" and not _is_declined(item),
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        raise Unreachable(PROVIDER, "unexpected answer: not an event") from None


def _time(given: dict[str, str], zone: Any) -> datetime:
    if "date" in given:
        day = date.fromisoformat(given["date"])
        return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
    moment = datetime.fromisoformat(given["dateTime"])
    if moment.tzinfo is None:
        raise ValueError("no offset")
    return moment.astimezone(UTC)


def _is_declined(item: dict[str, Any]) -> bool:
    return any(one.get("self") and one.get("responseStatus") == "declined" for one in item.get("attendees") or [])


def _object(answer: Any) -> dict[str, Any]:
    if not isinstance(answer, dict):
        raise Unreachable(PROVIDER, "unexpected answer: no object")
    return answer
