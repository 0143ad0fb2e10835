"""Saving, testing and resolving a tenant's keys. What comes back is a ready client, never a key.

Order of resolution: the tenant's own, then the platform's from the environment, then an error that says where to add
one.
"""

import re
from typing import TypeVar

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.models import Model, QuerySet
from django.utils import timezone
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from accounts.models import Organization, TwilioCredential, VapiCredential, WebhookEndpoint
from accounts.models.credentials import Region, Status
from ava.clients.errors import ProviderError, Refused, Unreachable
from ava.clients.twilio import TwilioClient
from ava.clients.vapi import VapiClient
from ava.lib import notes
from ava.lib.crypto import InvalidToken

Row = TypeVar("Row", bound=Model)

PROVIDER_NAMES = {"vapi": "Vapi", "twilio": "Twilio", "google": "Google", "microsoft": "Microsoft"}
# Where a person allows access in their browser, instead of entering a key here.
CONNECTED_PROVIDERS = frozenset({"google", "microsoft"})
_VISIBLE_ASCII = re.compile(r"[!-~]+")
_ACCOUNT_SID = re.compile(r"AC[0-9a-fA-F]{32}")
_AUTH_TOKEN = re.compile(r"[0-9a-zA-Z]{20,64}")


class MissingCredential(Exception):
    """No key resolves for the organization; `str()` is a translated sentence that says where to add one."""


def _open(rows: QuerySet[Row]) -> Row | None:
    """The organization's row, if it has one. Raises MissingCredential when its secret opens with none of our keys."""
    try:
        return rows.first()
    except InvalidToken:
        raise MissingCredential(_("A key kept here can no longer be read. Enter it again under Settings.")) from None


# --- Vapi -------------------------------------------------------------------------------------------------------------


def clean_vapi_key(typed: str) -> str:
    """The key in what was typed. Raises ValidationError, in words, for what cannot be one.

    Real keys are lower-case UUIDs; `sk_…` and self-signed JWTs are accepted too, and the shape is not promised by Vapi.
    """
    key = typed.strip()
    key = key[7:].strip() if key[:7].lower() == "bearer " else key
    if not key:
        raise ValidationError(_("Enter your Vapi key."))
    if not _VISIBLE_ASCII.fullmatch(key):
        raise ValidationError(_("A Vapi key has no spaces and no special letters. Copy it again as a whole."))
    if not 20 <= len(key) <= 4096:
        raise ValidationError(_("This is too short or too long for a Vapi key. Copy it again as a whole."))
    return key


def save_vapi_key(*, organization: Organization, typed: str) -> VapiCredential:
    """Check the key's shape, try it at Vapi, keep it. Raises ValidationError when Vapi does not accept it.

    While Vapi cannot be reached the key is kept all the same, marked as not checked.
    """
    key = clean_vapi_key(typed)
    status, region = check_vapi_key(key)
    if status == Status.REFUSED:
        raise ValidationError(_("Vapi does not accept this key. Use the private key of your organization."))
    values = {
        "api_key": key,
        "last_four": key[-4:],
        "region": region,
        "status": status,
        "checked_at": timezone.now(),
    }
    kept = VapiCredential.objects.for_organization(organization).defer("api_key")  # the old one may be unreadable
    credential, _created = kept.update_or_create(
        defaults=values, create_defaults={**values, "organization": organization}
    )
    forget_webhook_credential(organization)
    return credential


def check_vapi_key(key: str) -> tuple[Status, Region]:
    """Whether Vapi takes the key, and in which region it lives: a key works in one only."""
    unreachable = []
    for region in Region:
        try:
            VapiClient(key, settings.VAPI_BASE_URLS[region]).check()
        except Unreachable:
            unreachable.append(region)
        except ProviderError:
            continue
        else:
            return Status.WORKS, region
    return (Status.UNREACHABLE, unreachable[0]) if unreachable else (Status.REFUSED, Region.US)


def recheck_vapi_key(organization: Organization) -> Status:
    """Try the kept key at Vapi once more, and keep what it said. Raises MissingCredential."""
    own = _open(VapiCredential.objects.for_organization(organization))
    if own is None:
        raise MissingCredential(_("There is no Vapi key yet. Add it under Settings, Vapi."))
    status, region = check_vapi_key(own.api_key)
    own.status, own.checked_at = status, timezone.now()
    own.region = region if status == Status.WORKS else own.region
    _keep_check(own)
    return status


def _keep_check(own: VapiCredential | TwilioCredential) -> None:
    """What the check said, unless the credential was replaced meanwhile: then it is not about this one."""
    values = {name: getattr(own, name) for name in ("status", "checked_at", "region") if hasattr(own, name)}
    type(own).objects.for_organization(own.organization_id).filter(updated_at=own.updated_at).update(**values)


def vapi_client(organization: Organization) -> VapiClient:
    """A client with the key that resolves for the organization. Raises MissingCredential."""
    if own := _open(VapiCredential.objects.for_organization(organization)):
        return VapiClient(own.api_key, settings.VAPI_BASE_URLS[own.region])
    if settings.VAPI_API_KEY:
        return VapiClient(settings.VAPI_API_KEY, settings.VAPI_BASE_URLS[settings.VAPI_REGION])
    raise MissingCredential(_("There is no Vapi key yet. Add it under Settings, Vapi."))


def has_vapi_key(organization: Organization) -> bool:
    """Whether a key resolves for the organization."""
    return bool(settings.VAPI_API_KEY) or VapiCredential.objects.for_organization(organization).exists()


def delete_vapi_key(organization: Organization) -> None:
    """Forget the organization's own key."""
    VapiCredential.objects.for_organization(organization).delete()
    forget_webhook_credential(organization)


def forget_webhook_credential(organization: Organization) -> None:
    """Another key may mean another Vapi organization, which has not got our webhook secret yet."""
    WebhookEndpoint.objects.for_organization(organization).update(vapi_credential_id="")


# --- Twilio -----------------------------------------------------------------------------------------------------------


def clean_account_sid(typed: str) -> str:
    """The account SID in what was typed. Raises ValidationError."""
    sid = typed.strip()
    if not _ACCOUNT_SID.fullmatch(sid):
        raise ValidationError(_("An account SID is AC followed by 32 digits and letters a to f."))
    return sid


def clean_auth_token(typed: str) -> str:
    """The auth token in what was typed. Raises ValidationError."""
    token = typed.strip()
    if not _AUTH_TOKEN.fullmatch(token):
        raise ValidationError(_("An auth token has digits and letters only, 32 of them. Copy it again as a whole."))
    return token


def save_twilio_account(
    *, organization: Organization, account_sid: str, auth_token: str, phone_number: str = ""
) -> TwilioCredential:
    """Check the pair at Twilio and keep it. Raises ValidationError when Twilio does not accept it."""
    sid, token = clean_account_sid(account_sid), clean_auth_token(auth_token)
    status = check_twilio_account(sid, token)
    if status == Status.REFUSED:
        raise ValidationError({"auth_token": _("Twilio does not accept this account SID with this token.")})
    values = {
        "account_sid": sid,
        "auth_token": token,
        "phone_number": phone_number,
        "status": status,
        "checked_at": timezone.now(),
    }
    kept = TwilioCredential.objects.for_organization(organization).defer("auth_token")
    credential, _created = kept.update_or_create(
        defaults=values, create_defaults={**values, "organization": organization}
    )
    return credential


def recheck_twilio_account(organization: Organization) -> Status:
    """Try the kept account at Twilio once more, and keep what it said. Raises MissingCredential."""
    own = _open(TwilioCredential.objects.for_organization(organization))
    if own is None:
        raise MissingCredential(_("There is no Twilio account yet. Add it under Settings, Twilio."))
    own.status, own.checked_at = check_twilio_account(own.account_sid, own.auth_token), timezone.now()
    _keep_check(own)
    return Status(own.status)


def check_twilio_account(account_sid: str, auth_token: str) -> Status:
    """What Twilio says of the pair; a suspended or closed account counts as refused."""
    try:
        account = TwilioClient(account_sid, auth_token, settings.TWILIO_BASE_URL).check()
    except Unreachable:
        return Status.UNREACHABLE
    except ProviderError:
        return Status.REFUSED
    return Status.WORKS if account.status == "active" else Status.REFUSED


def twilio_account(organization: Organization) -> tuple[str, str]:
    """The account SID and token that resolve for the organization's own numbers. Raises MissingCredential."""
    if own := _open(TwilioCredential.objects.for_organization(organization)):
        return own.account_sid, own.auth_token
    raise MissingCredential(_("There is no Twilio account yet. Add it under Settings, Twilio."))


def platform_twilio_account() -> tuple[str, str]:
    """The operator's account, which holds the pool of numbers. Raises MissingCredential."""
    if settings.TWILIO_ACCOUNT_SID and settings.TWILIO_AUTH_TOKEN:
        return settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN
    raise MissingCredential(_("The operator's Twilio account is not configured."))


def twilio_client(account: tuple[str, str]) -> TwilioClient:
    """A client for an account SID and its token."""
    return TwilioClient(*account, settings.TWILIO_BASE_URL)


def has_twilio_account(organization: Organization) -> bool:
    """Whether the organization has a Twilio account of its own."""
    return TwilioCredential.objects.for_organization(organization).exists()


def delete_twilio_account(organization: Organization) -> None:
    """Forget the organization's Twilio account."""
    TwilioCredential.objects.for_organization(organization).delete()


# --- In words ---------------------------------------------------------------------------------------------------------


def explain(error: Exception) -> str:
    """A provider's failure as a sentence for the person who waits for it."""
    if isinstance(error, MissingCredential):
        return str(error)
    if not isinstance(error, ProviderError):
        return str(_("Something went wrong on our side. Please try again."))
    name = PROVIDER_NAMES.get(error.provider, error.provider)
    if isinstance(error, Unreachable):
        return str(format_lazy(_("{name} cannot be reached at the moment. Please try again."), name=name))
    if isinstance(error, Refused) and error.provider in CONNECTED_PROVIDERS:
        return str(format_lazy(_("{name} does not give access. Connect it again under Settings."), name=name))
    if isinstance(error, Refused):
        return str(format_lazy(_("{name} does not accept the key. Check it under Settings."), name=name))
    return str(format_lazy(_("{name} refused: {reason}"), name=name, reason=notes.in_words(error.message)))
