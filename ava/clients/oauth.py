"""Asking a person for access to their account: the authorization code flow with PKCE, as Google and Microsoft have it.

https://www.rfc-editor.org/rfc/rfc6749#section-4.1, https://www.rfc-editor.org/rfc/rfc7636
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from ava.clients.errors import GrantEnded, Misconfigured, ProviderError, Refused, Unreachable
from ava.clients.http import JsonClient

TIMEOUT_SECONDS = (5.0, 10.0)
# One request as a whole; who waits for somebody else's refresh waits longer than this.
ANSWER_SECONDS = 15.0
# Microsoft also says so when the person has to confirm who they are.
ENDED_CODES = frozenset({"invalid_grant", "interaction_required", "consent_required"})


@dataclass(frozen=True)
class Tokens:
    """What a provider gives: `refresh_token` is "" when it gives none; `scopes` are those that were really granted."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_in_seconds: int
    scopes: tuple[str, ...]


@dataclass(frozen=True)
class OAuthApp:
    """Ava as a provider knows her: the operator's client id and secret, and the provider's addresses."""

    provider: str
    client_id: str
    client_secret: str = field(repr=False)
    authorize_at: str
    token_base_url: str
    token_path: str
    scopes: Sequence[str]
    extra: Mapping[str, str]

    def authorize_url(self, *, redirect_uri: str, state: str, code_verifier: str) -> str:
        """Where to send the person; they come back to `redirect_uri` with `state` and a `code`, or an `error`."""
        query = {
            "client_id": self.client_id,
            "redirect_uri": redirect_uri,
            "response_type": "code",
            "scope": " ".join(self.scopes),
            "state": state,
            "code_challenge": code_challenge(code_verifier),
            "code_challenge_method": "S256",
            **self.extra,
        }
        return f"{self.authorize_at}?{urlencode(query)}"

    def exchange_code(self, *, code: str, redirect_uri: str, code_verifier: str) -> Tokens:
        """The tokens for a code, which works once. Raises GrantEnded (used, expired or another's), ProviderError."""
        given = {"code": code, "redirect_uri": redirect_uri, "code_verifier": code_verifier}
        return self._ask(grant_type="authorization_code", **given)

    def refresh(self, refresh_token: str) -> Tokens:
        """A fresh access token. Raises GrantEnded (final), Unreachable, Misconfigured (our client is refused)."""
        return self._ask(grant_type="refresh_token", refresh_token=refresh_token)

    def _ask(self, **fields: str) -> Tokens:
        http = JsonClient(
            provider=self.provider,
            base_url=self.token_base_url,
            timeout=TIMEOUT_SECONDS,
            answer_seconds=ANSWER_SECONDS,
        )
        client = {"client_id": self.client_id, "client_secret": self.client_secret}
        try:
            return _tokens(self.provider, http.post_form(self.token_path, {**client, **fields}))
        except (Misconfigured, Refused) as error:
            # A 401 here is about the operator's client, not about anything the person could mend.
            kind: type[ProviderError] = GrantEnded if error.code in ENDED_CODES else Misconfigured
            raise kind(error.provider, error.message, error.status, error.code) from None


def code_challenge(code_verifier: str) -> str:
    """The S256 challenge of a verifier."""
    digest = hashlib.sha256(code_verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _tokens(provider: str, answer: Any) -> Tokens:
    try:
        access, refresh = answer["access_token"], answer.get("refresh_token") or ""
        seconds, scopes = int(answer["expires_in"]), str(answer.get("scope") or "").split()
    except (KeyError, TypeError, ValueError, AttributeError):
        raise Unreachable(provider, "unexpected answer: no access token") from None
    if not (isinstance(access, str) and access and isinstance(refresh, str)):
        raise Unreachable(provider, "unexpected answer: no access token")
    return Tokens(access, refresh, seconds, tuple(scopes))
