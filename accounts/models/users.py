"""People, and the devices that ring when a call is over."""

from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """A person who logs in by e-mail; the address is kept in lower case."""
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """An operator, with every right in the admin console."""
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)


class User(AbstractBaseUser, PermissionsMixin):
    email = models.EmailField(_("e-mail address"), unique=True)
    full_name = models.CharField(_("full name"), max_length=150, blank=True)
    locale = models.CharField(_("language"), max_length=5, choices=settings.LANGUAGES, default="en")
    timezone = models.CharField(_("time zone"), max_length=64, default="UTC")
    marketing_opt_in = models.BooleanField(_("wants news by e-mail"), default=False)
    terms_accepted_at = models.DateTimeField(_("accepted the terms at"), null=True, blank=True)
    terms_version = models.CharField(_("accepted terms version"), max_length=20, blank=True)
    password_changed_at = models.DateTimeField(_("password changed at"), null=True, blank=True)
    is_staff = models.BooleanField(_("operator"), default=False)
    is_active = models.BooleanField(_("active"), default=True)
    date_joined = models.DateTimeField(_("joined at"), default=now, editable=False)

    objects = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")

    def __str__(self) -> str:
        return self.email

    def accept_terms(self) -> None:
        """Keep when, and which version of, the terms were accepted."""
        self.terms_accepted_at, self.terms_version = now(), settings.TERMS_VERSION


class Device(models.Model):
    """A phone that wants a push: one Expo token, belonging to one person."""

    user = models.ForeignKey(User, models.CASCADE, related_name="devices")
    expo_token = models.CharField(_("Expo push token"), max_length=200, unique=True)
    locale = models.CharField(_("language"), max_length=5, choices=settings.LANGUAGES, blank=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    class Meta:
        verbose_name = _("device")
        verbose_name_plural = _("devices")

    def __str__(self) -> str:
        return f"{self.user} · {self.pk}"

    @property
    def language(self) -> str:
        """The language that the phone is written to in: its own, else its person's."""
        return self.locale or self.user.locale
