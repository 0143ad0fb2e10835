"""What the plans give, and how many people an organization has room for."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import Organization
from accounts.models.organizations import Plan


@dataclass(frozen=True)
class Offer:
    """What one plan gives."""

    most_seats: int


OFFERS: Mapping[str, Offer] = {
    Plan.FREE: Offer(most_seats=2),
    Plan.PRO: Offer(most_seats=10),
    Plan.BUSINESS: Offer(most_seats=200),
}


class NoSeatLeft(Exception):
    """Everybody whom the organization has seats for is there or invited; `str()` says so, translated."""


def locked(organization: Organization) -> Organization:
    """The organization's row, held until the transaction ends: who counts its seats counts them alone.

    Who only writes rows that belong to it does not wait for that (`no_key`), so neither waits for the other in turn.
    """
    return Organization.objects.select_for_update(no_key=True).get(pk=organization.pk)


def seats_taken(organization: Organization) -> int:
    """How many seats are taken, by members and by invitations that can still be accepted."""
    invited = organization.invitations.filter(accepted_at__isnull=True, expires_at__gt=timezone.now())
    return organization.memberships.count() + invited.count()


def need_seat(organization: Organization) -> None:
    """Raises NoSeatLeft when nobody more can be invited. Call it with the organization `locked`."""
    if seats_taken(organization) >= organization.seats:
        raise NoSeatLeft(
            ngettext(
                "Your organization has %(seats)s seat, and it is taken.",
                "Your organization has %(seats)s seats, and all are taken.",
                organization.seats,
            )
            % {"seats": organization.seats}
        )


@transaction.atomic
def change_plan(*, organization: Organization, plan: str, seats: int) -> Organization:
    """Take a plan and a number of seats. Raises ValidationError when the plan or the people do not allow it."""
    organization = locked(organization)
    most, taken = OFFERS[plan].most_seats, seats_taken(organization)
    if seats > most:
        raise ValidationError(
            {"seats": _("The plan %(plan)s has %(most)s seats at most.") % {"plan": Plan(plan).label, "most": most}}
        )
    if seats < taken:
        raise ValidationError(
            {
                "seats": ngettext(
                    "%(taken)s person belongs to your organization or is invited: it needs a seat each.",
                    "%(taken)s people belong to your organization or are invited: it needs a seat each.",
                    taken,
                )
                % {"taken": taken}
            }
        )
    organization.plan, organization.seats = plan, seats
    organization.save(update_fields=["plan", "seats"])
    return organization
