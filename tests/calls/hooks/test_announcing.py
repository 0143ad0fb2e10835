"""When a tenant's own systems hear of a call, once, and what they hear."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from calls import inbox, parts, processing, tasks
from calls.hooks import messages
from calls.models import HookMessage, HookType, StepKind, StepState, WebhookEvent
from calls.processing import GiveUp, TryLater
from tests.calls.conftest import run_now
from tests.factories import deliver, make_call, make_endpoint, report, seeds_report, work

SECRET_WORDS = "the patient's own words"


@pytest.fixture
def endpoint(organization: Any) -> Any:
    return make_endpoint(organization)


def told(organization: Any) -> list[dict[str, Any]]:
    return [json.loads(message.body) for message in organization.hook_messages.order_by("pk")]


def test_a_call_is_announced_when_its_summary_part_has_ended(ended_call, endpoint, organization):
    call = ended_call()
    assert told(organization) == []
    run_now(call, "summary")
    (event,) = told(organization)
    call.refresh_from_db()
    assert event["type"] == "call.completed"
    assert event["data"]["id"] == str(call.pk)
    assert event["data"]["summary"] == call.summary != ""
    assert event["data"]["url"] == f"http://testserver/en/calls/{call.pk}/"
    assert event["timestamp"] == event["data"]["ended_at"]
    assert organization.hook_deliveries.get().endpoint == endpoint


def test_doubled_shuffled_and_replayed_it_is_one_message(endpoint, organization):
    call_id = "one-and-the-same"
    events = [seeds_report(call_id), report(call_id), report(call_id, timestamp=1_790_000_000_000)]
    for event in [*events, *reversed(events)]:
        deliver(organization, event)
        work()
    for event in WebhookEvent.objects.all():
        inbox.replay(event)
    work()
    step = organization.calls.get().steps.get(kind=StepKind.SUMMARY)
    processing.run_again(step)
    parts.run(step.pk, "again")
    assert organization.hook_messages.count() == organization.hook_deliveries.count() == 1


@pytest.mark.parametrize(
    ("reason", "name"),
    [
        ("customer-ended-call", "call.completed"),
        ("customer-did-not-answer", "call.missed"),
        ("voicemail", "call.voicemail"),
        ("pipeline-error-openai-llm-failed", "call.failed"),
        ("assistant-forwarded-call", "call.transferred"),
    ],
)
def test_the_type_says_how_the_call_ended(ended_call, endpoint, organization, reason, name):
    run_now(ended_call(report(endedReason=reason)), "summary")
    assert [event["type"] for event in told(organization)] == [name]


def test_a_summary_that_does_not_come_is_not_waited_for_long(ended_call, endpoint, organization, monkeypatch):
    def not_yet(step: Any) -> None:
        raise TryLater("OpenAI is away")

    monkeypatch.setitem(parts.PARTS, StepKind.SUMMARY, not_yet)
    call = ended_call()
    run_now(call, "summary", times=2)
    assert told(organization) == []
    assert run_now(call, "summary").state == StepState.PENDING
    assert len(told(organization)) == 1
    monkeypatch.setitem(parts.PARTS, StepKind.SUMMARY, lambda step: processing.Outcome(StepState.DONE))
    run_now(call, "summary")
    assert len(told(organization)) == 1


def test_a_summary_that_is_given_up_is_announced_without(ended_call, endpoint, organization, monkeypatch):
    def never(step: Any) -> None:
        raise GiveUp("refused")

    monkeypatch.setitem(parts.PARTS, StepKind.SUMMARY, never)
    assert run_now(ended_call(), "summary").state == StepState.FAILED
    assert len(told(organization)) == 1


def test_who_lost_the_part_announces_nothing(ended_call, endpoint, organization):
    step = ended_call().steps.get(kind=StepKind.SUMMARY)
    late = processing.claim(step.pk, "late")
    type(step).objects.filter(pk=step.pk).update(claimed_by="next")
    processing.finish(late, processing.Outcome(StepState.DONE))
    assert told(organization) == []


def test_message_and_end_of_the_part_are_written_together_or_not_at_all(
    ended_call, endpoint, organization, monkeypatch
):
    step = processing.claim(ended_call().steps.get(kind=StepKind.SUMMARY).pk, "test")

    def full_disk(*args: Any) -> None:
        raise OSError

    monkeypatch.setattr(messages, "_address", full_disk)
    with pytest.raises(OSError):
        processing.finish(step, processing.Outcome(StepState.DONE))
    step.refresh_from_db()
    assert step.state == StepState.RUNNING
    assert told(organization) == []


def test_each_receiver_hears_what_it_chose_and_one_that_is_off_hears_nothing(organization):
    everything = make_endpoint(organization)
    missed = make_endpoint(organization, types=["call.missed"])
    completed = make_endpoint(organization, types=["call.completed", "call.failed"])
    make_endpoint(organization, is_enabled=False)
    messages.announce(make_call(organization), HookType.COMPLETED)
    chosen = set(organization.hook_deliveries.values_list("endpoint", flat=True))
    assert chosen == {everything.pk, completed.pk}
    assert not missed.deliveries.exists()


def test_nobody_hears_of_anothers_calls(ended_call, endpoint, charlie):
    theirs = make_endpoint(charlie.organizations.get())
    run_now(ended_call(), "summary")
    assert endpoint.deliveries.count() == 1
    assert not theirs.deliveries.exists()


def test_without_receivers_nothing_is_written(ended_call, organization):
    run_now(ended_call(), "summary")
    assert told(organization) == []


def test_the_body_has_no_transcript_and_stays_small_whatever_is_in_the_call(endpoint, organization):
    nasty = "\u0001é" * 50_000
    lines = [{"role": "user", "text": SECRET_WORDS, "seconds": 1}] * 1000
    call = make_call(organization, summary=nasty, ended_reason="\u0001" * 200, transcript=lines)
    body = messages.announce(call, HookType.COMPLETED).body
    assert SECRET_WORDS not in body
    assert len(body.encode()) < 20_000
    assert nasty.startswith(json.loads(body)["data"]["summary"])


@pytest.mark.parametrize(
    ("fields", "state", "word"),
    [
        ({"recording_name": "org/1/calls/a.wav"}, StepState.DONE, "ready"),
        ({}, StepState.RUNNING, "pending"),
        ({}, StepState.FAILED, "failed"),
        ({}, StepState.SKIPPED, "none"),
    ],
)
def test_it_is_said_whether_there_is_a_recording(organization, fields, state, word):
    call = make_call(organization, **fields)
    call.steps.create(kind=StepKind.RECORDING, state=state, due_at=call.started_at)
    assert messages.data_of(call)["recording"] == word


def test_messages_are_forgotten_after_thirty_days(endpoint, organization):
    old, fresh = (messages.announce(make_call(organization), HookType.MISSED) for _ in range(2))
    organization.hook_messages.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(days=31))
    tasks.drop_old_hooks()
    assert list(organization.hook_messages.all()) == [fresh]
    assert organization.hook_deliveries.get().message == fresh


def test_ids_have_no_dots_and_are_never_the_same(organization):
    ids = {HookMessage().public_id for _ in range(100)}
    assert len(ids) == 100
    assert all(one.startswith("msg_") and "." not in one for one in ids)
