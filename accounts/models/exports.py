"""Taking one's data along."""

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models.tenant import TenantModel


class ExportState(models.TextChoices):
    PENDING = "pending", _("being prepared")
    READY = "ready", _("ready")
    FAILED = "failed", _("gave up")


class DataExport(TenantModel):
    """An archive of everything an organization has; the row is the queue, whoever claims it builds it."""

    organization = models.ForeignKey("accounts.Organization", models.CASCADE, related_name="exports")
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    state = models.CharField(_("state"), max_length=10, choices=ExportState.choices, default=ExportState.PENDING)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    due_at = models.DateTimeField(default=timezone.now)
    attempts = models.PositiveSmallIntegerField(default=0)
    recordings_done = models.PositiveIntegerField(default=0)
    recordings_in_all = models.PositiveIntegerField(default=0)
    expires_at = models.DateTimeField(_("good until"), null=True, blank=True)
    file_name = models.CharField(max_length=300, blank=True)
    file_provider = models.CharField(max_length=10, blank=True)
    size_bytes = models.PositiveBigIntegerField(null=True, blank=True)

    class Meta:
        verbose_name = _("export")
        verbose_name_plural = _("exports")
        constraints = [
            models.UniqueConstraint(
                fields=["organization"], condition=models.Q(state="pending"), name="one_export_at_a_time"
            )
        ]

    def __str__(self) -> str:
        return f"{self.organization} · {self.get_state_display()}"

    @property
    def is_ready(self) -> bool:
        """Whether the archive can be fetched."""
        return self.state == ExportState.READY and self.expires_at is not None and self.expires_at > timezone.now()


class FileToDelete(models.Model):
    """A stored file whose organization is gone; the row goes with the file."""

    provider = models.CharField(_("storage provider"), max_length=10)
    name = models.CharField(_("file"), max_length=300)
    due_at = models.DateTimeField(_("due at"), default=timezone.now, db_index=True)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    problem = models.CharField(_("problem"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("file to delete")
        verbose_name_plural = _("files to delete")

    def __str__(self) -> str:
        return self.name
