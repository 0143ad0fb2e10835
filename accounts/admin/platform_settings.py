"""The platform's settings: what the operator sets, and where recordings go, tested from the page."""

import json
from io import BytesIO
from typing import Any
from uuid import uuid4

from cryptography.fernet import InvalidToken
from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.files.storage import Storage
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.decorators import method_decorator
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_post_parameters

from accounts.models import PlatformSettings
from accounts.models.platform_settings import StorageProvider
from ava.lib import notes, storage
from ava.lib.admin import ConsoleAdmin

SECRETS = {"vapi_webhook_secret": "VAPI_WEBHOOK_SECRET", "gcs_credentials_json": "GCS_CREDENTIALS_JSON"}
SERVICE_ACCOUNT_NEEDS = ("project_id", "client_email", "private_key", "token_uri")


def _fields_of(secret: str) -> tuple[str, str]:
    return f"new_{secret}", f"clear_{secret}"


def read_secret(row: PlatformSettings, name: str) -> str | None:
    """A secret that the operator saved, "" when there is none, None when no known key opens it."""
    try:
        return getattr(row, name)
    except InvalidToken:
        return None


def describe_secret(row: PlatformSettings, name: str) -> str:
    """Whether a secret is set: all that is ever shown of it."""
    saved = read_secret(row, name)
    if saved is None:
        return gettext("cannot be read with today's encryption keys: set it again")
    if saved:
        return gettext("set")
    return (
        gettext("not set here, taken from the environment") if getattr(settings, SECRETS[name]) else gettext("not set")
    )


def clean_service_account(typed: str, bucket: str) -> str:
    """Raises ValidationError, in words, for what is not a service account's JSON key."""
    try:
        info = json.loads(typed)
    except ValueError as error:
        where = {"line": getattr(error, "lineno", 1)}
        raise ValidationError(_("This is not JSON; line %(line)s cannot be read."), params=where) from None
    if not isinstance(info, dict) or info.get("type") != "service_account":
        raise ValidationError(_("This is JSON, but not a service account's key: its type must be service_account."))
    if missing := [name for name in SERVICE_ACCOUNT_NEEDS if not info.get(name)]:
        raise ValidationError(_("The key is not whole. Missing: %(names)s."), params={"names": ", ".join(missing)})
    try:
        storage.bucket(bucket, typed)
    except storage.StorageRefused:
        raise ValidationError(_("The private key in it cannot be read. Paste the whole file again.")) from None
    return typed


class PlatformSettingsForm(forms.ModelForm):
    """Secrets are only written: an empty field keeps the present one, ticking its box clears it."""

    new_vapi_webhook_secret = forms.CharField(
        label=_("New shared webhook secret"),
        help_text=_("Empty: the present one stays."),
        required=False,
        # What was typed is still there when another field is wrong; what is saved is never put in.
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password", "size": 60}, render_value=True),
    )
    clear_vapi_webhook_secret = forms.BooleanField(label=_("Clear the shared webhook secret"), required=False)
    new_gcs_credentials_json = forms.CharField(
        label=_("New service-account JSON"),
        help_text=_("The whole key file. Empty: the present one stays."),
        required=False,
        widget=forms.Textarea(attrs={"autocomplete": "off", "spellcheck": "false", "cols": 90, "rows": 8}),
    )
    clear_gcs_credentials_json = forms.BooleanField(label=_("Clear the service-account JSON"), required=False)

    class Meta:
        model = PlatformSettings
        fields = ("storage_provider", "gcs_bucket")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        from_environment = dict(StorageProvider.choices).get(settings.STORAGE_PROVIDER, settings.STORAGE_PROVIDER)
        nothing = gettext("As the environment says: %(provider)s") % {"provider": from_environment}
        self.fields["storage_provider"].choices = [("", nothing), *StorageProvider.choices]  # type: ignore[attr-defined]
        if settings.GCS_BUCKET:
            from_environment = gettext("Empty: %(name)s, from the environment.") % {"name": settings.GCS_BUCKET}
            self.fields["gcs_bucket"].help_text = from_environment

    def clean_new_gcs_credentials_json(self) -> str:
        typed = self.cleaned_data["new_gcs_credentials_json"]
        return clean_service_account(typed, self.cleaned_data.get("gcs_bucket", "")) if typed else ""

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        for name in SECRETS:
            if cleaned.get(f"new_{name}") and cleaned.get(f"clear_{name}"):
                self.add_error(f"clear_{name}", _("Either enter a new one or clear it."))
        if cleaned.get("storage_provider") == StorageProvider.GCS:
            self._check_bucket(cleaned)
        return cleaned

    def _check_bucket(self, cleaned: dict[str, Any]) -> None:
        if "gcs_bucket" in cleaned and not (cleaned["gcs_bucket"] or settings.GCS_BUCKET):
            self.add_error("gcs_bucket", _("Name the bucket that recordings go to."))
        name = "gcs_credentials_json"
        kept = "" if cleaned.get(f"clear_{name}") else read_secret(self.instance, name)
        if f"new_{name}" in cleaned and not (cleaned[f"new_{name}"] or kept or settings.GCS_CREDENTIALS_JSON):
            self.add_error(f"new_{name}", _("The bucket is opened with a service account: paste its JSON key."))

    def save(self, commit: bool = True) -> PlatformSettings:
        for name in SECRETS:
            if self.cleaned_data[f"clear_{name}"]:
                setattr(self.instance, name, "")
            elif typed := self.cleaned_data[f"new_{name}"]:
                setattr(self.instance, name, typed)
        return super().save(commit)


@admin.register(PlatformSettings)
class PlatformSettingsAdmin(ConsoleAdmin):
    form = PlatformSettingsForm
    readonly_fields = ("webhook_secret_state", "credentials_state")
    fieldsets = (
        (_("Webhooks"), {"fields": ("webhook_secret_state", *_fields_of("vapi_webhook_secret"))}),
        (_("Storage of recordings"), {"fields": ("storage_provider", "gcs_bucket")}),
        (_("Bucket's service account"), {"fields": ("credentials_state", *_fields_of("gcs_credentials_json"))}),
    )

    @admin.display(description=_("shared webhook secret"))
    def webhook_secret_state(self, row: PlatformSettings) -> str:
        return describe_secret(row, "vapi_webhook_secret")

    @admin.display(description=_("service-account JSON"))
    def credentials_state(self, row: PlatformSettings) -> str:
        return describe_secret(row, "gcs_credentials_json")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and not PlatformSettings.objects.exists()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """What was neither typed nor cleared is not written."""
        obj.pk = 1
        secrets = [name for name in SECRETS if set(_fields_of(name)) & set(form.changed_data)]
        obj.save(update_fields=["storage_provider", "gcs_bucket", "updated_at", *secrets] if change else None)

    def get_urls(self) -> list[URLPattern]:
        test = self.admin_site.admin_view(self.test_storage_view)
        return [path("test-storage/", test, name="accounts_platformsettings_test_storage"), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """There is one row: go to it."""
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        if PlatformSettings.objects.filter(pk=1).exists():
            return redirect("admin:accounts_platformsettings_change", 1)
        return redirect("admin:accounts_platformsettings_add")

    @method_decorator(sensitive_post_parameters())
    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return super().changeform_view(request, *args, **kwargs)

    def test_storage_view(self, request: HttpRequest) -> HttpResponse:
        """Really write, read and delete a small file where recordings go by what is saved now."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        try:
            messages.success(request, test_storage())
        except StorageFault as fault:
            messages.error(request, str(fault))
        return redirect("admin:accounts_platformsettings_changelist")


# --- Testing the storage ----------------------------------------------------------------------------------------------


class StorageFault(Exception):
    """The storage does not work; `str()` is a translated sentence that says at what it stopped."""


def test_storage() -> str:
    """Try the storage that recordings go to; returns, in words, what was done. Raises StorageFault."""
    try:
        chosen = PlatformSettings.load()
        place = chosen.place(chosen.storage_provider)
    except InvalidToken:
        raise StorageFault(gettext("A secret cannot be read with today's encryption keys: set it again.")) from None
    except storage.StorageRefused:
        raise StorageFault(gettext("There is no service-account JSON that could open the bucket.")) from None
    _write_read_and_delete(place)
    if chosen.storage_provider == StorageProvider.GCS:
        return gettext("A file was written to the bucket %(name)s, read and deleted.") % {"name": chosen.gcs_bucket}
    return gettext("A file was written to the disk, read and deleted.")


def _write_read_and_delete(place: Storage) -> None:
    name, content = f"storage-test-{uuid4()}.txt", uuid4().bytes
    stopped = gettext("The file could not be written.")
    try:
        storage.save(place, name, BytesIO(content))
        stopped = gettext("The file was written, but could not be read.")
        with place.open(name) as file:
            read = file.read()
        stopped = gettext("The file was written and read, but could not be deleted.")
        place.delete(name)
    except (storage.StorageRefused, storage.StorageUnreachable) as error:
        raise StorageFault(f"{stopped} {notes.in_words(str(error))}.") from None
    except Exception as error:  # whatever the storage's library raises
        raise StorageFault(f"{stopped} {type(error).__name__}.") from None
    if read != content:
        raise StorageFault(gettext("The file was written, but something else was read."))
