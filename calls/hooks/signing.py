"""The headers of a message, by which its receiver knows it as ours. https://www.standardwebhooks.com"""

import base64
import hashlib
import hmac
from datetime import datetime

from calls.models import HookEndpoint

PREFIX = "whsec_"
USER_AGENT = "Ava-Webhooks/1"


def headers_of(endpoint: HookEndpoint, *, message_id: str, body: bytes, sent_at: datetime) -> dict[str, str]:
    """All headers for these bytes, sent at this moment; while a secret is being changed, signed with both."""
    secrets = [str(endpoint.secret)]
    if endpoint.previous_secret and endpoint.previous_secret_until and endpoint.previous_secret_until > sent_at:
        secrets.append(str(endpoint.previous_secret))
    timestamp = str(int(sent_at.timestamp()))
    headers = {
        "Content-Type": "application/json",
        "User-Agent": USER_AGENT,
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(sign(secret, message_id, timestamp, body) for secret in secrets),
    }
    if endpoint.header_name:
        headers[endpoint.header_name] = str(endpoint.header_value)
    return headers


def sign(secret: str, message_id: str, timestamp: str, body: bytes) -> str:
    """`v1,` and the HMAC-SHA256 of `id.timestamp.body` in base64."""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
