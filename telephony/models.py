"""Numbers: the operator's pool, the ones tenants answer on, and when these are open."""

from collections.abc import Collection
from datetime import date, datetime
from decimal import Decimal

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Organization, TenantModel
from ava.lib.crypto import EncryptedTextField
from telephony import hours


class PoolNumber(models.Model):
    """A virtual number of the operator's, lent to at most one organization."""

    number = models.CharField(_("number"), max_length=16, unique=True)
    country = models.CharField(_("country"), max_length=2)
    state = models.CharField(_("state or region"), max_length=60, blank=True)
    monthly_cost = models.DecimalField(_("monthly cost"), max_digits=8, decimal_places=2, default=Decimal(0))
    currency = models.CharField(_("currency"), max_length=3, default="USD")
    organization = models.OneToOneField(
        Organization,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="pool_number",
        verbose_name=_("lent to"),
    )
    assigned_at = models.DateTimeField(_("lent since"), null=True, blank=True)
    quarantined_until = models.DateTimeField(_("in quarantine until"), null=True, blank=True)

    class Meta:
        verbose_name = _("pool number")
        verbose_name_plural = _("pool numbers")
        ordering = ["country", "number"]
        indexes = [
            models.Index(
                fields=["country", "id"],
                condition=Q(organization__isnull=True, quarantined_until__isnull=True),
                name="free_pool_numbers",
            )
        ]

    def __str__(self) -> str:
        return self.number


class TenantNumber(TenantModel):
    """The number an organization's callers dial; no number serves two organizations."""

    class Source(models.TextChoices):
        OWN = "own", _("own Twilio number")
        POOL = "pool", _("number from the pool")

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="numbers")
    number = models.CharField(_("number"), max_length=16, unique=True)
    source = models.CharField(_("source"), max_length=4, choices=Source.choices)
    twilio_sid = models.CharField(max_length=34)
    saved_routing = models.JSONField(null=True, blank=True)
    vapi_id = models.CharField(max_length=64, blank=True, db_index=True)
    routed_to = models.CharField(max_length=64, blank=True)
    attached_at = models.DateTimeField(_("attached at"), auto_now_add=True)

    class Meta:
        verbose_name = _("number")
        verbose_name_plural = _("numbers")

    def __str__(self) -> str:
        return self.number


class TwilioSubaccount(TenantModel):
    """The operator's Twilio subaccount that holds a tenant's pool number.

    Vapi needs the account's token to answer a number, and shows it to the owner of the Vapi key: so a pool number moves
    into a subaccount of its own tenant, and the operator's main token never leaves the house.
    """

    organization = models.OneToOneField(Organization, models.CASCADE, related_name="twilio_subaccount")
    account_sid = models.CharField(max_length=34)
    auth_token = EncryptedTextField()

    class Meta:
        verbose_name = _("Twilio subaccount")
        verbose_name_plural = _("Twilio subaccounts")

    def __str__(self) -> str:
        return f"AC****{self.account_sid[-4:]}"


class BusinessHours(TenantModel):
    """When an organization is open, in its own time zone, and who is told when nobody could answer."""

    organization = models.OneToOneField(Organization, models.CASCADE, related_name="business_hours")
    timezone = models.CharField(_("time zone"), max_length=64, validators=[hours.validate_timezone])
    weekly = models.JSONField(_("weekly hours"), default=hours.usual_week, validators=[hours.validate_weekly])
    fallback_email = models.EmailField(_("fallback e-mail"), blank=True)
    updated_at = models.DateTimeField(_("changed at"), auto_now=True)

    class Meta:
        verbose_name = _("business hours")
        verbose_name_plural = _("business hours")

    def __str__(self) -> str:
        return f"{self.organization} · {self.timezone}"

    def is_open_at(self, moment: datetime) -> bool:
        """Whether the organization is open at `moment`, its holidays considered."""
        return hours.is_open_at(self, moment, holidays=self._holidays())

    def _holidays(self) -> Collection[date]:
        return set(self.organization.holidays.values_list("date", flat=True))


class Holiday(TenantModel):
    """A day on which an organization does not open."""

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="holidays")
    date = models.DateField(_("date"))
    name = models.CharField(_("name"), max_length=80, blank=True)

    class Meta:
        verbose_name = _("holiday")
        verbose_name_plural = _("holidays")
        ordering = ["date"]
        constraints = [models.UniqueConstraint(fields=["organization", "date"], name="holiday_is_unique")]

    def __str__(self) -> str:
        return f"{self.date:%Y-%m-%d} {self.name}".strip()
