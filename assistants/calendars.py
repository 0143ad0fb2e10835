"""An organization's calendars: connecting and disconnecting them, their events, new ones."""

import logging
import zoneinfo
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils import timezone as clock
from django.utils.crypto import constant_time_compare, get_random_string, salted_hmac
from django.utils.translation import gettext as _

from accounts.models import Organization, User
from assistants import calendar_providers, calendar_tokens
from assistants.calendar_tokens import NeedsReconnect, NotConnected
from assistants.models import CalendarConnection, CalendarProvider, ConnectionStatus
from ava.clients import google_calendar
from ava.clients.calendar_events import CalendarEvent, NewEvent
from ava.clients.errors import GrantEnded, ProviderError, Refused
from ava.clients.oauth import Tokens
from ava.lib.crypto import InvalidToken

__all__ = [
    "NeedsReconnect",
    "NotBegun",
    "NotConnected",
    "NotGranted",
    "NotOffered",
    "begin_connecting",
    "check_answer",
    "create_event",
    "disconnect",
    "events",
    "finish_connecting",
    "need_offered",
]

logger = logging.getLogger(__name__)

T = TypeVar("T")

ATTEMPT_LASTS = timedelta(minutes=10)


class NotOffered(Exception):
    """The operator has not made Ava known to this provider; `str()` is a translated sentence."""


class NotBegun(Exception):
    """What came back is not the answer to what was begun here; `str()` is a translated sentence."""


class NotGranted(Exception):
    """The person did not allow what Ava needs; `str()` is a translated sentence."""


@dataclass(frozen=True)
class Attempt:
    """Where to send the person, and what their session has to remember until they are back."""

    url: str
    kept: dict[str, Any]


# --- Connecting -------------------------------------------------------------------------------------------------------


def begin_connecting(*, organization: Organization, user: User, provider: str, redirect_uri: str) -> Attempt:
    """Where the person allows Ava their calendar. Raises NotOffered."""
    need_offered(provider)
    state = get_random_string(43)
    url = calendar_providers.app_of(provider).authorize_url(
        redirect_uri=redirect_uri, state=state, code_verifier=_code_verifier(state)
    )
    return Attempt(
        url,
        {
            "state": state,
            "provider": provider,
            "organization": organization.pk,
            "user": user.pk,
            "until": (clock.now() + ATTEMPT_LASTS).timestamp(),
        },
    )


def need_offered(provider: str) -> None:
    """Raises NotOffered unless the operator has made Ava known to the provider."""
    if not calendar_providers.is_offered(provider):
        raise NotOffered(_("%(calendar)s is not offered here.") % {"calendar": CalendarProvider(provider).label})


def check_answer(kept: Any, *, organization: Organization, user: User, provider: str, state: str) -> None:
    """Raises NotBegun unless this answers the attempt of this very person for this very organization, in time.

    `kept` is what the session remembered of the attempt, or None.
    """
    is_ours = isinstance(kept, dict) and constant_time_compare(str(kept.get("state")), state)
    begun = (kept.get("provider"), kept.get("organization"), kept.get("user")) if is_ours else ()
    if begun != (provider, organization.pk, user.pk) or kept["until"] < clock.now().timestamp():
        raise NotBegun(_not_begun_words())


def finish_connecting(
    *, organization: Organization, user: User, provider: str, kept: Any, state: str, code: str, redirect_uri: str
) -> CalendarConnection:
    """Take the code that the person came back with; keep the tokens. `kept` is what the session remembered.

    The caller lets the session forget it first: an attempt is good for one answer. Raises NotBegun, NotGranted,
    ProviderError; nothing is changed then.
    """
    check_answer(kept, organization=organization, user=user, provider=provider, state=state)
    app = calendar_providers.app_of(provider)
    try:
        tokens = app.exchange_code(code=code, redirect_uri=redirect_uri, code_verifier=_code_verifier(state))
    except GrantEnded:  # used already, too old, or made for somebody else
        raise NotBegun(_not_begun_words()) from None
    if not calendar_providers.may_use_calendar(provider, tokens.scopes):
        raise NotGranted(
            _("The calendar itself was not allowed. Connect again and leave the box for the calendar ticked.")
        )
    email = calendar_providers.client_of(provider, tokens.access_token, organization=organization).email()
    return _keep(organization, user=user, provider=provider, email=email, tokens=tokens)


def disconnect(*, organization: Organization, provider: str) -> None:
    """Forget the tokens; at Google, end the grant as well, whose answer changes nothing. Microsoft has no such call."""
    rows = CalendarConnection.objects.for_organization(organization).filter(provider=provider)
    found = rows.defer("access_token", "refresh_token").first()
    token = _stored_refresh_token(organization, provider)
    rows.delete()
    if found and token and provider == CalendarProvider.GOOGLE and not _is_used_elsewhere(found):
        try:
            google_calendar.revoke(token=token, base_url=settings.GOOGLE_BASE_URLS["oauth"])
        except ProviderError as error:
            logger.warning("A disconnected calendar could not be revoked: %s", error)


def _keep(organization: Organization, *, user: User, provider: str, email: str, tokens: Tokens) -> CalendarConnection:
    refresh_token = tokens.refresh_token or _stored_refresh_token(organization, provider, account_email=email)
    if not refresh_token:
        raise NotGranted(_("Lasting access was not allowed. Please connect again."))
    now = clock.now()
    values = {
        "account_email": email,
        "access_token": tokens.access_token,
        "refresh_token": refresh_token,
        "expires_at": now + timedelta(seconds=tokens.expires_in_seconds),
        "scopes": list(tokens.scopes),
        "status": ConnectionStatus.CONNECTED,
        "connected_by": user,
        "connected_at": now,
        "refresh_claimed_until": None,
        "mail_due_at": None,
    }
    kept = CalendarConnection.objects.for_organization(organization).defer("access_token", "refresh_token")
    connection, _created = kept.update_or_create(
        provider=provider, defaults=values, create_defaults={**values, "organization": organization}
    )
    return connection


def _stored_refresh_token(organization: Organization, provider: str, **like: str) -> str:
    """The refresh token we have; "" when there is none, or none that our keys open."""
    rows = CalendarConnection.objects.for_organization(organization).filter(provider=provider, **like)
    try:
        return rows.values_list("refresh_token", flat=True).first() or ""
    except InvalidToken:
        return ""


def _is_used_elsewhere(gone: CalendarConnection) -> bool:
    """Whether another organization works with the same account: revoking would end the access of both."""
    others = CalendarConnection.objects.unscoped().filter(provider=gone.provider, account_email=gone.account_email)
    return others.exists()


def _code_verifier(state: str) -> str:
    """PKCE's secret, made from the state with our own key: so no session keeps it."""
    return salted_hmac("assistants.calendars.code_verifier", state, algorithm="sha256").hexdigest()


def _not_begun_words() -> str:
    return _("This answer does not belong to what was begun here, or came too late. Please connect again.")


@dataclass(frozen=True)
class CalendarState:
    """What the page shows of one provider's calendar; `connection` comes without its tokens."""

    provider: CalendarProvider
    connection: CalendarConnection | None
    is_offered: bool


def states(organization: Organization) -> list[CalendarState]:
    """Each calendar there could be, and what has become of it."""
    rows = organization.calendar_connections.defer("access_token", "refresh_token")
    found = {row.provider: row for row in rows}
    return [
        CalendarState(provider, found.get(provider), calendar_providers.is_offered(provider))
        for provider in CalendarProvider
    ]


# --- Events -----------------------------------------------------------------------------------------------------------


def events(*, organization: Organization, provider: str, starts_at: datetime, ends_at: datetime) -> list[CalendarEvent]:
    """What stands in the calendar between two aware moments, in order; repeats one by one.

    Call it outside of transactions. Raises NotConnected, NeedsReconnect, ProviderError.
    """
    return _ask(organization, provider, lambda client: client.list_events(starts_at=starts_at, ends_at=ends_at))


def create_event(
    *,
    organization: Organization,
    provider: str,
    title: str,
    starts_at: datetime,
    ends_at: datetime,
    timezone: str,
    description: str = "",
    location: str = "",
    attendees: Sequence[str] = (),
    key: str,
) -> CalendarEvent:
    """Put an event into the calendar; under the same `key` it is made once, however often this is called.

    Times without an offset are the clock's in `timezone` (an IANA name). The provider writes to the attendees. Call it
    outside of transactions. Raises ValidationError, NotConnected, NeedsReconnect, ProviderError.
    """
    zone = _zone(timezone)
    new = NewEvent(
        key=f"{organization.pk}/{key}",
        title=title,
        starts_at=_aware(starts_at, zone),
        ends_at=_aware(ends_at, zone),
        timezone=zone,
        description=description,
        location=location,
        attendees=tuple(attendees),
    )
    if new.ends_at.timestamp() <= new.starts_at.timestamp():
        raise ValidationError({"ends_at": _("An event ends after it begins.")})
    return _ask(organization, provider, lambda client: client.create_event(new))


def _ask(organization: Organization, provider: str, ask: Callable[[Any], T]) -> T:
    """Ask with the token we have; where it is not accepted, once more with a new one."""
    row = calendar_tokens.fresh_connection(organization=organization, provider=provider)
    try:
        return ask(calendar_providers.client_of(provider, row.access_token, organization=organization))
    except Refused as error:
        if error.status != 401:
            raise
    rejected = str(row.access_token)
    row = calendar_tokens.fresh_connection(organization=organization, provider=provider, rejected=rejected)
    try:
        return ask(calendar_providers.client_of(provider, row.access_token, organization=organization))
    except Refused as error:
        if error.status != 401:
            raise
    raise calendar_tokens.end(row)


def _zone(name: str) -> zoneinfo.ZoneInfo:
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise ValidationError({"timezone": _("There is no such time zone.")}) from None


def _aware(moment: datetime, zone: zoneinfo.ZoneInfo) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)
