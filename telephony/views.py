"""The settings' section for the number."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from accounts import credentials
from accounts.tenancy import TenantRequest, manager_required
from accounts.views import section_url
from ava.clients.errors import ProviderError
from telephony import numbers, pool, routing
from telephony.forms import OwnNumberForm, PoolNumberForm


@manager_required
def number_section(request: TenantRequest) -> HttpResponse:
    """The number callers dial: one of the tenant's own, or one from the pool."""
    if request.method == "POST" and "detach" in request.POST:
        return _detach(request)
    own = OwnNumberForm(request.POST if "attach" in request.POST else None)
    lent = PoolNumberForm(request.POST if "assign" in request.POST else None)
    if (own.is_valid() and _attach(request, own)) or (lent.is_valid() and _assign(request, lent)):
        messages.success(request, _("The number is yours. Activate Ava to let her answer it."))
        return redirect(section_url("number"))
    context = {
        "own": own,
        "lent": lent,
        "numbers": list(request.organization.numbers.order_by("pk")),
        "section": "number",
        **_choices(request),
    }
    return render(request, "settings/number.html", context)


def _choices(request: TenantRequest) -> dict[str, Any]:
    """The tenant's numbers at Twilio that Ava does not use yet, live, or why they cannot be listed."""
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
        form.add_error("phone", _("No number is left for %(country)s at the moment.") % {"country": error.country})
    except ValidationError as error:
        form.add_error("phone", error.messages[0])
    except (ProviderError, credentials.MissingCredential) as error:
        form.add_error("phone", credentials.explain(error))
    return form.is_valid()


def _detach(request: TenantRequest) -> HttpResponse:
    wanted = request.POST["detach"]
    number = next((one for one in request.organization.numbers.all() if str(one.pk) == wanted), None)
    if number is not None:
        try:
            routing.detach(number)
        except (ProviderError, credentials.MissingCredential) as error:
            messages.error(request, credentials.explain(error))
        else:
            messages.success(request, _("The number is no longer used by Ava."))
    return redirect(section_url("number"))
