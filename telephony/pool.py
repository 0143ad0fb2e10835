"""The operator's pool of virtual numbers: lent by country, never to two, given back through a quarantine."""

from datetime import timedelta

import phonenumbers
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Organization
from telephony.models import PoolNumber

QUARANTINE = timedelta(days=30)

_CLAIM = """
    UPDATE telephony_poolnumber SET organization_id = %s, assigned_at = %s
    WHERE organization_id IS NULL AND id = (
        SELECT id FROM telephony_poolnumber
        WHERE country = %s AND organization_id IS NULL AND quarantined_until IS NULL
        ORDER BY id LIMIT 1 {locking}
    )
    RETURNING id
"""


class NoNumberLeft(Exception):
    """The pool has no free number for the country; `str()` says so, translated."""

    def __init__(self, country: str) -> None:
        super().__init__(_("No number is left for %(country)s at the moment.") % {"country": country})
        self.country = country


def country_for(phone: str) -> str:
    """The ISO code of the country whose numbers suit somebody with this phone number. Raises ValidationError."""
    try:
        parsed = phonenumbers.parse(phone, None)
    except phonenumbers.NumberParseException:
        parsed = None
    if parsed is None or not phonenumbers.is_possible_number(parsed):
        raise ValidationError(_("Enter the number with its country code, such as +33 1 99 00 12 34."))
    code = parsed.country_code or 0
    return phonenumbers.region_code_for_number(parsed) or phonenumbers.region_code_for_country_code(code)


def assign_number(*, organization: Organization, country: str) -> PoolNumber:
    """Lend a free number of `country` (ISO code) to the organization; the one it has, if it has one already.

    One statement claims it, so 32 claimants at once get 32 different numbers, and nothing outside is called meanwhile.
    Raises NoNumberLeft.
    """
    if held := PoolNumber.objects.filter(organization=organization).first():
        return held
    try:
        claimed = _claim(organization, country)
    except IntegrityError:  # the same organization asked twice at once, and the other request was first
        return PoolNumber.objects.get(organization=organization)
    if claimed is None:
        raise NoNumberLeft(country)
    return PoolNumber.objects.get(pk=claimed)


def _claim(organization: Organization, country: str) -> int | None:
    """The id of a free number, now the organization's.

    SKIP LOCKED may see nothing while others still try the last rows, so look once more, waiting, before saying "none".
    Each look is its own transaction: rows that the first one locked in vain would make two that wait block each other.
    """
    lockings = ["FOR UPDATE SKIP LOCKED", "FOR UPDATE"] if connection.features.has_select_for_update else [""]
    for locking in lockings:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(_CLAIM.format(locking=locking), [organization.pk, timezone.now(), country])
            if row := cursor.fetchone():
                return row[0]
    return None


def release_number(*, organization: Organization) -> None:
    """Take the organization's pool number back; nobody gets it before its quarantine is over."""
    PoolNumber.objects.filter(organization=organization).update(
        organization=None, assigned_at=None, quarantined_until=timezone.now() + QUARANTINE
    )


def end_quarantines() -> int:
    """Free the numbers whose quarantine is over; returns how many."""
    over = PoolNumber.objects.filter(quarantined_until__lte=timezone.now())
    return over.update(quarantined_until=None)
