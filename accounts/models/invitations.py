"""Asking somebody to join an organization, by e-mail."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models.organizations import Role
from accounts.models.tenant import TenantModel

GOOD_FOR = timedelta(days=14)


def good_until() -> datetime:
    """When an invitation sent now is over."""
    return timezone.now() + GOOD_FOR


class Invitation(TenantModel):
    """Open until it is accepted; a revoked one is deleted. Its link is signed and names the row, so none is kept."""

    organization = models.ForeignKey("accounts.Organization", models.CASCADE, related_name="invitations")
    email = models.EmailField(_("e-mail address"))
    role = models.CharField(_("role"), max_length=10, choices=Role.choices, default=Role.MEMBER)
    invited_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    expires_at = models.DateTimeField(_("good until"), default=good_until)
    accepted_at = models.DateTimeField(_("accepted at"), null=True, blank=True)
    # The mail is still to be sent at this time; empty once it is sent or given up.
    mail_due_at = models.DateTimeField(_("mail due at"), null=True, blank=True, default=timezone.now)
    mail_attempts = models.PositiveSmallIntegerField(default=0)
    mail_problem = models.CharField(_("mail problem"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("invitation")
        verbose_name_plural = _("invitations")
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "email"],
                condition=models.Q(accepted_at__isnull=True),
                name="one_open_invitation_per_address",
            )
        ]
        indexes = [
            models.Index(
                fields=["mail_due_at"], condition=models.Q(mail_due_at__isnull=False), name="invitations_to_send"
            )
        ]

    def __str__(self) -> str:
        return f"{self.email} · {self.organization}"

    @property
    def is_open(self) -> bool:
        """Whether it can still be accepted."""
        return self.accepted_at is None and self.expires_at > timezone.now()
