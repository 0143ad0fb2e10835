"""The private object store that holds recordings: only a presigned link opens, and only until it expires.

https://docs.vapi.ai/assistants/retrieve-call-artifacts
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Request, Response

from ava.sandbox.http import Route, Sandbox, now
from ava.sandbox.state import State, write_atomically

BUCKET = "recordings"
LINK_SECONDS = 1800
STAMP = "%Y%m%dT%H%M%S%z"


def routes() -> list[Route]:
    return [("GET", "/storage/<bucket>/<name>", get_object)]


def keep(state: State, names: list[str], content: bytes, *, ready_at: datetime) -> None:
    """Store one content, which can be fetched under each of the names from `ready_at` on."""
    write_atomically(state.media / names[0], content)
    for name in names:
        state.recordings.put(name, {"file": names[0], "readyAt": ready_at.isoformat()})


def file_of(state: State, name: str) -> Path | None:
    """The object's file, once it is ready."""
    row = state.recordings.get(name)
    if row is None or datetime.fromisoformat(row["readyAt"]) > now():
        return None
    return state.media / row["file"]


def unsigned_url(base: str, name: str) -> str:
    return f"{base}/storage/{BUCKET}/{name}"


def presigned_url(state: State, base: str, name: str, seconds: int = LINK_SECONDS) -> str:
    """A link that opens without authorization; two links to one object differ, as the real ones do."""
    url = unsigned_url(base, name)
    query = {
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Date": now().strftime(STAMP),
        "X-Amz-Expires": str(seconds),
        "X-Amz-Security-Token": secrets.token_hex(8),
        "X-Amz-SignedHeaders": "host",
    }
    return f"{url}?{urlencode({**query, 'X-Amz-Signature': signature(state, urlsplit(url).path, query)})}"


def signature(state: State, path: str, query: dict[str, str]) -> str:
    text = f"{path}?{urlencode(sorted(query.items()))}"
    return hmac.new(state.signing_key, text.encode(), hashlib.sha256).hexdigest()


def get_object(sandbox: Sandbox, request: Request, bucket: str, name: str) -> Response:
    if not has_valid_signature(sandbox.state, request.path, request.args):
        return refusal(403, "AccessDenied", "Access Denied")
    file = file_of(sandbox.state, name) if bucket == BUCKET else None
    if file is None:
        return refusal(404, "NoSuchKey", "The specified key does not exist.")
    response = Response(file.read_bytes(), content_type="audio/wav")
    response.add_etag()
    return response.make_conditional(request, accept_ranges=True, complete_length=response.content_length)


def has_valid_signature(state: State, path: str, args: MultiDict[str, str]) -> bool:
    query = args.to_dict()
    given = query.pop("X-Amz-Signature", "")
    if not hmac.compare_digest(given.encode(), signature(state, path, query).encode()):
        return False
    expires_at = datetime.strptime(query["X-Amz-Date"], STAMP) + timedelta(seconds=int(query["X-Amz-Expires"]))
    return now() < expires_at


def refusal(status: int, code: str, message: str) -> Response:
    error = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    return Response(f'<?xml version="1.0" encoding="UTF-8"?>{error}', status, content_type="application/xml")
