"""Outlook's calendar client over Graph: what goes over the wire, what comes back, and how refusals read."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import pytest

from ava.clients import microsoft_calendar
from ava.clients.calendar_events import NewEvent
from ava.clients.errors import GrantEnded, Misconfigured, Refused, Unreachable
from ava.clients.microsoft_calendar import MicrosoftCalendarClient
from tests.servers.scripted_http import Received, Reply, always, as_json, serve

TOKEN = "EwB4-access-token-a1b2"
WINDOW = {"starts_at": datetime(2026, 3, 28, tzinfo=UTC), "ends_at": datetime(2026, 3, 30, tzinfo=UTC)}
EVENT = {
    "id": "AAMk1",
    "subject": "Check-up",
    "start": {"dateTime": "2026-03-29T08:00:00.0000000", "timeZone": "UTC"},
    "end": {"dateTime": "2026-03-29T08:30:00.0000000", "timeZone": "UTC"},
    "isAllDay": False,
    "showAs": "busy",
    "location": {"displayName": "Room 2"},
}
NEW = NewEvent(
    key="1/booking",
    title="Check-up",
    starts_at=datetime(2026, 3, 29, 10, tzinfo=ZoneInfo("Europe/Paris")),
    ends_at=datetime(2026, 3, 29, 10, 30, tzinfo=ZoneInfo("Europe/Paris")),
    timezone=ZoneInfo("Europe/Paris"),
    attendees=("caller@example.com",),
)


def client(server: Any, days_in: str = "Europe/Paris") -> MicrosoftCalendarClient:
    return MicrosoftCalendarClient(TOKEN, f"{server.url}/v1.0", days_in=ZoneInfo(days_in))


def app(url: str) -> Any:
    return microsoft_calendar.oauth_app(
        client_id="ava", client_secret="client-secret", tenant="common", base_urls={"login": url}
    )


def failure(status: int, code: str) -> Reply:
    return as_json({"error": {"code": code, "message": "no"}}, status)


def events_of(*items: Any, days_in: str = "Europe/Paris") -> Any:
    with serve(always(as_json({"value": list(items)}))) as server:
        return client(server, days_in).list_events(**WINDOW)


# --- Access -----------------------------------------------------------------------------------------------------------


def test_the_address_asks_for_lasting_access_to_the_calendar() -> None:
    url = app("https://login.example").authorize_url(redirect_uri="https://x", state="s", code_verifier="v" * 43)
    asked = parse_qs(urlsplit(url).query)
    assert url.startswith("https://login.example/common/oauth2/v2.0/authorize?")
    assert asked["scope"] == ["offline_access User.Read Calendars.ReadWrite"]
    assert asked["code_challenge_method"] == ["S256"]


@pytest.mark.parametrize(
    ("scope", "enough"),
    [
        ("User.Read Calendars.ReadWrite", True),
        ("https://graph.microsoft.com/User.Read https://graph.microsoft.com/Calendars.ReadWrite", True),
        ("User.Read calendars.readwrite", True),
        ("User.Read Calendars.Read", False),
        ("", False),
    ],
)
def test_scopes_come_with_and_without_a_prefix(scope: str, enough: bool) -> None:
    assert microsoft_calendar.may_use_calendar(tuple(scope.split())) == enough


def test_each_refresh_brings_another_refresh_token() -> None:
    answer = {"access_token": TOKEN, "refresh_token": "second", "expires_in": 3599, "scope": "User.Read"}
    with serve(always(as_json(answer))) as server:
        assert app(server.url).refresh("first").refresh_token == "second"
        assert server.requests[0].path == "/common/oauth2/v2.0/token"


@pytest.mark.parametrize("number", [70008, 700082, 50173, 50076])
def test_a_grant_that_is_over_is_told_with_microsofts_number(number: int) -> None:
    answer = {"error": "invalid_grant", "error_description": f"AADSTS{number}: over", "error_codes": [number]}
    with serve(always(as_json(answer, 400))) as server, pytest.raises(GrantEnded, match=f"AADSTS{number}"):
        app(server.url).refresh("refresh-token")


def test_the_administrators_address_names_ava() -> None:
    url = microsoft_calendar.admin_consent_url(
        client_id="ava", tenant="common", base_urls={"login": "https://login.example"}
    )
    assert url == "https://login.example/organizations/adminconsent?client_id=ava"


def test_the_address_of_an_account_without_a_mailbox_is_its_name() -> None:
    for mail, expected in ((None, "a@outlook.example"), ("b@practice.example", "b@practice.example")):
        with serve(always(as_json({"mail": mail, "userPrincipalName": "a@outlook.example"}))) as server:
            assert client(server).email() == expected


# --- Events -----------------------------------------------------------------------------------------------------------


def test_times_without_an_offset_are_in_the_zone_beside_them() -> None:
    elsewhere = {"dateTime": "2026-03-29T11:00:00.0000000", "timeZone": "Asia/Jerusalem"}
    first, second = events_of({**EVENT, "id": "b", "start": elsewhere, "end": elsewhere}, EVENT)
    assert first.starts_at == second.starts_at == datetime(2026, 3, 29, 8, tzinfo=UTC)
    assert second.location == "Room 2"


def test_the_window_is_asked_for_in_utc_and_the_answer_too() -> None:
    with serve(always(as_json({"value": []}))) as server:
        client(server).list_events(**WINDOW)
        (request,) = server.requests
    assert request.query["startDateTime"] == "2026-03-28T00:00:00+00:00"
    assert request.headers["prefer"] == 'outlook.timezone="UTC"'


@pytest.mark.parametrize(("days_in", "hour"), [("Europe/Paris", 23), ("Asia/Jerusalem", 21)])
def test_an_all_day_event_is_a_day_of_the_readers_zone(days_in: str, hour: int) -> None:
    day = {
        "start": {"dateTime": "2026-03-29T00:00:00.0000000", "timeZone": "UTC"},
        "end": {"dateTime": "2026-03-30T00:00:00.0000000", "timeZone": "UTC"},
    }
    (event,) = events_of({**EVENT, **day, "isAllDay": True}, days_in=days_in)
    assert (event.all_day, event.starts_at) == (True, datetime(2026, 3, 28, hour, tzinfo=UTC))


@pytest.mark.parametrize(
    ("shown_as", "busy"),
    [
        ("busy", True),
        ("oof", True),
        ("tentative", True),
        ("unknown", True),
        ("free", False),
        ("workingElsewhere", False),
    ],
)
def test_who_is_away_or_maybe_there_is_busy(shown_as: str, busy: bool) -> None:
    (event,) = events_of({**EVENT, "showAs": shown_as})
    assert event.busy == busy


def test_the_next_page_is_followed_as_it_is_named() -> None:
    def answer(request: Received) -> Reply:
        if "$skip" in request.query:
            return as_json({"value": [{**EVENT, "id": "AAMk2"}]})
        return as_json({"value": [EVENT], "@odata.nextLink": f"{server.url}/v1.0/me/calendarView?$skip=1&x=%20y"})

    with serve(answer) as server:
        assert [event.id for event in client(server).list_events(**WINDOW)] == ["AAMk1", "AAMk2"]
        assert server.requests[1].query == {"$skip": "1", "x": " y"}


@pytest.mark.parametrize("elsewhere", ["https://evil.example/v1.0/me", "//evil.example/", "http://127.0.0.1:1/v1.0/x"])
def test_a_next_page_elsewhere_is_not_followed(elsewhere: str) -> None:
    with serve(always(as_json({"value": [], "@odata.nextLink": elsewhere}))) as server:
        with pytest.raises(Unreachable, match="elsewhere"):
            client(server).list_events(**WINDOW)
        assert len(server.requests) == 1


def test_a_new_event_goes_out_in_utc_with_a_transaction_id() -> None:
    with serve(always(as_json(EVENT, 201))) as server:
        assert client(server).create_event(NEW).id == "AAMk1"
        body = server.requests[0].json()
    assert body["start"] == {"dateTime": "2026-03-29T08:00:00", "timeZone": "UTC"}
    assert body["transactionId"] == NEW.identifier(1)
    assert body["attendees"] == [{"emailAddress": {"address": "caller@example.com"}, "type": "required"}]


def test_a_conflict_is_the_event_made_before() -> None:
    ours = {**EVENT, "id": "AAMk7", "transactionId": NEW.identifier(1)}

    def answer(request: Received) -> Reply:
        return failure(409, "Conflict") if request.method == "POST" else as_json({"value": [EVENT, ours]})

    with serve(answer) as server:
        assert client(server).create_event(NEW).id == "AAMk7"


def test_a_conflict_with_an_event_that_is_gone_makes_another() -> None:
    def answer(request: Received) -> Reply:
        if request.method == "GET":
            return as_json({"value": [EVENT]})
        is_first = request.json()["transactionId"] == NEW.identifier(1)
        return failure(409, "Conflict") if is_first else as_json(EVENT, 201)

    with serve(answer) as server:
        assert client(server).create_event(NEW).id == "AAMk1"


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (401, "InvalidAuthenticationToken", Refused),
        (403, "ErrorAccessDenied", Refused),
        (400, "ErrorInvalidRequest", Misconfigured),
        (429, "ApplicationThrottled", Unreachable),
    ],
)
def test_a_refusal_is_told_by_graphs_code(status: int, code: str, kind: type[Exception]) -> None:
    with serve(always(failure(status, code))) as server, pytest.raises(kind) as caught:
        client(server).create_event(NEW)
    assert caught.value.code == code
    assert TOKEN not in f"{caught.value!r} {client(server)!r}"


@pytest.mark.parametrize("answer", [[], {}, {"value": {}}, {"value": ["x"]}, {"value": [{"id": "e"}]}])
def test_an_answer_that_is_no_list_of_events_is_unexpected(answer: Any) -> None:
    with serve(always(as_json(answer))) as server, pytest.raises(Unreachable):
        client(server).list_events(**WINDOW)
