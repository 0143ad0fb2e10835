"""The numbers an organization answers on: its own from Twilio, or one lent from the pool."""

from collections.abc import Sequence

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from accounts import credentials
from accounts.models import Organization
from ava.clients.twilio import IncomingNumber, TwilioClient
from ava.lib.phones import is_e164, normalize
from telephony import pool
from telephony.models import TenantNumber, TwilioSubaccount

LISTING_SECONDS = 6.0


def available_numbers(organization: Organization) -> Sequence[IncomingNumber]:
    """The voice numbers of the organization's Twilio account, live, for a page: so it does not wait long.

    Raises MissingCredential, ProviderError.
    """
    account = credentials.twilio_account(organization)
    client = TwilioClient(*account, settings.TWILIO_BASE_URL, read_seconds=LISTING_SECONDS)
    return [number for number in client.list_numbers() if number.voice]


def attach_own_number(*, organization: Organization, number: str) -> TenantNumber:
    """Answer on a number of the organization's own Twilio account.

    Raises ValidationError, MissingCredential, ProviderError.
    """
    wanted = normalize(number)
    if not is_e164(wanted):
        raise ValidationError({"number": _("Enter the number with its country code, such as +33 1 99 00 12 34.")})
    client = credentials.twilio_client(credentials.twilio_account(organization))
    found = client.find_number(wanted)
    if found is None:
        raise ValidationError({"number": _("Your Twilio account has no such number.")})
    return _keep(organization, TenantNumber.Source.OWN, found)


def hold_number(*, organization: Organization, number: str) -> TenantNumber:
    """The organization's number, attached now if it is of its Twilio account.

    Raises ValidationError, MissingCredential, ProviderError.
    """
    held = organization.numbers.filter(number=normalize(number)).first()
    return held or attach_own_number(organization=organization, number=number)


def assign_pool_number(*, organization: Organization, country: str) -> TenantNumber:
    """Lend the organization a number of the pool and move it into the organization's subaccount; safe to call again.

    The claim is committed before Twilio is called. Raises NoNumberLeft, MissingCredential, ProviderError.
    """
    lent = pool.assign_number(organization=organization, country=country)
    platform = credentials.platform_twilio_account()
    moved = _move_to_subaccount(organization, credentials.twilio_client(platform), lent.number)
    return _keep(organization, TenantNumber.Source.POOL, moved)


def _move_to_subaccount(organization: Organization, platform: TwilioClient, number: str) -> IncomingNumber:
    subaccount = TwilioSubaccount.objects.for_organization(organization).first()
    if subaccount is None:
        made = platform.create_subaccount(f"Ava {organization.pk}")
        subaccount = TwilioSubaccount.objects.for_organization(organization).create(
            organization=organization, account_sid=made.sid, auth_token=made.auth_token
        )
    inside = credentials.twilio_client((subaccount.account_sid, subaccount.auth_token))
    if found := inside.find_number(number):
        return found
    outside = platform.find_number(number)
    if outside is None:
        raise ValidationError(_("The operator's Twilio account does not have %(number)s.") % {"number": number})
    return platform.move_number(outside.sid, subaccount.account_sid)


def _keep(organization: Organization, source: str, incoming: IncomingNumber) -> TenantNumber:
    try:
        with transaction.atomic():
            number, _created = organization.numbers.get_or_create(
                number=incoming.number, defaults={"source": source, "twilio_sid": incoming.sid}
            )
    except IntegrityError:
        raise ValidationError({"number": _("This number is already used by another organization.")}) from None
    return number


def twilio_account_of(number: TenantNumber) -> tuple[str, str]:
    """The account SID and token of the account that holds a number. Raises MissingCredential."""
    if number.source == TenantNumber.Source.OWN:
        return credentials.twilio_account(number.organization)
    subaccount = TwilioSubaccount.objects.for_organization(number.organization).get()
    return subaccount.account_sid, subaccount.auth_token


def give_back(number: TenantNumber) -> None:
    """Move a pool number back into the operator's account and put it into quarantine. Raises ProviderError."""
    platform_sid, _token = credentials.platform_twilio_account()
    platform = credentials.twilio_client(credentials.platform_twilio_account())
    if platform.find_number(number.number) is None:
        # The operator's token works on its subaccounts too, and only the operator may move a number between them.
        platform.move_number(number.twilio_sid, platform_sid, from_account_sid=twilio_account_of(number)[0])
    pool.release_number(organization=number.organization)
