"""From an event to a call, and the parts that follow each call: their order, their tries, their end."""

import logging
import random
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Window
from django.db.models.functions import RowNumber
from django.utils import timezone
from django.utils.translation import gettext_noop

from accounts.models import Organization
from calls import inbox
from calls.doorbell import inbox_bell, queue_step
from calls.hooks import messages
from calls.models import Call, EventState, ProcessingStep, StepKind, StepState, WebhookEvent
from calls.redaction import redact
from calls.webhooks import parsers
from calls.webhooks.reports import CallReport, merge
from calls.words import remember

logger = logging.getLogger(__name__)

MOST_EVENT_ATTEMPTS = 6
MOST_STEP_ATTEMPTS = 14
STEP_LEASE = timedelta(seconds=90)
LONGEST_WAIT = timedelta(hours=3)
SWEEP_LIMIT = 500
# A summary of our own takes a moment: who tells of the call waits so many tries (half a minute), then goes without.
TRIES_FOR_SUMMARY = 2


class TryLater(Exception):
    """The part could not be done now; it is tried again, at most `attempts` times in all."""

    def __init__(self, reason: str, *, attempts: int = MOST_STEP_ATTEMPTS) -> None:
        super().__init__(reason)
        self.attempts = attempts


class ClaimLost(Exception):
    """Another has the part now, or its call is gone: what this one still had to do is not its business any more."""


class GiveUp(Exception):
    """The part cannot be done, and trying again would not help; the text says why."""


@dataclass(frozen=True)
class Outcome:
    """How a part ended well: done, or skipped because there was nothing to do."""

    state: StepState
    note: str = ""
    details: dict[str, Any] = field(default_factory=dict)


# --- Events -----------------------------------------------------------------------------------------------------------


def process_event(event_id: int) -> None:
    """Turn one event of the inbox into a call (or more of one). Safe to run twice, or twice at once."""
    event = WebhookEvent.objects.filter(pk=event_id, state=EventState.RECEIVED).defer("body").first()
    if event is None:
        return
    if event.attempts > MOST_EVENT_ATTEMPTS:
        _close(event, EventState.FAILED, gettext_noop("Its worker died each time"))
        return
    try:
        if report := _read(event):
            _tell(event, report)
    except parsers.NotUnderstood as error:
        _close(event, EventState.INVALID, str(error))
    except Exception as error:
        logger.exception("Webhook event %s could not be processed", event.pk)
        if event.attempts >= MOST_EVENT_ATTEMPTS:
            _close(event, EventState.FAILED, f"{type(error).__name__}")
        else:
            WebhookEvent.objects.filter(pk=event.pk).update(due_at=timezone.now() + _pause(event.attempts))


def _read(event: WebhookEvent) -> CallReport | None:
    """Parse the body, find the tenant, keep the redacted copy. None when the event ends here."""
    payload = event.payload if event.body is None else parsers.decode(event.body)
    try:
        event.payload = redact(payload)
    except RecursionError:
        raise parsers.NotUnderstood(gettext_noop("The JSON is nested too deeply")) from None
    event.save(update_fields=["payload"])
    report = parsers.parse(payload)
    event.kind, event.vapi_call_id = report.kind, report.vapi_call_id
    named = inbox.find_organization(report)
    if event.organization_id is None:
        event.organization_id = named
    event.save(update_fields=["kind", "vapi_call_id", "organization"])
    if event.organization_id is None:
        _close(event, EventState.UNMATCHED)
    elif named not in (None, event.organization_id):
        _close(event, EventState.INVALID, gettext_noop("The number or assistant belongs to another organization"))
    elif not report.vapi_call_id:
        _close(event, EventState.PROCESSED, gettext_noop("No call is named"))
    else:
        return report
    return None


def _tell(event: WebhookEvent, report: CallReport) -> None:
    """Bring the call up to what all its events tell together, whatever order they came in."""
    organization = Organization.objects.filter(webhook_events=event).first()
    if organization is None:  # deleted meanwhile
        return
    first_heard_at = report.started_at or report.told_at or event.received_at
    call, _ = organization.calls.get_or_create(
        vapi_call_id=report.vapi_call_id, defaults={"started_at": first_heard_at}
    )
    with transaction.atomic():
        call = organization.calls.select_for_update().get(pk=call.pk)
        told = merge(reports_of(call))
        _write(call, told)
        remember(call)
        steps = _begin_steps(call) if told.is_final else []
        _close(event, EventState.PROCESSED)
    for step in steps:
        queue_step(step.pk)


def reports_of(call: Call) -> list[CallReport]:
    """All that was told of a call, from the raw bodies (once those are dropped, from the redacted copies)."""
    events = WebhookEvent.objects.filter(organization=call.organization_id, vapi_call_id=call.vapi_call_id)
    reports = []
    for event in events.exclude(state=EventState.INVALID):
        reports.append(parsers.read(event.body) if event.body is not None else parsers.parse(event.payload))
    return reports


def _write(call: Call, told: CallReport) -> None:
    values = {
        "direction": told.direction or call.direction,
        "caller_number": told.caller_number,
        "number": told.number,
        "status": told.status,
        "ended_reason": told.ended_reason,
        "started_at": told.started_at or told.told_at or call.started_at,
        "ended_at": told.ended_at,
        "duration_seconds": told.duration_seconds,
        "summary": told.summary or call.summary,
        "transcript": told.transcript,
        "cost": told.cost,
    }
    for name, value in values.items():
        setattr(call, name, value)
    call.save(update_fields=list(values))


def _close(event: WebhookEvent, state: EventState, error: str = "") -> None:
    told = {"state": state, "error": error, "processed_at": timezone.now()}
    WebhookEvent.objects.filter(pk=event.pk).update(**told)  # gone with its tenant, it needs no end


# --- Steps ------------------------------------------------------------------------------------------------------------


def _begin_steps(call: Call) -> list[ProcessingStep]:
    """The parts of an ended call, once whatever is repeated. Returns the new ones."""
    known = set(call.steps.values_list("kind", flat=True))
    new = [ProcessingStep(call=call, kind=kind, due_at=timezone.now()) for kind in StepKind if kind not in known]
    return ProcessingStep.objects.bulk_create(new)


def claim(step_id: int, task_id: str) -> ProcessingStep | None:
    """Take a part that is due, for as long as the lease lasts; None when another has it or it is finished.

    The broker hands a killed worker's task out again under the same id, so that task takes over its own claim at once.
    """
    now = timezone.now()
    open_steps = ProcessingStep.objects.filter(state__in=[StepState.PENDING, StepState.RUNNING])
    with transaction.atomic():
        step = open_steps.select_for_update(skip_locked=True).filter(pk=step_id).first()
        if step is None or (step.due_at > now and step.claimed_by != task_id):
            return None
        step.state, step.claimed_by, step.due_at = StepState.RUNNING, task_id, now + STEP_LEASE
        step.attempts += 1
        step.save(update_fields=["state", "claimed_by", "due_at", "attempts"])
    return ProcessingStep.objects.select_related("call__organization").get(pk=step_id)


def hold(step: ProcessingStep, **details: Any) -> None:
    """Keep what is done so far, and the claim for another lease. Raises ClaimLost."""
    step.details = {**step.details, **details}
    if not _update(step, details=step.details, due_at=timezone.now() + STEP_LEASE):
        raise ClaimLost


def finish(step: ProcessingStep, outcome: Outcome) -> None:
    """The part is done, or there was nothing to do."""
    step.details = {**step.details, **outcome.details}
    _settle(step, outcome.state, outcome.note)


def fail(step: ProcessingStep, error: Exception) -> None:
    """Try again later while it may help, else give up where the operator sees it."""
    most = error.attempts if isinstance(error, TryLater) else MOST_STEP_ATTEMPTS
    if isinstance(error, GiveUp) or step.attempts >= most:
        _settle(step, StepState.FAILED, str(error))
        return
    due_at = timezone.now() + _pause(step.attempts)
    _release(step, state=StepState.PENDING, note=str(error)[:500], due_at=due_at)


def _settle(step: ProcessingStep, state: StepState, note: str) -> None:
    _release(step, state=state, note=note[:500], finished_at=timezone.now(), details=step.details)


@transaction.atomic
def _release(step: ProcessingStep, **told: Any) -> None:
    """Let go of a part. With the summary's end, or when it is long in coming, the call is announced, all in one."""
    is_told = _update(step, claimed_by="", **told)
    is_waited_for = told["state"] == StepState.PENDING and step.attempts <= TRIES_FOR_SUMMARY
    if is_told and step.kind == StepKind.SUMMARY and not is_waited_for:
        messages.announce_end(organization=step.call.organization, call_id=step.call_id)


def _update(step: ProcessingStep, **values: Any) -> bool:
    """Write to a part while its claim still holds; whether it did."""
    held = ProcessingStep.objects.filter(pk=step.pk, state=StepState.RUNNING, claimed_by=step.claimed_by)
    return bool(held.update(**values))


def run_again(step: ProcessingStep) -> None:
    """Do a part anew, with all its tries, also one that had given up."""
    step.state, step.attempts, step.due_at, step.note = StepState.PENDING, 0, timezone.now(), ""
    step.finished_at, step.claimed_by = None, ""
    step.save(update_fields=["state", "attempts", "due_at", "note", "finished_at", "claimed_by"])
    transaction.on_commit(lambda: queue_step(step.pk))


def _pause(attempts: int) -> timedelta:
    """10 s, 20 s, 40 s … up to three hours, each up to a half longer, so that retries do not march in step."""
    seconds = min(10 * 2 ** max(0, attempts - 1), LONGEST_WAIT.total_seconds())
    return timedelta(seconds=seconds * random.uniform(1, 1.5))  # noqa: S311  no secret hangs on it


# --- Sweeping ---------------------------------------------------------------------------------------------------------


def sweep() -> int:
    """Ring for everything that is due: what a lost message or a dead worker left behind. Returns how many parts."""
    now = timezone.now()
    if WebhookEvent.objects.filter(state=EventState.RECEIVED, due_at__lte=now).exists():
        inbox_bell.ring()
    due = due_steps(now)
    for step_id in due:
        queue_step(step_id)
    return len(due)


def due_steps(now: Any) -> list[int]:
    """The ids of the parts that should be running, each tenant's longest waiting first, and the tenants in turn."""
    turn = Window(RowNumber(), partition_by="call__organization", order_by=["due_at", "pk"])
    waiting = ProcessingStep.objects.filter(state__in=[StepState.PENDING, StepState.RUNNING], due_at__lte=now)
    return list(waiting.annotate(turn=turn).order_by("turn", "due_at", "pk").values_list("pk", flat=True)[:SWEEP_LIMIT])
