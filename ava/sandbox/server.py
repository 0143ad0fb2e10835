"""The sandbox over real HTTP: one port that stands in for all providers and for the object store."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.routing import Map, Rule
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

from ava.sandbox import control, expo, google, hooks, mail, microsoft, storage, story, twilio, vapi
from ava.sandbox.http import Refusal, Sandbox, answer
from ava.sandbox.state import State
from ava.sandbox.validation import origin

logger = logging.getLogger("ava.sandbox")

LARGEST_BODY = 10 * 1024 * 1024
ROUTES = [
    route
    for module in (vapi, twilio, expo, google, microsoft, storage, mail, hooks, control)
    for route in module.routes()
]
REFUSALS: dict[str, Callable[[int], Any]] = {
    "vapi": vapi.refuse,
    "twilio": twilio.refuse,
    "google": google.refuse,
    "microsoft": microsoft.refuse,
}


class App:
    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.routes = Map(
            [Rule(path, methods=[method], endpoint=handler) for method, path, handler in ROUTES],
            strict_slashes=True,
            merge_slashes=False,
        )

    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        request = Request(environ)
        request.max_content_length = LARGEST_BODY
        try:
            response = self._respond(request)
        except Refusal as refusal:
            response = refusal.response
        except HTTPException as error:
            response = answer({"message": error.description, "error": error.name}, error.code or 500)
        return response(environ, start_response)

    def _respond(self, request: Request) -> Response:
        provider = request.path.split("/")[1]
        refuse = REFUSALS.get(provider)
        if forced := self.sandbox.take_fault(request.path):
            return (refuse or self._refuse)(forced)
        try:
            handler, values = self.routes.bind_to_environ(request.environ).match()
        except MethodNotAllowed:
            return (refuse or self._refuse)(405)
        except HTTPException:
            return (refuse or self._refuse)(404)
        return handler(self.sandbox, request, **values)

    @staticmethod
    def _refuse(status: int) -> Response:
        return answer({"errors": [{"code": f"HTTP_{status}", "message": f"HTTP {status}"}]}, status)


class QuietHandler(WSGIRequestHandler):
    """One line a request: method, path and status; never a query or header, where keys and signatures are."""

    protocol_version = "HTTP/1.1"

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        path = self.path.partition("?")[0] if hasattr(self, "path") else "-"
        logger.info("%s %s %s", self.command, path, getattr(code, "value", code))

    def log_error(self, format: str, *args: Any) -> None:
        logger.debug("connection ended: %s", format)


def create_app(state_path: str | Path, allowed_webhook_origins: Iterable[str] = ()) -> App:
    sandbox = Sandbox(State(state_path), frozenset(origin(url) for url in allowed_webhook_origins))
    story.settle_stopped_calls(sandbox)
    return App(sandbox)


def make(host: str, port: int, state_path: str | Path, allowed_webhook_origins: Iterable[str] = ()) -> BaseWSGIServer:
    """A server ready to `serve_forever()`; port 0 takes a free one, to be read from `.port`."""
    app = create_app(state_path, allowed_webhook_origins)
    return make_server(host, port, app, threaded=True, request_handler=QuietHandler)


def serve(
    host: str,
    port: int,
    state_path: str | Path,
    allowed_webhook_origins: Iterable[str] = (),
    mail_port: int | None = None,
) -> None:
    """Serve until interrupted; with a `mail_port` mail is taken there."""
    server = make(host, port, state_path, allowed_webhook_origins)
    if mail_port:
        mail.start(Path(state_path) / "mail", mail_port)
    logger.info("Sandbox on http://%s:%s", host, server.port)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        logger.info("Sandbox stopped")
    finally:
        server.server_close()
