"""An app on a phone, for the search for secrets: it signs in, and sends everything secret that the API takes."""

import secrets
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import requests
from django.utils import timezone

from accounts.models import Organization
from assistants.models import CalendarConnection


@dataclass
class App:
    """Every answer it was given is kept."""

    url: str
    pages: list[tuple[str, bytes]] = field(default_factory=list)
    token: str = ""

    def ask(self, method: str, path: str, body: Any = None) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        answer = requests.request(method, self.url + path, json=body, headers=headers, timeout=30)
        self.pages.append((answer.url, answer.content))
        return answer


@dataclass(frozen=True)
class Keys:
    """What an owner sends; the first key and password are mistyped."""

    email: str
    password: tuple[str, str]
    vapi: tuple[str, str]
    account_sid: str
    twilio: tuple[str, str]


def sign_in(app: App, keys: Keys) -> dict[str, str]:
    """The tokens that were given. Where they are given they stand, so those answers are not kept."""
    for password in keys.password:
        answer = app.ask("POST", "/_allauth/app/v1/auth/login", {"email": keys.email, "password": password})
    app.pages.pop()
    first = answer.json()["meta"]
    fresh = app.ask("POST", "/_allauth/app/v1/tokens/refresh", {"refresh_token": first["refresh_token"]}).json()
    app.pages.pop()
    app.token = fresh["data"]["access_token"]
    kinds = ("access_token", "refresh_token")
    return {
        f"{when} {kind}": tokens[kind]
        for when, tokens in (("first", first), ("fresh", fresh["data"]))
        for kind in kinds
    }


def send_every_secret(app: App, keys: Keys, hooks_url: str) -> dict[str, str]:
    """Keys, a receiver's secret and header, each under a key for repeats; what must be found nowhere."""
    for key in keys.vapi:
        app.ask("POST", "/api/v1/vapi-settings", {"vapi_api_key": key})
    for token in keys.twilio:
        app.ask("POST", "/api/v1/twilio-settings", {"account_sid": keys.account_sid, "auth_token": token})
    header = f"header-{secrets.token_hex(16)}"
    receiver = {"url": hooks_url, "header_name": "X-Own", "header_value": header}
    made = app.ask("POST", "/api/v1/webhooks/endpoints", receiver)
    assert made.status_code == 201, made.text
    app.pages.pop()  # the one answer that shows the secret
    pk = made.json()["id"]
    rotated = app.ask("POST", f"/api/v1/webhooks/endpoints/{pk}/rotate-secret")
    app.pages.pop()
    app.ask("POST", f"/api/v1/webhooks/endpoints/{pk}/test")
    return {
        "receiver's header": header,
        "receiver's first secret": made.json()["secret"].removeprefix("whsec_"),
        "receiver's secret": rotated.json()["secret"].removeprefix("whsec_"),
    }


def use_a_calendar(app: App, organization: Organization) -> dict[str, str]:
    """A calendar whose access has ended: its tokens are sent to the provider, and refused."""
    tokens = {name: f"ya29.{secrets.token_hex(24)}" for name in ("access_token", "refresh_token")}
    CalendarConnection.objects.for_organization(organization).create(
        organization=organization,
        provider="google",
        account_email="canary@calendar.example",
        expires_at=timezone.now() + timedelta(hours=1),
        **tokens,
    )
    assert app.ask("GET", "/api/v1/integrations/calendar/google/events").status_code == 409
    return {f"calendar's {name}": token for name, token in tokens.items()}


def look_around(app: App) -> None:
    """Everything that can be read, and addresses that break or are refused."""
    paths = app.ask("GET", "/api/v1/schema").json()["paths"]
    for path in sorted(path for path, operations in paths.items() if "get" in operations and "{" not in path):
        assert app.ask("GET", path).status_code < 500
    for body in ({"vapi_api_key": 5}, {"vapi_api_key": None, "extra": app.token}, [app.token]):
        assert app.ask("POST", "/api/v1/vapi-settings", body).status_code == 400
    assert app.ask("GET", f"/api/v1/nowhere?token={app.token}").status_code == 404
