"""Telling the owner that a receiver was switched off although nobody pressed the button."""

import logging
from datetime import timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.utils import timezone, translation

from accounts.views import section_url
from ava.lib import mail
from calls.hooks.endpoints import SECRETS
from calls.models import HookEndpoint

logger = logging.getLogger(__name__)

# A worker that dies lets go of a mail after this; a mail server that is away is asked again after this.
LEASE = timedelta(minutes=10)


def due() -> list[int]:
    """The ids of the receivers of which somebody is to be told."""
    rows = HookEndpoint.objects.unscoped().filter(mail_due_at__lte=timezone.now())
    return list(rows.order_by("mail_due_at").values_list("pk", flat=True))


def tell_owner(endpoint_id: int) -> None:
    """Send the mail if it is due; whoever claims it sends it."""
    now = timezone.now()
    rows = HookEndpoint.objects.unscoped().filter(pk=endpoint_id)
    if not rows.filter(mail_due_at__lte=now).update(mail_due_at=now + LEASE):
        return
    endpoint = rows.defer(*SECRETS).select_related("organization").get()
    try:
        _write_to_owner(endpoint)
    except mail.MailUnreachable as error:
        logger.warning("The mail about receiver %s has to wait: %s", endpoint_id, error)
        return
    except mail.MailRefused as error:
        logger.warning("Nobody could be told of receiver %s: %s", endpoint_id, error)
    rows.update(mail_due_at=None)


def _write_to_owner(endpoint: HookEndpoint) -> None:
    person = endpoint.organization.owner
    if person is None or not person.is_active:
        return
    host = urlsplit(settings.PUBLIC_URL).hostname or "localhost"
    with translation.override(person.locale), timezone.override(person.timezone):
        mail.send(
            to=person.email,
            template="hook_disabled",
            language=person.locale,
            context={"endpoint": endpoint, "url": settings.PUBLIC_URL + section_url("webhooks")},
            message_id=f"<hook-{endpoint.pk}-{endpoint.disabled_at:%Y%m%d%H%M%S}@{host}>",
        )
