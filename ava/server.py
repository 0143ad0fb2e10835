"""How Ava's web processes speak HTTP: gunicorn keeps them, uvicorn reads and writes."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Any
from urllib.parse import quote_from_bytes

from uvicorn_worker import UvicornWorker

Application = Callable[[Any, Any, Any], Awaitable[None]]

FORM_BYTES = 1_000_000
BODY_SECONDS = 60
# All forms that are being read or answered at one time, in one process.
MOST_BYTES_HELD = 128_000_000


class Worker(UvicornWorker):
    """uvicorn under gunicorn. Who is asking is Django's to say: it knows how many proxies stand before it."""

    CONFIG_KWARGS = {"loop": "auto", "http": "auto", "lifespan": "off", "proxy_headers": False, "server_header": False}


def prepare(pages: Application) -> Application:
    """`pages`, given requests that are whole and mean one thing only.

    A form is read before a thread is taken, so who sends slowly holds none; what breaks off is no form. In a CGI
    environment `X_Forwarded_For` and `X-Forwarded-For` are one name: a header with an underscore could forge what only
    the proxy may set. A query there is ASCII.
    """

    async def application(scope: Any, receive: Any, send: Any) -> None:
        headers = [(name, value) for name, value in scope["headers"] if b"_" not in name]
        query = scope["query_string"]
        if not query.isascii():
            query = quote_from_bytes(query, safe="!#$%&'()*+,/:;=?@[]~").encode()
        body = _Body(receive)
        try:
            if await body.read_ahead():
                await pages({**scope, "headers": headers, "query_string": query}, body.receive, send)
            elif not body.has_left:
                await _refuse(send)
        finally:
            body.give_back()

    return application


async def _refuse(send: Any) -> None:
    headers = [(b"content-length", b"0"), (b"connection", b"close"), (b"retry-after", b"2")]
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


class _Body:
    """What is sent with one request: its first `FORM_BYTES` at once, the rest of an upload as it comes, all in time."""

    held = 0

    def __init__(self, receive: Any) -> None:
        self._receive, self._deadline = receive, monotonic() + BODY_SECONDS
        self._messages: deque[Any] = deque()
        self._size = 0
        self.has_left = False

    async def read_ahead(self) -> bool:
        """Whether there is a form to be answered: its sender neither left, nor dawdled, nor came with too many."""
        more = True
        while more and self._size < FORM_BYTES:
            try:
                message = await self._next()
            except ConnectionError:
                return False
            self._messages.append(message)
            size, more = len(message.get("body", b"")), message.get("more_body", False)
            self._size += size
            _Body.held += size
            if _Body.held > MOST_BYTES_HELD:
                return False
        return True

    async def receive(self) -> Any:
        """The next part, for the pages. Raises ConnectionError, which Django takes for what it is."""
        return self._messages.popleft() if self._messages else await self._next()

    def give_back(self) -> None:
        """The request is over."""
        _Body.held -= self._size

    async def _next(self) -> Any:
        try:
            async with asyncio.timeout(self._deadline - monotonic()):
                message = await self._receive()
        except TimeoutError:
            raise ConnectionError("The body came too slowly") from None
        if message["type"] == "http.disconnect":
            self.has_left = True
            raise ConnectionError("The body broke off")
        return message
