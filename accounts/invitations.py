"""Inviting people by e-mail: the invitation, its mail, its signed link, and joining."""

from datetime import timedelta
from urllib.parse import urlsplit

from allauth.account.models import EmailAddress
from django.conf import settings
from django.core import signing
from django.core.cache import cache
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from accounts.doorbell import queue_invitation
from accounts.models import Invitation, Membership, Organization, User
from accounts.models.invitations import good_until
from accounts.plans import NoSeatLeft, locked, need_seat
from ava.lib import mail

_SALT = "invitation"
MAIL_LEASE = timedelta(minutes=2)
MOST_MAIL_ATTEMPTS = 8
SWEEP_LIMIT = 100


MAILS_BESIDES = 20  # each day, besides two per seat: nobody's mailbox is flooded from here


class NotInvited(Exception):
    """The person cannot be invited, or cannot accept; `str()` says why, translated."""


@transaction.atomic
def invite(*, organization: Organization, invited_by: User, email: str, role: str) -> Invitation:
    """Invite somebody; an invitation of the same address that is over gives way. Raises NoSeatLeft, NotInvited."""
    organization, email = locked(organization), email.strip().lower()
    if organization.members.filter(Q(email__iexact=email) | Q(emailaddress__email__iexact=email)).exists():
        raise NotInvited(_("This person belongs to your organization already."))
    waiting = organization.invitations.filter(email=email, accepted_at__isnull=True)
    waiting.filter(expires_at__lte=timezone.now()).delete()
    need_seat(organization)
    _need_patience(organization)
    try:
        with transaction.atomic():
            invitation = organization.invitations.create(email=email, role=role, invited_by=invited_by)
    except IntegrityError:
        words = _("This address is invited already. You can send the mail again under “Open invitations”.")
        raise NotInvited(words) from None
    transaction.on_commit(lambda: queue_invitation(invitation.pk))
    return invitation


@transaction.atomic
def resend(invitation: Invitation) -> None:
    """Send the mail again, and let the invitation be good for the whole time anew. Raises NoSeatLeft, NotInvited."""
    organization = locked(invitation.organization)
    row = organization.invitations.filter(pk=invitation.pk, accepted_at__isnull=True).first()
    if row is None:
        raise NotInvited(_("This invitation has been accepted or taken back."))
    if not row.is_open:  # its seat was free for others meanwhile
        need_seat(organization)
    _need_patience(organization)
    values = {"expires_at": good_until(), "mail_due_at": timezone.now(), "mail_attempts": 0, "mail_problem": ""}
    organization.invitations.filter(pk=row.pk).update(**values)
    transaction.on_commit(lambda: queue_invitation(invitation.pk))


def _need_patience(organization: Organization) -> None:
    """Raises NotInvited when very many mails were sent today. Call it with the organization `locked`."""
    key = f"invitations:{organization.pk}:{timezone.now():%Y%m%d}"
    mails = cache.get(key, 0) + 1
    if mails > MAILS_BESIDES + 2 * organization.seats:
        raise NotInvited(_("Too many invitations were sent today. Try again tomorrow."))
    cache.set(key, mails, timeout=int(timedelta(days=1).total_seconds()))


def revoke(invitation: Invitation) -> None:
    """Take an open invitation back; its link leads nowhere any more."""
    invitation.organization.invitations.filter(pk=invitation.pk, accepted_at__isnull=True).delete()


# --- The mail ---------------------------------------------------------------------------------------------------------


def link(invitation: Invitation) -> str:
    """Where the invited person says yes."""
    token = signing.dumps([invitation.pk, invitation.email], salt=_SALT, compress=False)
    return settings.PUBLIC_URL + reverse("invitation", args=[token])


def send_mail(invitation_id: int) -> None:
    """Send an invitation's mail if it is due; whoever claims it sends it. A refusal is kept for the team's page."""
    now = timezone.now()
    due = Invitation.objects.unscoped().filter(pk=invitation_id, mail_due_at__lte=now, accepted_at__isnull=True)
    if not due.update(mail_due_at=now + MAIL_LEASE):
        return
    invitation = Invitation.objects.unscoped().select_related("organization", "invited_by").get(pk=invitation_id)
    try:
        _write_to(invitation)
    except mail.MailRefused as error:
        _note_mail(invitation, mail_due_at=None, mail_problem=str(error))
    except mail.MailUnreachable as error:
        attempts = invitation.mail_attempts + 1
        again_at = None if attempts >= MOST_MAIL_ATTEMPTS else now + timedelta(seconds=30 * 2**attempts)
        _note_mail(invitation, mail_due_at=again_at, mail_problem=str(error), mail_attempts=attempts)
    else:
        _note_mail(invitation, mail_due_at=None, mail_problem="")


def _write_to(invitation: Invitation) -> None:
    language = invitation.organization.language
    host = urlsplit(settings.PUBLIC_URL).hostname or "localhost"
    with translation.override(language):
        mail.send(
            to=invitation.email,
            template="invitation",
            language=language,
            context={"invitation": invitation, "url": link(invitation)},
            message_id=f"<invitation-{invitation.pk}-{invitation.expires_at:%Y%m%d%H%M%S}@{host}>",
        )


def _note_mail(invitation: Invitation, **values: object) -> None:
    invitation.organization.invitations.filter(pk=invitation.pk).update(**values)


def send_due_mails() -> int:
    """Send what was left behind; returns how many were tried."""
    due = Invitation.objects.unscoped().filter(mail_due_at__lte=timezone.now(), accepted_at__isnull=True)
    ids = list(due.order_by("mail_due_at").values_list("pk", flat=True)[:SWEEP_LIMIT])
    for invitation_id in ids:
        send_mail(invitation_id)
    return len(ids)


# --- Joining ----------------------------------------------------------------------------------------------------------


def find(token: str) -> Invitation | None:
    """The invitation that a link names; None when the link is forged or the invitation was taken back."""
    try:
        invitation_id, email = signing.loads(token, salt=_SALT)
    except (signing.BadSignature, ValueError, TypeError):
        return None
    rows = Invitation.objects.unscoped().select_related("organization", "invited_by")
    return rows.filter(pk=invitation_id, email=email).first()


def is_for(invitation: Invitation, user: User) -> bool:
    """Whether one of the person's proven addresses is the invited one."""
    return EmailAddress.objects.filter(user=user, email__iexact=invitation.email, verified=True).exists()


def is_awaited(email: str) -> bool:
    """Whether some organization waits for this address: then it needs none of its own yet."""
    waiting = Invitation.objects.unscoped().filter(email=email.strip().lower(), accepted_at__isnull=True)
    return waiting.filter(expires_at__gt=timezone.now()).exists()


@transaction.atomic
def accept(*, invitation: Invitation, user: User) -> Membership:
    """Join; accepting again changes nothing. Raises NotInvited, NoSeatLeft."""
    organization = locked(invitation.organization)
    if not is_for(invitation, user):
        raise NotInvited(_("This invitation is for another address."))
    if member := organization.memberships.filter(user=user).first():
        organization.invitations.filter(pk=invitation.pk).update(accepted_at=timezone.now(), mail_due_at=None)
        return member
    row = organization.invitations.filter(pk=invitation.pk).first()
    if row is None or not row.is_open:
        raise NotInvited(_("This invitation is no longer good. Ask for a new one."))
    if organization.memberships.count() >= organization.seats:
        raise NoSeatLeft(_("Your seat was given away. Ask an owner of the organization for another."))
    row.accepted_at, row.mail_due_at = timezone.now(), None
    row.save(update_fields=["accepted_at", "mail_due_at"])
    return organization.memberships.create(user=user, role=row.role)
