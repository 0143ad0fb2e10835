"""The settings' sections for the keys."""

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters

from accounts import credentials
from accounts.analytics import track
from accounts.forms import TwilioAccountForm, VapiKeyForm
from accounts.models import Organization, TwilioCredential, VapiCredential
from accounts.models.credentials import Status
from accounts.tenancy import TenantRequest, manager_required
from accounts.views.sections import after_saving, back_to

VAPI_DASHBOARD = "https://dashboard.vapi.ai"
TWILIO_CONSOLE = "https://console.twilio.com"


@sensitive_post_parameters()
@manager_required
def vapi_section(request: TenantRequest) -> HttpResponse:
    """The organization's Vapi key: set, replaced, tested, deleted."""
    if "delete" in request.POST:
        credentials.delete_vapi_key(request.organization)
        messages.success(request, _("The Vapi key is deleted."))
        return back_to(request, "vapi")
    if "test" in request.POST:
        return _test(request, "vapi", "Vapi", credentials.recheck_vapi_key)
    form = VapiKeyForm(request.POST or None)
    if form.is_valid() and form.save_for(request.organization):
        track("vapi_configured", organization=request.organization, user=request.user, method="settings")
        _say_saved(request, _("The Vapi key is saved."), request.organization.vapicredential.status)
        return after_saving(request, "vapi")
    if form.is_bound:
        messages.error(request, _("The key was not saved. The reason stands beside the field."))
    key = VapiCredential.objects.for_organization(request.organization).defer("api_key").first()
    context = {
        "form": form,
        "key": key,
        "platform_has_key": credentials.has_vapi_key(request.organization),
        "dashboard_url": VAPI_DASHBOARD,
        "section": "vapi",
    }
    return render(request, "settings/vapi.html", context)


@sensitive_post_parameters()
@manager_required
def twilio_section(request: TenantRequest) -> HttpResponse:
    """The organization's Twilio account: set, replaced, tested, deleted."""
    if "delete" in request.POST:
        credentials.delete_twilio_account(request.organization)
        messages.success(request, _("The Twilio account is deleted."))
        return back_to(request, "twilio")
    if "test" in request.POST:
        return _test(request, "twilio", "Twilio", credentials.recheck_twilio_account)
    form = TwilioAccountForm(request.POST or None)
    if form.is_valid() and form.save_for(request.organization):
        _say_saved(request, _("The Twilio account is saved."), request.organization.twiliocredential.status)
        return after_saving(request, "twilio")
    if form.is_bound:
        messages.error(request, _("The account was not saved. The reason stands beside the field."))
    context = {
        "form": form,
        "account": TwilioCredential.objects.for_organization(request.organization).defer("auth_token").first(),
        "dashboard_url": TWILIO_CONSOLE,
        "section": "twilio",
    }
    return render(request, "settings/twilio.html", context)


def _say_saved(request: TenantRequest, saved: str, status: str) -> None:
    messages.success(request, saved)
    if status == Status.UNREACHABLE:
        messages.info(request, _("It could not be checked just now. Press Test in a moment."))


def _test(request: TenantRequest, section: str, name: str, check: Callable[[Organization], Status]) -> HttpResponse:
    """Try what is kept, live, and say what came of it."""
    try:
        status = check(request.organization)
    except credentials.MissingCredential as error:
        messages.error(request, str(error))
        return back_to(request, section)
    if status == Status.WORKS:
        messages.success(request, _("It works: %(name)s accepts it.") % {"name": name})
    elif status == Status.REFUSED:
        messages.error(request, _("%(name)s refuses it. Enter a new one.") % {"name": name})
    else:
        messages.warning(request, _("%(name)s cannot be reached at the moment. Try again later.") % {"name": name})
    return back_to(request, section)
