"""The settings' section about plan and seats."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from accounts import plans
from accounts.forms import PlanForm
from accounts.models.organizations import Plan
from accounts.tenancy import TenantRequest, manager_required
from accounts.views.sections import section_url


@manager_required
def plan_section(request: TenantRequest) -> HttpResponse:
    """The three plans, and how many seats."""
    organization = request.organization
    form = PlanForm(request.POST or None, initial={"plan": organization.plan, "seats": organization.seats})
    if form.is_bound and form.is_valid() and form.save_for(organization):
        messages.success(request, _("Your plan is saved."))
        return redirect(section_url("plan"))
    context = {
        "form": form,
        "offers": [(plan, plans.OFFERS[plan]) for plan in Plan],
        "taken": plans.seats_taken(organization),
        "section": "plan",
    }
    return render(request, "settings/plan.html", context)
