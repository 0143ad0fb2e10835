"""What the operator sets in the admin; where a field is empty, the environment speaks."""

from django.conf import settings
from django.core.files.storage import Storage
from django.db import models
from django.utils.translation import gettext_lazy as _

from ava.lib import storage
from ava.lib.crypto import EncryptedTextField


class StorageProvider(models.TextChoices):
    LOCAL = "local", _("Files on disk")
    GCS = "gcs", _("Google Cloud Storage")


class PlatformSettings(models.Model):
    """One row. Secrets are write-only: the admin shows whether they are set, never what they are."""

    vapi_webhook_secret = EncryptedTextField(_("shared webhook secret"), blank=True, default="")
    storage_provider = models.CharField(
        _("storage provider"), max_length=10, choices=StorageProvider.choices, blank=True, default=""
    )
    gcs_bucket = models.CharField(_("bucket"), max_length=222, blank=True, default="")
    gcs_credentials_json = EncryptedTextField(_("service-account JSON"), blank=True, default="")
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    class Meta:
        verbose_name = _("platform settings")
        verbose_name_plural = _("platform settings")

    def __str__(self) -> str:
        return str(_("Platform settings"))

    @classmethod
    def load(cls) -> "PlatformSettings":
        """The one row, with the environment's values where the operator set none (do not save this one)."""
        row = cls.objects.filter(pk=1).first() or cls(pk=1)
        row.vapi_webhook_secret = row.vapi_webhook_secret or settings.VAPI_WEBHOOK_SECRET
        row.storage_provider = row.storage_provider or settings.STORAGE_PROVIDER
        row.gcs_bucket = row.gcs_bucket or settings.GCS_BUCKET
        row.gcs_credentials_json = row.gcs_credentials_json or settings.GCS_CREDENTIALS_JSON
        return row

    def place(self, provider: str) -> Storage:
        """Where recordings lie with a provider. Raises StorageRefused when these settings cannot open it."""
        if provider == StorageProvider.GCS:
            return storage.bucket(self.gcs_bucket, self.gcs_credentials_json)
        return storage.disk()
