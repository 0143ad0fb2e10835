"""Events to PostHog, through its own library's request: its `capture()` hides whether anything arrived.

https://posthog.com/docs/api/capture#batch-events
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import requests

from ava.clients.errors import Unreachable, error_for_status

PROVIDER = "posthog"
TIMEOUT_SECONDS = 10


@dataclass(frozen=True)
class Event:
    """What happened. `uuid` is the same at every try, so that PostHog counts it once."""

    uuid: str
    name: str
    distinct_id: str
    at: datetime
    properties: Mapping[str, Any]

    def as_payload(self) -> dict[str, Any]:
        """The shape PostHog takes; no profile is made of the person, and nobody is located."""
        return {
            "event": self.name,
            "uuid": self.uuid,
            "distinct_id": self.distinct_id,
            "timestamp": self.at.isoformat(),
            "properties": {**self.properties, "$process_person_profile": False, "$geoip_disable": True},
        }


def capture(key: str, host: str, events: Sequence[Event]) -> None:
    """Send events and wait for PostHog's answer. Raises ProviderError: none of them counts as sent then."""
    from posthog.request import APIError, batch_post  # noqa: PLC0415  slow to import, and few have a key

    batch = [event.as_payload() for event in events]
    try:
        batch_post(key, host=host, path="/batch/", timeout=TIMEOUT_SECONDS, batch=batch)
    except APIError as error:
        status = error.status if isinstance(error.status, int) else None
        problem = error_for_status(status) if status else Unreachable
        raise problem(PROVIDER, "the events were not taken", status) from None
    except (requests.RequestException, OSError):
        raise Unreachable(PROVIDER, "no answer") from None
