"""Sends Vapi's messages to a server URL: signed as the organization asked, repeated as its backoff plan says.

https://docs.vapi.ai/server-url/server-authentication
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from uuid import uuid4

import requests

from ava.sandbox.http import Json, iso, now
from ava.sandbox.state import State

DEFAULT_TIMEOUT_SECONDS = 20
SEEDS_SIGNATURE_HEADER = "x-vapi-signature"

Sign = Callable[[str, bytes], dict[str, str]]


@dataclass(frozen=True)
class Destination:
    url: str
    sign: Sign
    timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS
    backoff_plan: Json | None = None


def destination(state: State, server: Json) -> Destination:
    """A `server` object, with the credential it names."""
    return Destination(
        url=server["url"],
        sign=lambda url, body: authentication_headers(state, server, url, body),
        timeout_seconds=server.get("timeoutSeconds") or DEFAULT_TIMEOUT_SECONDS,
        backoff_plan=server.get("backoffPlan"),
    )


def seeds_destination(url: str, secret: str) -> Destination:
    """The older notice: hex HMAC-SHA256 of the body, no retry."""

    def sign(_: str, body: bytes) -> dict[str, str]:
        return {SEEDS_SIGNATURE_HEADER: hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}

    return Destination(url, sign)


# --- authentication ---


def authentication_headers(state: State, server: Json, url: str, body: bytes) -> dict[str, str]:
    """The credential's headers, and the server's own; X-Vapi-Secret is there even when empty."""
    headers = {"X-Vapi-Secret": "", **(server.get("headers") or {})}
    credential = state.credentials.get(server.get("credentialId") or "")
    plan = credential["authenticationPlan"] if credential else {}
    if plan.get("type") == "hmac":
        headers |= hmac_headers(plan, url, body)
    elif plan.get("type") == "bearer":
        headers |= bearer_headers(plan)
    return headers


def bearer_headers(plan: Json) -> dict[str, str]:
    prefix = "Bearer " if plan.get("bearerPrefixEnabled", True) else ""
    return {plan.get("headerName") or "Authorization": f"{prefix}{plan['token']}"}


def hmac_headers(plan: Json, url: str, body: bytes) -> dict[str, str]:
    """The API description's HMACAuthenticationPlan, with its defaults. The timestamp is in milliseconds."""
    has_timestamp = plan.get("includeTimestamp", True)
    timestamp = str(int(time.time() * 1000)) if has_timestamp else ""
    message_id = f"msg_{uuid4().hex}"
    pattern = plan.get("payloadFormat") or ("{timestamp}.{body}" if has_timestamp else "{body}")
    fields = {"timestamp": timestamp, "method": "POST", "url": url, "svix-id": message_id}
    for name, value in fields.items():
        pattern = pattern.replace(f"{{{name}}}", value)
    payload = pattern.encode().replace(b"{body}", body)

    headers = {plan.get("signatureHeader") or "x-signature": hmac_signature(plan, payload)}
    if has_timestamp:
        headers[plan.get("timestampHeader") or "x-timestamp"] = timestamp
    if plan.get("messageIdHeader"):
        headers[plan["messageIdHeader"]] = message_id
    return headers


def hmac_signature(plan: Json, payload: bytes) -> str:
    secret = plan["secretKey"].encode()
    key = base64.b64decode(secret) if plan.get("secretIsBase64") else secret
    digest = hmac.new(key, payload, plan["algorithm"]).digest()
    text = base64.b64encode(digest).decode() if plan.get("signatureEncoding") == "base64" else digest.hex()
    return f"{plan.get('signaturePrefix') or ''}{text}"


# --- sending ---


class Courier:
    """Delivers one call's messages: the first try at once, further tries in the background."""

    def __init__(self, destination: Destination, note: Callable[[Json], None]) -> None:
        self.destination = destination
        self.note = note
        self._retries: list[threading.Thread] = []

    def deliver(self, kind: str, build: Callable[[], Json]) -> None:
        """`build` makes the message anew for each try: its presigned links differ each time."""
        if self._try(kind, build, 0):
            return
        thread = threading.Thread(target=self._retry, args=(kind, build), daemon=True)
        self._retries.append(thread)
        thread.start()

    def wait(self) -> None:
        for thread in self._retries:
            thread.join()

    def _retry(self, kind: str, build: Callable[[], Json]) -> None:
        plan = self.destination.backoff_plan or {}
        for number in range(int(plan.get("maxRetries") or 0)):
            time.sleep(delay_seconds(plan, number))
            if self._try(kind, build, number + 1):
                return

    def _try(self, kind: str, build: Callable[[], Json], number: int) -> bool:
        """One try; True when there is nothing more to do."""
        message = build()
        body = json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()
        noted = {"type": kind, "attempt": number + 1, "url": self.destination.url, "at": iso(now())}
        if "status" in message.get("message", {}):
            noted["call_status"] = message["message"]["status"]
        try:
            status = self._post(body)
        except requests.RequestException as error:
            self.note({**noted, "status": None, "error": type(error).__name__})
            return False
        self.note({**noted, "status": status, "error": None})
        excluded = (self.destination.backoff_plan or {}).get("excludedStatusCodes") or []
        return 200 <= status < 300 or status in excluded

    def _post(self, body: bytes) -> int:
        headers = {"Content-Type": "application/json", **self.destination.sign(self.destination.url, body)}
        timeout = self.destination.timeout_seconds
        with requests.Session() as session:
            session.trust_env = False  # neither a proxy nor .netrc may change what is sent
            url = self.destination.url
            return session.post(url, body, headers=headers, timeout=timeout, allow_redirects=False).status_code


def delay_seconds(plan: Json, retry_number: int) -> float:
    base = plan.get("baseDelaySeconds", 1)
    return base * 2**retry_number if plan.get("type") == "exponential" else base
