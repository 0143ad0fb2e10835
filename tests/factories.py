"""Plain functions that make rows and payloads; each takes what matters to the test and fills the rest."""

import hashlib
import hmac
import json
from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from accounts.models import Membership, Organization, User
from accounts.tenancy import found_organization, organization_endpoint
from calls import parts, processing, tasks
from calls.models import Call, EventState, WebhookEvent
from calls.words import remember
from telephony.models import TenantNumber
from tests import webhooks

FIXTURES = Path(__file__).parent / "fixtures"
VAPI_KEY = "5a4d0000-7b6e-4f00-8a00-00000000a11c"
TWILIO_ACCOUNT = ("AC" + "a11c" * 8, "a" * 32)
PASSWORD = "a-long-enough-passphrase"


def make_user(email: str, *, organization: Organization | None = None, **fields: Any) -> User:
    """A person with a verified address, member of `organization` or owner of a new one."""
    user = User.objects.create_user(email, PASSWORD, **fields)
    user.emailaddress_set.create(email=user.email, verified=True, primary=True)
    if organization:
        Membership.objects.create(user=user, organization=organization)
    else:
        found_organization(owner=user, name=email.split("@")[0].title())
    return user


def make_number(organization: Organization, number: str = "+33199004512", **fields: Any) -> TenantNumber:
    values = {"source": TenantNumber.Source.OWN, "twilio_sid": "PN" + uuid4().hex, **fields}
    return organization.numbers.create(number=number, **values)


def make_call(organization: Organization, **fields: Any) -> Call:
    values = {
        "vapi_call_id": str(uuid4()),
        "caller_number": "+33639980017",
        "number": "+33199004512",
        "status": "completed",
        "started_at": datetime(2026, 10, 6, 8, 14, tzinfo=UTC),
        "duration_seconds": 33,
        "transcript": [
            {"role": "assistant", "text": "Bonjour.", "seconds": 1.4},
            {"role": "user", "text": "Je voudrais un rendez-vous.", "seconds": 8.2},
        ],
        **fields,
    }
    call = organization.calls.create(**values)
    remember(call)
    return call


def payload(name: str) -> dict[str, Any]:
    """One of the sample payloads: end-of-call-report, status-update, assistant-request."""
    return json.loads((FIXTURES / "vapi" / f"vapi-{name}.json").read_bytes())


def report(call_id: str | None = None, **message: Any) -> dict[str, Any]:
    """The sample report of an ended call, with another call id and other fields at the top of its message."""
    sample = deepcopy(payload("end-of-call-report"))
    sample["message"]["call"]["id"] = call_id or str(uuid4())
    sample["message"] |= message
    return sample


def seeds_report(call_id: str | None = None, **call: Any) -> dict[str, Any]:
    """A completed call in the seeds' shape."""
    return {
        "event": "call.completed",
        "timestamp": "2026-10-06T08:14:36.000Z",
        "call": {
            "id": call_id or str(uuid4()),
            "status": "completed",
            "phoneNumber": "+33199004512",
            "customer": {"number": "+33639980017"},
            "transcript": [{"role": "assistant", "text": "Bonjour."}, {"role": "user", "text": "Un rendez-vous ?"}],
            "aiSummary": "L'appelant souhaite prendre rendez-vous.",
            "duration": 145,
            **call,
        },
    }


def encode(event: Any) -> bytes:
    return event if isinstance(event, bytes) else json.dumps(event, ensure_ascii=False).encode()


def signature(body: bytes, secret: str) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def webhook_path(organization: Organization) -> str:
    return f"/webhooks/vapi/{organization_endpoint(organization).token}/"


def deliver(organization: Organization, event: Any, *, secret: str | None = None) -> webhooks.Answered:
    """Post an event to the organization's own address, signed with its secret (or another)."""
    body = encode(event)
    secret = organization_endpoint(organization).secret if secret is None else secret
    return webhooks.post(webhook_path(organization), body, {"x-vapi-signature": signature(body, secret)})


def work() -> None:
    """Do, in this process, all that the workers would do now."""
    for event in WebhookEvent.objects.filter(state=EventState.RECEIVED):
        event.due_at = datetime.now(UTC)
        event.save(update_fields=["due_at"])
    tasks.drain_inbox()
    for step_id in processing.due_steps(datetime.now(UTC)):
        parts.run(step_id, "test")
