"""The settings' section about the person and their organization."""

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import translation
from django.utils.translation import gettext as _

from accounts import team
from accounts.forms import OrganizationForm, PersonForm
from accounts.models import Organization, User
from accounts.tenancy import TenantRequest, organization_required
from accounts.views.sections import back_to, section_url


@organization_required
def profile_section(request: TenantRequest) -> HttpResponse:
    """The person; for managers, the organization too."""
    if "leave" in request.POST:
        return _leave(request)
    # Copies: what a form writes into its row before it is refused must not show in the frame of the page.
    person = PersonForm(
        request.POST if "person" in request.POST else None, instance=User.objects.get(pk=request.user.pk)
    )
    if person.is_bound and person.is_valid():
        person.save()
        return _in_language(request, person.instance.locale)
    organization = None
    if request.membership.may_manage:
        row = Organization.objects.get(pk=request.organization.pk)
        organization = OrganizationForm(request.POST if "organization" in request.POST else None, instance=row)
        if organization.is_bound and organization.is_valid():
            organization.save()
            messages.success(request, _("The organization's profile is saved."))
            return back_to(request, "profile")
    if person.is_bound or (organization and organization.is_bound):
        messages.error(request, _("Nothing was saved. The reasons stand beside the fields."))
    context = {"person": person, "organization_form": organization, "section": "profile"}
    return render(request, "settings/profile.html", context)


def _in_language(request: TenantRequest, language: str) -> HttpResponse:
    """The section in the language just chosen, from here on."""
    with translation.override(language):
        messages.success(request, _("Your profile is saved."))
        answer = redirect(section_url("profile"))
    answer.set_cookie(
        settings.LANGUAGE_COOKIE_NAME,
        language,
        max_age=settings.LANGUAGE_COOKIE_AGE,
        path=settings.LANGUAGE_COOKIE_PATH,
        domain=settings.LANGUAGE_COOKIE_DOMAIN,
        secure=settings.LANGUAGE_COOKIE_SECURE,
        httponly=settings.LANGUAGE_COOKIE_HTTPONLY,
        samesite=settings.LANGUAGE_COOKIE_SAMESITE,
    )
    return answer


def _leave(request: TenantRequest) -> HttpResponse:
    name = request.organization.name
    try:
        team.remove(actor=request.membership, membership_id=request.membership.pk)
    except team.NotAllowed as refusal:
        messages.error(request, str(refusal))
        return redirect(section_url("profile"))
    messages.success(request, _("You have left %(name)s.") % {"name": name or _("the organization")})
    return redirect("dashboard")
