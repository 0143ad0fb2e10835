"""A person's own Outlook calendar over Microsoft Graph: asking for access, reading and making events.

One way for work and personal accounts: getSchedule, which the latter lack, is not used.
https://learn.microsoft.com/graph/api/resources/calendar
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.utils.translation import gettext_noop

from ava.clients.calendar_events import CalendarEvent, NewEvent
from ava.clients.errors import Misconfigured, Unreachable
from ava.clients.http import JsonClient
from ava.clients.oauth import ANSWER_SECONDS, OAuthApp

PROVIDER = "microsoft"
CALENDAR_SCOPE = "Calendars.ReadWrite"
# Without offline_access there is no refresh token.
SCOPES = ("offline_access", "User.Read", CALENDAR_SCOPE)
GRAPH_PREFIX = "https://graph.microsoft.com/"
EVENT_FIELDS = "id,subject,start,end,isAllDay,isCancelled,location,bodyPreview,webLink,showAs,transactionId"
EVENTS_PER_PAGE = 100
MOST_PAGES = 100
MOST_ATTEMPTS = 5
FREE = frozenset({"free", "workingElsewhere"})


def oauth_app(*, client_id: str, client_secret: str, tenant: str, base_urls: Mapping[str, str]) -> OAuthApp:
    """Ava at Microsoft; `base_urls` has the host `login`, `tenant` is `common` for work and personal accounts.

    Each refresh gives a new refresh token, to be kept at once.
    https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow
    """
    return OAuthApp(
        provider=PROVIDER,
        client_id=client_id,
        client_secret=client_secret,
        authorize_at=f"{base_urls['login']}/{tenant}/oauth2/v2.0/authorize",
        token_base_url=base_urls["login"],
        token_path=f"/{tenant}/oauth2/v2.0/token",
        scopes=SCOPES,
        extra={"response_mode": "query", "prompt": "select_account"},
    )


def admin_consent_url(*, client_id: str, tenant: str, base_urls: Mapping[str, str]) -> str:
    """Where an administrator allows Ava for everybody of theirs.

    https://learn.microsoft.com/entra/identity/enterprise-apps/grant-admin-consent
    """
    whose = "organizations" if tenant == "common" else tenant
    return f"{base_urls['login']}/{whose}/adminconsent?{urlencode({'client_id': client_id})}"


def may_use_calendar(scopes: tuple[str, ...]) -> bool:
    """Whether what was granted is enough for this module; scopes are named with or without a prefix."""
    return CALENDAR_SCOPE.lower() in {scope.removeprefix(GRAPH_PREFIX).lower() for scope in scopes}


class MicrosoftCalendarClient:
    """Calls Graph with one access token. All-day events begin and end at midnight in `days_in`, the reader's zone.

    Every method raises Refused (401: the token; 403: not granted), NotFound, Misconfigured (other 4xx) or Unreachable
    (time-out, 429, 5xx, an answer that is not what Graph promises).
    """

    def __init__(self, access_token: str, base_url: str, *, days_in: ZoneInfo) -> None:
        self._http = JsonClient(
            provider=PROVIDER,
            base_url=base_url,
            token=access_token,
            answer_seconds=ANSWER_SECONDS,
            attempts=2,
            headers={"Prefer": 'outlook.timezone="UTC"'},
        )
        self._days_in = days_in

    def __repr__(self) -> str:
        return f"<MicrosoftCalendarClient {self._http.base_url}>"

    def email(self) -> str:
        """The address of the account. https://learn.microsoft.com/graph/api/user-get"""
        answer = _object(self._http.get("/me", params={"$select": "mail,userPrincipalName"}))
        address = answer.get("mail") or answer.get("userPrincipalName")
        if not isinstance(address, str):
            raise Unreachable(PROVIDER, "unexpected answer: no e-mail address")
        return address

    def list_events(self, *, starts_at: datetime, ends_at: datetime) -> list[CalendarEvent]:
        """What touches the window (aware times), repeats one by one, in order.

        https://learn.microsoft.com/graph/api/user-list-calendarview
        """
        items = self._items(starts_at, ends_at)
        events = [_event(item, self._days_in) for item in items if not item.get("isCancelled")]
        return sorted(events, key=lambda event: (event.starts_at, event.id))

    def create_event(self, new: NewEvent) -> CalendarEvent:
        """Make an event, or find the one made under its key before. Microsoft writes to every attendee.

        What a repeated `transactionId` answers is not documented: the first event and a 409 are both understood.
        https://learn.microsoft.com/graph/api/user-post-events
        """
        for attempt in range(1, MOST_ATTEMPTS + 1):
            identifier = new.identifier(attempt)
            made = self._insert(identifier, new) or self._find(identifier, new)
            if made:
                return _event(made, self._days_in)
        raise Misconfigured(PROVIDER, gettext_noop("this event was made and deleted too often"))

    def _insert(self, identifier: str, new: NewEvent) -> dict[str, Any] | None:
        """The event; None when Graph has seen the id before."""
        body = {
            "transactionId": identifier,
            "subject": new.title,
            "body": {"contentType": "text", "content": new.description},
            "location": {"displayName": new.location},
            "start": _moment(new.starts_at),
            "end": _moment(new.ends_at),
            "attendees": [{"emailAddress": {"address": one}, "type": "required"} for one in new.attendees],
        }
        try:
            return _object(self._http.post("/me/events", body))
        except Misconfigured as error:
            if error.status == 409:
                return None
            raise

    def _find(self, identifier: str, new: NewEvent) -> dict[str, Any] | None:
        """The event of an earlier try; None when it was deleted or moved since."""
        items = self._items(new.starts_at, new.ends_at)
        return next((item for item in items if item.get("transactionId") == identifier), None)

    def _items(self, starts_at: datetime, ends_at: datetime) -> Iterator[dict[str, Any]]:
        """The window obeys the offsets in its own values, whatever zone is preferred for the answer."""
        params: dict[str, str] | None = {
            "startDateTime": starts_at.astimezone(UTC).isoformat(),
            "endDateTime": ends_at.astimezone(UTC).isoformat(),
            "$orderby": "start/dateTime",
            "$top": str(EVENTS_PER_PAGE),
            "$select": EVENT_FIELDS,
        }
        path = "/me/calendarView"
        for _page in range(MOST_PAGES):
            page = _object(self._http.get(path, params=params))
            if not isinstance(page.get("value"), list):
                raise Unreachable(PROVIDER, "unexpected answer: no events")
            yield from map(_object, page["value"])
            if not page.get("@odata.nextLink"):
                return
            path, params = self._path_of(str(page["@odata.nextLink"])), None
        raise Misconfigured(PROVIDER, gettext_noop("there are too many events in this time"))

    def _path_of(self, next_link: str) -> str:
        """The next page as Graph names it; the token goes nowhere else."""
        if not next_link.startswith(f"{self._http.base_url}/"):
            raise Unreachable(PROVIDER, "unexpected answer: the next page is elsewhere")
        return next_link.removeprefix(self._http.base_url)


def _moment(moment: datetime) -> dict[str, str]:
    """In UTC: Graph does not take every IANA name."""
    return {"dateTime": moment.astimezone(UTC).replace(tzinfo=None).isoformat(), "timeZone": "UTC"}


def _event(item: dict[str, Any], days_in: ZoneInfo) -> CalendarEvent:
    try:
        all_day = bool(item.get("isAllDay"))
        return CalendarEvent(
            id=item["id"],
            title=str(item.get("subject") or ""),
            starts_at=_time(item["start"], days_in if all_day else None),
            ends_at=_time(item["end"], days_in if all_day else None),
            all_day=all_day,
            location=str((item.get("location") or {}).get("displayName") or ""),
            description=str(item.get("bodyPreview") or ""),
            url=str(item.get("webLink") or ""),
            busy=item.get("showAs") not in FREE,
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        raise Unreachable(PROVIDER, "unexpected answer: not an event") from None


def _time(given: dict[str, str], days_in: ZoneInfo | None) -> datetime:
    """Times come without an offset, their zone beside them; an all-day event's are midnight, whatever the zone."""
    moment = datetime.fromisoformat(given["dateTime"])
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=days_in or ZoneInfo(given["timeZone"]))
    return moment.astimezone(UTC)


def _object(answer: Any) -> dict[str, Any]:
    if not isinstance(answer, dict):
        raise Unreachable(PROVIDER, "unexpected answer: no object")
    return answer
