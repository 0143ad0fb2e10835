"""The tenant, and who belongs to it."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models.users import Device, User


class Plan(models.TextChoices):
    FREE = "free", _("Free")
    PRO = "pro", _("Pro")
    BUSINESS = "business", _("Business")


class Organization(models.Model):
    name = models.CharField(_("name"), max_length=150)
    industry = models.CharField(_("industry"), max_length=100, blank=True)
    company_size = models.CharField(_("company size"), max_length=30, blank=True)
    profession = models.CharField(_("profession"), max_length=100, blank=True)
    country = models.CharField(_("country"), max_length=2, blank=True)
    plan = models.CharField(_("plan"), max_length=20, choices=Plan.choices, default=Plan.FREE)
    seats = models.PositiveIntegerField(_("seats"), default=1)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    members: models.ManyToManyField = models.ManyToManyField(User, through="Membership", related_name="organizations")

    class Meta:
        verbose_name = _("organization")
        verbose_name_plural = _("organizations")

    def __str__(self) -> str:
        return self.name

    @property
    def owner(self) -> User | None:
        """The person the organization speaks for; the longest-standing owner."""
        membership = self.memberships.filter(role=Role.OWNER).order_by("pk").select_related("user").first()
        return membership.user if membership else None

    @property
    def language(self) -> str:
        """The language the organization is written to in: its owner's."""
        owner = self.owner
        return owner.locale if owner else settings.LANGUAGE_CODE

    @property
    def ringing_devices(self) -> models.QuerySet[Device]:
        """The devices of those who want a push about this organization's calls."""
        wanted = {"user__memberships__organization": self, "user__memberships__push_calls": True}
        return Device.objects.filter(user__is_active=True, **wanted)


class Role(models.TextChoices):
    OWNER = "owner", _("Owner")
    ADMIN = "admin", _("Admin")
    MEMBER = "member", _("Member")


class MailTiming(models.TextChoices):
    EACH = "each", _("after each call")
    DAILY = "daily", _("once a day")
    NONE = "none", _("never")


class Membership(models.Model):
    user = models.ForeignKey(User, models.CASCADE, related_name="memberships")
    organization = models.ForeignKey(Organization, models.CASCADE, related_name="memberships")
    role = models.CharField(_("role"), max_length=10, choices=Role.choices, default=Role.MEMBER)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    mail_timing = models.CharField(
        _("e-mail about calls"), max_length=10, choices=MailTiming.choices, default=MailTiming.EACH
    )
    push_calls = models.BooleanField(_("push about calls"), default=True)
    # The daily mail has told of everything up to the first time; who sends the next one holds it until the second.
    digest_through = models.DateTimeField(null=True, blank=True)
    digest_claimed_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("membership")
        verbose_name_plural = _("memberships")
        constraints = [models.UniqueConstraint(fields=["user", "organization"], name="membership_is_unique")]

    def __str__(self) -> str:
        return f"{self.user} · {self.organization}"

    @property
    def may_manage(self) -> bool:
        """Owners and admins change settings, keys, numbers and the assistant; members read."""
        return self.role in {Role.OWNER, Role.ADMIN}
