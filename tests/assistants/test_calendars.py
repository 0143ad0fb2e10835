"""An organization's calendar over real HTTP: connected, read, written to, refreshed, lost and given up."""

import threading
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import requests
from django.core import mail as outbox
from django.core.exceptions import ValidationError
from django.db import connection as database
from django.utils import timezone, translation

from accounts import credentials
from assistants import calendar_mails, calendar_tokens, calendars
from assistants.calendar_providers import timezone_of
from assistants.models import CalendarConnection, ConnectionStatus
from ava.clients.errors import Refused, Unreachable
from ava.clients.oauth import OAuthApp, Tokens
from onboarding import offboarding
from telephony.models import BusinessHours
from tests.calendars import PROVIDERS, connect, connection_of, new_account
from tests.factories import make_user
from tests.providers import order_fault
from tests.servers.scripted_http import Received, Reply, always, as_json, serve

DAY = datetime(2026, 3, 29, tzinfo=UTC)  # the clocks go forward in Europe
TOKEN_PATHS = {"google": "/google/oauth/token", "outlook": "/microsoft/login/common/oauth2/v2.0/token"}
API_PATHS = {"google": "/google/api/calendar", "outlook": "/microsoft/graph/v1.0/me/"}


@pytest.fixture
def connected(browser, organization, sandbox):
    """Alice's organization with both calendars, each of an account that nobody else uses."""
    for provider in PROVIDERS:
        connect(browser, provider)
    return organization


def change(organization: Any, provider: str, **values: Any) -> None:
    CalendarConnection.objects.for_organization(organization).filter(provider=provider).update(**values)


def expire(organization: Any, provider: str) -> None:
    """A minute and a half before its time: a token is not used to its last second."""
    change(organization, provider, expires_at=timezone.now() + timedelta(seconds=30))


def end_consent(sandbox: str, organization: Any, provider: str) -> None:
    account = connection_of(organization, provider).account_email
    requests.post(f"{sandbox}/sandbox/consents/end", json={"account": account}, timeout=5).raise_for_status()


def ask(organization: Any, provider: str, day: datetime = DAY) -> list[Any]:
    window = {"starts_at": day - timedelta(days=1), "ends_at": day + timedelta(days=2)}
    return calendars.events(organization=organization, provider=provider, **window)


def book(organization: Any, provider: str, *, key: str = "booking-1", **about: Any) -> Any:
    values = {
        "title": "Bilan",
        "starts_at": datetime(2026, 3, 29, 10),
        "ends_at": datetime(2026, 3, 29, 10, 30),
        "timezone": "Europe/Paris",
        **about,
    }
    return calendars.create_event(organization=organization, provider=provider, key=key, **values)


# --- Events -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("provider", PROVIDERS)
def test_an_event_that_is_made_is_listed(connected, provider):
    assert ask(connected, provider) == []
    made = book(connected, provider, location="Salle 2", description="Première visite")
    (listed,) = ask(connected, provider)
    assert listed == made
    assert (listed.title, listed.location, listed.description) == ("Bilan", "Salle 2", "Première visite")
    assert listed.busy
    assert not listed.all_day


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize(
    ("zone", "day", "hour"),
    [
        ("Europe/Paris", date(2026, 3, 28), 9),
        ("Europe/Paris", date(2026, 3, 29), 8),  # forward that night
        ("Europe/Paris", date(2026, 10, 24), 8),
        ("Europe/Paris", date(2026, 10, 25), 9),  # and back
        ("Asia/Jerusalem", date(2026, 3, 26), 8),
        ("Asia/Jerusalem", date(2026, 3, 27), 7),  # Israel changes on a Friday
    ],
)
def test_ten_on_the_wall_is_ten_on_the_wall_on_both_sides_of_a_change(connected, provider, zone, day, hour):
    starts_at = datetime(day.year, day.month, day.day, 10)
    book(connected, provider, timezone=zone, starts_at=starts_at, ends_at=starts_at + timedelta(minutes=30))
    (event,) = ask(connected, provider, datetime(day.year, day.month, day.day, tzinfo=UTC))
    assert event.starts_at == datetime(day.year, day.month, day.day, hour, tzinfo=UTC)
    assert event.ends_at - event.starts_at == timedelta(minutes=30)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_same_key_makes_one_event(connected, provider):
    first, second = book(connected, provider), book(connected, provider, title="Told again")
    assert first == second
    assert book(connected, provider, key="booking-2").id != first.id
    assert len(ask(connected, provider)) == 2


def test_the_same_key_of_another_organization_is_another_event(connected, browser, charlie, client, sandbox):
    account = connection_of(connected, "google").account_email
    client.force_login(charlie, backend="django.contrib.auth.backends.ModelBackend")
    connect(client, "google", account)
    theirs = charlie.organizations.get()
    assert book(connected, "google").id != book(theirs, "google").id


def test_an_event_deleted_at_google_is_made_anew(connected, settings):
    first = book(connected, "google")
    url = f"{settings.GOOGLE_BASE_URLS['api']}/calendar/v3/calendars/primary/events/{first.id}"
    headers = {"Authorization": f"Bearer {connection_of(connected, 'google').access_token}"}
    assert requests.delete(url, headers=headers, timeout=5).status_code == 204
    assert ask(connected, "google") == []
    assert book(connected, "google").id != first.id
    assert len(ask(connected, "google")) == 1


@pytest.mark.parametrize("provider", PROVIDERS)
def test_long_lists_come_whole(connected, provider, monkeypatch):
    monkeypatch.setattr("ava.clients.google_calendar.EVENTS_PER_PAGE", 2)
    monkeypatch.setattr("ava.clients.microsoft_calendar.EVENTS_PER_PAGE", 2)
    for number in range(5):
        starts_at = DAY + timedelta(hours=number)
        book(connected, provider, key=str(number), starts_at=starts_at, ends_at=starts_at + timedelta(hours=1))
    events = ask(connected, provider)
    assert [event.starts_at for event in events] == [DAY + timedelta(hours=number) for number in range(5)]


def test_all_day_events_of_outlook_are_days_of_the_practice(connected, settings):
    hours = {"timezone": "Asia/Jerusalem", "weekly": {}}
    BusinessHours.objects.for_organization(connected).update_or_create(
        defaults=hours, create_defaults={**hours, "organization": connected}
    )
    body = {
        "subject": "Holiday",
        "isAllDay": True,
        "start": {"dateTime": "2026-03-29T00:00:00", "timeZone": "UTC"},
        "end": {"dateTime": "2026-03-30T00:00:00", "timeZone": "UTC"},
    }
    headers = {"Authorization": f"Bearer {connection_of(connected, 'outlook').access_token}"}
    url = f"{settings.MICROSOFT_BASE_URLS['graph']}/me/events"
    assert requests.post(url, json=body, headers=headers, timeout=5).status_code == 201
    (event,) = ask(connected, "outlook")
    assert (event.all_day, event.starts_at) == (True, datetime(2026, 3, 28, 21, tzinfo=UTC))


def test_without_business_hours_the_owners_clock_counts(organization, alice):
    alice.timezone = "America/New_York"
    alice.save()
    assert timezone_of(organization).key == "America/New_York"


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"timezone": "../etc/passwd"}, "timezone"),
        ({"ends_at": datetime(2026, 3, 29, 10)}, "ends_at"),
    ],
)
def test_an_event_that_cannot_be_is_refused_in_words(organization, wrong, field):
    with pytest.raises(ValidationError) as refusal:
        book(organization, "google", **wrong)
    assert list(refusal.value.message_dict) == [field]


# --- Tokens -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("provider", PROVIDERS)
def test_an_expired_token_is_refreshed_and_the_refresh_token_is_kept_as_the_provider_wants(connected, provider):
    before = connection_of(connected, provider)
    expire(connected, provider)
    assert ask(connected, provider) == []
    after = connection_of(connected, provider)
    assert after.access_token != before.access_token
    assert after.expires_at > timezone.now() + timedelta(minutes=50)
    assert after.refresh_claimed_until is None
    # Google gives none on a refresh, so the old one stays; Microsoft's new one takes its place.
    assert (after.refresh_token == before.refresh_token) == (provider == "google")
    expire(connected, provider)
    assert ask(connected, provider) == []


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_token_refused_before_its_time_is_refreshed_once(connected, provider):
    change(connected, provider, access_token="no longer good")
    assert ask(connected, provider) == []
    assert connection_of(connected, provider).status == ConnectionStatus.CONNECTED


def test_a_token_refused_also_when_new_means_connecting_again(connected, settings, sandbox):
    refusal = {"error": {"code": 401, "message": "no", "errors": [{"reason": "authError"}]}}
    with serve(always(as_json(refusal, 401))) as server:
        settings.GOOGLE_BASE_URLS = {**settings.GOOGLE_BASE_URLS, "api": server.url}
        with pytest.raises(calendars.NeedsReconnect):
            ask(connected, "google")
        assert len(server.requests) == 2
        with pytest.raises(calendars.NeedsReconnect):
            ask(connected, "google")
        assert len(server.requests) == 2
    assert connection_of(connected, "google").needs_reconnect


@pytest.mark.parametrize("provider", PROVIDERS)
def test_access_taken_back_is_final_and_told_once_in_the_owners_language(connected, provider, sandbox, alice):
    alice.locale = "fr"
    alice.save()
    end_consent(sandbox, connected, provider)
    for _ in range(2):
        with pytest.raises(calendars.NeedsReconnect, match="connected again"):
            ask(connected, provider)
    for _ in range(2):
        calendar_mails.send_due()
    (mail,) = outbox.outbox
    assert mail.to == [alice.email]
    assert "/fr/settings?section=integrations" in mail.body
    assert 'lang="fr"' in mail.alternatives[0].content
    assert connection_of(connected, provider).account_email in mail.body


def test_connecting_again_mends_it_and_takes_the_mail_back(connected, browser, sandbox):
    end_consent(sandbox, connected, "outlook")
    with pytest.raises(calendars.NeedsReconnect):
        ask(connected, "outlook")
    connect(browser, "outlook", connection_of(connected, "outlook").account_email)
    assert ask(connected, "outlook") == []
    assert calendar_mails.send_due() == 0


def test_a_mail_server_that_is_away_is_asked_again_and_one_that_refuses_is_not(connected, monkeypatch):
    change(connected, "google", status=ConnectionStatus.RECONNECT, mail_due_at=timezone.now())
    for error, stays in ((calendar_mails.mail.MailUnreachable, True), (calendar_mails.mail.MailRefused, False)):

        def refuse(error: Any = error, **_given: Any) -> None:
            raise error("no")

        monkeypatch.setattr(calendar_mails.mail, "send", refuse)
        assert calendar_mails.send_due() == 1
        assert (connection_of(connected, "google").mail_due_at is not None) == stays
        if stays:
            assert calendar_mails.send_due() == 0  # not at once
            change(connected, "google", mail_due_at=timezone.now())


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_provider_that_is_away_changes_nothing(connected, provider, sandbox):
    expire(connected, provider)
    order_fault(sandbox, TOKEN_PATHS[provider], times=1)
    with pytest.raises(Unreachable) as away:
        ask(connected, provider)
    assert "cannot be reached" in credentials.explain(away.value)
    row = connection_of(connected, provider)
    assert (row.status, row.refresh_claimed_until) == (ConnectionStatus.CONNECTED, None)
    assert ask(connected, provider) == []


def test_what_was_not_granted_is_explained_and_ends_nothing(connected, sandbox):
    order_fault(sandbox, API_PATHS["google"], status=403, times=1)
    with pytest.raises(Refused) as refusal:
        ask(connected, "google")
    assert credentials.explain(refusal.value) == "Google does not give access. Connect it again under Settings."
    assert not connection_of(connected, "google").needs_reconnect


def test_a_refresh_that_ends_after_a_new_connection_does_not_overwrite_it(connected, monkeypatch):
    """Somebody connects another account while the old one's tokens are on their way."""

    def refresh(app: OAuthApp, refresh_token: str) -> Tokens:
        later = timezone.now() + timedelta(hours=1)
        change(connected, "google", access_token="new account's", connected_at=timezone.now(), expires_at=later)
        return Tokens("old account's", "old refresh token", 3599, ())

    kept = connection_of(connected, "google").refresh_token
    monkeypatch.setattr(OAuthApp, "refresh", refresh)
    expire(connected, "google")
    row = calendar_tokens.fresh_connection(organization=connected, provider="google")
    assert (row.access_token, row.refresh_token) == ("new account's", kept)


def test_a_token_that_our_keys_do_not_open_means_connecting_again(connected, browser):
    with database.cursor() as cursor:
        cursor.execute("UPDATE assistants_calendarconnection SET refresh_token = %s", [b"unreadable"])
    with pytest.raises(calendars.NeedsReconnect):
        ask(connected, "google")
    assert browser.get("/en/settings?section=integrations").status_code == 200
    connect(browser, "google")
    assert ask(connected, "google") == []


@pytest.mark.skipif(database.vendor != "postgresql", reason="several connections to one test database")
@pytest.mark.django_db(transaction=True)
def test_two_at_once_refresh_once(alice, organization, settings):
    """The other one waits for the new token, and holds no transaction meanwhile."""

    def answer(request: Received) -> Reply:
        held.wait(0.5)
        return as_json({"access_token": "fresh", "expires_in": 3599})

    held, start, got = threading.Event(), threading.Barrier(4), []
    CalendarConnection.objects.for_organization(organization).create(
        organization=organization,
        provider="google",
        account_email="a@google.example",
        access_token="stale",
        refresh_token="lasting",
        expires_at=timezone.now(),
    )

    def try_it() -> None:
        start.wait()
        got.append(calendar_tokens.fresh_connection(organization=organization, provider="google").access_token)
        database.close()

    with serve(answer) as server:
        settings.GOOGLE_BASE_URLS = {**settings.GOOGLE_BASE_URLS, "oauth": server.url}
        threads = [threading.Thread(target=try_it) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(server.requests) == 1
    assert got == ["fresh"] * 4


def test_who_waits_in_vain_is_told_that_the_provider_is_away(connected, monkeypatch):
    monkeypatch.setattr(calendar_tokens, "LEASE", timedelta(seconds=0.2))
    expire(connected, "google")
    change(connected, "google", refresh_claimed_until=timezone.now() + timedelta(minutes=1))
    with pytest.raises(Unreachable):
        ask(connected, "google")


def test_a_claim_left_by_a_process_that_died_runs_out(connected):
    expire(connected, "google")
    change(connected, "google", refresh_claimed_until=timezone.now() - timedelta(seconds=1))
    assert ask(connected, "google") == []


# --- Where the tokens lie, and how they go ----------------------------------------------------------------------------


def test_tokens_lie_encrypted_and_show_nowhere(connected, browser, admin_client, caplog):
    rows = list(connected.calendar_connections.all())
    secrets = [token for row in rows for token in (row.access_token, row.refresh_token)]
    with database.cursor() as cursor:
        cursor.execute("SELECT * FROM assistants_calendarconnection")
        stored = " ".join(bytes(v).decode() if isinstance(v, memoryview) else str(v) for v in sum(cursor, ()))
    pages = [
        browser.get("/en/settings?section=integrations").content.decode(),
        admin_client.get(f"/admin/accounts/organization/{connected.pk}/change/").content.decode(),
    ]
    assert rows[0].account_email in pages[0]
    assert rows[0].account_email in pages[1]
    told = " ".join([stored, *pages, *map(repr, rows), *map(str, rows), caplog.text, str(dict(browser.session))])
    assert not [secret for secret in secrets if secret in told]


def test_a_calendar_that_is_not_connected_says_where_to_connect_it(organization):
    with translation.override("en"), pytest.raises(calendars.NotConnected, match="Settings, Integrations"):
        ask(organization, "google")


def test_disconnecting_forgets_the_tokens_and_ends_the_grant_at_google(connected, settings):
    token = connection_of(connected, "google").refresh_token
    calendars.disconnect(organization=connected, provider="google")
    with pytest.raises(calendars.NotConnected):
        ask(connected, "google")
    form = {"client_id": "x", "client_secret": "x", "grant_type": "refresh_token", "refresh_token": token}
    answer = requests.post(f"{settings.GOOGLE_BASE_URLS['oauth']}/token", form, timeout=5)
    assert answer.json()["error"] == "invalid_grant"
    assert ask(connected, "outlook") == []


@pytest.mark.parametrize("status", [400, 500])
def test_our_copy_goes_whatever_google_answers(connected, sandbox, status):
    order_fault(sandbox, "/google/oauth/revoke", status=status, times=1)
    calendars.disconnect(organization=connected, provider="google")
    assert not connected.calendar_connections.filter(provider="google").exists()


def test_an_account_that_another_organization_uses_keeps_its_grant(connected, client, sandbox):
    theirs = make_user("dora@elsewhere.example")
    client.force_login(theirs, backend="django.contrib.auth.backends.ModelBackend")
    connect(client, "google", connection_of(connected, "google").account_email)
    calendars.disconnect(organization=connected, provider="google")
    assert ask(theirs.organizations.get(), "google") == []


def test_closing_the_account_ends_the_grant_at_google(connected, settings):
    token = connection_of(connected, "google").access_token
    offboarding.close(organization=connected)
    url = f"{settings.GOOGLE_BASE_URLS['api']}/oauth2/v2/userinfo"
    assert requests.get(url, headers={"Authorization": f"Bearer {token}"}, timeout=5).status_code == 401
    assert not CalendarConnection.objects.unscoped().exists()


def test_another_account_takes_the_place_of_the_first(connected, browser):
    account = new_account("google")
    connect(browser, "google", account)
    assert connection_of(connected, "google").account_email == account
    assert connected.calendar_connections.count() == 2
