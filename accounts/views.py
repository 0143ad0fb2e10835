"""The settings' sections for the keys."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters

from accounts import credentials
from accounts.forms import TwilioAccountForm, VapiKeyForm
from accounts.models import TwilioCredential, VapiCredential
from accounts.tenancy import TenantRequest, manager_required


def section_url(name: str) -> str:
    """The address of a section of the settings."""
    return f"{reverse('settings')}?section={name}"


@sensitive_post_parameters()
@manager_required
def vapi_section(request: TenantRequest) -> HttpResponse:
    """The organization's Vapi key: set, replaced, tested, deleted."""
    if request.method == "POST" and "delete" in request.POST:
        credentials.delete_vapi_key(request.organization)
        messages.success(request, _("The Vapi key is deleted."))
        return redirect(section_url("vapi"))
    form = VapiKeyForm(request.POST or None)
    if form.is_valid() and form.save_for(request.organization):
        messages.success(request, _("The Vapi key is saved."))
        return redirect(section_url("vapi"))
    key = VapiCredential.objects.for_organization(request.organization).defer("api_key").first()
    return render(request, "settings/vapi.html", {"form": form, "key": key, "section": "vapi"})


@sensitive_post_parameters()
@manager_required
def twilio_section(request: TenantRequest) -> HttpResponse:
    """The organization's Twilio account: set, replaced, tested, deleted."""
    if request.method == "POST" and "delete" in request.POST:
        credentials.delete_twilio_account(request.organization)
        messages.success(request, _("The Twilio account is deleted."))
        return redirect(section_url("twilio"))
    form = TwilioAccountForm(request.POST or None)
    if form.is_valid() and form.save_for(request.organization):
        messages.success(request, _("The Twilio account is saved."))
        return redirect(section_url("twilio"))
    account = TwilioCredential.objects.for_organization(request.organization).defer("auth_token").first()
    return render(request, "settings/twilio.html", {"form": form, "account": account, "section": "twilio"})
