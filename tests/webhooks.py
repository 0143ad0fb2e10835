"""Posting to the webhooks' door in this process: the application that takes them in, without a socket."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from asgiref.sync import async_to_sync

from calls.webhooks.asgi import with_webhooks


@dataclass(frozen=True)
class Answered:
    status_code: int
    headers: dict[str, str]
    content: bytes

    def json(self) -> Any:
        return json.loads(self.content)


async def _no_page(scope: Any, receive: Any, send: Any) -> None:
    raise AssertionError("it was taken for a page")


door = with_webhooks(_no_page)


def post(path: str, body: bytes, headers: Mapping[str, Any] | None = None) -> Answered:
    """Post a body whole, with its length."""
    given = {"content-type": "application/json", "content-length": str(len(body)), **(headers or {})}
    return request("POST", path, body, given)


@async_to_sync
async def request(method: str, path: str, body: bytes, headers: Mapping[str, Any]) -> Answered:
    """Any request, its headers as they stand."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": method,
        "path": unquote(path),
        "headers": [
            (name.lower().encode(), str(value).encode("utf-8", "surrogateescape")) for name, value in headers.items()
        ],
    }
    await door(scope, receive, send)
    start, content = sent
    answered = {name.decode(): value.decode() for name, value in start["headers"]}
    return Answered(start["status"], answered, content["body"])
