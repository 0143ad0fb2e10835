"""Put the assistant on the phone, and take it off. Each step can be repeated, so pressing again finishes the work."""

from typing import Any

from django.utils.translation import gettext as _

from accounts import credentials
from accounts.models import Organization
from accounts.tenancy import organization_endpoint
from assistants import sync
from assistants.models import Studio
from ava.clients.errors import ProviderError
from telephony import routing


class NotPossible(Exception):
    """The assistant could not be switched; `str()` is a translated sentence for the person who pressed."""


def activate(*, organization: Organization) -> Studio:
    """Prompt → assistant at Vapi → number → active. Raises NotPossible, which says what happened and what is left."""
    studio = sync.studio_of(organization)
    if not organization.numbers.exists():
        raise _problem(studio, _("There is no phone number yet. Choose one under Settings, Number."))
    _route(studio, server=_push(studio))
    studio.mark_active(True)
    return studio


def send(*, studio: Studio) -> Studio:
    """Bring the studio to Vapi; an active one keeps its numbers, also where Vapi had to make another assistant.

    Raises NotPossible, which says why Vapi has not got the latest.
    """
    assistant_before = studio.vapi_id
    server = _push(studio)
    if studio.is_active and studio.vapi_id != assistant_before:
        _route(studio, server=server)
    return studio


def deactivate(*, organization: Organization) -> Studio:
    """Give the numbers back to what answered before → inactive. Raises NotPossible."""
    studio = sync.studio_of(organization)
    try:
        for number in organization.numbers.all():
            routing.unroute(number)
    except (ProviderError, credentials.MissingCredential) as error:
        raise _problem(studio, _("The number could not be taken off the assistant."), error) from error
    studio.mark_active(False)
    return studio


def remove(*, organization: Organization) -> Studio:
    """Off the phone, then deleted at Vapi; the studio's settings stay. Raises NotPossible."""
    studio = deactivate(organization=organization)
    try:
        sync.remove(studio)
    except (ProviderError, credentials.MissingCredential) as error:
        raise _problem(studio, _("The assistant could not be deleted at Vapi."), error) from error
    return studio


def renew_webhook_secret(*, organization: Organization) -> None:
    """Sign the organization's events with a new secret; calls under way end under the old one. Raises NotPossible."""
    organization_endpoint(organization).rotate_secret()
    if sync.studio_of(organization).is_active:
        activate(organization=organization)


def _push(studio: Studio) -> dict[str, Any]:
    try:
        return sync.push(studio)
    except (ProviderError, credentials.MissingCredential) as error:
        raise _problem(studio, _("The assistant was not saved at Vapi."), error) from error


def _route(studio: Studio, *, server: dict[str, Any]) -> None:
    try:
        for number in studio.organization.numbers.all():
            routing.route(number, assistant_id=studio.vapi_id, server=server)
    except (ProviderError, credentials.MissingCredential) as error:
        reason = _("The assistant is ready at Vapi, but the number does not lead to it yet.")
        raise _problem(studio, reason, error) from error


def _problem(studio: Studio, what: str, error: Exception | None = None) -> NotPossible:
    """Keep and word what went wrong; pressing again goes on from there."""
    sentence = f"{what} {credentials.explain(error)}" if error else what
    studio.mark_problem(sentence)
    return NotPossible(sentence)
