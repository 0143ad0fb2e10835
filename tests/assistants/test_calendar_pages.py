"""Connecting a calendar in the browser: whose, by whom, once; and every way in which it may not come about."""

import html
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from accounts.models import Membership
from accounts.models.organizations import Role
from accounts.tenancy import SESSION_KEY, found_organization
from assistants import calendars
from assistants.models import CalendarConnection
from ava.clients.google_calendar import CALENDAR_SCOPE
from tests.calendars import PROVIDERS, SECTION, begin, connect, connection_of, decide, new_account
from tests.factories import make_user
from tests.providers import order_fault
from tests.servers.scripted_http import Received, Reply, as_json, serve

BACKEND = "django.contrib.auth.backends.ModelBackend"


@pytest.fixture(autouse=True)
def at_the_sandbox(sandbox):
    """Every page here leads to it."""


def signed_in(person: Any) -> Client:
    client = Client()
    client.force_login(person, backend=BACKEND)
    return client


def said_by(client: Any, address: str) -> str:
    """The page at which a person ends up."""
    return html.unescape(client.get(address, follow=True).content.decode())


def nothing_is_connected() -> bool:
    return not CalendarConnection.objects.unscoped().exists()


# --- The way there and back -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("provider", "name"), [("google", "Google Calendar"), ("outlook", "Outlook")])
def test_a_calendar_is_connected_and_the_page_says_as_whom(browser, organization, alice, provider, name):
    account = new_account(provider)
    page = said_by(browser, decide(begin(browser, provider), account=account))
    assert f"{name} is connected as {account}." in page
    row = connection_of(organization, provider)
    assert (row.account_email, row.connected_by, row.status) == (account, alice, "connected")
    assert "not connected" in page  # the other one


def test_the_way_out_is_a_page_that_no_content_policy_stops(browser, sandbox):
    answer = browser.post("/en/studio/calendars/google/connect/")
    assert answer.status_code == 200
    assert f'href="{sandbox}/google/accounts/o/oauth2/v2/auth?' in answer.content.decode()
    assert "form-action 'self'" in answer["Content-Security-Policy"]


def test_the_address_to_come_back_to_has_no_language(browser):
    query = parse_qs(urlsplit(begin(browser, "outlook")).query)
    assert query["redirect_uri"] == ["http://testserver/calendars/outlook/callback/"]


def test_the_person_comes_back_in_the_language_they_left_in_and_to_the_set_up(browser):
    page = browser.post("/fr/studio/calendars/google/connect/?returnTo=onboarding").content.decode()
    address = html.unescape(page.split('content="0; url=')[1].split('"')[0])
    answer = browser.get(decide(address))
    assert answer["Location"] == "/fr/settings?section=integrations&returnTo=onboarding"


def test_nothing_of_the_answer_is_kept_in_the_session(browser, organization):
    address = decide(begin(browser, "google"))
    browser.get(address)
    kept = str(dict(browser.session))
    (code,) = parse_qs(urlsplit(address).query)["code"]
    row = connection_of(organization, "google")
    assert not [secret for secret in (code, row.access_token, row.refresh_token) if secret in kept]
    assert "calendar-attempt-google" not in kept


def test_a_calendar_is_disconnected_from_the_page(browser, organization):
    connect(browser, "google")
    assert "Ava can no longer see or enter appointments." in said_by(browser, SECTION)
    page = browser.post("/en/studio/calendars/google/disconnect/", follow=True).content.decode()
    assert "Google Calendar is disconnected." in page
    assert nothing_is_connected()


def test_a_connection_that_is_over_is_shown_with_the_way_to_mend_it(browser, organization):
    connect(browser, "outlook")
    organization.calendar_connections.update(status="reconnect")
    page = said_by(browser, SECTION)
    assert "to be connected again" in page
    assert "Connect again" in page


def test_without_a_client_of_the_operators_nothing_is_offered(browser, settings):
    settings.GOOGLE_CLIENT_ID = ""
    page = said_by(browser, SECTION)
    assert "not offered here" in page
    assert "/calendars/google/connect/" not in page
    assert "/calendars/outlook/connect/" in page
    said = browser.post("/en/studio/calendars/google/connect/", follow=True).content.decode()
    assert "Google Calendar is not offered here." in said


@pytest.mark.parametrize("provider", ["none", "apple", "..", "GOOGLE"])
def test_an_unknown_calendar_is_not_found(browser, provider):
    for address in (f"/en/studio/calendars/{provider}/connect/", f"/en/studio/calendars/{provider}/disconnect/"):
        assert browser.post(address).status_code == 404
    assert browser.get(f"/calendars/{provider}/callback/?state=x&code=y").status_code == 404


@pytest.mark.parametrize("provider", PROVIDERS)
def test_coming_back_asks_the_database_a_dozen_times_or_so(browser, provider, django_assert_max_num_queries):
    browser.get(SECTION)
    with django_assert_max_num_queries(12):
        address = begin(browser, provider)
    address = decide(address)
    with django_assert_max_num_queries(24):  # saving counts, and the session three times
        browser.get(address)


# --- Whose answer is it? ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["", "x" * 43, "None", "é", "\x00"])
def test_a_forged_state_connects_nothing_and_spoils_nothing(browser, state):
    address = begin(browser, "google")
    page = said_by(browser, f"/calendars/google/callback/?{'' if not state else f'state={state}&'}code=stolen")
    assert "does not belong to what was begun here" in page
    assert nothing_is_connected()
    browser.get(decide(address))
    assert not nothing_is_connected()


def test_a_state_of_another_session_is_refused(browser, alice):
    """A link with the attacker's own code in it would let the practice write into the attacker's calendar."""
    address = decide(begin(browser, "google"))
    assert "does not belong to what was begun here" in said_by(signed_in(alice), address)
    assert nothing_is_connected()


def test_an_answer_to_somebody_else_is_refused(browser, organization, charlie):
    address = decide(begin(browser, "google"))
    stranger = signed_in(charlie)
    begin(stranger, "google")
    assert "does not belong to what was begun here" in said_by(stranger, address)
    assert nothing_is_connected()


def test_another_person_in_the_same_browser_is_refused(browser, organization):
    address = decide(begin(browser, "google"))
    attempt = browser.session["calendar-attempt-google"]
    admin = signed_in(make_user("admin@practice.example", organization=organization))
    Membership.objects.filter(user__email="admin@practice.example").update(role=Role.ADMIN)
    session = admin.session
    session["calendar-attempt-google"] = attempt
    session.save()
    assert "does not belong to what was begun here" in said_by(admin, address)
    assert nothing_is_connected()


def test_an_answer_after_switching_to_another_organization_is_refused(browser, alice):
    other = found_organization(owner=alice, name="Second practice")
    address = decide(begin(browser, "google"))
    session = browser.session
    session[SESSION_KEY] = other.pk
    session.save()
    assert "does not belong to what was begun here" in said_by(browser, address)
    assert nothing_is_connected()


def test_an_answer_for_the_other_calendar_is_refused(browser):
    address = decide(begin(browser, "google")).replace("/google/", "/outlook/")
    begin(browser, "outlook")
    assert "does not belong to what was begun here" in said_by(browser, address)


def test_an_answer_counts_once(browser, organization):
    address = decide(begin(browser, "google"))
    browser.get(address)
    connected_at = connection_of(organization, "google").connected_at
    assert "does not belong to what was begun here" in said_by(browser, address)
    assert connection_of(organization, "google").connected_at == connected_at


def test_an_answer_after_ten_minutes_is_too_late(browser):
    address = decide(begin(browser, "google"))
    with time_machine.travel(timezone.now() + timedelta(minutes=11)):
        assert "came too late" in said_by(browser, address)
    assert nothing_is_connected()


def test_a_code_that_was_made_for_another_attempt_is_refused(browser):
    """The verifier comes from the state, so a code of another attempt does not fit."""
    code = parse_qs(urlsplit(decide(begin(browser, "google"))).query)["code"][0]
    state = parse_qs(urlsplit(begin(browser, "google")).query)["state"][0]
    page = said_by(browser, f"/calendars/google/callback/?state={state}&code={code}")
    assert "does not belong to what was begun here" in page
    assert nothing_is_connected()


def test_a_member_may_look_but_neither_connect_nor_disconnect(browser, organization, bob):
    connect(browser, "google")
    member = signed_in(bob)
    page = member.get(SECTION).content.decode()
    assert connection_of(organization, "google").account_email in page
    assert "/calendars/google/" not in page
    for address in ("connect", "disconnect"):
        assert member.post(f"/en/studio/calendars/google/{address}/").status_code == 403
    assert member.get("/calendars/google/callback/?state=x&code=y").status_code == 403
    assert connection_of(organization, "google").status == "connected"


def test_a_person_made_a_member_meanwhile_is_refused(browser, alice):
    address = decide(begin(browser, "google"))
    alice.memberships.update(role=Role.MEMBER)
    assert browser.get(address).status_code == 403
    assert nothing_is_connected()


def test_a_stranger_neither_sees_nor_ends_it(browser, organization, charlie):
    account = connect(browser, "google")
    stranger = signed_in(charlie)
    assert account not in stranger.get(SECTION).content.decode()
    stranger.post("/en/studio/calendars/google/disconnect/")
    assert connection_of(organization, "google").account_email == account
    with pytest.raises(calendars.NotConnected):
        calendars.events(
            organization=charlie.organizations.get(),
            provider="google",
            starts_at=timezone.now(),
            ends_at=timezone.now(),
        )


# --- What the provider may say instead --------------------------------------------------------------------------------


@pytest.mark.parametrize(("provider", "name"), [("google", "Google Calendar"), ("outlook", "Outlook")])
def test_denying_is_told_and_connects_nothing(browser, provider, name):
    page = said_by(browser, decide(begin(browser, provider), answer="deny"))
    assert f"{name} was not connected, because access was not allowed." in page
    assert nothing_is_connected()


def test_an_administrators_consent_is_asked_for_with_its_address(browser, sandbox):
    state = parse_qs(urlsplit(begin(browser, "outlook")).query)["state"][0]
    error = "error=access_denied&error_description=AADSTS90094%3A+admin"
    page = said_by(browser, f"/calendars/outlook/callback/?state={state}&{error}")
    assert "administrator has to allow Ava first" in page
    assert f"{sandbox}/microsoft/login/organizations/adminconsent?client_id=sandbox-microsoft" in page


def test_what_an_error_says_is_not_repeated(browser):
    state = parse_qs(urlsplit(begin(browser, "google")).query)["state"][0]
    page = said_by(browser, f"/calendars/google/callback/?state={state}&error=call+0900&error_description=call+0900")
    assert "Google Calendar could not be connected. Please try again." in page
    assert "0900" not in page


def test_a_calendar_that_was_unticked_is_told_at_once(browser):
    page = said_by(browser, decide(begin(browser, "google"), untick=True))
    assert "The calendar itself was not allowed." in page
    assert nothing_is_connected()


@pytest.mark.parametrize("path", ["/google/oauth/token", "/google/api/oauth2"])
def test_a_provider_that_is_away_while_connecting_is_told(browser, sandbox, path, monkeypatch):
    monkeypatch.setattr("ava.clients.http.sleep", lambda seconds: None)
    address = decide(begin(browser, "google"))
    order_fault(sandbox, path, times=2)
    page = said_by(browser, address)
    order_fault(sandbox, path, times=0)
    assert "Google cannot be reached at the moment. Please try again." in page
    assert nothing_is_connected()


def answering(account: str, **more: str) -> Any:
    """A Google that gives no refresh token unless told to."""

    def answer(request: Received) -> Reply:
        if request.path == "/token":
            return as_json({"access_token": "a", "expires_in": 3599, "scope": CALENDAR_SCOPE, **more})
        return as_json({"email": account})

    return answer


def test_a_refresh_token_that_does_not_come_again_is_kept_for_the_same_account_only(browser, organization, settings):
    account = connect(browser, "google")
    kept = connection_of(organization, "google").refresh_token
    for who, said in ((account, "is connected as"), ("other@google.example", "Lasting access was not allowed.")):
        address = decide(begin(browser, "google"))
        with serve(answering(who)) as server:
            usual = settings.GOOGLE_BASE_URLS
            settings.GOOGLE_BASE_URLS = {**usual, "oauth": server.url, "api": server.url}
            assert said in said_by(browser, address)
            settings.GOOGLE_BASE_URLS = usual
        row = connection_of(organization, "google")
        assert (row.account_email, row.refresh_token) == (account, kept)


def test_nothing_secret_is_logged_on_the_way(browser, organization, caplog):
    caplog.set_level("DEBUG")
    address = decide(begin(browser, "google"))
    browser.get(address)
    row = connection_of(organization, "google")
    (code,) = parse_qs(urlsplit(address).query)["code"]
    ours = " ".join(record.getMessage() for record in caplog.records if record.name != "ava.sandbox")
    assert not [secret for secret in (code, row.access_token, row.refresh_token) if secret in ours]
