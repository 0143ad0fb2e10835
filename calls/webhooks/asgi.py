"""The door for webhooks: what comes under /webhooks/ is answered here, all else goes on to the pages.

Deliveries come in rushes, and a handler made for pages would cost more than storing them. So this is a plain ASGI
application: no session, no cookies, no language, no CSRF, no user. https://asgi.readthedocs.io/en/latest/specs/www.html
"""

import logging
import re
from collections.abc import Awaitable, Callable
from typing import Any

from calls.webhooks import vapi
from calls.webhooks.exchange import NOT_FOUND, Answer, Delivery, Refused

logger = logging.getLogger(__name__)

Application = Callable[[Any, Any, Any], Awaitable[None]]

PREFIX = "/webhooks/"
# Configured with the final slash, or without.
ROUTES: list[tuple[re.Pattern[str], Callable[..., Awaitable[Answer]]]] = [
    (re.compile(r"/webhooks/vapi/call-completed/?"), vapi.shared),
    (re.compile(r"/webhooks/vapi/([-\w]{1,64})/?", re.ASCII), vapi.tenant),
]


def with_webhooks(pages: Application) -> Application:
    """An ASGI application that takes webhooks in and leaves every other request to `pages`."""

    async def application(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["path"].startswith(PREFIX):
            await _send(await _answer(scope, receive), send)
        else:
            await pages(scope, receive, send)

    return application


async def _answer(scope: Any, receive: Any) -> Answer:
    found = _find(scope["path"])
    if found is None:
        return NOT_FOUND
    if scope["method"] != "POST":
        return Answer(405, b"Method not allowed", headers=((b"allow", b"POST"),))
    take, named = found
    try:
        return await take(Delivery(scope, receive), *named)
    except Refused as refusal:
        return refusal.answer
    except Exception as error:
        logger.exception("A webhook was not answered: %s", type(error).__name__)
        return Answer(500, b"Server error")


def _find(path: str) -> tuple[Callable[..., Awaitable[Answer]], tuple[str, ...]] | None:
    for pattern, take in ROUTES:
        if match := pattern.fullmatch(path):
            return take, match.groups()
    return None


async def _send(answer: Answer, send: Any) -> None:
    headers = [
        (b"content-type", answer.content_type),
        (b"content-length", str(len(answer.content)).encode()),
        *answer.headers,
    ]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.content})
