"""A tenant's own address: whose it is, and which secrets sign for it."""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from django.db import connection
from django.utils import timezone

from accounts.models import WebhookEndpoint
from ava.lib.crypto import InvalidToken
from calls.webhooks.database import in_database
from calls.webhooks.exchange import TRY_AGAIN, Refused

logger = logging.getLogger(__name__)

REMEMBERED_SECONDS = 10
MOST_REMEMBERED = 2_000

_SELECT = """
    SELECT organization_id, secret, previous_secret, previous_secret_until
    FROM accounts_webhookendpoint WHERE token = %s
"""

Row = tuple[Any, ...]
_remembered: dict[str, tuple[float, Row | None]] = {}


@dataclass(frozen=True)
class Endpoint:
    """What a delivery is checked against."""

    organization_id: int
    secrets: Sequence[str]


async def find_endpoint(token: str, *, anew: bool = False) -> Endpoint | None:
    """The endpoint with this token, as it was at most `REMEMBERED_SECONDS` ago, or read `anew`.

    Only the row as it is stored is remembered: its secrets stay encrypted. Raises Refused.
    """
    now = time.monotonic()
    read_at, row = _remembered.get(token, (now - REMEMBERED_SECONDS, None))
    if anew or read_at + REMEMBERED_SECONDS <= now:
        row = await in_database(_read, token)
        if len(_remembered) >= MOST_REMEMBERED:
            _remembered.clear()
        _remembered[token] = (now, row)
    if row is None:
        return None
    organization_id, secret, previous_secret, until = row
    overlapping = until is not None and until.replace(tzinfo=UTC) > timezone.now()  # SQLite leaves the zone out
    valid = [secret, previous_secret] if overlapping else [secret]
    try:
        return Endpoint(organization_id, [_decrypt(one) for one in valid])
    except InvalidToken:  # of another encryption key: the operator's to mend, not the sender's
        logger.error("The secret of a webhook endpoint opens with no key of ours: organization %s", organization_id)
        raise Refused(TRY_AGAIN) from None


def _read(token: str) -> Row | None:
    """Plain SQL: it is asked before anybody has shown who he is."""
    with connection.cursor() as cursor:
        cursor.execute(_SELECT, [token])
        return cursor.fetchone()


def _decrypt(stored: bytes | None) -> str:
    return WebhookEndpoint._meta.get_field("secret").from_db_value(stored, None, connection) or ""
