"""Where an invited person says yes."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts import invitations, plans
from accounts.tenancy import SESSION_KEY


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """Shows who invites; joins when the signed-in person has proven the invited address."""
    found = invitations.find(token)
    user = request.user if request.user.is_authenticated else None
    is_member = bool(found and user and user.memberships.filter(organization=found.organization_id).exists())
    if found is None or not (found.is_open or is_member):
        return render(request, "settings/invitation_over.html", status=410)
    is_theirs = bool(user and invitations.is_for(found, user))
    problem = ""
    if request.method == "POST" and user and is_theirs:
        try:
            invitations.accept(invitation=found, user=user)
        except (invitations.NotInvited, plans.NoSeatLeft) as refusal:
            problem = str(refusal)
        else:
            return _welcome(request, found.organization_id, found.organization.name)
    context = {"invitation": found, "is_theirs": is_theirs, "problem": problem, "is_member": is_member}
    return render(request, "settings/invitation.html", context)


def _welcome(request: HttpRequest, organization_id: int, name: str) -> HttpResponse:
    request.session[SESSION_KEY] = organization_id
    messages.success(request, _("Welcome to %(name)s.") % {"name": name or _("the organization")})
    return redirect("dashboard")
