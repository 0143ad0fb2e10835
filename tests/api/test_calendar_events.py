"""The calendars over the API: which are connected, their events, and new ones, at the sandbox's Google and Outlook."""

from datetime import UTC, datetime, timedelta

import pytest

from assistants.models import CalendarConnection
from ava.clients import http
from tests.api.conftest import errors_of
from tests.calendars import PROVIDERS, connect, connection_of
from tests.providers import order_fault

CALENDARS = "/api/v1/integrations/calendar"
PATHS = {"google": "/google/api/calendar", "outlook": "/microsoft/graph/v1.0/me/"}
NEW = {
    "title": "Bilan",
    "starts_at": "2026-03-29T10:00:00",  # the clocks go forward in Europe that night
    "ends_at": "2026-03-29T10:30:00",
    "timezone": "Europe/Paris",
    "location": "Salle 2",
    "description": "Première visite",
    "attendees": ["nadia@example.com"],
}
DAY = {"from": "2026-03-29T00:00:00Z", "to": "2026-03-30T00:00:00Z"}


def events(provider: str) -> str:
    return f"{CALENDARS}/{provider}/events"


@pytest.fixture
def connected(client, alice, organization, sandbox):
    """Alice's organization with both calendars, each of an account that nobody else uses."""
    client.force_login(alice, backend="django.contrib.auth.backends.ModelBackend")
    for provider in PROVIDERS:
        connect(client, provider)
    return organization


@pytest.mark.parametrize("provider", PROVIDERS)
def test_an_event_that_is_made_is_listed(api_of, alice, connected, provider):
    api = api_of(alice)
    answer = api.post(events(provider), NEW)
    assert answer.status_code == 201, answer.content
    made = answer.json()
    assert made == {
        "id": made["id"],
        "title": "Bilan",
        "starts_at": "2026-03-29T08:00:00Z",
        "ends_at": "2026-03-29T08:30:00Z",
        "all_day": False,
        "location": "Salle 2",
        "description": "Première visite",
        "url": made["url"],
        "busy": True,
    }
    assert api.get(events(provider), DAY).json() == {"results": [made]}
    assert api.get(f"/api/integrations/calendar/{provider}/events/", DAY).json() == {"results": [made]}


def test_a_time_with_an_offset_is_that_moment(api_of, alice, connected):
    given = {**NEW, "starts_at": "2026-03-29T10:00:00+03:00", "ends_at": "2026-03-29T08:00:00Z"}
    made = api_of(alice).post(events("google"), given).json()
    assert (made["starts_at"], made["ends_at"]) == ("2026-03-29T07:00:00Z", "2026-03-29T08:00:00Z")


def test_a_member_makes_events_and_reads_them(api_of, bob, connected):
    api = api_of(bob)
    assert api.post(events("google"), NEW).status_code == 201
    assert len(api.get(events("google"), DAY).json()["results"]) == 1


def test_without_a_window_the_next_week_is_told(api_of, alice, connected):
    api = api_of(alice)
    now = datetime.now(UTC)
    for title, days in {"today": 0, "this week": 6, "later": 8, "past": -3}.items():
        start = now + timedelta(days=days, minutes=5)
        times = {"starts_at": start.isoformat(), "ends_at": (start + timedelta(minutes=30)).isoformat()}
        assert api.post(events("google"), {**NEW, "title": title, **times}).status_code == 201
    told = [event["title"] for event in api.get(events("google")).json()["results"]]
    assert told == ["today", "this week"]
    later = api.get(events("google"), {"from": (now + timedelta(days=7)).isoformat()}).json()["results"]
    assert [event["title"] for event in later] == ["later"]


# --- Once, or twice ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("provider", PROVIDERS)
def test_equal_events_without_a_key_are_two(api_of, alice, connected, provider):
    api = api_of(alice)
    first, second = api.post(events(provider), NEW).json(), api.post(events(provider), NEW).json()
    assert first["id"] != second["id"]
    assert len(api.get(events(provider), DAY).json()["results"]) == 2


def test_under_one_key_a_person_makes_one_event(api_of, alice, bob, connected):
    api = api_of(alice, idempotency_key="booking-1")
    first, second = api.post(events("google"), NEW), api.post(events("google"), NEW)
    assert second.headers["Idempotent-Replayed"] == "true"
    assert first.json() == second.json()
    assert api.post(events("google"), {**NEW, "title": "Contrôle"}).status_code == 422
    assert api_of(bob, idempotency_key="booking-1").post(events("google"), NEW).json()["id"] != first.json()["id"]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_an_answer_lost_behind_ava_makes_no_second_event(api_of, alice, connected, provider, monkeypatch):
    """The provider made it, Ava did not hear so: the app is told 503, and repeats."""
    api, send = api_of(alice, idempotency_key="booking-2"), http.JsonClient.post

    def losing(*args, **kwargs):
        send(*args, **kwargs)
        raise http.Unreachable(provider, "the answer was lost")

    with monkeypatch.context() as away:
        away.setattr(http.JsonClient, "post", losing)
        assert api.post(events(provider), NEW).status_code == 503
    made = api.post(events(provider), NEW)
    assert made.status_code == 201
    assert "Idempotent-Replayed" not in made.headers
    assert [one["id"] for one in api.get(events(provider), DAY).json()["results"]] == [made.json()["id"]]


# --- What is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({"title": ""}, {"title": "blank"}),
        ({"title": None}, {"title": "null"}),
        ({"title": "x" * 256}, {"title": "max_length"}),
        ({"title": "\0"}, {"title": "null_characters_not_allowed"}),
        ({"summary": "Bilan"}, {"summary": "unknown_field"}),
        ({"starts_at": "tomorrow"}, {"starts_at": "invalid"}),
        ({"starts_at": 10**40}, {"starts_at": "invalid"}),
        ({"starts_at": "0001-01-01T00:00:00"}, {"starts_at": "invalid"}),
        ({"ends_at": "9999-12-31T23:59:59-12:00"}, {"ends_at": "invalid"}),
        ({"ends_at": "2026-03-29T10:00:00"}, {"ends_at": "invalid"}),
        ({"timezone": "Mars/Olympus"}, {"timezone": "invalid"}),
        ({"timezone": "../../etc/passwd"}, {"timezone": "invalid"}),
        ({"timezone": "x" * 65}, {"timezone": "max_length"}),
        ({"attendees": ["nadia"]}, {"attendees.0": "invalid"}),
        ({"attendees": "nadia@example.com"}, {"attendees": "not_a_list"}),
        ({"attendees": ["nadia@example.com"] * 51}, {"attendees": "max_length"}),
        ({"location": {}}, {"location": "invalid"}),
    ],
)
def test_a_wrong_field_is_named(api_of, alice, organization, sandbox, given, wrong):
    assert errors_of(api_of(alice).post(events("google"), {**NEW, **given})) == wrong


@pytest.mark.parametrize(
    ("query", "wrong"),
    [
        ({"from": "yesterday"}, {"from": "invalid"}),
        ({"from": "0001-01-01T00:00:00+14:00"}, {"from": "overflow"}),
        ({"to": "9999-12-31T23:59:59Z"}, {"to": "invalid"}),
        ({**DAY, "to": DAY["from"]}, {"to": "invalid"}),
        ({**DAY, "to": "2026-06-29T00:00:01Z"}, {"to": "invalid"}),
        ({"to": "2026-03-30T00:00:00Z"}, {"to": "invalid"}),
        ({"timeMin": "2026-03-30T00:00:00Z"}, {"timeMin": "unknown_parameter"}),
    ],
)
def test_a_wrong_window_is_named(api_of, alice, organization, sandbox, query, wrong):
    assert errors_of(api_of(alice).get(events("google"), query)) == wrong


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_calendar_that_cannot_be_asked_says_why(api_of, alice, connected, sandbox, settings, provider, monkeypatch):
    monkeypatch.setattr(http, "FIRST_BACKOFF_SECONDS", 0.01)
    api = api_of(alice)

    def refusals() -> list[tuple[int, str]]:
        answers = (api.get(events(provider)), api.post(events(provider), NEW))
        return [(answer.status_code, answer.json()["code"]) for answer in answers]

    order_fault(sandbox, PATHS[provider], times=6)
    assert refusals() == [(503, "provider_unreachable")] * 2
    order_fault(sandbox, PATHS[provider], status=403, times=2)
    assert refusals() == [(409, "provider_refused")] * 2
    order_fault(sandbox, PATHS[provider], times=0)
    CalendarConnection.objects.for_organization(connected).update(status="reconnect")
    assert refusals() == [(409, "calendar_reconnect")] * 2
    assert api.delete(f"{CALENDARS}/{provider}").status_code == 204
    assert refusals() == [(409, "calendar_not_connected")] * 2
    settings.GOOGLE_CLIENT_ID = settings.MICROSOFT_CLIENT_ID = ""
    assert refusals() == [(409, "calendar_not_offered")] * 2


def test_another_provider_is_not_found(api_of, alice, connected):
    api = api_of(alice)
    answers = [api.get(events("icloud")), api.post(events("icloud"), {}), api.delete(f"{CALENDARS}/icloud")]
    assert [answer.status_code for answer in answers] == [404, 404, 404]


# --- Which are connected ----------------------------------------------------------------------------------------------


def test_each_calendar_is_told_with_its_state_and_where_to_connect_it(
    api_of, alice, bob, connected, settings, django_assert_max_num_queries
):
    api = api_of(alice)
    account = connection_of(connected, "google").account_email
    assert api.delete(f"{CALENDARS}/outlook").status_code == 204
    settings.MICROSOFT_CLIENT_ID = ""
    shared = {"connect_url": "http://testserver/en/settings?section=integrations"}
    google = {"provider": "google", "is_offered": True, "status": "connected", "account_email": account, **shared}
    outlook = {"provider": "outlook", "is_offered": False, "status": "not_connected", "account_email": None, **shared}
    with django_assert_max_num_queries(6):
        assert api.get(CALENDARS, headers={"Accept-Language": "en"}).json() == [google, outlook]
    CalendarConnection.objects.for_organization(connected).update(status="reconnect")
    assert api_of(bob).get(CALENDARS).json()[0]["status"] == "reconnect"


@pytest.mark.parametrize("provider", PROVIDERS)
def test_managers_disconnect_a_calendar_and_may_repeat_it(api_of, alice, bob, connected, provider):
    refused = api_of(bob).delete(f"{CALENDARS}/{provider}")
    assert (refused.status_code, refused.json()["code"]) == (403, "managers_only")
    assert [api_of(alice).delete(f"{CALENDARS}/{provider}").status_code for _ in range(2)] == [204, 204]
    left = CalendarConnection.objects.for_organization(connected)
    assert [row.provider for row in left] == [one for one in PROVIDERS if one != provider]


def test_a_stranger_reaches_their_own_calendars_only(api_of, charlie, connected):
    api = api_of(charlie)
    assert [one["status"] for one in api.get(CALENDARS).json()] == ["not_connected"] * 2
    assert api.get(events("google")).json()["code"] == "calendar_not_connected"
    assert api.post(events("google"), NEW).json()["code"] == "calendar_not_connected"
    assert api.delete(f"{CALENDARS}/google").status_code == 204
    assert connection_of(connected, "google").status == "connected"


def test_nobody_who_is_not_signed_in_reaches_a_calendar(api_of, connected):
    api = api_of()
    for answer in (api.get(CALENDARS), api.get(events("google")), api.post(events("google"), NEW)):
        assert answer.status_code == 401
    assert api.delete(f"{CALENDARS}/google").status_code == 401
