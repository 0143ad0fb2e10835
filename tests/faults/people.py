"""People at their browsers, for the search for secrets: they walk through every page that takes or shows one."""

import io
import re
import time
import zipfile
from dataclasses import dataclass
from typing import Any

import requests
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal import auth as totp

from ava.lib import crypto
from tests.servers.processes import eventually

SETTINGS = "/en/settings?section="
SECOND_STEP = "/en/accounts/2fa/"


class Browser:
    """Somebody's browser, without JavaScript; every page it was shown is kept, an archive unpacked."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.pages: list[tuple[str, bytes]] = []
        self.session = requests.Session()
        self._form_token = ""

    def get(self, path: str) -> requests.Response:
        return self._keep(self.session.get(self.url + path, timeout=20))

    def post(self, path: str, **fields: Any) -> requests.Response:
        """Send a form, with the token of the page before."""
        named = {"csrfmiddlewaretoken": self._form_token, **fields}
        return self._keep(self.session.post(self.url + path, named, headers={"Referer": self.url}, timeout=30))

    def _keep(self, answer: requests.Response) -> requests.Response:
        is_archive = answer.headers["Content-Type"] == "application/zip"
        self.pages.append((answer.url, unzipped(answer.content) if is_archive else answer.content))
        token = None if is_archive else re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', answer.text)
        self._form_token = token[1] if token else self._form_token
        return answer

    def sign_in(self, email: str, password: str) -> requests.Response:
        self.get("/en/accounts/login/")
        return self.post("/en/accounts/login/", login=email, password=password)


def unzipped(content: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return b"\n".join([name.encode() + b"\n" + archive.read(name) for name in archive.namelist()])


@dataclass(frozen=True)
class Keys:
    """What an owner enters; the first of each is mistyped."""

    vapi: tuple[str, str]
    account_sid: str
    twilio: tuple[str, str]


def walk_the_wizard(browser: Browser, keys: Keys) -> None:
    """Keys go in by their own doors, and by those where they do not belong."""
    astray = {"fields": ["api_key", "auth_token"], "api_key": keys.vapi[1], "auth_token": keys.twilio[1]}
    seen_elsewhere = {"base-api_key": "0" * 16, "base-auth_token": "0" * 16}
    for step in ("profile", "vapi", "ava", "twilio", "telephony", "integrations", "assistant", "plan", "done"):
        assert browser.get(f"/en/onboarding/{step}/").status_code == 200
        for wrong in (astray, astray | seen_elsewhere):
            assert browser.post(f"/en/onboarding/{step}/save/", **wrong).status_code == 200
            assert browser.post(f"/en/onboarding/{step}/", next="here", **wrong).status_code == 200
    for key in keys.vapi:
        browser.post("/en/onboarding/vapi/key/", api_key=key)
    for token in keys.twilio:
        browser.post("/en/onboarding/twilio/account/", account_sid=keys.account_sid, auth_token=token)
    typed = {"fields": ["name"], "name": "Canary", "base-name": ""}
    assert browser.post("/en/onboarding/assistant/save/", **typed).status_code == 200
    assert "Canary exists at Vapi" in browser.post("/en/onboarding/assistant/create/", **typed).text


def walk_the_settings(browser: Browser) -> None:
    """Who one is, whom one invites, what one wants to hear."""
    person = {"person": "1", "full_name": "Canary Bird", "locale": "en", "timezone": "UTC"}
    assert "Canary Bird" in browser.post(f"{SETTINGS}profile", **person).text
    invited = {"invite": "1", "email": "finch@practice.example", "role": "member"}
    assert "finch@practice.example" in browser.post(f"{SETTINGS}team", **invited).text
    browser.post(f"{SETTINGS}notifications", mail_timing="daily", push_calls="on")
    for section in ("integrations", "plan", "security", "number"):
        assert browser.get(f"{SETTINGS}{section}").status_code == 200


def take_the_data_along(browser: Browser, organization: Any) -> None:
    browser.post(f"{SETTINGS}data", export="1")
    eventually(lambda: organization.exports.filter(state="ready").exists(), timeout=20)
    archive = browser.get(f"{SETTINGS}data&download={organization.exports.get().pk}")
    assert archive.headers["Content-Type"] == "application/zip"


def code_of(secret: str) -> str:
    """The code of now; not one that is over before it arrives."""
    left = 30 - time.time() % 30
    time.sleep(left if left < 5 else 0)
    return totp.format_hotp_value(totp.hotp_value(secret, int(time.time()) // 30))


def set_the_second_step_up(browser: Browser, email: str, password: str) -> dict[str, str]:
    """An app, its recovery codes, signing in with it; one more app is begun and left. What must stay secret of it."""
    wanted = f"{SECOND_STEP}totp/activate/"
    browser.post("/en/accounts/reauthenticate/", password=password)
    secret = secret_on(browser.get(wanted))
    assert "Incorrect code" in browser.post(wanted, code="000000").text
    browser.post(wanted, code=code_of(secret))
    browser.get(f"{SECOND_STEP}recovery-codes/")
    again = Browser(browser.url)
    again.sign_in(email, password)
    assert "/2fa/" not in again.post(f"{SECOND_STEP}authenticate/", code=code_of(secret)).url
    browser.pages += again.pages
    kept = {row.type: row.data for row in Authenticator.objects.filter(user__email=email)}
    return {"TOTP seed": secret, "recovery seed": crypto.unseal(kept["recovery_codes"]["seed"])}


def begin_a_second_step(browser: Browser, password: str) -> str:
    """The secret of an app that is never confirmed."""
    browser.post("/en/accounts/reauthenticate/", password=password)
    return secret_on(browser.get(f"{SECOND_STEP}totp/activate/"))


def secret_on(page: requests.Response) -> str:
    found = re.search(r'data-copy="(\w{32})"', page.text)
    assert found, page.url
    return found[1]
