"""Does the forwarding work? The person calls their own phone from another one, and this page tells when it arrives."""

from datetime import datetime, timedelta
from urllib.parse import urlencode

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.models import Organization
from accounts.tenancy import TenantRequest, organization_required
from calls.models import Call, Direction

LISTENS_FOR = timedelta(minutes=10)
CLOCKS_DIFFER_BY = timedelta(hours=1)


def calls_since(organization: Organization, moment: datetime) -> QuerySet[Call]:
    """Calls to the organization first heard of after `moment`, the first one first."""
    # When Vapi says that a call started only helps the index: its clock is not ours.
    lately = organization.calls.filter(started_at__gte=moment - CLOCKS_DIFFER_BY)
    return lately.filter(created_at__gte=moment, direction=Direction.INBOUND).order_by("created_at")


@require_safe
@organization_required
def listen(request: TenantRequest) -> HttpResponse:
    """Listen for a call that arrives after the page was opened; `since` keeps when that was."""
    since = _moment(request.GET.get("since", ""))
    if since is None:
        started = urlencode({"since": int(timezone.now().timestamp())})
        return redirect(f"{reverse('calls:forwarding-test')}?{started}")
    numbers = list(request.organization.numbers.order_by("pk"))
    is_over = timezone.now() - since > LISTENS_FOR
    call = None if is_over else calls_since(request.organization, since).first()
    context = {
        "numbers": numbers,
        "is_answering": any(number.routed_to for number in numbers),
        "call": call,
        "is_over": is_over,
        "refreshes": bool(numbers) and call is None and not is_over,
        "may_simulate": bool(settings.SANDBOX_URL),
    }
    return render(request, "calls/listening.html", context)


def _moment(typed: str) -> datetime | None:
    """A past moment from its seconds; None for anything else."""
    if not (typed.isascii() and typed.isdecimal() and len(typed) <= 10):
        return None
    moment = datetime.fromtimestamp(int(typed), tz=timezone.get_default_timezone())
    return moment if moment <= timezone.now() else None
