"""One small JSON client under all our provider clients: time-outs, safe retries, bounds and redaction."""

from __future__ import annotations

import base64
import json
import random
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from time import sleep
from typing import Any
from urllib.parse import quote, urljoin

import requests
import urllib3
from django.utils.translation import gettext_noop

from ava.clients.errors import Misconfigured, ProviderError, Refused, Unreachable, error_for_status

MAX_ANSWER_BYTES = 10 * 1024 * 1024
MAX_MESSAGE_CHARACTERS = 500
CHUNK_BYTES = 64 * 1024

# Repeating these leaves the provider as the first try would have; a repeated POST makes a second object.
IDEMPOTENT_METHODS = frozenset({"GET", "HEAD", "PUT", "PATCH", "DELETE"})
FIRST_BACKOFF_SECONDS = 0.5
LONGEST_BACKOFF_SECONDS = 10.0

# Google says "not now" with a 403, too. https://developers.google.com/calendar/api/guides/errors
NOT_NOW_CODES = frozenset({"rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded"})

REDACTED = "[redacted]"
_SECRET_NAME = re.compile(r"token|secret|password|authorization|api.?key|^code(_verifier)?$", re.IGNORECASE)
_AUTHORIZATION = re.compile(r"\b(Basic|Bearer)\s+[A-Za-z0-9._~+/=-]{8,}", re.IGNORECASE)


@dataclass(frozen=True)
class Answer:
    """A provider's answer below 400, its body read whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str

    @property
    def location(self) -> str:
        """Where a redirect points, as an absolute URL; "" when it is none."""
        target = self.headers.get("Location", "")
        return urljoin(self.url, target) if target else ""


class JsonClient:
    """Speaks JSON with one provider, with one key.

    `timeout` is (connect, read) in seconds; one answer as a whole may take `answer_seconds`. A request is
    tried `attempts` times if its method is safe to repeat. Nothing comes from the environment (no proxy, no
    .netrc) and redirects are never followed, so the key goes to `base_url` only.
    """

    def __init__(
        self,
        *,
        provider: str,
        base_url: str,
        token: str = "",
        timeout: tuple[float, float] = (5.0, 20.0),
        answer_seconds: float = 60.0,
        attempts: int = 3,
        max_bytes: int = MAX_ANSWER_BYTES,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.provider = provider
        self.base_url = base_url.rstrip("/")
        self._token = token
        self._timeout = timeout
        self._answer_seconds = answer_seconds
        self._attempts = attempts
        self._max_bytes = max_bytes
        self._more_headers = dict(headers or {})
        self._session = requests.Session()
        self._session.trust_env = False

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.provider} {self.base_url}>"

    def get(self, path: str, *, params: Mapping[str, Any] | None = None) -> Any:
        """The JSON at `path`. Raises ProviderError."""
        return self._json(self.send("GET", path, params=params))

    def post(self, path: str, payload: Any, *, params: Mapping[str, Any] | None = None) -> Any:
        """Post JSON once, never twice; return the JSON answer. Raises ProviderError."""
        return self._json(self.send("POST", path, params=params, payload=payload))

    def post_form(self, path: str, fields: Mapping[str, str]) -> Any:
        """Post a form once, never twice; return the JSON answer. Raises ProviderError."""
        return self._json(self.send("POST", path, form=fields))

    def patch(self, path: str, payload: Any) -> Any:
        """Replace an object's fields by whole values; return the JSON answer. Raises ProviderError."""
        return self._json(self.send("PATCH", path, payload=payload))

    def delete(self, path: str) -> None:
        """Delete what is at `path`; the answer's body does not matter. Raises ProviderError."""
        self.send("DELETE", path)

    def send(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        payload: Any = None,
        form: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send one request, repeated where that is safe; return an answer below 400. Raises ProviderError."""
        attempts = self._attempts if method in IDEMPOTENT_METHODS else 1
        secrets = [self._token, *secret_values(payload), *secret_values(form)]
        content = {"params": params, "json": payload, "data": form}
        tried = 0
        while True:
            try:
                return self._send_once(method, path, content, secrets)
            except _Failure as failure:
                tried += 1
                wait = backoff_seconds(tried, failure.retry_after)
                if tried >= attempts or wait is None or not failure.error.retryable:
                    raise failure.error from None
            sleep(wait)

    def _send_once(self, method: str, path: str, content: dict[str, Any], secrets: list[str]) -> Answer:
        ends_at = time.monotonic() + self._answer_seconds
        try:
            response = self._session.request(
                method,
                f"{self.base_url}{path}",
                **content,
                headers=self._headers(),
                timeout=self._timeout,
                allow_redirects=False,
                stream=True,
            )
            with response:
                body = self._read(response, ends_at)
        except (requests.RequestException, urllib3.exceptions.HTTPError, ValueError) as error:
            # The originals are dropped: they hold the request, and some quote the header they refuse.
            raise _Failure(self._no_answer(error)) from None
        if response.status_code >= 400:
            raise _Failure(self._refusal(response, body, secrets), _retry_after(response.headers))
        return Answer(response.status_code, response.headers, body, response.url)

    def _headers(self) -> dict[str, str]:
        headers = {"Accept": "application/json", **self._more_headers}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        return headers

    def _read(self, response: requests.Response, ends_at: float) -> bytes:
        body = bytearray()
        # read1 gives back whatever came, so a dripping answer cannot outlast the clock.
        while chunk := response.raw.read1(CHUNK_BYTES, decode_content=True):
            body += chunk
            if len(body) > self._max_bytes:
                raise _Failure(
                    Unreachable(self.provider, gettext_noop("the answer is too large"), response.status_code)
                )
            if time.monotonic() > ends_at:
                raise _Failure(
                    Unreachable(self.provider, gettext_noop("the answer took too long"), response.status_code)
                )
        return bytes(body)

    def _no_answer(self, error: Exception) -> ProviderError:
        if isinstance(error, requests.exceptions.InvalidHeader | UnicodeError):
            return Refused(self.provider, gettext_noop("the key holds characters that no key has"))
        if isinstance(error, requests.exceptions.Timeout | urllib3.exceptions.TimeoutError):
            return Unreachable(self.provider, gettext_noop("no answer in time"))
        if isinstance(error, ValueError | requests.exceptions.InvalidJSONError):
            return Misconfigured(self.provider, gettext_noop("the request or its address is not valid"))
        return Unreachable(self.provider, gettext_noop("the connection failed") + f" ({type(error).__name__})")

    def _refusal(self, response: requests.Response, body: bytes, secrets: list[str]) -> ProviderError:
        status = response.status_code
        code, words = error_words(body)
        # A 403 page in HTML comes from the network edge in front of the provider: it says nothing of the key.
        from_edge = status == 403 and "html" in response.headers.get("Content-Type", "").lower()
        kind = Unreachable if from_edge or code in NOT_NOW_CODES else error_for_status(status)
        message = tidy(redact(words, secrets)) or gettext_noop("no reason was given")
        return kind(self.provider, message, status, tidy(redact(code, secrets)))

    def _json(self, answer: Answer) -> Any:
        try:
            if answer.status >= 300:
                raise ValueError
            return json.loads(answer.body)
        except (ValueError, RecursionError):
            raise Unreachable(self.provider, gettext_noop("unexpected answer: no JSON"), answer.status) from None


class _Failure(Exception):
    """One failed try, with how long the provider asks us to wait."""

    def __init__(self, error: ProviderError, retry_after: float | None = None) -> None:
        super().__init__()
        self.error = error
        self.retry_after = retry_after


def backoff_seconds(tried: int, retry_after: float | None) -> float | None:
    """How long to wait after `tried` failures: full jitter, or what the provider asks for.

    None when it asks for longer than a caller should be held up.
    """
    if retry_after is not None:
        return retry_after if retry_after <= LONGEST_BACKOFF_SECONDS else None
    longest = min(LONGEST_BACKOFF_SECONDS, FIRST_BACKOFF_SECONDS * 2 ** (tried - 1))
    return random.uniform(0, longest)  # noqa: S311 - jitter, not a secret


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """The Retry-After header in seconds; it may be a number or a date."""
    value = headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, (moment.replace(tzinfo=moment.tzinfo or UTC) - datetime.now(UTC)).total_seconds())


def error_words(body: bytes) -> tuple[str, str]:
    """Code and message out of the error shapes our providers use; ("", "") when there is none.

    Vapi: {message: text or list, error}. OpenAI, Microsoft Graph: {error: {message, code, type}}.
    Expo: {errors: [{code, message}]}. Google: {error: {message, code: status, errors: [{reason}]}}.
    OAuth: {error: code, error_description}.
    """
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return "", ""
    if not isinstance(found, dict):
        return "", ""
    inner = found.get("error")
    several = found.get("errors")
    if isinstance(several, list) and several and isinstance(several[0], dict):
        found = several[0]
    elif isinstance(inner, dict):
        found = inner
    code = _reason(found) or found.get("code") or found.get("type") or found.get("error") or ""
    message = found.get("message") or found.get("detail") or found.get("error_description") or ""
    sentence = "; ".join(str(part) for part in message) if isinstance(message, list) else str(message)
    return str(code), sentence


def _reason(found: dict[str, Any]) -> str:
    """Google's own word for what went wrong; its `code` only repeats the status."""
    errors = found.get("errors")
    first = errors[0] if isinstance(errors, list) and errors else None
    return str(first.get("reason") or "") if isinstance(first, dict) else ""


def tidy(text: str) -> str:
    """One printable line of bearable length."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= MAX_MESSAGE_CHARACTERS else line[:MAX_MESSAGE_CHARACTERS] + "…"


def redact(text: str, secrets: Iterable[str]) -> str:
    """Replace each secret, as it is, URL-quoted or inside a Basic auth value, by "[redacted]".

    Anything that looks like an Authorization value goes as well.
    """
    for secret in sorted({s for s in secrets if s}, key=len, reverse=True):
        text = text.replace(secret, REDACTED).replace(quote(secret, safe=""), REDACTED)
        for core in _base64_cores(secret):
            text = re.sub(rf"[A-Za-z0-9+/]*{re.escape(core)}[A-Za-z0-9+/]*={{0,2}}", REDACTED, text)
    return _AUTHORIZATION.sub(rf"\1 {REDACTED}", text)


def _base64_cores(secret: str) -> Iterator[str]:
    """What every base64 text with the secret inside must contain, whatever stands before it ("user:")."""
    raw = secret.encode()
    for before in range(3):
        # Base64 works in groups of three bytes: only whole groups do not depend on the neighbours.
        start = (3 - before) % 3
        whole = raw[start : start + (len(raw) - start) // 3 * 3]
        if len(whole) >= 6:
            yield base64.b64encode(whole).decode()


def secret_values(payload: Any, *, named: bool = False) -> list[str]:
    """Texts in a payload whose key says they are secret; providers quote what they refuse."""
    if isinstance(payload, str):
        return [payload] if named and len(payload) >= 8 else []
    if isinstance(payload, dict):
        return [
            value
            for key, inner in payload.items()
            for value in secret_values(inner, named=named or bool(_SECRET_NAME.search(str(key))))
        ]
    if isinstance(payload, list):
        return [value for inner in payload for value in secret_values(inner, named=named)]
    return []
