"""Twilio's account and phone numbers, over its own library.

https://www.twilio.com/docs/phone-numbers/api/incomingphonenumber-resource
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from typing import Any
from urllib.parse import urlsplit

import requests
from django.utils.translation import gettext_noop
from twilio.base.exceptions import TwilioException
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

from ava.clients.errors import Misconfigured, ProviderError, Unreachable, error_for_status
from ava.clients.http import redact, tidy

PROVIDER = "twilio"
CONNECT_SECONDS, READ_SECONDS = 5.0, 20.0
LARGEST_PAGE = 1000
LONGEST_NAME = 64
_SID = re.compile(r"[A-Za-z0-9]{2,64}")
_E164 = re.compile(r"\+[1-9][0-9]{3,18}")


@dataclass(frozen=True)
class AccountStatus:
    """status: active, suspended or closed; type: Trial or Full."""

    sid: str
    friendly_name: str
    status: str
    type: str


@dataclass(frozen=True)
class Subaccount:
    """A new subaccount and the token that opens it."""

    sid: str
    auth_token: str = field(repr=False)


@dataclass(frozen=True)
class NumberRouting:
    """Where Twilio sends a number's calls and texts; "" is unset.

    A trunk beats an application, and an application beats the voice URL.
    """

    voice_url: str = ""
    voice_method: str = ""
    voice_fallback_url: str = ""
    voice_fallback_method: str = ""
    status_callback: str = ""
    status_callback_method: str = ""
    voice_application_sid: str = ""
    trunk_sid: str = ""
    sms_url: str = ""
    sms_method: str = ""

    def as_dict(self) -> dict[str, str]:
        """All fields by name, ready for a JSON column."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> NumberRouting:
        """From `as_dict` or from Twilio's fields; what is missing or null is "", other keys are left out."""
        return cls(**{item.name: str(values.get(item.name) or "") for item in fields(cls)})


@dataclass(frozen=True)
class IncomingNumber:
    """A number the account owns; `number` is E.164, `voice` tells if it can take calls."""

    sid: str
    number: str
    friendly_name: str
    voice: bool
    routing: NumberRouting


class TwilioClient:
    """Calls Twilio for one account.

    Every method raises Refused (401, 403), NotFound (404), Misconfigured (other 4xx, with Twilio's words and
    code) or Unreachable (time-out, 429, 5xx, an answer that cannot be read). Nothing is retried here.
    With `base_url` each request goes to `{base_url}/{Twilio's host}{path}`: the sandbox.
    """

    def __init__(
        self, account_sid: str, auth_token: str, base_url: str | None = None, *, read_seconds: float | None = None
    ) -> None:
        # The library would silently take a missing value from the process environment: another tenant's key.
        if not _SID.fullmatch(account_sid) or not auth_token:
            raise Misconfigured(PROVIDER, gettext_noop("the account SID or the auth token is missing or malformed"))
        self.account_sid = account_sid
        self._auth_token = auth_token
        transport = _Transport(base_url, read_seconds)
        self._client = Client(account_sid, auth_token, http_client=transport, environment={"ISOLATED": "1"})

    def __repr__(self) -> str:
        return f"<TwilioClient {self.account_sid}>"

    def check(self) -> AccountStatus:
        """The account behind the keys. Suspended and closed ones are told by `status`, or come as Refused.

        https://www.twilio.com/docs/iam/api/account
        """
        with self._typed_errors():
            found = self._client.api.v2010.accounts(self.account_sid).fetch()
            return AccountStatus(
                sid=_required(found.sid),
                friendly_name=found.friendly_name or "",
                status=str(found.status or ""),
                type=str(found.type or ""),
            )

    def list_numbers(self) -> list[IncomingNumber]:
        """All numbers of the account, over all pages.

        https://www.twilio.com/docs/phone-numbers/api/incomingphonenumber-resource#read-multiple-incomingphonenumber-resources
        """
        with self._typed_errors():
            return [_number(found) for found in self._owned.list(page_size=LARGEST_PAGE)]

    def get_number(self, sid: str) -> IncomingNumber:
        """One number by its SID (PN…).

        https://www.twilio.com/docs/phone-numbers/api/incomingphonenumber-resource#fetch-an-incomingphonenumber-resource
        """
        with self._typed_errors():
            return _number(self._owned(_checked_sid(sid)).fetch())

    def find_number(self, e164: str) -> IncomingNumber | None:
        """The account's number that is exactly `e164`, or None. Twilio's own filter also matches parts.

        https://www.twilio.com/docs/phone-numbers/api/incomingphonenumber-resource#read-multiple-incomingphonenumber-resources
        """
        if not _E164.fullmatch(e164):
            return None
        with self._typed_errors():
            candidates = self._owned.list(phone_number=e164, page_size=LARGEST_PAGE)
            return next((_number(found) for found in candidates if found.phone_number == e164), None)

    def update_number(self, sid: str, routing: NumberRouting) -> IncomingNumber:
        """Write the whole routing, "" clearing a field, and return what Twilio now has.

        https://www.twilio.com/docs/phone-numbers/api/incomingphonenumber-resource#update-an-incomingphonenumber-resource
        """
        # Twilio knows no empty method; POST is what it takes for an unset one.
        values = {
            name: value or ("POST" if name.endswith("_method") else "") for name, value in routing.as_dict().items()
        }
        with self._typed_errors():
            return _number(self._owned(_checked_sid(sid)).update(**values))

    def create_subaccount(self, name: str) -> Subaccount:
        """Create a subaccount of this account. https://www.twilio.com/docs/iam/api/subaccounts"""
        with self._typed_errors():
            made = self._client.api.v2010.accounts.create(friendly_name=name[:LONGEST_NAME])
            return Subaccount(sid=_required(made.sid), auth_token=_required(made.auth_token))

    def move_number(self, sid: str, to_account_sid: str, *, from_account_sid: str = "") -> IncomingNumber:
        """Give a number to another account of the same parent; this client must be the parent's.

        The number is the parent's own, or lies in the subaccount `from_account_sid`.

        https://www.twilio.com/docs/iam/api/subaccounts#exchanging-phone-numbers-between-subaccounts
        """
        with self._typed_errors():
            holder = self._client.api.v2010.accounts(_checked_sid(from_account_sid or self.account_sid))
            moved = holder.incoming_phone_numbers(_checked_sid(sid)).update(account_sid=_checked_sid(to_account_sid))
            return _number(moved)

    @property
    def _owned(self) -> Any:
        return self._client.incoming_phone_numbers

    @contextmanager
    def _typed_errors(self) -> Iterator[None]:
        """Turn whatever the library raises into our errors; the originals, which quote the request, go."""
        try:
            yield
        except TwilioException as error:
            raise self._typed(error) from None
        except requests.Timeout:
            raise Unreachable(PROVIDER, "no answer in time") from None
        except requests.RequestException as error:
            raise Unreachable(PROVIDER, f"the connection failed ({type(error).__name__})") from None
        except (ValueError, TypeError, AttributeError, KeyError):
            # The library reads answers without looking: an HTML page or another shape ends in one of these.
            raise Unreachable(PROVIDER, "unexpected answer") from None

    def _typed(self, error: TwilioException) -> ProviderError:
        status, code, words = _what_twilio_said(error)
        if status is None:
            return Unreachable(PROVIDER, "unexpected answer")
        message = tidy(redact(words, [self._auth_token])) or gettext_noop("no reason was given")
        return error_for_status(status)(PROVIDER, message, status, code)


class _Transport(TwilioHttpClient):
    """Twilio's HTTP with time-outs, without proxies from the environment and without logs of bodies."""

    def __init__(self, base_url: str | None, read_seconds: float | None) -> None:
        super().__init__()
        # The library's type says one float, yet it hands this to requests, which also takes a pair.
        self.timeout: Any = (CONNECT_SECONDS, read_seconds or READ_SECONDS)
        self.base_url = base_url.rstrip("/") if base_url else ""
        if self.session is not None:
            self.session.trust_env = False

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> Any:
        if self.base_url:
            parts = urlsplit(url)
            query = f"?{parts.query}" if parts.query else ""
            url = f"{self.base_url}/{parts.netloc}{parts.path}{query}"
        return super().request(method, url, *args, **kwargs)

    def log_request(self, kwargs: dict[str, Any]) -> None:
        """Nothing: the library would log queries and headers at INFO."""

    def log_response(self, status_code: int, response: Any) -> None:
        """Nothing, for the same reason."""


def _what_twilio_said(error: TwilioException) -> tuple[int | None, str, str]:
    """Status, code and words of any of the library's three exceptions; no status when there was no answer."""
    status = getattr(error, "status", None)
    if status is not None:
        words = getattr(error, "msg", None) or getattr(error, "detail", None) or getattr(error, "title", "")
        return int(status), str(getattr(error, "code", None) or ""), str(words or "")
    # A failed list gives the bare exception, with the raw answer as its second argument.
    answer = error.args[1] if len(error.args) > 1 else None
    if answer is None:
        return None, "", ""
    try:
        body = json.loads(answer.text)
    except ValueError:
        body = {}
    body = body if isinstance(body, dict) else {}
    words = body.get("message") or body.get("detail") or body.get("title") or ""
    return int(answer.status_code), str(body.get("code") or ""), str(words)


def _checked_sid(sid: str) -> str:
    """A SID becomes part of an address, and must not lead to another one."""
    if not _SID.fullmatch(sid):
        raise Misconfigured(PROVIDER, gettext_noop("not a valid SID"))
    return sid


def _required(value: str | None) -> str:
    if not value:
        raise ValueError("Twilio left out a field it promises")
    return value


def _number(found: Any) -> IncomingNumber:
    capabilities = found.capabilities if isinstance(found.capabilities, dict) else {}
    return IncomingNumber(
        sid=_required(found.sid),
        number=_required(found.phone_number),
        friendly_name=found.friendly_name or "",
        voice=bool(capabilities.get("voice")),
        routing=NumberRouting.from_dict(vars(found)),
    )
