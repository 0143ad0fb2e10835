"""Sending what was announced: who takes a delivery, what its answer means, when it is tried again."""

import logging
import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet, Window
from django.db.models.functions import RowNumber
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from accounts.models import Organization
from ava.lib import fetch, posting
from calls.doorbell import queue_delivery, queue_notice
from calls.hooks import endpoints, notices, signing
from calls.hooks.endpoints import NotPossible
from calls.models import DeliveryState, DisabledReason, HookDelivery, HookEndpoint

logger = logging.getLogger(__name__)

# The wait before each try: about a day in all.
PLAN = [
    timedelta(0),
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
]
JITTER = 0.2
DEADLINE_SECONDS = 15.0
LEASE = timedelta(seconds=90)  # the deadline, and a slow look-up of the name before it
LARGEST_ANSWER = 64 * 1024
SHOWN_CHARACTERS = 500
SLOW_DOWN = {429, 502, 504}
SLOW_PAUSE = timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=24)
# One tenant's slow receivers hold so many workers at most, and so many of its deliveries are rung for in one sweep.
AT_ONCE = 2
TENANT_SWEEP_LIMIT = 20
SWEEP_LIMIT = 500
OPEN = [DeliveryState.PENDING, DeliveryState.RUNNING]
_ENDPOINT_SECRETS = [f"endpoint__{name}" for name in endpoints.SECRETS]

UNSAFE = gettext_noop("the address is not public https any more")
TOO_SLOW = gettext_noop("no answer in time")
UNREACHABLE = gettext_noop("the receiver could not be reached")
REDIRECTED = gettext_noop("the receiver sends elsewhere: enter the address that it leads to")
GONE = gettext_noop("the receiver says that it is gone")
REFUSED = gettext_noop("the receiver did not take it")
BROKEN = gettext_noop("Ava could not send it")
DIED = gettext_noop("its worker died each time")


@dataclass(frozen=True)
class Heard:
    """What came of one try; without an error it has arrived."""

    error: str = ""
    status: int | None = None
    answer: str = ""
    wait: timedelta = timedelta(0)  # as the receiver asks


def of(organization: Organization) -> QuerySet[HookDelivery]:
    """What was sent, the newest first, without secrets and bodies."""
    rows = organization.hook_deliveries.select_related("endpoint", "message")
    return rows.defer("message__body", *_ENDPOINT_SECRETS).order_by("-pk")


def run(delivery_id: int, task_id: str) -> None:
    """Claim a delivery, try it, keep how it went. Nothing to do when another has it."""
    delivery = claim(delivery_id, task_id)
    if delivery is None:
        return
    if not delivery.endpoint.is_enabled:
        _update(delivery, state=DeliveryState.FAILED, error=endpoints.STOPPED)
    elif delivery.attempts > len(PLAN):
        _note_failure(delivery, Heard(DIED))
    else:
        _note(delivery, _try(delivery))
    _ring_for_next(delivery.organization)


def claim(delivery_id: int, task_id: str) -> HookDelivery | None:
    """Take a delivery that is due, for as long as the lease lasts; None when it is not to be had now.

    As with the parts of a call, a task that is handed out again takes over its own claim. What is refused because its
    tenant has enough under way stays due: who finishes rings for it, and so does the sweeper.
    """
    now = timezone.now()
    rows = HookDelivery.objects.unscoped().filter(pk=delivery_id, state__in=OPEN)
    with transaction.atomic():
        # Held while its running deliveries are counted, and before them, as when an account is closed.
        owning = Organization.objects.filter(pk__in=rows.values("organization_id"))
        tenant = owning.select_for_update(no_key=True).first()
        delivery = rows.select_for_update(skip_locked=True).first()
        if tenant is None or delivery is None or (delivery.due_at > now and delivery.claimed_by != task_id):
            return None
        others = tenant.hook_deliveries.filter(state=DeliveryState.RUNNING, due_at__gt=now).exclude(pk=delivery_id)
        if others.count() >= AT_ONCE:
            return None
        delivery.state, delivery.claimed_by, delivery.due_at = DeliveryState.RUNNING, task_id, now + LEASE
        delivery.attempts += 1
        delivery.save(update_fields=["state", "claimed_by", "due_at", "attempts"])
    chosen = tenant.hook_deliveries.select_related("organization", "endpoint__organization", "message")
    return chosen.defer(*_ENDPOINT_SECRETS).filter(pk=delivery_id).first()


def _try(delivery: HookDelivery) -> Heard:
    body = delivery.message.body.encode()
    try:
        endpoint = delivery.organization.hook_endpoints.get(pk=delivery.endpoint_id)
        headers = signing.headers_of(endpoint, message_id=delivery.message.public_id, body=body, sent_at=timezone.now())
        answer = posting.post(
            endpoint.url,
            body=body,
            headers=headers,
            deadline_seconds=DEADLINE_SECONDS,
            max_answer_bytes=LARGEST_ANSWER,
            trusted_origins=settings.TRUSTED_FETCH_ORIGINS,
        )
    except fetch.UnsafeUrl:
        return Heard(UNSAFE)
    except fetch.TookTooLong:
        return Heard(TOO_SLOW)
    except fetch.FetchFailed:
        return Heard(UNREACHABLE)
    except Exception as error:  # a secret that no key opens any more, say; the text might quote it
        logger.error("Webhook delivery %s could not be sent: %s", delivery.pk, type(error).__name__)
        return Heard(BROKEN)
    return _read(answer, endpoint)


def _read(answer: posting.Answer, endpoint: HookEndpoint) -> Heard:
    shown = _shown(answer.body, hide=str(endpoint.header_value or ""))
    if 200 <= answer.status < 300:
        return Heard("", answer.status, shown)
    wait = timedelta(seconds=min(answer.retry_after_seconds, LONGEST_WAIT.total_seconds()))
    if answer.status in SLOW_DOWN:
        wait = max(wait, SLOW_PAUSE)
    return Heard(_problem(answer.status), answer.status, shown, wait)


def _problem(status: int) -> str:
    if status == 410:
        return GONE
    return REDIRECTED if 300 <= status < 400 else REFUSED


def _shown(body: bytes, *, hide: str) -> str:
    """The beginning of an answer as people may see it: receivers like to echo what they were sent."""
    text = body.decode("utf-8", "replace")
    text = text.replace(hide, "[…]") if hide else text
    return "".join(char if char.isprintable() else " " for char in text)[:SHOWN_CHARACTERS]


# --- How it went ------------------------------------------------------------------------------------------------------


def _note(delivery: HookDelivery, heard: Heard) -> None:
    if heard.error:
        _note_failure(delivery, heard)
    elif _update(delivery, heard, state=DeliveryState.DELIVERED, delivered_at=timezone.now()):
        endpoints.note_success(delivery.endpoint)


def _note_failure(delivery: HookDelivery, heard: Heard) -> None:
    is_gone = heard.status == 410
    is_over = is_gone or delivery.attempts >= len(PLAN)
    if is_over:
        is_noted = _update(delivery, heard, state=DeliveryState.FAILED)
    else:
        due_at = timezone.now() + max(pause_after(delivery.attempts), heard.wait)
        is_noted = _update(delivery, heard, state=DeliveryState.PENDING, due_at=due_at)
    if not is_noted:
        return
    if heard.wait:
        _slow_down(delivery.endpoint, until=timezone.now() + heard.wait)
    if is_gone:
        endpoints.disable(delivery.endpoint, DisabledReason.GONE)
    else:
        endpoints.note_failure(delivery.endpoint, given_up=is_over)


def _update(delivery: HookDelivery, heard: Heard | None = None, **values: Any) -> bool:
    """Write to a delivery while its claim still holds; whether it did."""
    if heard:
        values |= {"status_code": heard.status, "answer": heard.answer, "error": heard.error}
    held = delivery.organization.hook_deliveries.filter(pk=delivery.pk, state=DeliveryState.RUNNING)
    return bool(held.filter(claimed_by=delivery.claimed_by).update(claimed_by="", **values))


def pause_after(attempts: int) -> timedelta:
    """How long to wait after so many tries; up to a fifth longer, so that retries do not march in step."""
    return PLAN[attempts] * random.uniform(1, 1 + JITTER)  # noqa: S311  no secret hangs on it


def _slow_down(endpoint: HookEndpoint, *, until: datetime) -> None:
    """Nothing more goes there until then."""
    endpoint.deliveries.filter(state=DeliveryState.PENDING, due_at__lt=until).update(due_at=until)


# --- Ringing ----------------------------------------------------------------------------------------------------------


def resend(delivery: HookDelivery) -> None:
    """Send a message once more, under its own id, with all its tries. Raises NotPossible."""
    with transaction.atomic():
        rows = HookDelivery.objects.for_organization(delivery.organization_id).select_for_update(of=("self",))
        row = rows.select_related("endpoint").defer(*_ENDPOINT_SECRETS).filter(pk=delivery.pk).first()
        if row is None or not row.endpoint.is_enabled:
            raise NotPossible(_("Switch the receiver on first."), "endpoint_disabled")
        if row.state == DeliveryState.RUNNING and row.due_at > timezone.now():
            raise NotPossible(_("It is being sent just now."), "delivery_running")
        row.state, row.attempts, row.due_at = DeliveryState.PENDING, 0, timezone.now()
        row.claimed_by, row.error, row.delivered_at = "", "", None
        row.save(update_fields=["state", "attempts", "due_at", "claimed_by", "error", "delivered_at"])
        transaction.on_commit(lambda: queue_delivery(row.pk))


def sweep() -> None:
    """Ring for everything that is due: what a lost message or a dead worker left behind."""
    for delivery_id in due_deliveries(timezone.now()):
        queue_delivery(delivery_id)
    for endpoint_id in notices.due():
        queue_notice(endpoint_id)


def due_deliveries(now: datetime) -> list[int]:
    """The ids of what should be under way: the tenants in turn, of each the longest waiting and not too many."""
    turn = Window(RowNumber(), partition_by="organization", order_by=["due_at", "pk"])
    waiting = HookDelivery.objects.unscoped().filter(state__in=OPEN, due_at__lte=now)
    fair: QuerySet[HookDelivery] = waiting.annotate(turn=turn).filter(turn__lte=TENANT_SWEEP_LIMIT)
    return list(fair.order_by("turn", "due_at", "pk").values_list("pk", flat=True)[:SWEEP_LIMIT])


def _ring_for_next(organization: Organization) -> None:
    """A place is free again: what was refused for want of one need not wait for the sweeper."""
    due = organization.hook_deliveries.filter(state__in=OPEN, due_at__lte=timezone.now())
    if (next_id := due.order_by("due_at", "pk").values_list("pk", flat=True).first()) is not None:
        queue_delivery(next_id)
