"""A tenant's keys to the outside, each in a table of its own so that only who needs a secret loads it."""

import secrets
from datetime import timedelta

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models.tenant import TenantModel
from ava.lib.crypto import EncryptedTextField, InvalidToken

SECRET_OVERLAP = timedelta(days=2)


class Status(models.TextChoices):
    WORKS = "works", _("works")
    REFUSED = "refused", _("refused")
    UNREACHABLE = "unreachable", _("could not be checked")


class Region(models.TextChoices):
    US = "us", "US"
    EU = "eu", "EU"


class Credential(TenantModel):
    """What the credentials share: one per organization, and what the last live check said."""

    organization = models.OneToOneField("accounts.Organization", models.CASCADE, related_name="%(class)s")
    status = models.CharField(_("status"), max_length=20, choices=Status.choices)
    checked_at = models.DateTimeField(_("checked at"), default=timezone.now)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    class Meta:
        abstract = True


class VapiCredential(Credential):
    api_key = EncryptedTextField()
    last_four = models.CharField(max_length=4)
    region = models.CharField(_("region"), max_length=2, choices=Region.choices, default=Region.US)

    class Meta:
        verbose_name = _("Vapi key")
        verbose_name_plural = _("Vapi keys")

    def __str__(self) -> str:
        return self.preview

    @property
    def preview(self) -> str:
        """All that is ever shown again."""
        return f"****{self.last_four}"


class TwilioCredential(Credential):
    account_sid = models.CharField(_("account SID"), max_length=34)
    auth_token = EncryptedTextField()
    phone_number = models.CharField(_("phone number"), max_length=16, blank=True)

    class Meta:
        verbose_name = _("Twilio account")
        verbose_name_plural = _("Twilio accounts")

    def __str__(self) -> str:
        return self.preview

    @property
    def preview(self) -> str:
        """All that is ever shown again."""
        return f"AC****{self.account_sid[-4:]}"


def new_token() -> str:
    """The unguessable part of a tenant's webhook address (192 bits)."""
    return secrets.token_urlsafe(24)


def new_secret() -> str:
    """A webhook secret (256 bits)."""
    return secrets.token_urlsafe(32)


class WebhookEndpoint(TenantModel):
    """Where a tenant's events arrive and the secret that signs them; both made by Ava, never copied by hand."""

    organization = models.OneToOneField(
        "accounts.Organization", models.CASCADE, related_name="webhook_endpoint", primary_key=True
    )
    token = models.CharField(max_length=64, unique=True, default=new_token)
    secret = EncryptedTextField(default=new_secret)
    previous_secret = EncryptedTextField(null=True, blank=True)
    previous_secret_until = models.DateTimeField(null=True, blank=True)
    vapi_credential_id = models.CharField(max_length=64, blank=True)

    class Meta:
        verbose_name = _("webhook endpoint")
        verbose_name_plural = _("webhook endpoints")

    def __str__(self) -> str:
        return f"{self.organization}"

    @property
    def readable_secret(self) -> str | None:
        """The secret; None when it opens with none of our encryption keys any more."""
        try:
            return str(self.secret)
        except InvalidToken:
            return None

    def rotate_secret(self) -> None:
        """Take a new secret; the old one stays valid while calls made under it come to their end."""
        self.previous_secret, self.secret = self.readable_secret, new_secret()  # type: ignore[assignment]
        self.previous_secret_until = timezone.now() + SECRET_OVERLAP
        self.vapi_credential_id = ""  # Vapi gets the new secret at the next sync
        self.save()
