"""How Ava's web processes speak HTTP: gunicorn keeps them, uvicorn reads and writes."""

from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote_from_bytes

from uvicorn_worker import UvicornWorker

Application = Callable[[Any, Any, Any], Awaitable[None]]

FORM_BYTES = 1_000_000


class Worker(UvicornWorker):
    """uvicorn under gunicorn. Who is asking is Django's to say: it knows how many proxies stand before it."""

    CONFIG_KWARGS = {"loop": "auto", "http": "auto", "lifespan": "off", "proxy_headers": False, "server_header": False}


def prepare(pages: Application) -> Application:
    """`pages`, given requests that are whole and mean one thing only.

    A form is read before a thread is taken, so who sends slowly holds none. In a CGI environment `X_Forwarded_For` and
    `X-Forwarded-For` are one name: a header with an underscore could forge what only the proxy may set. A query there
    is ASCII.
    """

    async def application(scope: Any, receive: Any, send: Any) -> None:
        headers = [(name, value) for name, value in scope["headers"] if b"_" not in name]
        query = scope["query_string"]
        if not query.isascii():
            query = quote_from_bytes(query, safe="!#$%&'()*+,/:;=?@[]~").encode()
        await pages({**scope, "headers": headers, "query_string": query}, await _read_ahead(receive), send)

    return application


async def _read_ahead(receive: Any) -> Callable[[], Awaitable[Any]]:
    """What `receive` gives, its first `FORM_BYTES` read by now; the rest of an upload comes as it comes."""
    messages, size = deque([await receive()]), 0
    while messages[-1].get("more_body") and size < FORM_BYTES:
        messages.append(await receive())
        size += len(messages[-1].get("body", b""))

    async def next_message() -> Any:
        return messages.popleft() if messages else await receive()

    return next_message
