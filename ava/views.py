"""Pages that join the apps: home, dashboard, settings, health, errors."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import DatabaseError, connection
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import check_for_language
from django.utils.translation import gettext as _
from django.views import i18n
from django.views.decorators.http import require_POST, require_safe

from accounts import credentials
from accounts import views as account_sections
from accounts.models import VapiCredential
from accounts.tenancy import SESSION_KEY, TenantRequest, manager_required, organization_required
from assistants import activation, sync
from assistants import views as assistant_sections
from ava import charts, specimens
from ava.clients import sandbox
from ava.clients.errors import ProviderError
from ava.lib.api import problems
from calls import reports, search
from calls.hooks.views import webhooks_section
from onboarding import offboarding_views
from onboarding.models import Onboarding
from telephony import views as telephony_sections

LATEST_CALLS = 6
THEMES = ("light", "dark", "system")
THEME_COOKIE = "theme"
A_YEAR = 365 * 24 * 3600
SECTIONS = {
    "profile": account_sections.profile_section,
    "team": account_sections.team_section,
    "vapi": account_sections.vapi_section,
    "twilio": account_sections.twilio_section,
    "number": telephony_sections.number_section,
    "integrations": assistant_sections.integrations_section,
    "webhooks": webhooks_section,
    "notifications": account_sections.notifications_section,
    "plan": account_sections.plan_section,
    "security": account_sections.security_section,
    "data": offboarding_views.data_section,
}


def shell(request: HttpRequest) -> dict[str, Any]:
    """What every page's frame shows."""
    theme = request.COOKIES.get(THEME_COOKIE, "system")
    return {
        "sandbox": bool(settings.SANDBOX_URL),
        "sandbox_url": settings.SANDBOX_URL,
        "theme": theme if theme in THEMES else "system",
    }


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """What Ava is, to somebody who does not know her."""
    return render(request, "home.html")


@require_safe
@organization_required
def dashboard(request: TenantRequest) -> HttpResponse:
    """Is Ava answering? If not, why, and the one thing that mends it. Who called?"""
    organization = request.organization
    studio = sync.studio_of(organization)
    numbers = list(organization.numbers.order_by("pk"))
    key = VapiCredential.objects.for_organization(organization).defer("api_key").first()
    has_key = key is not None or credentials.has_vapi_key(organization)
    is_answering = has_key and studio.is_active and any(number.routed_to for number in numbers)
    week = reports.last_days(organization)
    latest = search.find_calls(organization, size=LATEST_CALLS).calls
    today = timezone.localdate()
    context = {
        "studio": studio,
        "has_key": has_key,
        "key": key,
        "numbers": numbers,
        "is_answering": is_answering,
        "is_current": sync.is_current(studio),
        "calls_today": [call for call in latest if timezone.localdate(call.started_at) == today],
        "earlier_calls": [call for call in latest if timezone.localdate(call.started_at) != today],
        "today": week.days[-1],
        "week": week,
        "charts": charts.of_week(week),
        "setup_url": _setup_url(request, is_answering=is_answering),
        "may_manage": request.membership.may_manage,
    }
    return render(request, "dashboard.html", context)


def _setup_url(request: TenantRequest, *, is_answering: bool) -> str:
    """The way back into the set-up, for who may finish it, until it is finished (or was never needed)."""
    onboarding = Onboarding.objects.for_organization(request.organization).first()
    is_finished = onboarding.is_launched if onboarding else is_answering
    return "" if is_finished or not request.membership.may_manage else reverse("onboarding:resume")


@require_POST
@manager_required
def activate(request: TenantRequest) -> HttpResponse:
    """Put Ava on the phone."""
    try:
        activation.activate(organization=request.organization)
    except activation.NotPossible as problem:
        messages.error(request, str(problem))
    else:
        messages.success(request, _("Ava answers your calls now."))
    return redirect("dashboard")


@require_POST
@manager_required
def deactivate(request: TenantRequest) -> HttpResponse:
    """Take Ava off the phone."""
    try:
        activation.deactivate(organization=request.organization)
    except activation.NotPossible as problem:
        messages.error(request, str(problem))
    else:
        messages.success(request, _("Ava no longer answers. Your number is as it was before."))
    return redirect("dashboard")


@require_POST
@organization_required
def place_test_call(request: TenantRequest) -> HttpResponse:
    """Let the sandbox ring the organization's number."""
    number = request.organization.numbers.order_by("pk").first()
    if not settings.SANDBOX_URL or number is None:
        messages.error(request, _("A test call needs the sandbox and a number."))
        return redirect("dashboard")
    try:
        placed = sandbox.place_call(settings.SANDBOX_URL, to=number.number)
    except ProviderError:
        messages.error(request, _("The sandbox does not answer. Is it still running?"))
        return redirect("dashboard")
    if not placed.answered:
        messages.warning(request, _("The call rang, and nobody answered: Ava is not active on this number."))
        return redirect("dashboard")
    return redirect("calls:ringing", placed.call_id)


@organization_required
def settings_page(request: TenantRequest) -> HttpResponse:
    """One section of the settings, chosen by `?section=`; each saves on its own."""
    name = request.GET.get("section", "profile")
    section = SECTIONS.get(name, account_sections.profile_section)
    return section(request)


@require_POST
def set_language(request: HttpRequest) -> HttpResponse:
    """Switch the language, here and, for who is signed in, for good."""
    language = request.POST.get("language", "")
    if request.user.is_authenticated and check_for_language(language) and language in dict(settings.LANGUAGES):
        request.user.locale = language
        request.user.save(update_fields=["locale"])
    return i18n.set_language(request)


@require_POST
def set_theme(request: HttpRequest) -> HttpResponse:
    """Light, dark, or as the device says; kept in the browser, so that the first byte already has it."""
    wanted = request.POST.get("theme", "")
    target = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(target, {request.get_host()}, require_https=request.is_secure()):
        target = reverse("home")
    response = redirect(target)
    if wanted in THEMES:
        options = {"secure": settings.SESSION_COOKIE_SECURE, "httponly": True, "samesite": "Lax"}
        response.set_cookie(THEME_COOKIE, wanted, max_age=A_YEAR, **options)
    return response


@require_POST
@login_required
def switch_organization(request: TenantRequest) -> HttpResponse:
    """Work for another of one's organizations; one that is not one's own is not found."""
    wanted = request.POST.get("organization", "")
    chosen = next((one for one in request.memberships if str(one.organization_id) == wanted), None)
    if chosen is None:
        raise Http404
    request.session[SESSION_KEY] = chosen.organization_id
    return redirect("dashboard")


@require_safe
def design(request: HttpRequest) -> HttpResponse:
    """Every component with all its states, for the operator's people."""
    if not (request.user.is_authenticated and request.user.is_staff):
        raise Http404
    return render(request, "design/page.html", specimens.context())


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """The process is alive."""
    return HttpResponse("ok", content_type="text/plain")


@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """The process can do its work: its database answers."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return JsonResponse({"ready": False, "database": "unreachable"}, status=503)
    return JsonResponse({"ready": True})


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """400 as a page, or as a problem for a program."""
    return _error(request, 400, "bad_request", _("The request cannot be read."))


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """403 as a page, or as a problem for a program."""
    return _error(request, 403, "permission_denied", _("That is not allowed."))


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """404 as a page, or as a problem for a program."""
    return _error(request, 404, "not_found", _("There is nothing at this address."))


def server_error(request: HttpRequest) -> HttpResponse:
    """500 as a page that needs nothing which may be broken, or as a problem for a program."""
    if problems.is_asked_by_program(request):
        return problems.page(request, 500, "server_error", _("Something went wrong on our side. Please try again."))
    return render(request, "500.html", status=500)


def _error(request: HttpRequest, status: int, code: str, detail: str) -> HttpResponse:
    if problems.is_asked_by_program(request):
        return problems.page(request, status, code, detail)
    return render(request, "error.html", {"status": status}, status=status)
