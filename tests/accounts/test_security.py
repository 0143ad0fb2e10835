"""What protects an account: the second step, recovery codes, passkeys, sessions; and the operator's login."""

import re
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal import auth as totp
from django.conf import settings as conf
from django.test import Client

from accounts.templatetags.people import browser
from accounts.views import section_url
from ava.lib import crypto
from tests.accounts.passkeys import make_passkey
from tests.factories import PASSWORD

SECURITY = section_url("security")
INLINE = re.compile(r"<script(?![^>]*(\ssrc=|application/json))|<style|\sstyle=|\son[a-z]+=[\"']|javascript:", re.I)
PAGES = (
    "",
    "totp/activate/",
    "totp/deactivate/",
    "recovery-codes/",
    "recovery-codes/generate/",
    "webauthn/",
    "webauthn/add/",
    "reauthenticate/",
    "webauthn/reauthenticate/",
)


@pytest.fixture
def fresh(alice: Any) -> Client:
    """Alice has just entered her password, and once more."""
    client = Client()
    client.post("/en/accounts/login/", {"login": alice.email, "password": PASSWORD})
    client.post("/en/accounts/reauthenticate/", {"password": PASSWORD})
    return client


@pytest.fixture
def guarded(alice: Any) -> str:
    """Alice's second step is on; the secret of her app."""
    secret = totp.generate_totp_secret()
    totp.TOTP.activate(alice, secret)
    RecoveryCodes.activate(alice)
    return secret


def code_of(secret: str) -> str:
    now = next(totp.yield_hotp_counters_from_time())
    return totp.format_hotp_value(totp.hotp_value(secret, now))


def html_of(answer: Any) -> str:
    assert answer.status_code == 200, answer.headers.get("Location")
    return answer.content.decode()


@pytest.mark.parametrize("language", ["en", "fr", "he"])
@pytest.mark.parametrize("page", PAGES)
def test_each_page_has_our_look_and_no_inline_script(fresh, alice, page, language):
    if page not in {"totp/activate/", ""}:
        totp.TOTP.activate(alice, totp.generate_totp_secret())
        RecoveryCodes.activate(alice)
    if "webauthn/reauthenticate" in page:
        make_passkey(alice)
    html = html_of(fresh.get(f"/{language}/accounts/2fa/{page}"))
    assert not INLINE.search(html)
    assert html.count("<h1") == 1
    assert "css/components.css" in html


def test_the_section_shows_the_state(client, alice):
    client.force_login(alice)
    html = html_of(client.get(SECURITY))
    assert '<span class="badge warning">off</span>' in html
    assert "Recovery codes" not in html
    totp.TOTP.activate(alice, totp.generate_totp_secret())
    RecoveryCodes.activate(alice)
    html = html_of(client.get(SECURITY))
    assert '<span class="badge positive">on</span>' in html
    assert "Recovery codes" in html


def test_switching_on_wants_the_apps_code_and_gives_recovery_codes(fresh, alice):
    html = html_of(fresh.get("/en/accounts/2fa/totp/activate/"))
    secret = re.search(r'data-copy="(\w+)"', html).group(1)
    assert "Incorrect code" in html_of(fresh.post("/en/accounts/2fa/totp/activate/", {"code": "000000"}))
    answer = fresh.post("/en/accounts/2fa/totp/activate/", {"code": code_of(secret)}, follow=True)
    assert html_of(answer).count("<li><code>") == 10
    assert get_adapter().is_mfa_enabled(alice)


def test_then_a_password_alone_does_not_sign_in(client, alice, guarded):
    answer = client.post("/en/accounts/login/", {"login": alice.email, "password": PASSWORD})
    assert answer["Location"] == "/en/accounts/2fa/authenticate/"
    assert client.get("/en/dashboard/").status_code == 302
    html = html_of(client.get(answer["Location"]))
    assert not INLINE.search(html)
    answer = client.post(answer["Location"], {"code": code_of(guarded)})
    assert answer["Location"] == "/en/dashboard/"
    assert client.get("/en/dashboard/").status_code == 200


def test_the_table_and_the_session_show_no_seed(fresh, alice):
    html = html_of(fresh.get("/en/accounts/2fa/totp/activate/"))
    secret = re.search(r'data-copy="(\w+)"', html).group(1)
    assert secret not in str(dict(fresh.session))
    assert 'value="000000"' in html_of(fresh.post("/en/accounts/2fa/totp/activate/", {"code": "000000"}))
    assert secret not in str(dict(fresh.session))
    fresh.post("/en/accounts/2fa/totp/activate/", {"code": code_of(secret)})
    kept = {row.type: row.data for row in Authenticator.objects.filter(user=alice)}
    assert kept["totp"]["secret"].startswith(crypto.SEALED)
    assert kept["recovery_codes"]["seed"].startswith(crypto.SEALED)
    assert crypto.unseal(kept["totp"]["secret"]) == secret


def test_a_seed_kept_in_clear_before_still_signs_in(client, alice):
    secret = totp.generate_totp_secret()
    Authenticator.objects.create(user=alice, type=Authenticator.Type.TOTP, data={"secret": secret})
    client.post("/en/accounts/login/", {"login": alice.email, "password": PASSWORD})
    client.post("/en/accounts/2fa/authenticate/", {"code": code_of(secret)})
    assert client.get("/en/dashboard/").status_code == 200


def test_an_app_half_set_up_under_a_lost_key_begins_anew(fresh):
    session = fresh.session
    session[totp.SECRET_SESSION_KEY] = f"{crypto.SEALED}gAAAAA-nobody-opens-this"
    session.save()
    assert "Incorrect code" in html_of(fresh.post("/en/accounts/2fa/totp/activate/", {"code": "000000"}))


def test_the_operators_login_asks_for_the_second_step_too(client, alice, guarded):
    alice.is_staff = alice.is_superuser = True
    alice.save()
    answer = client.get("/admin/", follow=True)
    assert answer.redirect_chain[-1][0].startswith("/en/accounts/login/")
    client.post("/en/accounts/login/", {"login": alice.email, "password": PASSWORD, "next": "/admin/"})
    assert client.get("/admin/").status_code == 302
    answer = client.post("/en/accounts/2fa/authenticate/", {"code": code_of(guarded)})
    assert answer["Location"] == "/admin/"
    assert client.get("/admin/").status_code == 200


def test_other_sessions_are_ended(alice):
    here, there = Client(), Client()
    for client in (here, there):
        client.post("/en/accounts/login/", {"login": alice.email, "password": PASSWORD})
    html = html_of(here.get("/en/accounts/sessions/"))
    assert html.count("127.0.0.1") == 2
    assert not INLINE.search(html)
    here.post("/en/accounts/sessions/")
    assert there.get("/en/dashboard/").status_code == 302
    assert here.get("/en/dashboard/").status_code == 200


def test_another_persons_passkey_is_not_found(fresh, charlie):
    theirs = make_passkey(charlie)
    for page in ("edit", "remove"):
        assert fresh.get(f"/en/accounts/2fa/webauthn/keys/{theirs.pk}/{page}/").status_code == 404
        assert fresh.post(f"/en/accounts/2fa/webauthn/keys/{theirs.pk}/{page}/").status_code == 404


def test_a_passkey_is_renamed_and_removed(fresh, alice):
    key = make_passkey(alice)
    address = f"/en/accounts/2fa/webauthn/keys/{key.pk}"
    assert "laptop" in html_of(fresh.get("/en/accounts/2fa/webauthn/"))
    assert 'value="laptop"' in html_of(fresh.get(f"{address}/edit/"))
    fresh.post(f"{address}/edit/", {"name": "key ring"})
    assert "key ring" in html_of(fresh.get(f"{address}/remove/"))
    fresh.post(f"{address}/remove/")
    assert "There is none yet." in html_of(fresh.get("/en/accounts/2fa/webauthn/"))


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML) Chrome/150.0 Safari/537.36", "Chrome on Linux"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Version/19.0 Safari/604.1", "Safari on iPhone"),
        ("Mozilla/5.0 (Windows NT 10.0; Win64) Chrome/150.0 Safari/537.36 Edg/150.0", "Edge on Windows"),
        ("curl/8.0", "curl/8.0"),
        ("", "unknown browser"),
    ],
)
def test_a_browser_is_named_as_people_name_it(agent, words):
    assert browser(agent) == words


def test_a_new_password_is_dated(fresh, alice):
    assert alice.password_changed_at is None
    values = {"oldpassword": PASSWORD, "password1": "another-long-passphrase", "password2": "another-long-passphrase"}
    fresh.post("/en/accounts/password/change/", values)
    alice.refresh_from_db()
    assert alice.password_changed_at is not None


def test_the_scripts_of_passkeys_come_from_here(fresh):
    policy = fresh.get("/en/accounts/2fa/webauthn/add/").headers["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert conf.MFA_PASSKEY_LOGIN_ENABLED
    assert EmailAddress.objects.filter(verified=True).exists()
