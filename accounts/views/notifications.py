"""The settings' section about mails and pushes."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from accounts.forms import NotificationsForm
from accounts.models import Membership
from accounts.tenancy import TenantRequest, organization_required
from accounts.views.sections import section_url


@organization_required
def notifications_section(request: TenantRequest) -> HttpResponse:
    """What this person hears about this organization's calls."""
    form = NotificationsForm(request.POST or None, instance=Membership.objects.get(pk=request.membership.pk))
    if form.is_bound and form.is_valid():
        form.save()
        messages.success(request, _("Your notifications are saved."))
        return redirect(section_url("notifications"))
    context = {"form": form, "device_count": request.user.devices.count(), "section": "notifications"}
    return render(request, "settings/notifications.html", context)
