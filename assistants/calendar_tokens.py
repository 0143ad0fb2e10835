"""A connection's access token, refreshed by one at a time and never inside a transaction."""

import time
from datetime import timedelta
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Organization
from assistants import calendar_providers
from assistants.models import CalendarConnection, CalendarProvider, ConnectionStatus
from ava.clients.errors import GrantEnded, Unreachable
from ava.lib.crypto import InvalidToken

EARLY = timedelta(seconds=60)
# Longer than the whole request for new tokens may take.
LEASE = timedelta(seconds=25)
POLL_SECONDS = 0.1


class NotConnected(Exception):
    """The organization has not connected this calendar; `str()` is a translated sentence."""


class NeedsReconnect(Exception):
    """The access is over until somebody connects again; `str()` is a translated sentence."""


def fresh_connection(*, organization: Organization, provider: str, rejected: str = "") -> CalendarConnection:
    """The connection with a token good for another minute, not the `rejected` one. Refreshes it, or waits for who does.

    Call it outside of transactions. Raises NotConnected, NeedsReconnect, ProviderError.
    """
    gives_up_at = time.monotonic() + LEASE.total_seconds()
    while True:
        row = _read(organization, provider)
        if row.access_token != rejected and row.expires_at > timezone.now() + EARLY:
            return row
        if _claim(row):
            _refresh(row)
        elif time.monotonic() > gives_up_at:
            raise Unreachable(calendar_providers.app_of(provider).provider, "no new token in time")
        else:
            time.sleep(POLL_SECONDS)


def _read(organization: Organization, provider: str) -> CalendarConnection:
    """The connection with its tokens. Raises NotConnected, NeedsReconnect."""
    try:
        row = _rows(organization, provider).first()
    except InvalidToken:
        raise NeedsReconnect(_reconnect_words(provider)) from None
    if row is None:
        raise NotConnected(
            _("%(calendar)s is not connected. Connect it under Settings, Integrations.")
            % {"calendar": CalendarProvider(provider).label}
        )
    if row.needs_reconnect:
        raise NeedsReconnect(_reconnect_words(provider))
    return row


def end(row: CalendarConnection) -> NeedsReconnect:
    """Note that the access is over, and that the owner is to be told; the error to raise. Of several, one notes it."""
    connected = _unchanged(row).filter(status=ConnectionStatus.CONNECTED)
    connected.update(status=ConnectionStatus.RECONNECT, mail_due_at=timezone.now(), refresh_claimed_until=None)
    return NeedsReconnect(_reconnect_words(row.provider))


def _refresh(row: CalendarConnection) -> None:
    """Ask for new tokens and keep both in one statement: Microsoft's old refresh token is not to be used again."""
    try:
        tokens = calendar_providers.app_of(row.provider).refresh(row.refresh_token)
    except GrantEnded:
        raise end(row) from None
    except BaseException:
        _unchanged(row).update(refresh_claimed_until=None)
        raise
    values: dict[str, Any] = {"refresh_token": tokens.refresh_token} if tokens.refresh_token else {}
    _unchanged(row).update(
        access_token=tokens.access_token,
        expires_at=timezone.now() + timedelta(seconds=tokens.expires_in_seconds),
        refresh_claimed_until=None,
        **values,
    )


def _claim(row: CalendarConnection) -> bool:
    """Whether it is ours to refresh. A row that changed since it was read is to be read again."""
    now = timezone.now()
    is_free = Q(refresh_claimed_until__isnull=True) | Q(refresh_claimed_until__lte=now)
    return bool(_unchanged(row).filter(is_free).update(refresh_claimed_until=now + LEASE))


def _unchanged(row: CalendarConnection) -> QuerySet[CalendarConnection]:
    """The row as it was read; none when it was connected anew, refreshed or disconnected since."""
    return _rows(row.organization, row.provider).filter(
        pk=row.pk, expires_at=row.expires_at, connected_at=row.connected_at
    )


def _rows(organization: Organization, provider: str) -> QuerySet[CalendarConnection]:
    rows = CalendarConnection.objects.for_organization(organization).filter(provider=provider)
    return rows.select_related("organization")


def _reconnect_words(provider: str) -> str:
    words = _("%(calendar)s has to be connected again, under Settings, Integrations.")
    return words % {"calendar": CalendarProvider(provider).label}
