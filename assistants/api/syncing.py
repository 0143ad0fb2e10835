"""What the endpoints say about Vapi: whether it has the latest, and why something was not possible."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from rest_framework import serializers

from accounts import credentials
from assistants import activation, sync
from assistants.models import Studio
from ava.clients.errors import Unreachable
from ava.lib.api.problems import Problem
from ava.lib.api.schema import problem
from ava.lib.api.serializers import MomentField

STATES = ("latest", "waiting", "refused", "keyless")
REFUSALS = {
    409: problem("Not possible as things are; `detail` says why and what is left to do"),
    503: problem("Vapi or Twilio cannot be reached; repeating the request goes on from there"),
}
LATEST = {"state": "latest", "problem": None, "syncedAt": "2026-10-05T09:00:00Z"}


class SyncSerializer(serializers.Serializer):
    """Whether Vapi has the latest, and why not."""

    state = serializers.ChoiceField(
        STATES,
        help_text="latest: Vapi has it. waiting: not sent yet. refused: `problem` says why. keyless: no Vapi key.",
    )
    problem = serializers.CharField(allow_null=True, help_text="A sentence")
    syncedAt = MomentField(source="synced_at", allow_null=True, help_text="When Vapi was given the assistant last")


def sync_of(studio: Studio) -> dict[str, Any]:
    """The values that SyncSerializer shows."""
    assistant = sync.assistant_of(studio)
    has_key = sync.has_been_given(studio, assistant) or credentials.has_vapi_key(studio.organization)
    return {
        "state": sync.state_of(studio, assistant, has_key=has_key),
        "problem": studio.problem or None,
        "synced_at": studio.synced_at,
    }


def send_saved(studio: Studio) -> None:
    """After a save: Vapi gets it, where there is a key. The save stands whatever comes of that; `sync` tells."""
    if credentials.has_vapi_key(studio.organization):
        with suppress(activation.NotPossible):
            activation.send(studio=studio)


@contextmanager
def told() -> Iterator[None]:
    """What was not possible becomes a problem with the same sentence."""
    try:
        yield
    except activation.NotPossible as error:
        raise _problem(error) from error


def _problem(error: activation.NotPossible) -> Problem:
    cause = error.__cause__
    if isinstance(cause, Unreachable):
        return Problem(503, "provider_unreachable", str(error))
    if isinstance(cause, credentials.MissingCredential):
        return Problem(409, "credential_missing", str(error))
    return Problem(409, "provider_refused" if cause else "number_missing", str(error))
