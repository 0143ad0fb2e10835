"""What the tests of both addresses share."""

import hashlib
import hmac

from accounts.models import Organization
from accounts.tenancy import organization_endpoint
from calls.models import Call
from tests.factories import encode, report

SHARED = "/webhooks/vapi/call-completed"
SHARED_SECRET = "the-operators-shared-secret"
CALL_ID = "01a11046-dd86-77ed-9b36-0f06acaef2cc"
BODY = encode(report(CALL_ID))


def secret_of(organization: Organization) -> str:
    return organization_endpoint(organization).secret


def stamped(body: bytes, secret: str, timestamp: str) -> str:
    return hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def calls_of(organization: Organization) -> list[Call]:
    return list(organization.calls.all())
