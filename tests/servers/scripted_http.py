"""A real HTTP server on loopback whose answers a test writes as one function."""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit


@dataclass(frozen=True)
class Received:
    """A request as it came; header names in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))

    def json(self) -> Any:
        return json.loads(self.body)

    def form(self) -> dict[str, list[str]]:
        return parse_qs(self.body.decode(), keep_blank_values=True)


@dataclass(frozen=True)
class Reply:
    """An answer; a `stream` is sent piece by piece, without a length unless the headers give one."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    stream: Iterable[bytes] | None = None


@dataclass(frozen=True)
class Raw:
    """Bytes put on the wire as they are, piece by piece, status line and all."""

    pieces: Iterable[bytes]


Handler = Callable[[Received], Reply | Raw]


def always(reply: Reply | Raw) -> Handler:
    """The same answer to everything."""
    return lambda _request: reply


def as_json(value: Any, status: int = 200, **headers: str) -> Reply:
    return Reply(status, json.dumps(value).encode(), {"Content-Type": "application/json", **headers})


def drip(piece: bytes = b"x", every_seconds: float = 0.05, first: bytes = b"") -> Iterator[bytes]:
    """The same piece for ever, slowly; ends when the other side hangs up."""
    yield first
    while True:
        yield piece
        time.sleep(every_seconds)


def silence(seconds: float = 1.0) -> Iterator[bytes]:
    """Nothing at all, then the end."""
    time.sleep(seconds)
    yield b""


class ScriptedServer(ThreadingHTTPServer):
    """Answers by `handler`; keeps `requests` and counts `connections`, spoken over or not."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, handler: Handler, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Exchange)
        self.handler = handler
        self.requests: list[Received] = []
        self.connections = 0
        self.server_names: list[str] = []
        self.scheme = "https" if tls else "http"
        self._tls = tls
        if tls:
            tls.sni_callback = lambda _socket, name, _context: self.server_names.append(name or "")

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def get_request(self) -> tuple[Any, Any]:
        connection, address = super().get_request()
        self.connections += 1
        return connection, address

    def finish_request(self, request: Any, client_address: Any) -> None:
        # The handshake belongs into the thread of the connection, not into the one that accepts.
        with suppress(OSError):
            if self._tls:
                request = self._tls.wrap_socket(request, server_side=True)
            super().finish_request(request, client_address)
            request.close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up are part of the play."""


class _Exchange(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: ScriptedServer

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        received = Received(self.command, self.path, headers, body)
        self.server.requests.append(received)
        reply = self.server.handler(received)
        if isinstance(reply, Raw):
            self.close_connection = True
            self._send_all(reply.pieces)
        else:
            self._send_reply(reply)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = answer

    def _send_reply(self, reply: Reply) -> None:
        self.send_response(reply.status)
        if reply.stream is None and "Content-Length" not in reply.headers:
            self.send_header("Content-Length", str(len(reply.body)))
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.end_headers()
        if reply.stream is not None:
            self.close_connection = True
            self._send_all(reply.stream)
        else:
            self.wfile.write(reply.body)

    def _send_all(self, pieces: Iterable[bytes]) -> None:
        with suppress(OSError):
            for piece in pieces:
                self.wfile.write(piece)

    def log_message(self, format: str, *args: Any) -> None:
        """Tests read `requests` instead."""


@contextmanager
def serve(handler: Handler, *, tls: ssl.SSLContext | None = None) -> Iterator[ScriptedServer]:
    """Run a scripted server for the length of a `with` block."""
    server = ScriptedServer(handler, tls)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.002}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        # Not waiting for the connections: some of them stream for ever.
        server.block_on_close = False
        server.server_close()
        thread.join()
