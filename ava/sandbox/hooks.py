"""Somebody's own system, for trying webhooks out: takes whatever is posted to it, and shows what came."""

from __future__ import annotations

import secrets
from html import escape

from werkzeug.wrappers import Request, Response

from ava.sandbox.http import Json, Route, Sandbox, answer, iso, now
from ava.sandbox.pages import page

MOST_KEPT = 100
LONGEST_BODY = 64 * 1024
SHOWN = ("webhook-", "content-type", "user-agent", "x-")


def routes() -> list[Route]:
    return [
        ("GET", "/hooks", list_hooks),
        ("POST", "/hooks/<name>", take),
    ]


def take(sandbox: Sandbox, request: Request, name: str) -> Response:
    """Keep it, the latest hundred of all; say that it came."""
    headers = {key.lower(): value for key, value in request.headers if key.lower().startswith(SHOWN)}
    body = request.get_data()[:LONGEST_BODY].decode("utf-8", "replace")
    with sandbox.state.changing():
        moment = now()
        key = f"{moment:%Y%m%dT%H%M%S%f}-{secrets.token_hex(2)}"
        kept = {"id": key, "receivedAt": iso(moment), "name": name, "headers": headers, "body": body}
        sandbox.state.hooks.put(key, kept)
        for old in _newest_first(sandbox)[MOST_KEPT:]:
            sandbox.state.hooks.remove(old["id"])
    return answer({"received": True})


def list_hooks(sandbox: Sandbox, request: Request) -> Response:
    rows = "".join(map(_row, _newest_first(sandbox))) or '<tr><td colspan="3">Nothing has arrived yet.</td></tr>'
    words = "<p>Whatever is posted to <code>/hooks/</code> and any name is kept and shown here.</p>"
    table = f"<table><tr><th>When</th><th>Name</th><th>What</th></tr>{rows}</table>"
    return page("Webhooks", f"<h1>Webhooks</h1>{words}{table}")


def _newest_first(sandbox: Sandbox) -> list[Json]:
    return sorted(sandbox.state.hooks.where(), key=lambda row: row["id"], reverse=True)


def _row(row: Json) -> str:
    headers = "\n".join(f"{name}: {value}" for name, value in sorted(row["headers"].items()))
    what = f"<pre>{escape(headers)}</pre><pre dir='auto'>{escape(row['body'])}</pre>"
    return f"<tr><td>{escape(row['receivedAt'])}</td><td>{escape(row['name'])}</td><td>{what}</td></tr>"
