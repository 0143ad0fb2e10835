"""Sign-up, sign-in, second step, refresh and sign-out of an app, as allauth's headless API has them."""

import re
from typing import Any

import pytest
from allauth.mfa.totp.internal.auth import SECRET_SESSION_KEY, hotp_value, yield_hotp_counters_from_time
from django.contrib.sessions.models import Session
from django.core import mail
from rest_framework.test import APIClient

from accounts.models import Membership, User
from tests.factories import PASSWORD

AUTH = "/_allauth/app/v1"
EMAIL = "dana@clinic.example"


@pytest.fixture
def phone() -> APIClient:
    client = APIClient()
    client.default_format = "json"
    return client


def sign_in(phone: APIClient, email: str = "alice@practice.example", **more: Any) -> dict[str, Any]:
    answer = phone.post(f"{AUTH}/auth/login", {"email": email, "password": PASSWORD}, **more)
    return answer.json()


def bearer(tokens: dict[str, Any]) -> dict[str, str]:
    return {"HTTP_AUTHORIZATION": f"Bearer {tokens['access_token']}"}


def organizations(phone: APIClient, tokens: dict[str, Any]) -> int:
    return phone.get("/api/v1/organizations", **bearer(tokens)).status_code


def code_for(secret: str) -> str:
    return f"{hotp_value(secret, next(iter(yield_hotp_counters_from_time()))):06d}"


def test_signing_up_in_french_gives_an_organization_after_the_mailed_code(phone, db):
    french = {"HTTP_ACCEPT_LANGUAGE": "fr"}
    begun = phone.post(f"{AUTH}/auth/signup", {"email": EMAIL, "password": PASSWORD}, **french)
    assert begun.status_code == 401
    assert {"id": "verify_email", "is_pending": True} in begun.json()["data"]["flows"]
    code = re.search(r"^([A-Z0-9]{4}-[A-Z0-9]{4})$", mail.outbox[0].body, re.MULTILINE)
    assert code, mail.outbox[0].body
    session = {"HTTP_X_SESSION_TOKEN": begun.json()["meta"]["session_token"]}
    verified = phone.post(f"{AUTH}/auth/email/verify", {"key": code.group(1)}, **session)
    assert verified.status_code == 200
    answer = phone.get("/api/v1/organizations", **bearer(verified.json()["meta"]))
    assert [one["role"] for one in answer.json()] == ["owner"]
    assert User.objects.get(email=EMAIL).locale == "fr"


def test_a_token_opens_the_api_and_dies_with_signing_out(phone, alice):
    tokens = sign_in(phone)["meta"]
    assert organizations(phone, tokens) == 200
    assert phone.delete(f"{AUTH}/auth/session", **bearer(tokens)).status_code == 401  # as allauth says "signed out"
    assert organizations(phone, tokens) == 401
    assert phone.post(f"{AUTH}/tokens/refresh", {"refresh_token": tokens["refresh_token"]}).status_code == 400


def test_refreshing_gives_a_new_pair(phone, alice):
    tokens = sign_in(phone)["meta"]
    fresh = phone.post(f"{AUTH}/tokens/refresh", {"refresh_token": tokens["refresh_token"]}).json()["data"]
    assert fresh["refresh_token"] != tokens["refresh_token"]
    assert organizations(phone, fresh) == 200


def test_a_refresh_token_that_comes_twice_ends_the_session_of_both_senders(phone, alice):
    tokens, other = sign_in(phone)["meta"], sign_in(phone)["meta"]
    fresh = phone.post(f"{AUTH}/tokens/refresh", {"refresh_token": tokens["refresh_token"]}).json()["data"]
    assert phone.post(f"{AUTH}/tokens/refresh", {"refresh_token": tokens["refresh_token"]}).status_code == 400
    assert organizations(phone, fresh) == 401
    assert phone.post(f"{AUTH}/tokens/refresh", {"refresh_token": fresh["refresh_token"]}).status_code == 400
    assert organizations(phone, other) == 200  # another phone of the same person


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0."])
def test_what_is_no_refresh_token_is_refused(phone, db, token):
    answer = phone.post(f"{AUTH}/tokens/refresh", {"refresh_token": token})
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"


def test_an_access_token_does_not_refresh_and_a_refresh_token_does_not_open(phone, alice):
    tokens = sign_in(phone)["meta"]
    assert phone.post(f"{AUTH}/tokens/refresh", {"refresh_token": tokens["access_token"]}).status_code == 400
    assert organizations(phone, {"access_token": tokens["refresh_token"]}) == 401


def test_a_second_step_is_asked_for_before_there_is_a_token(phone, alice):
    tokens = sign_in(phone)["meta"]
    phone.post(f"{AUTH}/auth/reauthenticate", {"password": PASSWORD}, **bearer(tokens))
    offered = phone.get(f"{AUTH}/account/authenticators/totp", **bearer(tokens))
    assert offered.status_code == 404, offered.content
    secret = offered.json()["meta"]["secret"]
    kept = [session.get_decoded().get(SECRET_SESSION_KEY, "") for session in Session.objects.all()]
    assert any(kept)
    assert secret not in kept, "the secret waits in the session sealed"
    done = phone.post(f"{AUTH}/account/authenticators/totp", {"code": code_for(secret)}, **bearer(tokens))
    assert done.status_code == 200, done.content

    asked = sign_in(phone)
    assert "access_token" not in asked["meta"]
    session = {"HTTP_X_SESSION_TOKEN": asked["meta"]["session_token"]}
    assert phone.get("/api/v1/organizations", **session).status_code == 401
    wrong = phone.post(f"{AUTH}/auth/2fa/authenticate", {"code": "000000"}, **session)
    assert wrong.status_code == 400
    assert wrong.json()["errors"][0]["field"] == "code"


def test_a_wrong_password_is_a_problem_that_tells_nobody_who_has_an_account(phone, alice):
    known = phone.post(f"{AUTH}/auth/login", {"email": alice.email, "password": "wrong-password"})
    unknown = phone.post(f"{AUTH}/auth/login", {"email": "nobody@x.example", "password": "wrong-password"})
    assert known.status_code == unknown.status_code == 400
    assert known.json() == unknown.json()
    assert known["Content-Type"] == "application/problem+json"
    assert {"type", "title", "status", "code", "detail", "errors"} <= known.json().keys()


def test_guessing_passwords_is_stopped(phone, alice):
    codes = set()
    for number in range(12):
        forged = {"HTTP_X_FORWARDED_FOR": f"203.0.113.{number}"}
        answer = phone.post(f"{AUTH}/auth/login", {"email": alice.email, "password": f"wrong-{number}"}, **forged)
        codes |= {error["code"] for error in answer.json()["errors"]}
    assert "too_many_login_attempts" in codes
    assert "access_token" not in sign_in(phone).get("meta", {})


def test_the_devices_that_are_signed_in_are_listed_and_can_be_signed_out(phone, alice):
    here, lost = sign_in(phone)["meta"], sign_in(phone)["meta"]
    listed = phone.get(f"{AUTH}/auth/sessions", **bearer(here)).json()["data"]
    assert len(listed) == 2
    others = [one["id"] for one in listed if not one["is_current"]]
    assert phone.delete(f"{AUTH}/auth/sessions", {"sessions": others}, **bearer(here)).status_code == 200
    assert organizations(phone, lost) == 401
    assert organizations(phone, here) == 200


def test_a_password_is_reset_by_the_mailed_link_and_old_tokens_die(phone, alice):
    tokens = sign_in(phone)["meta"]
    assert phone.post(f"{AUTH}/auth/password/request", {"email": alice.email}).status_code == 200
    assert phone.post(f"{AUTH}/auth/password/request", {"email": "nobody@x.example"}).status_code == 200
    key = re.search(r"/accounts/password/reset/key/([^/\s]+)/", mail.outbox[0].body)
    assert key, mail.outbox[0].body
    answer = phone.post(f"{AUTH}/auth/password/reset", {"key": key.group(1), "password": "another-long-passphrase"})
    assert answer.status_code in {200, 401}, answer.content
    assert organizations(phone, tokens) == 401


def test_a_removed_member_s_token_opens_nothing_of_the_organization(phone, bob, organization):
    tokens = sign_in(phone, bob.email)["meta"]
    assert organizations(phone, tokens) == 200
    Membership.objects.filter(user=bob).delete()
    answer = phone.get("/api/v1/vapi-settings", **bearer(tokens))
    assert (answer.status_code, answer.json()["code"]) == (403, "no_organization")


def test_somebody_made_inactive_is_out_at_once(phone, alice):
    tokens = sign_in(phone)["meta"]
    User.objects.filter(pk=alice.pk).update(is_active=False)
    assert organizations(phone, tokens) == 401
