"""What people do on their way to the first call, for the operator's funnel."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models.tenant import TenantModel


class AnalyticsEvent(TenantModel):
    """One thing that happened, with its properties; never a secret, never what a caller said."""

    organization = models.ForeignKey("accounts.Organization", models.CASCADE, related_name="analytics_events")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    name = models.CharField(_("event"), max_length=60)
    properties = models.JSONField(_("properties"), default=dict)
    created_at = models.DateTimeField(_("at"), auto_now_add=True)
    delivered_at = models.DateTimeField(_("delivered at"), null=True, blank=True)

    class Meta:
        verbose_name = _("analytics event")
        verbose_name_plural = _("analytics events")
        indexes = [models.Index(fields=["name", "created_at"], name="analytics_by_name")]

    def __str__(self) -> str:
        return self.name
