"""Push messages to Ava's mobile app, over Expo.

https://docs.expo.dev/push-notifications/sending-notifications/
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from django.utils.translation import gettext_noop

from ava.clients.errors import Unreachable
from ava.clients.http import JsonClient

T = TypeVar("T")

PROVIDER = "expo"
TIMEOUT_SECONDS = (5.0, 15.0)
MESSAGES_PER_REQUEST = 100
RECEIPTS_PER_REQUEST = 300

# Errors to act on: this one means the app is gone from the device, so forget the token.
DEVICE_NOT_REGISTERED = "DeviceNotRegistered"
# Ours, not Expo's: one malformed token would make Expo refuse a whole request, so it is not sent at all.
INVALID_TOKEN = "InvalidToken"  # noqa: S105

_TOKEN = re.compile(
    r"Expo(nent)?PushToken\[[^\[\]\s]{1,200}\]|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE
)


@dataclass(frozen=True)
class PushMessage:
    """One message to one device. The whole payload may be 4096 bytes: put ids into `data`, not texts."""

    token: str
    title: str
    body: str
    data: dict[str, Any] = field(default_factory=dict)
    sound: str = "default"
    priority: str = "default"

    def as_payload(self) -> dict[str, Any]:
        """The shape Expo takes."""
        return {
            "to": self.token,
            "title": self.title,
            "body": self.body,
            "data": self.data,
            "sound": self.sound,
            "priority": self.priority,
        }


@dataclass(frozen=True)
class PushTicket:
    """Expo's answer to one message: accepted with an id to ask for the receipt, or an error code."""

    token: str
    ok: bool
    error: str
    ticket_id: str


@dataclass(frozen=True)
class PushReceipt:
    """What became of an accepted message; ok means handed to Apple or Google."""

    ok: bool
    error: str


def is_expo_token(token: str) -> bool:
    """Whether this has the shape of an Expo push token."""
    return _TOKEN.fullmatch(token) is not None


def send_push(*, messages: list[PushMessage], base_url: str, access_token: str = "") -> list[PushTicket]:
    """Send each message once; return a ticket for each, in the same order.

    `base_url` is the host, as in https://exp.host. Nothing is retried here; a request that fails as a whole
    raises Refused, Misconfigured or Unreachable, and earlier hundreds have then been sent already.

    https://docs.expo.dev/push-notifications/sending-notifications/#http2-api
    """
    client = _client(base_url, access_token)
    valid = [message for message in messages if is_expo_token(message.token)]
    batches = _batches(valid, MESSAGES_PER_REQUEST)
    tickets = iter([ticket for batch in batches for ticket in _send(client, batch)])
    return [
        next(tickets) if is_expo_token(message.token) else PushTicket(message.token, False, INVALID_TOKEN, "")
        for message in messages
    ]


def get_receipts(ids: list[str], *, base_url: str, access_token: str = "") -> dict[str, PushReceipt]:
    """Receipts by ticket id, 15 minutes after sending; ids not ready yet, or older than a day, are missing.

    Raises Refused, Misconfigured or Unreachable.
    https://docs.expo.dev/push-notifications/sending-notifications/#check-push-receipts-for-errors
    """
    client = _client(base_url, access_token)
    receipts: dict[str, PushReceipt] = {}
    for batch in _batches(ids, RECEIPTS_PER_REQUEST):
        found = _data(client.post("/--/api/v2/push/getReceipts", {"ids": list(batch)}))
        if not isinstance(found, dict):
            raise Unreachable(PROVIDER, gettext_noop("unexpected answer: no receipts"))
        receipts.update({key: PushReceipt(*_outcome(item)) for key, item in found.items()})
    return receipts


def _client(base_url: str, access_token: str) -> JsonClient:
    return JsonClient(provider=PROVIDER, base_url=base_url, token=access_token, timeout=TIMEOUT_SECONDS)


def _send(client: JsonClient, batch: Sequence[PushMessage]) -> list[PushTicket]:
    found = _data(client.post("/--/api/v2/push/send", [message.as_payload() for message in batch]))
    # A lone message may be answered by a lone object.
    items = [found] if isinstance(found, dict) else found
    if not isinstance(items, list) or len(items) != len(batch):
        raise Unreachable(PROVIDER, gettext_noop("unexpected answer: not one ticket for each message"))
    return [_ticket(message.token, item) for message, item in zip(batch, items, strict=True)]


def _ticket(token: str, item: Any) -> PushTicket:
    ok, error = _outcome(item)
    return PushTicket(token, ok, error, str(item.get("id") or "") if ok else "")


def _outcome(item: Any) -> tuple[bool, str]:
    """Whether a ticket or receipt is ok, and Expo's error code or "Unknown"."""
    if not isinstance(item, dict):
        raise Unreachable(PROVIDER, gettext_noop("unexpected answer: not a ticket"))
    if item.get("status") == "ok":
        return True, ""
    details = item.get("details")
    code = details.get("error") if isinstance(details, dict) else None
    return False, str(code or "Unknown")


def _data(answer: Any) -> Any:
    if not isinstance(answer, dict) or "data" not in answer:
        raise Unreachable(PROVIDER, gettext_noop("unexpected answer: no data"))
    return answer["data"]


def _batches(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
