"""A call as Twilio handles it before any Vapi: where the number leads, and the request to its voice URL.

https://www.twilio.com/docs/voice/twiml and https://www.twilio.com/docs/usage/security
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from urllib.parse import urldefrag

import requests

from ava.sandbox import vapi
from ava.sandbox.http import Json, Sandbox

ANSWER_SECONDS = 15


def number_row(sandbox: Sandbox, number: str) -> Json | None:
    return next(iter(sandbox.state.twilio_numbers.where(phone_number=number)), None)


def diverted_to(sandbox: Sandbox, number: str) -> str | None:
    """Where Twilio sends the number's calls when not to Vapi ("" is nowhere); a trunk or application wins."""
    row = number_row(sandbox, number)
    if row is None:
        return None
    target = row["trunk_sid"] or row["voice_application_sid"] or row["voice_url"]
    return None if target == vapi.INBOUND_CALL_URL else target


def ring(sandbox: Sandbox, number: str, caller: str) -> Json:
    """Ask the voice URL, else its fallback, what to do; the TwiML is reported, not carried out."""
    row = number_row(sandbox, number) or {}
    token = (sandbox.state.twilio_accounts.get(row["account_sid"]) or {}).get("auth_token", "")
    form = {
        "CallSid": f"CA{secrets.token_hex(16)}",
        "AccountSid": row["account_sid"],
        "From": caller,
        "To": number,
        "Caller": caller,
        "Called": number,
        "CallStatus": "ringing",
        "Direction": "inbound",
        "ApiVersion": "2010-04-01",
    }
    answered = ask(row["voice_url"], form, token)
    if answered is None and row["voice_fallback_url"]:
        answered = ask(row["voice_fallback_url"], {**form, "ErrorCode": "11200", "ErrorUrl": row["voice_url"]}, token)
    if answered is None:
        return {"status": "not-answered", "reason": "The voice URL did not answer.", "is_finished": True}
    return {"status": "answered-by-twiml", "twiml": answered, "is_finished": True}


def ask(url: str, form: dict[str, str], token: str) -> str | None:
    address = urldefrag(url).url
    headers = {"X-Twilio-Signature": signature(address, form, token)}
    try:
        with requests.Session() as session:
            session.trust_env = False
            response = session.post(address, form, headers=headers, timeout=ANSWER_SECONDS)
    except requests.RequestException:
        return None
    return response.text if response.ok else None


def signature(url: str, form: dict[str, str], token: str) -> str:
    text = url + "".join(key + form[key] for key in sorted(form))
    return base64.b64encode(hmac.new(token.encode(), text.encode(), hashlib.sha1).digest()).decode()
