"""A newcomer at the sandbox's Vapi and Twilio, and what these have of them then."""

from typing import Any
from uuid import uuid4

import requests

from accounts import credentials
from accounts.models import Organization
from ava.clients.twilio import IncomingNumber, NumberRouting, TwilioClient
from ava.clients.vapi import VapiClient
from telephony import numbers
from telephony.models import PoolNumber, TenantNumber

INBOUND_CALL_URL = "https://api.vapi.ai/twilio/inbound_call"
PREVIOUS = NumberRouting(
    voice_url="https://practice.example/answer",
    voice_method="POST",
    voice_fallback_url="https://practice.example/fallback",
    status_callback="https://practice.example/status",
    sms_url="https://practice.example/sms",
)


def new_vapi_key() -> str:
    return "5a4d" + str(uuid4())[4:]


def new_twilio_account() -> tuple[str, str]:
    return "AC" + uuid4().hex, uuid4().hex


def connect(organization: Organization) -> None:
    """Keys that nobody has used before, so that nothing of another test is at the providers."""
    sid, token = new_twilio_account()
    credentials.save_vapi_key(organization=organization, typed=new_vapi_key())
    credentials.save_twilio_account(organization=organization, account_sid=sid, auth_token=token)


def vapi_of(organization: Organization) -> VapiClient:
    return credentials.vapi_client(organization)


def twilio_of(number: TenantNumber) -> TwilioClient:
    return credentials.twilio_client(numbers.twilio_account_of(number))


def routing_of(number: TenantNumber) -> NumberRouting:
    """Where Twilio sends the number's calls now."""
    return twilio_of(number).get_number(number.twilio_sid).routing


def own_number(organization: Organization) -> TenantNumber:
    """A number of the organization's Twilio account that something else answers so far."""
    client = credentials.twilio_client(credentials.twilio_account(organization))
    found = client.list_numbers()[0]
    client.update_number(found.sid, PREVIOUS)
    return numbers.attach_own_number(organization=organization, number=found.number)


def pool_number(client: TwilioClient) -> tuple[PoolNumber, IncomingNumber]:
    found = next(number for number in client.list_numbers() if number.number.startswith("+33"))
    return PoolNumber.objects.create(number=found.number, country="FR"), found


def order_fault(sandbox: str, prefix: str, *, status: int = 503, times: int = 3) -> None:
    """Let the next requests under `prefix` fail; three of them outlast a client's own retries. 0 times ends it."""
    fault: dict[str, Any] = {"prefix": prefix, "status": status, "times": times}
    requests.post(f"{sandbox}/sandbox/faults", json=fault, timeout=5).raise_for_status()
