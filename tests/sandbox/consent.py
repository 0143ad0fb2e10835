"""Asking the sandbox's Google or Microsoft for access, with plain requests."""

from __future__ import annotations

import html
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests

ORIGIN = "http://ava.example"
BACK = f"{ORIGIN}/back"
# RFC 7636, appendix B
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


class Provider:
    """One provider's addresses, and Ava's client there."""

    def __init__(self, authorize: str, token: str, api: str, scope: str, **asked: str) -> None:
        self.authorize = authorize
        self.token_url = token
        self.api = api
        self.asked = {
            "client_id": "ava",
            "redirect_uri": BACK,
            "response_type": "code",
            "scope": scope,
            "state": "s & s",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
            **asked,
        }

    def page(self, **changes: str) -> requests.Response:
        return requests.get(self.authorize, {**self.asked, **changes}, timeout=5)

    def decide(self, answer: str = "allow", granted: tuple[str, ...] | None = None, **changes: str) -> dict[str, str]:
        """Press a button; what the address has to which the browser is sent back."""
        boxes = re.findall(r'name="granted" value="([^"]*)"', self.page(**changes).text)
        ticked = [html.unescape(box) for box in boxes] if granted is None else list(granted)
        data = {**self.asked, **changes, "answer": answer, "account": "a@x.example", "granted": ticked}
        sent = requests.post(self.authorize, data, allow_redirects=False, timeout=5)
        assert sent.status_code == 302, sent.text
        assert sent.headers["Location"].startswith(f"{BACK}?")
        return {name: value for name, (value,) in parse_qs(urlsplit(sent.headers["Location"]).query).items()}

    def ask_token(self, **fields: str) -> requests.Response:
        given = {"client_id": "ava", "client_secret": "hush", **fields}
        return requests.post(self.token_url, {k: v for k, v in given.items() if v}, timeout=5)

    def exchange(self, code: str, **changes: str) -> requests.Response:
        given = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK, "code_verifier": VERIFIER}
        return self.ask_token(**{**given, **changes})

    def refresh(self, token: str) -> requests.Response:
        return self.ask_token(grant_type="refresh_token", refresh_token=token)

    def tokens(self, **changes: str) -> dict[str, Any]:
        response = self.exchange(self.decide(**changes)["code"])
        assert response.status_code == 200, response.text
        return response.json()

    def call(self, method: str, path: str, token: str, **options: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {token}", **options.pop("headers", {})}
        return requests.request(method, self.api + path, headers=headers, timeout=5, **options)
