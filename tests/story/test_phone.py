"""A mobile client's day, over real HTTP: sign-up, key, studio, number, launch, a call, its push, and signing out."""

import re
from typing import Any
from uuid import uuid4

import pytest
import requests

from tests.browser.site import mails_to
from tests.servers.processes import eventually
from tests.story.installation import PASSWORD, RunningAva

pytestmark = pytest.mark.story


class Phone:
    """An app that knows Ava's address, and keeps the tokens it is given."""

    def __init__(self, ava: RunningAva) -> None:
        self.url, self.session = ava.url, requests.Session()
        self.session.headers["Accept-Language"] = "fr"
        self.tokens: dict[str, str] = {}

    def auth(self, method: str, path: str, **headers: str) -> Any:
        """Ask allauth; `json` is the body."""
        return lambda json=None: self.session.request(
            method, f"{self.url}/_allauth/app/v1/{path}", json=json, headers={**self.bearer, **headers}, timeout=20
        )

    def ask(self, method: str, path: str, json: Any = None, *, status: int = 200) -> Any:
        """Ask the API and read the answer."""
        answer = self.session.request(method, f"{self.url}/api/v1/{path}", json=json, headers=self.bearer, timeout=30)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    @property
    def bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens['access_token']}"} if self.tokens else {}


def sign_up(phone: Phone, ava: RunningAva) -> None:
    email = f"dana-{uuid4().hex[:8]}@practice.example"
    begun = phone.auth("POST", "auth/signup")({"email": email, "password": PASSWORD})
    assert begun.status_code == 401
    mail = eventually(lambda: mails_to(ava, email), timeout=20)[0]
    code = re.search(r"\b([A-Z0-9]{4}-[A-Z0-9]{4})\b(?!@)", mail.split("<pre")[1])
    assert code, mail
    verify = phone.auth("POST", "auth/email/verify", **{"X-Session-Token": begun.json()["meta"]["session_token"]})
    phone.tokens = verify({"key": code[1]}).json()["meta"]


def set_up(phone: Phone) -> str:
    """The nine steps as an app takes them; returns the number that Ava answers."""
    profile = {"name": "Dana Katz", "organization_name": "Cabinet Katz", "timezone": "Europe/Paris", "country": "FR"}
    assert phone.ask("PATCH", "user/profile", {**profile, "accept_terms": True})["full_name"] == "Dana Katz"
    assert phone.ask("POST", "vapi-settings", {"vapi_api_key": "5a4d" + str(uuid4())[4:]})["has_vapi_key"]
    phone.ask("PATCH", "user/studio-config", {"persona": "secretary", "job_to_be_done": "Prendre les rendez-vous"})
    assert phone.ask("PATCH", "studio/config", {"voiceSpeed": 1.1, "aiTemperature": 0.4})["voiceSpeed"] == 1.1
    phone.ask("POST", "twilio-settings", {"account_sid": "AC" + uuid4().hex, "auth_token": uuid4().hex})
    number = phone.ask("GET", "twilio/numbers")[0]["number"]
    phone.ask("POST", "phone-numbers/attach", {"number": number}, status=201)
    assistant = {"name": "Ava", "instructions": "Soyez brève.", "firstMessage": "Cabinet Katz, bonjour."}
    made = phone.ask("POST", "assistants", {**assistant, "phoneNumber": number}, status=201)
    assert made["vapi_id"]
    assert phone.ask("POST", "user/complete-onboarding")["onboarding_completed"]
    assert phone.ask("POST", "settings/agent/activate") == {"success": True}
    return number


def test_a_mobile_clients_day(ava: RunningAva):
    phone, sandbox = Phone(ava), ava.mailbox_url.removesuffix("/mail")
    token = f"ExponentPushToken[{uuid4().hex[:22]}]"
    sign_up(phone, ava)
    number = set_up(phone)
    phone.ask("POST", "devices", {"expo_token": token, "locale": "he"}, status=201)

    assert requests.post(f"{sandbox}/sandbox/calls", json={"number": number}, timeout=10).status_code < 300
    ready = "calls?status=completed&has_recording=true"
    call = eventually(lambda: phone.ask("GET", ready)["results"], timeout=40, every=0.5)[0]

    def push() -> dict[str, Any] | None:
        sent = requests.get(f"{sandbox}/sandbox/pushes", timeout=10).json()
        return next((one["message"] for one in sent if one["to"] == token), None)

    received = eventually(push, timeout=30, every=0.5)
    assert received["data"] == {"callId": call["id"]}
    assert re.search("[א-ת]", received["title"]), "in the phone's own language"

    whole = phone.ask("GET", f"calls/{received['data']['callId']}")
    assert {line["role"] for line in whole["transcript"]} == {"assistant", "user"}
    assert whole["summary"]
    link = phone.ask("GET", f"calls/{call['id']}/recording")
    part = requests.get(link["url"], headers={"Range": "bytes=0-3"}, timeout=10)
    assert (part.status_code, part.content) == (206, b"RIFF")

    fresh = phone.auth("POST", "tokens/refresh")({"refresh_token": phone.tokens["refresh_token"]}).json()["data"]
    phone.tokens = fresh
    assert phone.ask("GET", "calls")["results"]
    phone.auth("DELETE", "auth/session")()
    phone.ask("GET", "calls", status=401)
    assert phone.auth("POST", "tokens/refresh")({"refresh_token": fresh["refresh_token"]}).status_code == 400
