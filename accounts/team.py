"""Who belongs to an organization, and as what: roles, leaving, removing."""

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import Membership, Organization
from accounts.models.organizations import Role
from accounts.plans import locked


class NotAllowed(Exception):
    """The change is not this person's to make, or would leave no owner; `str()` says so, translated."""


def may_touch(actor: Membership, membership: Membership) -> bool:
    """Owners change everybody; admins everybody but owners; members nobody but themselves, to leave."""
    return actor.role == Role.OWNER or (actor.role == Role.ADMIN and membership.role != Role.OWNER)


def roles_to_give(actor: Membership) -> list[Role]:
    """The roles that a person may give to others."""
    return [Role.OWNER, Role.ADMIN, Role.MEMBER] if actor.role == Role.OWNER else [Role.ADMIN, Role.MEMBER]


@transaction.atomic
def change_role(*, actor: Membership, membership_id: int, role: str) -> Membership:
    """Give a member another role. Raises NotAllowed, Membership.DoesNotExist."""
    organization = locked(actor.organization)
    actor, membership = _fresh(organization, actor.pk), _fresh(organization, membership_id)
    if not may_touch(actor, membership) or role not in roles_to_give(actor):
        raise NotAllowed(_("Only an owner can do that."))
    if role != Role.OWNER:
        _keep_an_owner(organization, membership)
    membership.role = role
    membership.save(update_fields=["role"])
    return membership


@transaction.atomic
def remove(*, actor: Membership, membership_id: int) -> Membership:
    """End a membership: another's, or one's own. Raises NotAllowed, Membership.DoesNotExist."""
    organization = locked(actor.organization)
    actor, membership = _fresh(organization, actor.pk), _fresh(organization, membership_id)
    if membership != actor and not may_touch(actor, membership):
        raise NotAllowed(_("Only an owner can do that."))
    _keep_an_owner(organization, membership)
    Membership.objects.filter(pk=membership.pk).delete()
    return membership


def _fresh(organization: Organization, membership_id: int) -> Membership:
    return organization.memberships.select_related("user").get(pk=membership_id)


def _keep_an_owner(organization: Organization, leaving: Membership) -> None:
    others = organization.memberships.filter(role=Role.OWNER).exclude(pk=leaving.pk)
    if leaving.role == Role.OWNER and not others.exists():
        raise NotAllowed(_("An organization needs an owner. Make somebody else an owner first."))
