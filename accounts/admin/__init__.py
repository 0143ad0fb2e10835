"""The operator's console on people, organizations and the platform's settings."""

from allauth.mfa import admin as _second_step  # noqa: F401  registers itself, to be taken out again below
from allauth.mfa.models import Authenticator
from allauth.usersessions import admin as _sessions  # noqa: F401
from allauth.usersessions.models import UserSession
from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from accounts.admin.files import FileToDeleteAdmin
from accounts.admin.organizations import OrganizationAdmin
from accounts.admin.people import UserAdmin
from accounts.admin.platform_settings import PlatformSettingsAdmin

__all__ = ["FileToDeleteAdmin", "OrganizationAdmin", "PlatformSettingsAdmin", "UserAdmin"]

admin.site.site_title = admin.site.site_header = _("Ava's console")

# The seeds of second steps and the keys of sessions are nobody's to read.
admin.site.unregister([Authenticator, UserSession])
