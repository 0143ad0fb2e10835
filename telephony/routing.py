"""Point a number at an assistant, and undo it. Each step can be repeated, so a retry finishes what broke off.

Vapi answers a Twilio number after importing it: the import takes over the number's voice URL, so what stood there is
kept first and put back when the routing ends. https://docs.vapi.ai/api-reference/phone-numbers/create
"""

from contextlib import suppress
from typing import Any

from accounts import credentials
from ava.clients.errors import NotFound
from ava.clients.twilio import NumberRouting
from telephony import numbers
from telephony.models import TenantNumber

LONGEST_NAME = 40


def route(number: TenantNumber, *, assistant_id: str, server: dict[str, Any]) -> None:
    """Let the assistant (Vapi's id) answer the number. Raises MissingCredential, ProviderError.

    `server` is where Vapi sends the number's own events, as in the assistant.
    """
    vapi = credentials.vapi_client(number.organization)
    wanted = {"assistantId": assistant_id, "server": server}
    if number.vapi_id:
        try:
            vapi.update_phone_number(number.vapi_id, wanted)
        except NotFound:  # deleted at Vapi, or the key is of another Vapi organization now
            number.vapi_id = ""
    if not number.vapi_id:
        _keep_previous_routing(number)
        number.vapi_id = _import(number, wanted)
    number.routed_to = assistant_id
    number.save(update_fields=["vapi_id", "routed_to"])


def unroute(number: TenantNumber) -> None:
    """Take the number back from Vapi and put back what answered before. Raises MissingCredential, ProviderError."""
    if number.vapi_id:
        credentials.vapi_client(number.organization).delete_phone_number(number.vapi_id)
        number.vapi_id = ""
        number.save(update_fields=["vapi_id"])
    _put_previous_routing_back(number)
    number.routed_to = ""
    number.save(update_fields=["routed_to"])


def _keep_previous_routing(number: TenantNumber) -> None:
    """Before anything is changed, and only once: a retry must not keep Vapi's own URL as the previous one."""
    if number.saved_routing is None:
        twilio = credentials.twilio_client(numbers.twilio_account_of(number))
        number.saved_routing = twilio.get_number(number.twilio_sid).routing.as_dict()
        number.save(update_fields=["saved_routing"])


def _import(number: TenantNumber, wanted: dict[str, Any]) -> str:
    account_sid, auth_token = numbers.twilio_account_of(number)
    vapi = credentials.vapi_client(number.organization)
    known = next((one for one in vapi.list_phone_numbers() if one.get("number") == number.number), None)
    if known:  # a create that timed out may have worked
        return vapi.update_phone_number(known["id"], wanted)["id"]
    payload = {
        "provider": "twilio",
        "number": number.number,
        "twilioAccountSid": account_sid,
        "twilioAuthToken": auth_token,
        "smsEnabled": False,
        "name": (number.organization.name or number.number)[:LONGEST_NAME],
        **wanted,
    }
    return vapi.create_phone_number(payload)["id"]


def _put_previous_routing_back(number: TenantNumber) -> None:
    if number.saved_routing is None:
        return
    twilio = credentials.twilio_client(numbers.twilio_account_of(number))
    with suppress(NotFound):  # given up at Twilio, it leads nowhere any more
        current = twilio.get_number(number.twilio_sid).routing
        if "vapi.ai/" in current.voice_url or not current.voice_url:  # else somebody has pointed it elsewhere since
            twilio.update_number(number.twilio_sid, NumberRouting.from_dict(number.saved_routing))
    number.saved_routing = None
    number.save(update_fields=["saved_routing"])


def detach(number: TenantNumber) -> None:
    """Stop using a number: undo its routing, give a pool number back. Raises MissingCredential, ProviderError."""
    unroute(number)
    if number.source == TenantNumber.Source.POOL:
        numbers.give_back(number)
    number.delete()
