"""The numbers page: which number Ava answers, how to forward to it, when the business is open."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts import credentials
from accounts.tenancy import TenantRequest, manager_required
from accounts.views import row_or_404, section_url
from ava.clients.errors import ProviderError
from telephony import forwarding, numbers, pool, routing
from telephony.forms import BusinessHoursForm, HolidayForm, OwnNumberForm, PoolNumberForm
from telephony.models import TenantNumber


@manager_required
def numbers_page(request: TenantRequest) -> HttpResponse:
    """All about the organization's numbers on one page; the business hours are saved here."""
    data = request.POST if request.method == "POST" else None
    hours = BusinessHoursForm(data, organization=request.organization, person=request.user)
    if hours.is_valid():
        hours.save_for(request.organization)
        messages.success(request, _("Your business hours are saved."))
        return redirect(f"{reverse('telephony:numbers')}#hours")
    return _show(request, hours=hours)


def _show(request: TenantRequest, **forms: Any) -> HttpResponse:
    """The page, with the forms that were filled in wrongly in the place of fresh ones."""
    organization = request.organization
    fresh: dict[str, Any] = {"holiday_form": HolidayForm(organization=organization)}
    if "hours" not in forms:
        fresh["hours"] = BusinessHoursForm(organization=organization, person=request.user)
    context = {**number_context(request), **fresh, **forms, "next": reverse("telephony:numbers")}
    context["holidays"] = list(organization.holidays.filter(date__gte=timezone.localdate()))
    return render(request, "telephony/numbers.html", context)


@require_POST
@manager_required
def add_holiday(request: TenantRequest) -> HttpResponse:
    """A day on which the business does not open."""
    form = HolidayForm(request.POST, organization=request.organization)
    if not form.is_valid():
        return _show(request, holiday_form=form)
    form.save_for(request.organization)
    messages.success(request, _("The holiday is noted."))
    return redirect(f"{reverse('telephony:numbers')}#holidays")


@require_POST
@manager_required
def remove_holiday(request: TenantRequest) -> HttpResponse:
    """Open on that day after all."""
    if "holiday" in request.POST:
        row_or_404(request.organization.holidays.all(), request.POST["holiday"]).delete()
        messages.success(request, _("The holiday is removed."))
    return redirect(f"{reverse('telephony:numbers')}#holidays")


# --- Choosing a number ------------------------------------------------------------------------------------------------


def number_context(request: TenantRequest) -> dict[str, Any]:
    """What `telephony/number_choice.html` needs. Asks nobody outside: the list of Twilio's numbers loads on its own."""
    held = list(request.organization.numbers.order_by("pk"))
    return {
        "numbers": held,
        "own": OwnNumberForm(auto_id="own-%s"),
        "lent": PoolNumberForm(auto_id="lent-%s"),
        "choices": None,
        "choices_problem": "",
        "has_twilio": credentials.has_twilio_account(request.organization),
        "codes": _codes(request, held),
        "next": request.get_full_path(),
    }


def _codes(request: TenantRequest, held: list[TenantNumber]) -> list[dict[str, Any]]:
    country = request.organization.country
    return [{"number": one.number, "carriers": forwarding.codes_for(one.number, country)} for one in held]


@require_POST
@manager_required
def choose_number(request: TenantRequest) -> HttpResponse:
    """Attach, assign or detach a number, then back to `next`; what went wrong is shown beside its field."""
    return _choose(request, template="telephony/choose.html", back=_next(request))


@require_safe
@manager_required
def number_choices(request: TenantRequest) -> HttpResponse:
    """The numbers of the tenant's Twilio account, live: a part of a page, or a page without scripts."""
    context = {**number_context(request), **_live_choices(request), "next": _next(request)}
    is_part = "HX-Request" in request.headers
    return render(request, "telephony/number_choice.html#listing" if is_part else "telephony/choose.html", context)


@manager_required
def number_section(request: TenantRequest) -> HttpResponse:
    """The settings' section for the number: the same choice."""
    waits = request.GET.get("returnTo") == "onboarding"
    back = reverse("onboarding:resume") if waits else section_url("number")
    return _choose(request, template="settings/number.html", back=back, section="number")


def _choose(request: TenantRequest, *, template: str, back: str, **extra: Any) -> HttpResponse:
    if "detach" in request.POST:
        return _detach(request, back)
    own = OwnNumberForm(request.POST if "attach" in request.POST else None, auto_id="own-%s")
    lent = PoolNumberForm(request.POST if "assign" in request.POST else None, auto_id="lent-%s")
    if (own.is_valid() and _attach(request, own)) or (lent.is_valid() and _assign(request, lent)):
        messages.success(request, _("The number is yours. Activate Ava to let her answer it."))
        return redirect(back)
    return render(request, template, {**number_context(request), "own": own, "lent": lent, "next": back, **extra})


def _next(request: TenantRequest) -> str:
    """Where to go back to: a path of this site, else the numbers page."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    is_safe = url_has_allowed_host_and_scheme(wanted, allowed_hosts=None) and wanted.startswith("/")
    return wanted if is_safe else reverse("telephony:numbers")


def _live_choices(request: TenantRequest) -> dict[str, Any]:
    """The tenant's numbers at Twilio that Ava does not use yet, or in words why they cannot be listed."""
    used = set(request.organization.numbers.values_list("number", flat=True))
    try:
        found = numbers.available_numbers(request.organization)
        return {"choices": [choice for choice in found if choice.number not in used]}
    except (ProviderError, credentials.MissingCredential) as error:
        return {"choices": [], "choices_problem": credentials.explain(error)}


def _attach(request: TenantRequest, form: OwnNumberForm) -> bool:
    try:
        numbers.attach_own_number(organization=request.organization, number=form.cleaned_data["number"])
    except ValidationError as error:
        form.add_error("number", error.messages[0])
    except (ProviderError, credentials.MissingCredential) as error:
        form.add_error("number", credentials.explain(error))
    return form.is_valid()


def _assign(request: TenantRequest, form: PoolNumberForm) -> bool:
    try:
        numbers.assign_pool_number(organization=request.organization, country=form.cleaned_data["phone"])
    except pool.NoNumberLeft as error:
        form.add_error("phone", str(error))
    except ValidationError as error:
        form.add_error("phone", error.messages[0])
    except (ProviderError, credentials.MissingCredential) as error:
        form.add_error("phone", credentials.explain(error))
    return form.is_valid()


def _detach(request: TenantRequest, back: str) -> HttpResponse:
    wanted = request.POST["detach"]
    number = next((one for one in request.organization.numbers.all() if str(one.pk) == wanted), None)
    if number is not None:
        try:
            routing.detach(number)
        except (ProviderError, credentials.MissingCredential) as error:
            messages.error(request, credentials.explain(error))
        else:
            messages.success(request, _("The number is no longer used by Ava."))
    return redirect(back)
