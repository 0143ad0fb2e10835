"""Telling an organization's owner, once, that a calendar has to be connected again."""

import logging
from datetime import timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.utils import timezone, translation

from accounts.models import User
from accounts.views import section_url
from assistants.models import CalendarConnection
from ava.lib import mail

logger = logging.getLogger(__name__)

SWEEP_LIMIT = 100
# Who claims a mail sends it; one that a mail server would not take now is tried again after as long.
LEASE = timedelta(minutes=5)


def send_due() -> int:
    """Send the mails that are due; returns how many were tried."""
    due = CalendarConnection.objects.unscoped().filter(mail_due_at__lte=timezone.now())
    ids = list(due.order_by("mail_due_at").values_list("pk", flat=True)[:SWEEP_LIMIT])
    for connection_id in ids:
        _send(connection_id)
    return len(ids)


def _send(connection_id: int) -> None:
    now = timezone.now()
    row = CalendarConnection.objects.unscoped().filter(pk=connection_id)
    if not row.filter(mail_due_at__lte=now).update(mail_due_at=now + LEASE):
        return
    connection = row.defer("access_token", "refresh_token").select_related("organization").get()
    owner = connection.organization.owner
    try:
        if owner and connection.needs_reconnect:
            _write_to(owner, connection)
    except mail.MailUnreachable as error:
        logger.warning("The mail about calendar connection %s has to wait: %s", connection_id, error)
        return
    except mail.MailRefused as error:
        logger.warning("The mail about calendar connection %s is refused: %s", connection_id, error)
    row.update(mail_due_at=None)


def _write_to(owner: User, connection: CalendarConnection) -> None:
    host = urlsplit(settings.PUBLIC_URL).hostname or "localhost"
    with translation.override(owner.locale):
        mail.send(
            to=owner.email,
            template="calendar",
            language=owner.locale,
            context={
                "calendar": connection.get_provider_display(),
                "account": connection.account_email,
                "organization": connection.organization,
                "url": settings.PUBLIC_URL + section_url("integrations"),
            },
            message_id=f"<calendar-{connection.pk}-{connection.connected_at:%Y%m%d%H%M%S}@{host}>",
        )
