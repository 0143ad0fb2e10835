"""Vapi's server messages: verify, store once, answer. The rest happens in the worker."""

import json
from collections.abc import Mapping

from accounts.models import PlatformSettings
from assistants import inbound
from calls import inbox
from calls.inbox import Arrival
from calls.webhooks import parsers, signatures
from calls.webhooks.database import in_database
from calls.webhooks.endpoints import find_endpoint
from calls.webhooks.exchange import INVALID_SIGNATURE, NOT_FOUND, RECEIVED, Answer, Delivery
from calls.webhooks.writer import writer


async def tenant(delivery: Delivery, token: str) -> Answer:
    """A tenant's own address. All that is rightly signed gets 2xx; a repeat is a no-op with the same answer."""
    endpoint = await find_endpoint(token)
    if endpoint is None:
        return NOT_FOUND
    body = await delivery.read()
    if not signatures.is_signed(body, delivery.headers, endpoint.secrets):
        endpoint = await find_endpoint(token, anew=True)  # its secret may be new
        if endpoint is None or not signatures.is_signed(body, delivery.headers, endpoint.secrets):
            return INVALID_SIGNATURE
    if not await writer.store(Arrival(body, endpoint.organization_id)):
        return NOT_FOUND
    if b'"assistant-request"' in body:
        return await in_database(_answer_assistant_request, body, endpoint.organization_id)
    return RECEIVED


async def shared(delivery: Delivery) -> Answer:
    """The seeds' one address for all tenants: the platform's secret, the tenant found by what the call names."""
    return await in_database(_take_shared, await delivery.read(), delivery.headers)


def _take_shared(body: bytes, headers: Mapping[bytes, bytes]) -> Answer:
    if not signatures.is_signed(body, headers, [PlatformSettings.load().vapi_webhook_secret]):
        return INVALID_SIGNATURE
    try:
        report = parsers.read(body)
    except parsers.NotUnderstood as error:
        inbox.store(body, organization_id=None)
        return Answer(400, str(error).encode())
    organization_id = inbox.find_organization(report)
    inbox.store(body, organization_id=organization_id)
    return RECEIVED if organization_id is not None else Answer(404, b"User not found")


def _answer_assistant_request(body: bytes, organization_id: int) -> Answer:
    """Vapi asks who shall answer and gives up after 7.5 s, so: database only, no outside call."""
    try:
        is_request = parsers.read(body).kind == "assistant-request"
    except parsers.NotUnderstood:
        return RECEIVED
    if not is_request:
        return RECEIVED
    return Answer(200, json.dumps(inbound.answer(organization_id)).encode(), b"application/json")
