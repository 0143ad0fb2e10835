"""Telling people that somebody called: an e-mail and a push, each in the reader's language."""

from datetime import timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from accounts.models import Device, User
from accounts.models.organizations import MailTiming
from ava.clients import expo
from ava.clients.errors import ProviderError, Unreachable
from ava.lib import mail
from ava.lib.phones import readable
from calls.models import Call, ProcessingStep, StepKind, StepState
from calls.processing import TRIES_FOR_SUMMARY, GiveUp, Outcome, TryLater, hold

PUSH_BODY_CHARACTERS = 150
GONE, TOO_MANY = expo.DEVICE_NOT_REGISTERED, "MessageRateExceeded"
FORGET = {GONE, expo.INVALID_TOKEN}
NO_DEVICE = gettext_noop("no device is registered")
RECEIPTS_AFTER, RECEIPTS_UNTIL = timedelta(minutes=15), timedelta(hours=23)


def send_email(step: ProcessingStep) -> Outcome:
    """One mail to everybody of the organization who wants one after each call. Raises TryLater, GiveUp.

    Who has been written to is kept after each mail, so a retry writes only to the others.
    """
    call = step.call
    _wait_for_summary(step)
    wanted = call.organization.memberships.filter(mail_timing=MailTiming.EACH, user__is_active=True)
    people = [membership.user for membership in wanted.select_related("user").order_by("user_id")]
    sent = list(step.details.get("sent", []))
    refused, later = [], []
    for person in people:
        if person.pk in sent:
            continue
        try:
            _mail(call, person)
        except mail.MailUnreachable as error:
            later.append(str(error))
        except mail.MailRefused as error:
            refused.append(str(error))
        else:
            sent.append(person.pk)
        hold(step, sent=sent)
    if later:
        raise TryLater(later[-1])
    if refused and not sent:
        raise GiveUp(refused[-1])
    if not sent:
        return Outcome(StepState.SKIPPED, gettext_noop("nobody to write to"))
    return Outcome(StepState.DONE, ", ".join(person.email for person in people if person.pk in sent))


def _mail(call: Call, person: User) -> None:
    host = urlsplit(settings.PUBLIC_URL).hostname or "localhost"
    with translation.override(person.locale), timezone.override(person.timezone):
        mail.send(
            to=person.email,
            template="call",
            language=person.locale,
            context={"call": call, "person": person, "url": settings.PUBLIC_URL + call.get_absolute_url()},
            message_id=f"<call-{call.pk}-{person.pk}@{host}>",
        )


def send_push(step: ProcessingStep) -> Outcome:
    """One push to each device of the organization's people who want it. Raises TryLater, GiveUp."""
    call = step.call
    _wait_for_summary(step)
    done = set(step.details.get("pushed", []))
    ringing = call.organization.ringing_devices.select_related("user").order_by("pk")
    devices = [device for device in ringing if device.pk not in done]
    if not devices:
        return Outcome(StepState.DONE, f"{len(done)}") if done else Outcome(StepState.SKIPPED, NO_DEVICE)
    try:
        tickets = expo.send_push(
            messages=[_push(call, device) for device in devices],
            base_url=settings.EXPO_BASE_URL,
            access_token=settings.EXPO_ACCESS_TOKEN,
        )
    except Unreachable as error:
        raise TryLater(str(error)) from None
    except ProviderError as error:
        raise GiveUp(str(error)) from None
    ids = {device.expo_token: device.pk for device in devices}
    accepted = {ticket.ticket_id: ids[ticket.token] for ticket in tickets if ticket.ok}
    _forget([ticket.token for ticket in tickets if ticket.error in FORGET])
    reached = [*done, *accepted.values()]
    hold(step, pushed=reached, tickets={**step.details.get("tickets", {}), **accepted})
    refused = {ticket.error for ticket in tickets if not ticket.ok}.difference(FORGET)
    if TOO_MANY in refused:
        raise TryLater(f"Expo: {TOO_MANY}")
    if refused and not reached:
        raise GiveUp(f"Expo: {', '.join(sorted(refused))}")
    return Outcome(StepState.DONE, f"{len(reached)}") if reached else Outcome(StepState.SKIPPED, NO_DEVICE)


def _push(call: Call, device: Device) -> expo.PushMessage:
    with translation.override(device.language):
        caller = readable(call.caller_number, home_country=call.organization.country) or _("Hidden number")
        return expo.PushMessage(
            token=device.expo_token,
            title=_("Call from %(caller)s") % {"caller": caller},
            body=call.summary[:PUSH_BODY_CHARACTERS] or _("The call is over. Open Ava to read what was said."),
            data={"callId": str(call.pk)},
        )


def _wait_for_summary(step: ProcessingStep) -> None:
    """Nicer with the summary, but never held up by it for long."""
    if step.call.summary or step.attempts > TRIES_FOR_SUMMARY:
        return
    if step.call.steps.filter(kind=StepKind.SUMMARY, state__in=[StepState.PENDING, StepState.RUNNING]).exists():
        raise TryLater(gettext_noop("waiting for the summary"))


def _forget(tokens: list[str]) -> None:
    Device.objects.filter(expo_token__in=tokens).delete()


def check_push_receipts() -> None:
    """Ask what became of the pushes of the last day, and forget the devices that are gone."""
    now = timezone.now()
    steps = ProcessingStep.objects.filter(
        kind=StepKind.PUSH,
        state=StepState.DONE,
        finished_at__range=(now - RECEIPTS_UNTIL, now - RECEIPTS_AFTER),
        details__tickets__isnull=False,
    )
    for step in steps:
        tickets = step.details.pop("tickets")
        try:
            receipts = expo.get_receipts(
                list(tickets), base_url=settings.EXPO_BASE_URL, access_token=settings.EXPO_ACCESS_TOKEN
            )
        except ProviderError:
            continue  # the next round asks again
        gone = [tickets[ticket] for ticket, receipt in receipts.items() if receipt.error == GONE]
        Device.objects.filter(pk__in=gone).delete()
        step.save(update_fields=["details"])
