"""The two calendars Ava can be connected to: what they are called, Ava's own client there, and theirs for a token."""

from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils.translation import gettext as _

from accounts.models import Organization
from assistants.models import CalendarProvider
from ava.clients import google_calendar, microsoft_calendar
from ava.clients.google_calendar import GoogleCalendarClient
from ava.clients.microsoft_calendar import MicrosoftCalendarClient
from ava.clients.oauth import OAuthApp
from telephony.models import BusinessHours

# Microsoft's codes for "an administrator has to consent".
ADMIN_NEEDED = ("AADSTS90094", "AADSTS90095", "AADSTS65001")

CalendarClient = GoogleCalendarClient | MicrosoftCalendarClient


def is_offered(provider: str) -> bool:
    """Whether the operator has made Ava known to the provider."""
    return bool(settings.GOOGLE_CLIENT_ID if provider == CalendarProvider.GOOGLE else settings.MICROSOFT_CLIENT_ID)


def app_of(provider: str) -> OAuthApp:
    """Ava as the provider knows her."""
    if provider == CalendarProvider.GOOGLE:
        return google_calendar.oauth_app(
            client_id=settings.GOOGLE_CLIENT_ID,
            client_secret=settings.GOOGLE_CLIENT_SECRET,
            base_urls=settings.GOOGLE_BASE_URLS,
        )
    return microsoft_calendar.oauth_app(
        client_id=settings.MICROSOFT_CLIENT_ID,
        client_secret=settings.MICROSOFT_CLIENT_SECRET,
        tenant=settings.MICROSOFT_TENANT,
        base_urls=settings.MICROSOFT_BASE_URLS,
    )


def client_of(provider: str, access_token: str, *, organization: Organization) -> CalendarClient:
    """A client that speaks to the provider with this token."""
    if provider == CalendarProvider.GOOGLE:
        return GoogleCalendarClient(access_token, settings.GOOGLE_BASE_URLS["api"])
    days_in = timezone_of(organization)
    return MicrosoftCalendarClient(access_token, settings.MICROSOFT_BASE_URLS["graph"], days_in=days_in)


def may_use_calendar(provider: str, scopes: tuple[str, ...]) -> bool:
    """Whether the person granted the calendar, too: at Google it can be unticked."""
    is_google = provider == CalendarProvider.GOOGLE
    return (google_calendar if is_google else microsoft_calendar).may_use_calendar(scopes)


def explain_denial(provider: str, *, error: str, description: str) -> str:
    """Why a person came back without a code, in words; what the address said is not repeated."""
    name = CalendarProvider(provider).label
    if provider == CalendarProvider.OUTLOOK and any(code in description for code in ADMIN_NEEDED):
        url = microsoft_calendar.admin_consent_url(
            client_id=settings.MICROSOFT_CLIENT_ID,
            tenant=settings.MICROSOFT_TENANT,
            base_urls=settings.MICROSOFT_BASE_URLS,
        )
        return _("Your organization's administrator has to allow Ava first. Send them this address: %(url)s") % {
            "url": url
        }
    if error == "access_denied":
        return _("%(calendar)s was not connected, because access was not allowed.") % {"calendar": name}
    return _("%(calendar)s could not be connected. Please try again.") % {"calendar": name}


def timezone_of(organization: Organization) -> ZoneInfo:
    """The zone of the clock on the organization's wall: its business hours', else its owner's."""
    hours = BusinessHours.objects.for_organization(organization).only("timezone").first()
    if hours:
        return ZoneInfo(hours.timezone)
    return ZoneInfo(organization.owner.timezone if organization.owner else settings.TIME_ZONE)
