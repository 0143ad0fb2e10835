"""The settings' section about the tenant's own systems that are told of calls."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables

from accounts.models import Organization
from accounts.tenancy import TenantRequest, manager_required
from accounts.views import row_or_404, section_url
from calls.hooks import delivery, endpoints
from calls.hooks.endpoints import NotPossible
from calls.hooks.forms import EndpointForm
from calls.hooks.messages import send_test
from calls.models import HookEndpoint

SHOWN_DELIVERIES = 50


@sensitive_post_parameters()
@sensitive_variables("secret")
@manager_required
def webhooks_section(request: TenantRequest) -> HttpResponse:
    """Receivers: add, test, rotate, switch off and on, remove; what was sent, and sending it again.

    A secret is shown in the answer to the very request that made it, and nowhere else.
    """
    if action := next((name for name in ACTIONS if name in request.POST), None):
        try:
            ACTIONS[action](request)
        except NotPossible as problem:
            messages.error(request, str(problem))
        return redirect(section_url("webhooks"))
    form = EndpointForm(request.POST if "add" in request.POST else None)
    endpoint, secret = None, ""
    if form.is_valid() and (endpoint := form.add_for(request.organization)):
        secret, form = str(endpoint.secret), EndpointForm()
    elif "rotate" in request.POST:
        endpoint = _endpoint(request, "rotate")
        secret = endpoints.rotate_secret(endpoint)
    context = {"form": form, "changed": endpoint, "secret": secret, **_rows(request.organization)}
    if endpoint or form.is_bound:  # the page stays as it is while a secret is copied or an error read
        context["refreshes"] = False
    return render(request, "settings/webhooks.html", context)


def _rows(organization: Organization) -> dict[str, Any]:
    log = list(delivery.of(organization)[:SHOWN_DELIVERIES])
    return {
        "endpoints": list(endpoints.of(organization).order_by("pk")),
        "log": log,
        "refreshes": any(row.state in delivery.OPEN and row.attempts <= 1 for row in log),
        "try_url": f"{settings.SANDBOX_URL}/hooks/ava" if settings.SANDBOX_URL else "",
        "section": "webhooks",
    }


def _endpoint(request: TenantRequest, action: str) -> HookEndpoint:
    return row_or_404(endpoints.of(request.organization), request.POST[action])


def _test(request: TenantRequest) -> None:
    endpoint = _endpoint(request, "test")
    send_test(endpoint)
    messages.success(request, _("A test event is on its way to %(host)s.") % {"host": endpoint.host})


def _enable(request: TenantRequest) -> None:
    endpoint = _endpoint(request, "enable")
    endpoints.enable(endpoint)
    messages.success(request, _("%(host)s is told of calls again.") % {"host": endpoint.host})


def _disable(request: TenantRequest) -> None:
    endpoint = _endpoint(request, "disable")
    endpoints.disable(endpoint)
    messages.success(request, _("Nothing more is sent to %(host)s.") % {"host": endpoint.host})


def _remove(request: TenantRequest) -> None:
    endpoint = _endpoint(request, "remove")
    endpoints.remove_endpoint(endpoint)
    messages.success(request, _("%(host)s is removed.") % {"host": endpoint.host})


def _resend(request: TenantRequest) -> None:
    row = row_or_404(delivery.of(request.organization), request.POST["resend"])
    delivery.resend(row)
    messages.success(request, _("The event is sent again."))


ACTIONS: dict[str, Callable[[TenantRequest], None]] = {
    "test": _test,
    "enable": _enable,
    "disable": _disable,
    "remove": _remove,
    "resend": _resend,
}
