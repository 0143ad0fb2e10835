"""The operator's console on people, organizations and the platform's settings."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from accounts.admin.organizations import OrganizationAdmin
from accounts.admin.people import UserAdmin
from accounts.admin.platform_settings import PlatformSettingsAdmin

__all__ = ["OrganizationAdmin", "PlatformSettingsAdmin", "UserAdmin"]

admin.site.site_title = admin.site.site_header = _("Ava's console")
