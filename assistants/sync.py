"""Bring the studio to Vapi, read it back, and tell whether Vapi has the latest."""

from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from accounts import credentials
from accounts.models import Organization
from accounts.tenancy import organization_endpoint
from assistants import spec
from assistants.models import Studio
from ava.clients.errors import Misconfigured, NotFound
from ava.clients.vapi import VapiClient

CREDENTIAL_NAME = "Ava webhooks"
MOST_ASSISTANTS = 1000
# The default voice speaks English and French; Hebrew is Azure's.
VOICES = {"he": {"voice_provider": "azure", "voice_id": "he-IL-HilaNeural"}}


def studio_of(organization: Organization) -> Studio:
    """The organization's studio; made with the defaults when it has none yet."""
    rows = Studio.objects.for_organization(organization).select_related("organization")
    if studio := rows.first():
        return studio
    studio, _created = rows.get_or_create(defaults=beginning_of(organization))
    return studio


def beginning_of(organization: Organization) -> dict[str, Any]:
    """The values that an organization's studio begins with, beside the defaults."""
    language = organization.language
    return {"organization": organization, "languages": [language], **VOICES.get(language, {})}


def push(studio: Studio) -> dict[str, Any]:
    """Create or update the assistant at Vapi as a whole, and read it back. Safe to call again.

    Returns the `server` object that its events go to. Raises MissingCredential, ProviderError.
    """
    vapi = credentials.vapi_client(studio.organization)
    server = webhook_server(studio.organization, vapi)
    wanted = spec.build(studio, server=server)
    found = _write(vapi, studio, wanted)
    different = spec.differences(wanted, found)
    if different:
        raise Misconfigured("vapi", _("it kept %(fields)s otherwise than sent") % {"fields": ", ".join(different)})
    studio.vapi_org_id = str(found.get("orgId") or "")
    studio.mark_synced(digest=spec.digest(wanted))
    return server


def remove(studio: Studio) -> None:
    """Delete the assistant at Vapi; the studio keeps its settings. Safe to call again.

    Raises MissingCredential, ProviderError.
    """
    if studio.vapi_id:
        credentials.vapi_client(studio.organization).delete_assistant(studio.vapi_id)
        studio.mark_removed()


def is_current(studio: Studio) -> bool:
    """Whether what Vapi was last given is what it would be given now."""
    return has_been_given(studio, assistant_of(studio))


def has_been_given(studio: Studio, assistant: dict[str, Any]) -> bool:
    """Whether Vapi has exactly this of the studio."""
    return bool(studio.vapi_id) and studio.synced_digest == spec.digest(assistant)


def state_of(studio: Studio, assistant: dict[str, Any], *, has_key: bool) -> str:
    """In a word: `latest`, `keyless`, `refused` (the studio's `problem` says why), or `waiting` to be sent."""
    if has_been_given(studio, assistant):
        return "latest"
    if not has_key:
        return "keyless"
    return "refused" if studio.problem else "waiting"


def assistant_of(studio: Studio) -> dict[str, Any]:
    """The assistant's whole JSON as Vapi would be given it now."""
    endpoint = organization_endpoint(studio.organization)
    server = spec.server(url=_webhook_url(endpoint.token), credential_id=endpoint.vapi_credential_id)
    return spec.build(studio, server=server)


def webhook_url(organization: Organization) -> str:
    """The organization's own address for Vapi's events; with its final slash, as a redirect would lose the body."""
    return _webhook_url(organization_endpoint(organization).token)


def _webhook_url(token: str) -> str:
    return f"{settings.PUBLIC_URL}/webhooks/vapi/{token}/"


def webhook_server(organization: Organization, vapi: VapiClient) -> dict[str, Any]:
    """Where the organization's events go, with the credential that signs them; made at Vapi when it is not there yet.

    The HMAC is over the bare body, hex, in `x-vapi-signature`. https://docs.vapi.ai/server-url/server-authentication
    """
    endpoint = organization_endpoint(organization)
    if not _has_credential(vapi, endpoint.vapi_credential_id):
        if endpoint.readable_secret is None:
            endpoint.rotate_secret()
        made = vapi.create_credential(
            {
                "provider": "custom-credential",
                "name": CREDENTIAL_NAME,
                "authenticationPlan": {
                    "type": "hmac",
                    "secretKey": endpoint.secret,
                    "algorithm": "sha256",
                    "signatureHeader": "x-vapi-signature",
                    "includeTimestamp": False,
                    "payloadFormat": "{body}",
                    "signatureEncoding": "hex",
                },
            }
        )
        endpoint.vapi_credential_id = made["id"]
        endpoint.save(update_fields=["vapi_credential_id"])
    return spec.server(url=webhook_url(organization), credential_id=endpoint.vapi_credential_id)


def _has_credential(vapi: VapiClient, credential_id: str) -> bool:
    """Whether it is still there: somebody may have deleted it at Vapi, which then refuses whatever names it.

    Listing credentials is in Vapi's pages, not in its API description; where it is refused, our own record counts.
    """
    if not credential_id:
        return False
    try:
        return any(one["id"] == credential_id for one in vapi.list_credentials())
    except Misconfigured:
        return True


def _write(vapi: VapiClient, studio: Studio, wanted: dict[str, Any]) -> dict[str, Any]:
    if studio.vapi_id:
        try:
            vapi.update_assistant(studio.vapi_id, wanted)
        except NotFound:  # deleted at Vapi, or the key is of another Vapi organization now
            studio.vapi_id = ""
    if not studio.vapi_id:
        studio.vapi_id = _find_ours(vapi, studio) or vapi.create_assistant(wanted)["id"]
        studio.save(update_fields=["vapi_id"])
        vapi.update_assistant(studio.vapi_id, wanted)
    return vapi.get_assistant(studio.vapi_id)


def _find_ours(vapi: VapiClient, studio: Studio) -> str:
    """The assistant that an earlier, timed-out create did make: Vapi has no idempotency key, only our metadata."""
    for assistant in vapi.list_assistants(limit=MOST_ASSISTANTS):
        if spec.is_ours(assistant, studio):
            return str(assistant["id"])
    return ""
