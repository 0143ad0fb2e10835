"""Connecting and disconnecting a calendar: out to the provider, and back again."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from accounts import credentials
from accounts.tenancy import TenantRequest, manager_required
from accounts.views.sections import back_to, comes_from_onboarding, section_url
from assistants import calendar_providers, calendars
from assistants.models import CalendarProvider
from ava.clients.errors import ProviderError


@require_POST
@manager_required
def connect(request: TenantRequest, provider: str) -> HttpResponse:
    """Begin; the person goes on to the provider.

    By a page instead of a redirect: the answer to a form may lead nowhere but here (form-action in the content policy),
    and a provider leads on through hosts that nobody can list.
    """
    known = known_provider(provider)
    try:
        attempt = calendars.begin_connecting(
            organization=request.organization, user=request.user, provider=known, redirect_uri=_redirect_uri(known)
        )
    except calendars.NotOffered as problem:
        messages.error(request, str(problem))
        return back_to(request, "integrations")
    kept = {"language": translation.get_language(), "returns": comes_from_onboarding(request)}
    request.session[_session_key(known)] = {**attempt.kept, **kept}
    return render(request, "assistants/calendar_leaving.html", {"url": attempt.url, "calendar": known.label})


@require_GET
@manager_required
def callback(request: TenantRequest, provider: str) -> HttpResponse:
    """Where the provider sends the person back to, with a code or an error."""
    known, state = known_provider(provider), request.GET.get("state", "")
    kept = request.session.get(_session_key(known), {})
    try:
        calendars.check_answer(kept, organization=request.organization, user=request.user, provider=known, state=state)
    except calendars.NotBegun as problem:
        with translation.override(request.user.locale):
            messages.error(request, str(problem))
            return redirect(section_url("integrations"))
    del request.session[_session_key(known)]
    with translation.override(kept["language"]):
        _finish(request, known, kept)
        return redirect(section_url("integrations", **({"returnTo": "onboarding"} if kept["returns"] else {})))


@require_POST
@manager_required
def disconnect(request: TenantRequest, provider: str) -> HttpResponse:
    """Forget a calendar's tokens."""
    known = known_provider(provider)
    calendars.disconnect(organization=request.organization, provider=known)
    messages.success(request, _("%(calendar)s is disconnected.") % {"calendar": known.label})
    return back_to(request, "integrations")


def _finish(request: TenantRequest, provider: CalendarProvider, kept: dict[str, Any]) -> None:
    """Take what the provider sent, and say what came of it."""
    if "code" not in request.GET:
        error, description = request.GET.get("error", ""), request.GET.get("error_description", "")
        messages.warning(request, calendar_providers.explain_denial(provider, error=error, description=description))
        return
    try:
        connection = calendars.finish_connecting(
            organization=request.organization,
            user=request.user,
            provider=provider,
            kept=kept,
            state=request.GET["state"],
            code=request.GET["code"],
            redirect_uri=_redirect_uri(provider),
        )
    except (calendars.NotBegun, calendars.NotGranted) as problem:
        messages.error(request, str(problem))
    except ProviderError as error:
        messages.error(request, credentials.explain(error))
    else:
        values = {"calendar": provider.label, "account": connection.account_email}
        messages.success(request, _("%(calendar)s is connected as %(account)s.") % values)


def known_provider(provider: str) -> CalendarProvider:
    """By the name in an address. Raises Http404."""
    try:
        return CalendarProvider(provider)
    except ValueError:
        raise Http404 from None


def _redirect_uri(provider: CalendarProvider) -> str:
    return settings.PUBLIC_URL + reverse("calendar-callback", args=[provider])


def _session_key(provider: CalendarProvider) -> str:
    return f"calendar-attempt-{provider}"
