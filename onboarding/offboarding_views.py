"""The settings' section about taking one's data along, and closing the account."""

from typing import cast

from django import forms
from django.contrib import messages
from django.contrib.auth import logout
from django.core.exceptions import PermissionDenied
from django.http import FileResponse, Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import DataExport, PlatformSettings, User
from accounts.models.exports import ExportState
from accounts.models.organizations import Role
from accounts.models.platform_settings import StorageProvider
from accounts.tenancy import TenantRequest, manager_required
from accounts.views import row_or_404, section_url
from onboarding import exports, offboarding


class ClosingForm(forms.Form):
    name = forms.CharField(
        label=gettext_lazy("To be sure, type it here"),
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    anyway = forms.BooleanField(
        label=gettext_lazy("Close it all the same; I tidy up there myself"), required=False, widget=forms.HiddenInput
    )

    def __init__(self, *args: object, wanted: str, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.wanted = wanted

    def clean_name(self) -> str:
        """Capitals and spaces around do not matter."""
        if self.cleaned_data["name"].strip().casefold() != self.wanted.casefold():
            raise forms.ValidationError(_("This is not the same. Type exactly what stands above."))
        return self.cleaned_data["name"]


@manager_required
def data_section(request: TenantRequest) -> HttpResponse:
    """An archive of everything; for owners, closing the account."""
    if "download" in request.GET and request.method in {"GET", "HEAD"}:
        return _download(request)
    if "export" in request.POST:
        exports.request_export(organization=request.organization, user=request.user)
        messages.info(request, _("The archive is being prepared. You get a mail when it is ready."))
        return redirect(section_url("data"))
    is_owner = request.membership.role == Role.OWNER
    wanted = offboarding.words_to_type(request.organization, request.user)
    form = ClosingForm(request.POST if "close" in request.POST else None, wanted=wanted)
    if form.is_bound and not is_owner:
        raise PermissionDenied
    if form.is_bound and form.is_valid() and _close(request, form):
        return redirect("home")
    export = exports.latest(request.organization)
    is_pending = bool(export and export.state == ExportState.PENDING)
    context = {
        "export": export,
        "form": form,
        "wanted": wanted,
        "is_owner": is_owner,
        "refreshes": is_pending and not form.is_bound,
        "section": "data",
    }
    return render(request, "settings/data.html", context)


def _close(request: TenantRequest, form: ClosingForm) -> bool:
    try:
        offboarding.close(organization=request.organization, anyway=form.cleaned_data["anyway"])
    except offboarding.NotClosed as problem:
        form.add_error(None, str(problem))
        form.fields["anyway"].widget = forms.CheckboxInput()
        return False
    if not User.objects.filter(pk=request.user.pk).exists():
        logout(request)
    messages.success(request, _("The account is closed, and its data is deleted. Goodbye."))
    return True


def _download(request: TenantRequest) -> HttpResponse:
    export: DataExport = row_or_404(request.organization.exports.all(), request.GET["download"])
    if not export.is_ready:
        raise Http404
    place = PlatformSettings.load().place(export.file_provider)
    if export.file_provider == StorageProvider.GCS:
        return redirect(place.url(export.file_name))
    if not place.exists(export.file_name):
        raise Http404
    name = f"ava-{export.created_at:%Y-%m-%d}.zip"
    response = FileResponse(place.open(export.file_name), as_attachment=True, filename=name)
    response["Cache-Control"] = "private, no-store"
    return cast(HttpResponse, response)
