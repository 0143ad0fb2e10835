"""The sandbox's own door: let it place a call. Only used while the sandbox stands in for the providers."""

import time
from dataclasses import dataclass
from typing import Any

from ava.clients.http import JsonClient

PICK_UP_SECONDS = 8


@dataclass(frozen=True)
class PlacedCall:
    """A call the sandbox placed: its id at "Vapi", or "" and why nobody answered."""

    call_id: str
    reason: str

    @property
    def answered(self) -> bool:
        return bool(self.call_id)


def place_call(base_url: str, *, to: str, report: dict[str, Any] | None = None) -> PlacedCall:
    """Ring `to` (E.164), with a script of the sandbox's or with this end-of-call report. Raises ProviderError."""
    client = JsonClient(provider="sandbox", base_url=base_url)
    placed = client.post("/sandbox/calls", {"number": to, **({"report": report} if report else {})})
    deadline = time.monotonic() + PICK_UP_SECONDS
    while not (placed["vapi_call_id"] or placed["is_finished"]) and time.monotonic() < deadline:
        time.sleep(0.1)
        placed = client.get(f"/sandbox/calls/{placed['id']}")
    return PlacedCall(call_id=placed["vapi_call_id"] or "", reason=placed["reason"] or "")
