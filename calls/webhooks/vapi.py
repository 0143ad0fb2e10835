"""Vapi's server messages: verify, store once, answer. The rest happens in the worker."""

import functools
import logging
from collections.abc import Callable
from typing import Any

from django.db import InterfaceError, OperationalError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse

from accounts.models import PlatformSettings
from assistants import inbound
from ava.lib.crypto import InvalidToken
from calls import inbox
from calls.webhooks import bodies, parsers, signatures

logger = logging.getLogger(__name__)

View = Callable[..., HttpResponse]


def _intake(view: View) -> View:
    """What both addresses share: POST only, a bounded body, and 503 while the database is away."""

    @functools.wraps(view)
    def wrapped(request: HttpRequest, **kwargs: Any) -> HttpResponse:
        if request.method != "POST":
            return HttpResponse("Method not allowed", status=405, headers={"Allow": "POST"}, content_type="text/plain")
        try:
            body = bodies.read(request)
            return _on_a_living_connection(lambda: view(request, body, **kwargs))
        except bodies.BodyRefused as refusal:
            return HttpResponse(refusal.reason, status=refusal.status, content_type="text/plain")
        except (OperationalError, InterfaceError, InvalidToken) as error:  # away, or of another encryption key
            logger.error("A webhook could not be stored: %s", type(error).__name__)
            connection.close()
            return HttpResponse("Try again", status=503, headers={"Retry-After": "2"}, content_type="text/plain")

    return wrapped


def _on_a_living_connection(answer: Callable[[], HttpResponse]) -> HttpResponse:
    """Answer, and once more when the connection turns out to have ended: it may be older than the running database.

    Pages ask for a sign of life before they use a connection. That is a round trip, and a delivery needs few others.
    """
    connection.health_check_done = True  # type: ignore[attr-defined]
    try:
        return answer()
    except (OperationalError, InterfaceError):
        if connection.connection is None or connection.is_usable():
            raise
        connection.close()
        return answer()


@_intake
def tenant(request: HttpRequest, body: bytes, token: str) -> HttpResponse:
    """A tenant's own address. All that is rightly signed gets 2xx; a repeat is a no-op with the same answer."""
    endpoint = inbox.find_endpoint(token)
    if endpoint is None:
        return HttpResponse("Not found", status=404, content_type="text/plain")
    if not signatures.is_signed(body, request.META, endpoint.secrets):
        endpoint = inbox.find_endpoint(token, anew=True)  # its secret may be new
        if endpoint is None or not signatures.is_signed(body, request.META, endpoint.secrets):
            return _invalid_signature()
    if not inbox.store(body, organization_id=endpoint.organization_id):
        return HttpResponse("Not found", status=404, content_type="text/plain")
    if b'"assistant-request"' in body and (answer := _answer_assistant_request(body, endpoint.organization_id)):
        return answer
    return _received()


@_intake
def shared(request: HttpRequest, body: bytes) -> HttpResponse:
    """The seeds' one address for all tenants: the platform's secret, the tenant found by what the call names."""
    if not signatures.is_signed(body, request.META, [PlatformSettings.load().vapi_webhook_secret]):
        return _invalid_signature()
    try:
        report = parsers.read(body)
    except parsers.NotUnderstood as error:
        inbox.store(body, organization_id=None)
        return HttpResponse(str(error), status=400, content_type="text/plain")
    organization_id = inbox.find_organization(report)
    inbox.store(body, organization_id=organization_id)
    if organization_id is None:
        return HttpResponse("User not found", status=404, content_type="text/plain")
    return _received()


def _answer_assistant_request(body: bytes, organization_id: int) -> HttpResponse | None:
    """Vapi asks who shall answer and gives up after 7.5 s, so: database only, no outside call."""
    try:
        is_request = parsers.read(body).kind == "assistant-request"
    except parsers.NotUnderstood:
        return None
    return JsonResponse(inbound.answer(organization_id)) if is_request else None


def _received() -> HttpResponse:
    return HttpResponse(b'{"received": true}', content_type="application/json")


def _invalid_signature() -> HttpResponse:
    return HttpResponse("Invalid signature", status=401, content_type="text/plain")
