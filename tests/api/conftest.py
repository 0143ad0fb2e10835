"""Clients of the API: a person signed in as an app is, by a token."""

from collections.abc import Callable
from typing import Any

import pytest
from allauth.headless.tokens.strategies.jwt import internal
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from rest_framework.test import APIClient

from accounts.models import User
from tests.calls.conftest import mails
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
