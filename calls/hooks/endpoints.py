"""The tenant's receivers: added, changed, given a new secret, switched off and removed."""

import base64
import re
import secrets
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from accounts.models import Organization
from accounts.plans import locked
from ava.lib import fetch, posting
from calls.models import LONGEST_HOOK_URL, DeliveryState, DisabledReason, HookEndpoint, HookType

MOST_ENDPOINTS = 10
SECRET_BYTES = 32
SECRET_OVERLAP = timedelta(hours=24)
# A receiver is switched off when a message is given up after so long a time, or after so many others.
LONGEST_FAILING = timedelta(days=3)
MOST_GIVEN_UP = 20
SECRETS = ("secret", "previous_secret", "header_value")
# A test is sent when somebody asks for it; it is not among the events to choose from.
CHOOSABLE = [(choice.value, choice.label) for choice in HookType if choice != HookType.PING]
STOPPED = gettext_noop("the receiver was switched off")

_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_HEADER_VALUE = re.compile(r"[\x21-\x7e]([\x20-\x7e]{0,498}[\x21-\x7e])?")
# What the message itself needs.
_OUR_HEADERS = re.compile(
    r"(webhook|content|proxy|sec)-.*|accept.*|host|connection|transfer-encoding|user-agent|te|trailer|upgrade|expect",
    re.IGNORECASE,
)


class NotPossible(Exception):
    """It cannot be done as things stand; `str()` says why, translated, and `code` says it to programs."""

    def __init__(self, words: str, code: str) -> None:
        super().__init__(words)
        self.code = code


def of(organization: Organization) -> QuerySet[HookEndpoint]:
    """The organization's receivers, their secrets left in the database."""
    return organization.hook_endpoints.defer(*SECRETS)


def add_endpoint(
    *,
    organization: Organization,
    url: str,
    description: str = "",
    types: Iterable[str] = (),
    header_name: str = "",
    header_value: str = "",
) -> HookEndpoint:
    """A new receiver. Its `secret` is readable on the row given back: show it now, it is never shown again.

    `types` are values of HookType but "ping"; none means all. The header is for receivers that check no signatures.
    Raises ValidationError by field, NotPossible.
    """
    values: dict[str, Any] = {
        "url": clean_url(url),
        "description": description.strip()[:200],
        "types": clean_types(types),
        **clean_header(header_name, header_value),
    }
    with transaction.atomic():
        others = locked(organization).hook_endpoints
        if others.count() >= MOST_ENDPOINTS:
            words = _("There are %(count)s receivers already. Remove one first.") % {"count": MOST_ENDPOINTS}
            raise NotPossible(words, "too_many_endpoints")
        _need_other_url(others.all(), values["url"])
        return others.create(secret=new_secret(), **values)


def clean_change(
    endpoint: HookEndpoint,
    *,
    url: str | None = None,
    description: str | None = None,
    types: Iterable[str] | None = None,
    header_name: str | None = None,
    header_value: str | None = None,
) -> dict[str, Any]:
    """The values for `change_endpoint`, of what is given. Looks an address up, so call it outside of transactions.

    A header's value stays while its name does; an empty name removes it. Raises ValidationError by field.
    """
    values: dict[str, Any] = {}
    if url is not None:
        values["url"] = clean_url(url)
    if description is not None:
        values["description"] = description.strip()[:200]
    if types is not None:
        values["types"] = clean_types(types)
    name = endpoint.header_name if header_name is None else header_name.strip()
    if header_value or name != endpoint.header_name:
        values |= clean_header(name, header_value or "")
    return values


def change_endpoint(endpoint: HookEndpoint, values: dict[str, Any]) -> None:
    """Keep what `clean_change` gave. Raises ValidationError when the address is another receiver's."""
    with transaction.atomic():
        others = locked(endpoint.organization).hook_endpoints.exclude(pk=endpoint.pk)
        _need_other_url(others, values.get("url", ""))
        _write(endpoint, **values)


def rotate_secret(endpoint: HookEndpoint) -> str:
    """A new secret, to be shown now and never again; for a day messages are signed with the old one too."""
    secret, until = new_secret(), timezone.now() + SECRET_OVERLAP
    with transaction.atomic():
        old = endpoint.organization.hook_endpoints.select_for_update().only("pk", "secret").get(pk=endpoint.pk)
        _write(endpoint, secret=secret, previous_secret=old.secret, previous_secret_until=until)
    return secret


def remove_endpoint(endpoint: HookEndpoint) -> None:
    """The receiver goes, and with it what it was still to be sent."""
    with transaction.atomic():  # held first: no call is announced to it meanwhile
        for row in of(endpoint.organization).select_for_update().filter(pk=endpoint.pk):
            row.delete()


def enable(endpoint: HookEndpoint) -> None:
    """Send there again, from the next event on."""
    values = {"disabled_reason": "", "disabled_at": None, "mail_due_at": None}
    _write(endpoint, is_enabled=True, failing_since=None, given_up_count=0, **values)


def disable(endpoint: HookEndpoint, reason: DisabledReason = DisabledReason.BY_HAND) -> None:
    """Send nothing there any more, also not what waits. When it was not by hand, the owner gets a mail."""
    now = timezone.now()
    mail_due_at = None if reason == DisabledReason.BY_HAND else now
    with transaction.atomic():
        enabled = endpoint.organization.hook_endpoints.filter(pk=endpoint.pk, is_enabled=True)
        enabled.update(is_enabled=False, disabled_reason=reason, disabled_at=now, mail_due_at=mail_due_at)
        endpoint.deliveries.filter(state=DeliveryState.PENDING).update(state=DeliveryState.FAILED, error=STOPPED)


def note_success(endpoint: HookEndpoint) -> None:
    """Something arrived: what failed before is forgiven."""
    failing = endpoint.organization.hook_endpoints.filter(pk=endpoint.pk, failing_since__isnull=False)
    failing.update(failing_since=None, given_up_count=0)


def note_failure(endpoint: HookEndpoint, *, given_up: bool) -> None:
    """Something did not arrive, for good when `given_up`. A receiver that fails for too long is switched off."""
    now = timezone.now()
    rows = of(endpoint.organization).filter(pk=endpoint.pk)
    count = F("given_up_count") + int(given_up)
    rows.update(failing_since=Coalesce("failing_since", now), given_up_count=count)
    row = rows.first()
    if row is None or row.failing_since is None or not given_up:
        return
    if row.given_up_count >= MOST_GIVEN_UP or now - row.failing_since >= LONGEST_FAILING:
        disable(row, DisabledReason.FAILING)


def _write(endpoint: HookEndpoint, **values: Any) -> None:
    """Into the row and into the object at hand, secrets into the row only."""
    endpoint.organization.hook_endpoints.filter(pk=endpoint.pk).update(**values)
    for name in values.keys() - set(SECRETS):
        setattr(endpoint, name, values[name])


def new_secret() -> str:
    """In the spelling that Standard Webhooks' libraries read."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


# --- What is typed ----------------------------------------------------------------------------------------------------


def clean_url(typed: str) -> str:
    """An address that may be posted to, as far as can be told now. Raises ValidationError."""
    url = typed.strip().partition("#")[0]
    if len(url) > LONGEST_HOOK_URL:
        raise ValidationError({"url": _("This address is too long.")})
    try:
        posting.check(url, trusted_origins=settings.TRUSTED_FETCH_ORIGINS)
    except fetch.UnsafeUrl:
        problem = _("Enter a public address that begins with https:// and names no port, user or private host.")
        raise ValidationError({"url": problem}) from None
    except fetch.FetchFailed:
        raise ValidationError({"url": _("This host is not known. Check the address for typing errors.")}) from None
    return url


def _need_other_url(others: QuerySet[HookEndpoint], url: str) -> None:
    if others.filter(url=url).exists():
        raise ValidationError({"url": _("This address is on the list already.")})


def clean_types(chosen: Iterable[str]) -> list[str]:
    """The chosen events, each once, in our order. Raises ValidationError."""
    wanted = set(chosen)
    known = [value for value, _label in CHOOSABLE if value in wanted]
    if len(known) < len(wanted):
        raise ValidationError({"types": _("There is no such event.")})
    return known


def clean_header(name: str, value: str) -> dict[str, str | None]:
    """Both or neither. Raises ValidationError."""
    name, value = name.strip(), value.strip()
    if not name and not value:
        return {"header_name": "", "header_value": None}
    if not _HEADER_NAME.fullmatch(name) or _OUR_HEADERS.fullmatch(name):
        raise ValidationError({"header_name": _("Enter the name of a header that is not needed for the message.")})
    if not _HEADER_VALUE.fullmatch(value):
        problem = _("Enter what to send in the header: letters, digits and signs of ASCII, 500 at most.")
        raise ValidationError({"header_value": problem})
    return {"header_name": name, "header_value": value}
