"""The authorization code flow with PKCE, as far as the stand-ins for Google and Microsoft share it.

The consent page asks which account to play, as there is nobody to sign in. What each refuses, and how, is its own.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from hmac import compare_digest
from html import escape
from urllib.parse import urlencode

from werkzeug.utils import redirect
from werkzeug.wrappers import Request, Response

from ava.sandbox.http import Json, Sandbox, iso, now
from ava.sandbox.validation import origin

CODE_LASTS = timedelta(minutes=10)
TOKEN_SECONDS = 3599
POLICY = "default-src 'none'; style-src 'unsafe-inline'"
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title><style>body{{font:16px/1.5 system-ui,sans-serif;max-width:34rem;margin:3rem auto;padding:0 1rem}}
button{{font:inherit;padding:.5rem 1.2rem;margin-inline-end:.5rem}}input[type=email]{{font:inherit;width:100%}}</style>
</head><body><main>{body}</main></body></html>"""


def page(title: str, body: str, status: int = 200) -> Response:
    response = Response(PAGE.format(title=escape(title), body=body), status, content_type="text/html; charset=utf-8")
    response.headers["Content-Security-Policy"] = POLICY
    return response


# --- Asking the person ---


def is_known_address(sandbox: Sandbox, redirect_uri: str) -> bool:
    """Whether it counts as registered: no page leads people away from this machine."""
    return origin(redirect_uri) in sandbox.allowed_webhook_origins


def consent_page(request: Request, *, provider: str, account: str, choices: Mapping[str, str]) -> Response:
    """Sandbox account, what is asked for, Allow and Deny; each of `choices` (scope: words) can be unticked."""
    hidden = "".join(f'<input type="hidden" name="{escape(k)}" value="{escape(v)}">' for k, v in request.args.items())
    boxes = "".join(
        f'<p><label><input type="checkbox" name="granted" value="{escape(scope)}" checked> {escape(words)}</label></p>'
        for scope, words in choices.items()
    )
    return page(
        f"{provider}: Sandbox account",
        f"<h1>Sandbox account</h1><p>This stands in for {escape(provider)}. Ava wants access to a calendar.</p>"
        f'<form method="post">{hidden}<p><label>Account<br>'
        f'<input type="email" name="account" value="{escape(account)}" required></label></p>{boxes}'
        '<p><button name="answer" value="allow">Allow</button><button name="answer" value="deny">Deny</button></p>'
        "</form>",
    )


def send_back(request: Request, **answer: str) -> Response:
    """To where the person came from, with their state."""
    query = urlencode({**answer, "state": request.form.get("state", "")})
    return redirect(f"{request.form['redirect_uri']}?{query}", 302)


def new_code(sandbox: Sandbox, request: Request, *, provider: str, scopes: list[str]) -> str:
    code = secrets.token_urlsafe(24)
    row = {
        "provider": provider,
        "account": request.form.get("account", "").strip().lower(),
        "scopes": scopes,
        "until": iso(now() + CODE_LASTS),
        **{name: request.form.get(name, "") for name in ("client_id", "redirect_uri", "code_challenge")},
    }
    sandbox.state.oauth_codes.put(code, row)
    return code


# --- Codes and tokens ---


def take_code(sandbox: Sandbox, request: Request, provider: str) -> Json | None:
    """What a code stands for; it works once, for its own client and address."""
    code = request.form.get("code", "")
    with sandbox.state.changing():
        row = sandbox.state.oauth_codes.get(code)
        sandbox.state.oauth_codes.remove(code) if row else None
    if row is None or row["provider"] != provider or datetime.fromisoformat(row["until"]) < now():
        return None
    same = all(row[name] == request.form.get(name) for name in ("client_id", "redirect_uri"))
    return row if same else None


def has_verifier(row: Json, request: Request) -> bool:
    """Whether who brings the code is who asked for it."""
    digest = hashlib.sha256(request.form.get("code_verifier", "").encode()).digest()
    return compare_digest(base64.urlsafe_b64encode(digest).rstrip(b"=").decode(), row["code_challenge"])


def new_grant(sandbox: Sandbox, code: Json) -> Json:
    grant = {
        "id": secrets.token_hex(12),
        "is_over": False,
        **{name: code[name] for name in ("provider", "account", "client_id", "scopes")},
    }
    return sandbox.state.oauth_grants.put(grant["id"], grant)


def new_token(sandbox: Sandbox, grant: Json, kind: str) -> str:
    """An `access` token, which is good for an hour, or a `refresh` token."""
    token = f"sandbox-{kind}-{secrets.token_urlsafe(24)}"
    until = iso(now() + timedelta(seconds=TOKEN_SECONDS if kind == "access" else 180 * 86_400))
    sandbox.state.oauth_tokens.put(token, {"grant": grant["id"], "kind": kind, "until": until})
    return token


def grant_behind(sandbox: Sandbox, token: str, *, provider: str, kind: str = "") -> Json | None:
    """The living grant that a token belongs to."""
    row = sandbox.state.oauth_tokens.get(token)
    if row is None or (kind and row["kind"] != kind) or datetime.fromisoformat(row["until"]) < now():
        return None
    grant = sandbox.state.oauth_grants.get(row["grant"])
    return grant if grant and grant["provider"] == provider and not grant["is_over"] else None


def bearer(sandbox: Sandbox, request: Request, provider: str) -> Json | None:
    """The grant behind the request's access token."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return grant_behind(sandbox, token, provider=provider, kind="access") if scheme.lower() == "bearer" else None


def end(sandbox: Sandbox, grant_id: str) -> None:
    sandbox.state.oauth_grants.change(grant_id, is_over=True)


def name_of(*parts: str) -> str:
    """The name under which something of an account is kept: fit for a file, whatever the parts hold."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
