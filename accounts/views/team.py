"""The settings' section about who belongs to the organization."""

from collections.abc import Callable

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from accounts import invitations, plans, team
from accounts.forms import InvitationForm, RoleForm
from accounts.models import Membership
from accounts.tenancy import TenantRequest, manager_required
from accounts.views.sections import row_or_404, section_url


@manager_required
def team_section(request: TenantRequest) -> HttpResponse:
    """Members and invitations: invite, send again, take back, change roles, remove."""
    if action := next((name for name in ACTIONS if name in request.POST), None):
        try:
            ACTIONS[action](request)
        except (team.NotAllowed, invitations.NotInvited, plans.NoSeatLeft) as refusal:
            messages.error(request, str(refusal))
        except Membership.DoesNotExist:
            raise Http404 from None
        return redirect(section_url("team"))
    form = InvitationForm(request.POST if "invite" in request.POST else None)
    seat_problem = ""
    if form.is_bound and form.is_valid():
        try:
            _invite(request, form)
            return redirect(section_url("team"))
        except invitations.NotInvited as refusal:
            form.add_error("email", str(refusal))
        except plans.NoSeatLeft as refusal:
            seat_problem = str(refusal)
    return render(request, "settings/team.html", {**_people(request), "form": form, "seat_problem": seat_problem})


def _invite(request: TenantRequest, form: InvitationForm) -> None:
    values = form.cleaned_data
    invitations.invite(
        organization=request.organization, invited_by=request.user, email=values["email"], role=values["role"]
    )
    messages.success(request, _("The invitation to %(email)s is on its way.") % {"email": values["email"]})


def _people(request: TenantRequest) -> dict[str, object]:
    members = list(request.organization.memberships.select_related("user").order_by("pk"))
    roles = team.roles_to_give(request.membership)
    taken = plans.seats_taken(request.organization)
    return {
        "members": [(member, team.may_touch(request.membership, member)) for member in members],
        "invitations": list(
            request.organization.invitations.filter(accepted_at__isnull=True)
            .select_related("invited_by")
            .order_by("pk")
        ),
        "roles": roles,
        "taken": taken,
        "free": max(0, request.organization.seats - taken),
        "section": "team",
    }


def _resend(request: TenantRequest) -> None:
    invitation = row_or_404(request.organization.invitations.all(), request.POST["resend"])
    invitations.resend(invitation)
    messages.success(request, _("The invitation to %(email)s is on its way.") % {"email": invitation.email})


def _revoke(request: TenantRequest) -> None:
    invitation = row_or_404(request.organization.invitations.all(), request.POST["revoke"])
    invitations.revoke(invitation)
    messages.success(request, _("The invitation to %(email)s is taken back.") % {"email": invitation.email})


def _change_role(request: TenantRequest) -> None:
    member = row_or_404(request.organization.memberships.all(), request.POST["change"])
    form = RoleForm(request.POST, actor=request.membership)
    if not form.is_valid():
        raise team.NotAllowed(_("Only an owner can do that."))
    changed = team.change_role(actor=request.membership, membership_id=member.pk, role=form.cleaned_data["role"])
    words = {"person": changed.user.full_name or changed.user.email, "role": changed.get_role_display()}
    messages.success(request, _("%(person)s has a new role: %(role)s.") % words)


def _remove(request: TenantRequest) -> None:
    member = row_or_404(request.organization.memberships.all(), request.POST["remove"])
    removed = team.remove(actor=request.membership, membership_id=member.pk)
    person = removed.user.full_name or removed.user.email
    messages.success(request, _("%(person)s no longer belongs to your organization.") % {"person": person})


ACTIONS: dict[str, Callable[[TenantRequest], None]] = {
    "resend": _resend,
    "revoke": _revoke,
    "change": _change_role,
    "remove": _remove,
}
