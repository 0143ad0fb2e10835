"""A receiver of Alice's on a real port, and what is sent to it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from standardwebhooks import Webhook

from accounts.models import Organization
from calls.hooks import delivery
from calls.models import HookDelivery, HookEndpoint
from tests.calls.conftest import Outside
from tests.factories import make_endpoint
from tests.servers.scripted_http import Raw, Received, Reply


@pytest.fixture
def receiver(organization: Organization, outside: Outside) -> Callable[..., HookEndpoint]:
    """A receiver that gives these answers in turn, the last of them for ever; 200 if none are given."""

    def make(*replies: Reply | Raw, path: str = "/hook", **fields: Any) -> HookEndpoint:
        return make_endpoint(organization, outside.answer(path, *(replies or [Reply(200)])), **fields)

    return make


def send_now(*rows: HookDelivery, times: int = 1) -> HookDelivery:
    """Try these as if their time had come, so many times; how the last one stands then."""
    for row in list(rows) * times:
        HookDelivery.objects.for_organization(row.organization_id).filter(pk=row.pk).update(due_at=timezone.now())
        delivery.run(row.pk, "test")
        row.refresh_from_db()
    return rows[-1]


def verified(received: Received, secret: str) -> Any:
    """What a receiver reads by the library of Standard Webhooks; raises when the signature does not fit."""
    return Webhook(secret).verify(received.body.decode(), received.headers)


def soon(moment: Any, seconds: float, within: float = 1.25) -> bool:
    """Whether a time is so many seconds ahead, or up to a quarter more."""
    ahead = (moment - timezone.now()) / timedelta(seconds=1)
    return seconds * 0.9 - 2 <= ahead <= seconds * within + 2
