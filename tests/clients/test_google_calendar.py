"""Google's calendar client: what goes over the wire, what comes back, and how refusals read."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import pytest

from ava.clients import google_calendar
from ava.clients.calendar_events import NewEvent
from ava.clients.errors import GrantEnded, Misconfigured, Refused, Unreachable
from ava.clients.google_calendar import CALENDAR_SCOPE, GoogleCalendarClient
from ava.clients.oauth import code_challenge
from tests.servers.scripted_http import Received, Reply, always, as_json, serve

TOKEN, SECRET, CODE = "ya29.access-token-a1b2", "client-secret-c3d4", "4/code-e5f6-g7h8"
WINDOW = {"starts_at": datetime(2026, 3, 28, tzinfo=UTC), "ends_at": datetime(2026, 3, 30, tzinfo=UTC)}
EVENT = {
    "id": "e1",
    "status": "confirmed",
    "summary": "Check-up",
    "start": {"dateTime": "2026-03-29T10:00:00+02:00"},
    "end": {"dateTime": "2026-03-29T10:30:00+02:00"},
}
NEW = NewEvent(
    key="1/booking",
    title="Check-up",
    starts_at=datetime(2026, 3, 29, 8, tzinfo=UTC),
    ends_at=datetime(2026, 3, 29, 8, 30, tzinfo=UTC),
    timezone=ZoneInfo("Europe/Paris"),
)


def client(server: Any) -> GoogleCalendarClient:
    return GoogleCalendarClient(TOKEN, server.url)


def app(url: str) -> Any:
    urls = {"accounts": "https://accounts.example", "oauth": url}
    return google_calendar.oauth_app(client_id="ava", client_secret=SECRET, base_urls=urls)


def failure(status: int, reason: str, message: str = "no") -> Reply:
    error = {"domain": "global", "reason": reason, "message": message}
    return as_json({"error": {"errors": [error], "code": status, "message": message}}, status)


def events_of(*items: Any, **page: Any) -> Any:
    with serve(always(as_json({"timeZone": "Europe/Paris", "items": list(items), **page}))) as server:
        return client(server).list_events(**WINDOW)


# --- Access -----------------------------------------------------------------------------------------------------------


def test_the_address_asks_for_lasting_access_with_a_challenge() -> None:
    url = app("x").authorize_url(redirect_uri="https://ava.example/back", state="s", code_verifier="v" * 43)
    asked = {name: value for name, (value,) in parse_qs(urlsplit(url).query).items()}
    assert url.startswith("https://accounts.example/o/oauth2/v2/auth?")
    assert asked == {
        "client_id": "ava",
        "redirect_uri": "https://ava.example/back",
        "response_type": "code",
        "scope": f"openid email {CALENDAR_SCOPE}",
        "state": "s",
        "code_challenge": code_challenge("v" * 43),
        "code_challenge_method": "S256",
        "access_type": "offline",
        "prompt": "consent",
    }


def test_the_challenge_is_that_of_the_standard() -> None:
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"  # RFC 7636, appendix B
    assert code_challenge(verifier) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def test_a_code_becomes_tokens_with_the_scopes_that_were_granted() -> None:
    reply = {"access_token": TOKEN, "refresh_token": "1//r", "expires_in": 3599, "scope": f"openid {CALENDAR_SCOPE}"}
    with serve(always(as_json(reply))) as server:
        tokens = app(server.url).exchange_code(code=CODE, redirect_uri="https://x", code_verifier="v")
        (request,) = server.requests
    assert request.path == "/token"
    assert request.form() == {
        "client_id": ["ava"],
        "client_secret": [SECRET],
        "code": [CODE],
        "redirect_uri": ["https://x"],
        "code_verifier": ["v"],
        "grant_type": ["authorization_code"],
    }
    assert (tokens.access_token, tokens.refresh_token, tokens.expires_in_seconds) == (TOKEN, "1//r", 3599)
    assert google_calendar.may_use_calendar(tokens.scopes)
    assert not google_calendar.may_use_calendar(("openid",))
    assert TOKEN not in f"{tokens!r} {tokens}"


def test_a_refresh_without_a_new_refresh_token_gives_none() -> None:
    with serve(always(as_json({"access_token": TOKEN, "expires_in": 3599}))) as server:
        assert app(server.url).refresh("1//r").refresh_token == ""
        assert server.requests[0].form()["grant_type"] == ["refresh_token"]


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (400, "invalid_grant", GrantEnded),
        (400, "interaction_required", GrantEnded),
        (401, "invalid_client", Misconfigured),
        (400, "invalid_request", Misconfigured),
        (503, "backend_error", Unreachable),
        (429, "rate", Unreachable),
    ],
)
def test_a_refused_token_is_told_apart_and_asked_for_once(status: int, error: str, kind: type[Exception]) -> None:
    with serve(always(as_json({"error": error, "error_description": "why"}, status))) as server:
        with pytest.raises(kind) as caught:
            app(server.url).refresh("1//refresh-token")
        assert len(server.requests) == 1
    assert type(caught.value) is kind
    assert (caught.value.code, caught.value.message) == (error, "why")


def test_no_secret_is_quoted_by_an_error_or_a_repr() -> None:
    def quoting(request: Received) -> Reply:
        return as_json({"error": "invalid_request", "error_description": request.body.decode()}, 400)

    with serve(quoting) as server, pytest.raises(Misconfigured) as caught:
        app(server.url).exchange_code(code=CODE, redirect_uri="https://x", code_verifier="verifier-0123456789")
    told = f"{caught.value} {caught.value!r} {app('x')!r} {GoogleCalendarClient(TOKEN, 'https://x')!r}"
    assert not [secret for secret in (SECRET, CODE, "verifier-0123456789", TOKEN) if secret in told]


@pytest.mark.parametrize("answer", [[], {}, {"access_token": TOKEN}, {"access_token": 7, "expires_in": 1}, "x"])
def test_an_answer_without_tokens_is_unexpected(answer: Any) -> None:
    with serve(always(as_json(answer))) as server, pytest.raises(Unreachable):
        app(server.url).refresh("r")


@pytest.mark.parametrize("reply", [Reply(200), as_json({"error": "invalid_token"}, 400)])
def test_revoking_a_token_that_is_dead_counts_as_done(reply: Reply) -> None:
    with serve(always(reply)) as server:
        google_calendar.revoke(token="1//r", base_url=server.url)
        assert server.requests[0].form() == {"token": ["1//r"]}


def test_a_revocation_that_does_not_arrive_is_told() -> None:
    with serve(always(Reply(503))) as server, pytest.raises(Unreachable):
        google_calendar.revoke(token="1//r", base_url=server.url)


# --- Events -----------------------------------------------------------------------------------------------------------


def test_every_page_is_read_even_after_an_empty_one() -> None:
    pages = {"": ([], "two"), "two": ([EVENT], "three"), "three": ([{**EVENT, "id": "e2"}], "")}

    def answer(request: Received) -> Reply:
        items, following = pages[request.query.get("pageToken", "")]
        return as_json({"items": items, **({"nextPageToken": following} if following else {})})

    with serve(answer) as server:
        assert [event.id for event in client(server).list_events(**WINDOW)] == ["e1", "e2"]
        first = server.requests[0]
    assert first.query["timeMin"] == "2026-03-28T00:00:00+00:00"
    assert first.query["singleEvents"] == "true"
    assert first.headers["authorization"] == f"Bearer {TOKEN}"


def test_times_become_utc_on_both_sides_of_a_change_of_the_clocks() -> None:
    before = {**EVENT, "id": "before", "start": {"dateTime": "2026-03-28T10:00:00+01:00"}, "end": EVENT["end"]}
    first, second = events_of(EVENT, before)
    assert (first.id, first.starts_at) == ("before", datetime(2026, 3, 28, 9, tzinfo=UTC))
    assert second.starts_at == datetime(2026, 3, 29, 8, tzinfo=UTC)
    assert second.starts_at.tzinfo is UTC


def test_an_all_day_event_is_a_day_of_the_calendars_own_zone() -> None:
    day = {**EVENT, "start": {"date": "2026-03-29"}, "end": {"date": "2026-03-30"}}
    (paris,) = events_of(day)
    assert paris.all_day
    assert paris.starts_at == datetime(2026, 3, 28, 23, tzinfo=UTC)
    assert paris.ends_at == datetime(2026, 3, 29, 22, tzinfo=UTC)  # 23 hours: the clocks go forward
    (jerusalem,) = events_of(day, timeZone="Asia/Jerusalem")
    assert jerusalem.starts_at == datetime(2026, 3, 28, 21, tzinfo=UTC)


@pytest.mark.parametrize(
    ("about", "busy"),
    [
        ({}, True),
        ({"transparency": "transparent"}, False),
        ({"attendees": [{"self": True, "responseStatus": "declined"}]}, False),
        ({"attendees": [{"responseStatus": "declined"}]}, True),
    ],
)
def test_what_is_free_or_declined_does_not_keep_anybody_busy(about: dict[str, Any], busy: bool) -> None:
    (event,) = events_of({**EVENT, **about})
    assert event.busy == busy


def test_cancelled_events_are_left_out() -> None:
    assert events_of({"id": "gone", "status": "cancelled"}) == []


@pytest.mark.parametrize("item", ["x", {}, {"id": "e"}, {**EVENT, "start": {"dateTime": "2026-03-29T10:00:00"}}])
def test_an_event_that_is_none_is_unexpected(item: Any) -> None:
    with pytest.raises(Unreachable):
        events_of(item)


def test_a_new_event_has_our_id_its_zone_and_writes_to_nobody() -> None:
    with serve(always(as_json(EVENT))) as server:
        assert client(server).create_event(NEW).title == "Check-up"
        (request,) = server.requests
    body = request.json()
    assert request.query == {"sendUpdates": "none"}
    assert len(body["id"]) == 64
    assert set(body["id"]) <= set("0123456789abcdefghijklmnopqrstuv")
    assert body["start"] == {"dateTime": "2026-03-29T10:00:00+02:00", "timeZone": "Europe/Paris"}


def test_an_id_that_is_taken_is_the_event_made_before() -> None:
    def answer(request: Received) -> Reply:
        return failure(409, "duplicate") if request.method == "POST" else as_json(EVENT)

    with serve(answer) as server:
        assert client(server).create_event(NEW).id == "e1"
        made, looked = server.requests
    assert looked.path.endswith(made.json()["id"])


def test_an_event_deleted_since_is_made_under_another_id() -> None:
    deleted = NEW.identifier(1)

    def answer(request: Received) -> Reply:
        if request.method == "GET":
            return as_json({"id": deleted, "status": "cancelled"})
        return failure(409, "duplicate") if request.json()["id"] == deleted else as_json(EVENT)

    with serve(answer) as server:
        assert client(server).create_event(NEW).id == "e1"
        assert server.requests[-1].json()["id"] == NEW.identifier(2) != deleted


@pytest.mark.parametrize(
    ("status", "reason", "kind", "tries"),
    [
        (401, "authError", Refused, 1),
        (403, "insufficientPermissions", Refused, 1),
        (403, "rateLimitExceeded", Unreachable, 2),
        (403, "quotaExceeded", Unreachable, 2),
        (404, "notFound", Misconfigured, 1),
        (500, "backendError", Unreachable, 2),
    ],
)
def test_the_reason_decides_and_what_means_not_now_is_tried_again(
    status: int, reason: str, kind: type[Exception], tries: int, monkeypatch: Any
) -> None:
    monkeypatch.setattr("ava.clients.http.sleep", lambda seconds: None)
    with serve(always(failure(status, reason))) as server:
        with pytest.raises(kind) as caught:
            client(server).list_events(**WINDOW)
        assert len(server.requests) == tries
    assert (caught.value.code, caught.value.status) == (reason, status)
