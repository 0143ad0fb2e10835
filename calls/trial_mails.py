"""A mail on demand, to see whether mails arrive: sent at once, so that what the mail server says can be told."""

import math
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from time import time
from urllib.parse import urlsplit

from django.conf import settings
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import Organization, User
from ava.lib import mail

MOST_MAILS = 5
WITHIN_SECONDS = int(timedelta(hours=1).total_seconds())
# What the answers of mail servers mean: https://www.rfc-editor.org/rfc/rfc5321#section-4.2.3
_REASONS = {
    421: gettext_lazy("it is busy"),
    450: gettext_lazy("the mailbox is busy, or the server asks to try later"),
    451: gettext_lazy("it has a fault of its own"),
    452: gettext_lazy("it has no room left"),
    530: gettext_lazy("it wants a sign-in"),
    534: gettext_lazy("it wants another kind of sign-in"),
    535: gettext_lazy("it does not accept the sign-in"),
    550: gettext_lazy("there is no such mailbox, or it takes no mail from here"),
    552: gettext_lazy("the mailbox is full"),
    553: gettext_lazy("it does not accept the address"),
    554: gettext_lazy("it does not want this mail"),
}


@dataclass(frozen=True)
class Sent:
    """What was sent to whom."""

    to: str
    message_id: str


@dataclass
class TooManyMails(Exception):
    """The person has sent as many as they may; `retry_after_seconds` says when the next one may go."""

    retry_after_seconds: int


def send(*, organization: Organization, sender: User, to: str = "") -> Sent:
    """Send a mail to a member's address, or to `sender`, in the reader's language.

    Raises ValidationError (an address of nobody here), TooManyMails, MailRefused, MailUnreachable.
    """
    reader = organization.members.filter(email__iexact=to).first() if to else sender
    if reader is None:
        raise ValidationError({"to": _("Nobody in your organization has this address.")})
    _need_patience(sender)
    host = urlsplit(settings.PUBLIC_URL).hostname or "localhost"
    message_id = f"<trial-{uuid.uuid4()}@{host}>"
    context = {"organization": organization, "sender": sender}
    mail.send(to=reader.email, template="trial", language=reader.locale, context=context, message_id=message_id)
    return Sent(reader.email, message_id)


def reason(error: mail.MailFailed) -> str:
    """Why a mail was not sent, in a translated sentence without the server's own words, which may hold anything."""
    if error.code is None:
        return _("The mail was not sent: the mail server does not answer.")
    known = _REASONS.get(error.code)
    values = {"code": error.code, "reason": known}
    if known is None:
        return _("The mail was not sent: the mail server answers %(code)s.") % values
    return _("The mail was not sent: the mail server answers %(code)s, %(reason)s.") % values


@transaction.atomic
def _need_patience(sender: User) -> None:
    """Counts one more mail, alone for this person. Raises TooManyMails."""
    User.objects.select_for_update(no_key=True).only("pk").get(pk=sender.pk)
    key, now = f"trial-mails:{sender.pk}", time()
    earlier: Sequence[float] = [at for at in cache.get(key, []) if at > now - WITHIN_SECONDS]
    if len(earlier) >= MOST_MAILS:
        raise TooManyMails(math.ceil(earlier[0] + WITHIN_SECONDS - now))
    cache.set(key, [*earlier, now], timeout=WITHIN_SECONDS)
