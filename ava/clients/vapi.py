"""Vapi's REST API: assistants, credentials, phone numbers and calls of one organization.

An organization lives in one region; `base_url` says which. Vapi refuses unknown properties.
No POST carries an idempotency key: after a timed-out create, look for the object before creating it again.
https://docs.vapi.ai/api-reference
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from django.utils.translation import gettext_noop

from ava.clients.errors import Misconfigured, NotFound, Unreachable
from ava.clients.http import JsonClient

PROVIDER = "vapi"
LARGEST_PAGE = 1000
_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")


class VapiClient:
    """Calls Vapi with one organization's private key.

    Every method raises Refused (401, 403), NotFound (404), Misconfigured (other 4xx, with Vapi's own words)
    or Unreachable (time-out, 429, 5xx, an answer that is not what Vapi promises). Answers are plain dicts as
    Vapi sends them; phone numbers among them hold the Twilio token in clear: never log or keep them whole.
    """

    def __init__(self, api_key: str, base_url: str) -> None:
        self._http = JsonClient(provider=PROVIDER, base_url=base_url, token=api_key)

    def __repr__(self) -> str:
        return f"<VapiClient {self._http.base_url}>"

    def check(self) -> None:
        """Return if the key works here; Refused may also mean the key belongs to the other region.

        https://docs.vapi.ai/api-reference/assistants/list
        """
        self.list_assistants(limit=1)

    def create_assistant(self, payload: dict[str, Any]) -> dict[str, Any]:
        """Create an assistant; the answer is the payload with `id` and `orgId`.

        https://docs.vapi.ai/api-reference/assistants/create
        """
        return _object(self._http.post("/assistant", payload))

    def get_assistant(self, assistant_id: str) -> dict[str, Any]:
        """https://docs.vapi.ai/api-reference/assistants/get"""
        return _object(self._http.get(_path("assistant", assistant_id)))

    def update_assistant(self, assistant_id: str, payload: dict[str, Any]) -> dict[str, Any]:
        """Replace the given top-level fields. Send each object whole: what it leaves out is lost at Vapi.

        https://docs.vapi.ai/api-reference/assistants/update
        """
        return _object(self._http.patch(_path("assistant", assistant_id), payload))

    def delete_assistant(self, assistant_id: str) -> None:
        """Delete; one that is gone already counts as deleted. Misconfigured while something pins it (409).

        https://docs.vapi.ai/api-reference/assistants/delete
        """
        self._delete(_path("assistant", assistant_id))

    def list_assistants(self, limit: int = 100) -> list[dict[str, Any]]:
        """Up to `limit` (at most 1000) assistants, in no promised order.

        https://docs.vapi.ai/api-reference/assistants/list
        """
        return self._list("/assistant", limit=limit)

    def create_credential(self, payload: dict[str, Any]) -> dict[str, Any]:
        """Create a credential, such as the one that signs webhooks.

        https://docs.vapi.ai/server-url/server-authentication
        """
        return _object(self._http.post("/credential", payload))

    def list_credentials(self) -> list[dict[str, Any]]:
        """The organization's credentials. https://docs.vapi.ai/server-url/server-authentication"""
        return self._list("/credential")

    def create_phone_number(self, payload: dict[str, Any]) -> dict[str, Any]:
        """Import a number. This rewrites the number's voice URL at Twilio: save that first.

        https://docs.vapi.ai/api-reference/phone-numbers/create
        """
        return _object(self._http.post("/phone-number", payload))

    def list_phone_numbers(self) -> list[dict[str, Any]]:
        """https://docs.vapi.ai/api-reference/phone-numbers/list"""
        return self._list("/phone-number")

    def get_phone_number(self, number_id: str) -> dict[str, Any]:
        """https://docs.vapi.ai/api-reference/phone-numbers/get"""
        return _object(self._http.get(_path("phone-number", number_id)))

    def update_phone_number(self, number_id: str, payload: dict[str, Any]) -> dict[str, Any]:
        """Replace the given top-level fields, each object whole.

        https://docs.vapi.ai/api-reference/phone-numbers/update
        """
        return _object(self._http.patch(_path("phone-number", number_id), payload))

    def delete_phone_number(self, number_id: str) -> None:
        """Undo an import; one that is gone counts as deleted. Twilio's URLs may stay as Vapi set them.

        https://docs.vapi.ai/api-reference/phone-numbers/delete
        """
        self._delete(_path("phone-number", number_id))

    def get_call(self, call_id: str) -> dict[str, Any]:
        """A call with its final status, cost and fresh recording links. https://docs.vapi.ai/api-reference/calls/get"""
        return _object(self._http.get(_path("call", call_id)))

    def list_calls(self, limit: int = 100, updated_since: datetime | None = None) -> list[dict[str, Any]]:
        """Up to `limit` (at most 1000) calls, changed at or after `updated_since` (aware) if that is given.

        https://docs.vapi.ai/api-reference/calls/list
        """
        filters = {} if updated_since is None else {"updatedAtGe": _timestamp(updated_since)}
        return self._list("/call", limit=limit, **filters)

    def mono_recording_location(self, call_id: str) -> str:
        """The short-lived signed URL of a call's recording, to be fetched without the key.

        NotFound soon after the call means "not ready yet".
        https://docs.vapi.ai/assistants/retrieve-call-artifacts
        """
        answer = self._http.send("GET", _path("call", call_id) + "/mono-recording")
        if not 300 <= answer.status < 400 or not answer.location:
            raise Unreachable(PROVIDER, "unexpected answer: no recording link", answer.status)
        return answer.location

    def _list(self, path: str, *, limit: int = LARGEST_PAGE, **filters: str) -> list[dict[str, Any]]:
        return _objects(self._http.get(path, params={"limit": min(limit, LARGEST_PAGE), **filters}))

    def _delete(self, path: str) -> None:
        try:
            self._http.delete(path)
        except NotFound:
            # Also what a repeated delete meets when the first one worked but its answer was lost.
            return


def _path(kind: str, identifier: str) -> str:
    """The address of one object; ids come from payloads too, and must not lead to another address."""
    if not _ID.fullmatch(identifier):
        raise Misconfigured(PROVIDER, gettext_noop("not a valid id") + f" ({kind})")
    return f"/{kind}/{identifier}"


def _object(answer: Any) -> dict[str, Any]:
    if not isinstance(answer, dict) or not isinstance(answer.get("id"), str) or not answer["id"]:
        raise Unreachable(PROVIDER, "unexpected answer: no id")
    return answer


def _objects(answer: Any) -> list[dict[str, Any]]:
    if not isinstance(answer, list):
        raise Unreachable(PROVIDER, "unexpected answer: no list")
    return [_object(item) for item in answer]


def _timestamp(moment: datetime) -> str:
    """ISO 8601 in UTC with milliseconds and a Z, as in Vapi's own fields."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
