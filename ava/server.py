"""How Ava's web processes speak HTTP: gunicorn keeps them, uvicorn reads and writes."""

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote_from_bytes

from uvicorn_worker import UvicornWorker

Application = Callable[[Any, Any, Any], Awaitable[None]]


class Worker(UvicornWorker):
    """uvicorn under gunicorn. Who is asking is Django's to say: it knows how many proxies stand before it."""

    CONFIG_KWARGS = {"loop": "auto", "http": "auto", "lifespan": "off", "proxy_headers": False, "server_header": False}


def clean(pages: Application) -> Application:
    """`pages`, asked only what a CGI environment can say without ambiguity.

    There `X_Forwarded_For` and `X-Forwarded-For` are one name, so a header with an underscore could forge what only
    the proxy may set; and a query is ASCII.
    """

    async def application(scope: Any, receive: Any, send: Any) -> None:
        headers = [(name, value) for name, value in scope["headers"] if b"_" not in name]
        query = scope["query_string"]
        if not query.isascii():
            query = quote_from_bytes(query, safe="!#$%&'()*+,/:;=?@[]~").encode()
        await pages({**scope, "headers": headers, "query_string": query}, receive, send)

    return application
