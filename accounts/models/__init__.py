"""Who the tenant is, and its keys."""

from accounts.models.analytics import AnalyticsEvent
from accounts.models.api import RepeatableRequest, RequestCount
from accounts.models.credentials import TwilioCredential, VapiCredential, WebhookEndpoint
from accounts.models.exports import DataExport, FileToDelete
from accounts.models.invitations import Invitation
from accounts.models.organizations import Membership, Organization
from accounts.models.platform_settings import PlatformSettings
from accounts.models.tenant import TenantManager, TenantModel, TenantRequired
from accounts.models.users import Device, User

__all__ = [
    "AnalyticsEvent",
    "DataExport",
    "Device",
    "FileToDelete",
    "Invitation",
    "Membership",
    "Organization",
    "PlatformSettings",
    "RepeatableRequest",
    "RequestCount",
    "TenantManager",
    "TenantModel",
    "TenantRequired",
    "TwilioCredential",
    "User",
    "VapiCredential",
    "WebhookEndpoint",
]
