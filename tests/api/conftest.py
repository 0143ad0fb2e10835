"""Clients of the API: a person signed in as an app is, by a token; and a practice for walks over all of it."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from allauth.headless.tokens.strategies.jwt import internal
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.test import Client
from rest_framework.test import APIClient

from accounts.api import limits
from accounts.models import Device, Organization, User
from assistants import activation
from tests import calendars, providers
from tests.calls.conftest import mails
from tests.factories import make_call, make_delivery, make_endpoint
from tests.onboarding.conftest import browser

__all__ = ["browser", "mails"]

Api = APIClient


def access_token(user: User) -> str:
    """A token as signing in gives one."""
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    return internal.create_access_token(user, session, {})


def errors_of(answer: Any) -> dict[str, str]:
    """What a 400 says is wrong: code by field."""
    assert answer.status_code == 400, answer.content
    return {one["field"]: one["code"] for one in answer.json()["errors"]}


@pytest.fixture
def api_of() -> Callable[..., Any]:
    """`api_of(alice)` is a client that speaks JSON with Alice's token."""

    def client_of(user: User | None = None, **headers: str) -> APIClient:
        client = APIClient()
        client.default_format = "json"
        token = {"HTTP_AUTHORIZATION": f"Bearer {access_token(user)}"} if user else {}
        client.credentials(**token, **{f"HTTP_{name.upper()}": value for name, value in headers.items()})
        return client

    return client_of


@pytest.fixture
def furnished(practice: Organization, alice: User, client: Client, monkeypatch: pytest.MonkeyPatch) -> Organization:
    """Alice's practice with something of everything, and no limit on how often she may ask."""
    monkeypatch.setattr(limits, "PER_PERSON", 1_000_000)
    monkeypatch.setattr(limits, "PER_ORGANIZATION", 1_000_000)
    providers.own_number(practice)
    activation.activate(organization=practice)
    make_call(practice, recording_name="org/1/calls/one.mp3", recording_provider="local")
    make_delivery(make_endpoint(practice))
    Device.objects.create(user=alice, expo_token="ExponentPushToken[aliceslittletelephone]")
    practice.holidays.create(date=date(2027, 1, 4))
    client.force_login(alice)
    calendars.connect(client, "google")
    return practice


@pytest.fixture
def id_under(furnished: Organization, alice: User, api_of: Callable[..., Any]) -> Callable[[str], Any]:
    """`id_under("/api/v1/calls/{id}/recording")` is one that Alice has, as the list above it names it."""
    api, known = api_of(alice), {}

    def id_of(path: str) -> Any:
        above = path.partition("/{id}")[0]
        if above not in known:
            found = api.get(above).json()
            known[above] = (found["results"] if isinstance(found, dict) else found)[0]["id"]
        return known[above]

    return id_of
