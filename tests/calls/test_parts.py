"""What is done after a call: each part on its own, claimed by one worker, until it is done or visibly given up."""

import json
import logging
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import redis
from django.db import connection
from django.utils import timezone

from assistants.sync import studio_of
from calls import inbox, parts, processing, tasks
from calls.models import Call, EventState, StepKind, StepState, WebhookEvent
from calls.processing import MOST_EVENT_ATTEMPTS, MOST_STEP_ATTEMPTS, STEP_LEASE, GiveUp, Outcome, TryLater
from tests.calls.conftest import run_now
from tests.factories import deliver, encode, make_call, report, seeds_report, work
from tests.servers.plugin import is_ours
from tests.servers.scripted_http import Reply, as_json

# --- Summary ----------------------------------------------------------------------------------------------------------


def answered(text: str) -> Reply:
    return as_json({"choices": [{"message": {"content": text}, "finish_reason": "stop"}]})


@pytest.fixture
def unsummed(ended_call: Any, settings: Any) -> Call:
    """A call of which Vapi sent no summary."""
    settings.OPENAI_API_KEY = "sk-test-of-openai"
    return ended_call(report(analysis={}, summary=None))


def test_vapis_summary_is_enough(ended_call, outside, settings):
    settings.OPENAI_API_KEY = "sk-test-of-openai"
    assert run_now(ended_call(), "summary").state == StepState.DONE
    assert outside.asked == []


def test_without_vapis_summary_openai_writes_one_in_the_assistants_language(unsummed, outside, organization):
    studio = studio_of(organization)
    studio.languages = ["fr"]
    studio.save()
    outside.answer("/v1/chat/completions", answered("Nadia déplace son rendez-vous."))
    assert run_now(unsummed, "summary").state == StepState.DONE
    unsummed.refresh_from_db()
    assert unsummed.summary == "Nadia déplace son rendez-vous."
    asked = outside.server.requests[0].json()["messages"]
    assert "French" in asked[0]["content"]
    assert "Nadia Ferrand" in asked[1]["content"]
    assert "You are Ava" not in json.dumps(asked)


def test_without_a_key_there_is_no_summary(unsummed, outside, settings):
    settings.OPENAI_API_KEY = ""
    step = run_now(unsummed, "summary")
    assert (step.state, step.note) == (StepState.SKIPPED, "no summary came, and no OpenAI key is set")


def test_where_nothing_was_said_there_is_nothing_to_sum_up(ended_call, outside, settings):
    settings.OPENAI_API_KEY = "sk-test-of-openai"
    call = ended_call(seeds_report(transcript=[], aiSummary=""))
    assert run_now(call, "summary").state == StepState.SKIPPED
    assert outside.asked == []


@pytest.mark.parametrize("trouble", [Reply(500), Reply(429), Reply(200, b"no json")])
def test_openai_in_trouble_is_asked_again(unsummed, outside, trouble):
    outside.answer("/v1/chat/completions", trouble, answered("A summary."))
    assert run_now(unsummed, "summary").state == StepState.PENDING
    assert run_now(unsummed, "summary").state == StepState.DONE


def test_a_key_that_openai_refuses_is_given_up(unsummed, outside):
    refusal = as_json({"error": {"message": "Incorrect API key provided: sk-test-of-openai", "code": "invalid"}}, 401)
    outside.answer("/v1/chat/completions", refusal)
    step = run_now(unsummed, "summary")
    assert step.state == StepState.FAILED
    assert "sk-test" not in step.note


def test_vapis_summary_that_comes_meanwhile_stays(unsummed, outside, organization):
    outside.answer("/v1/chat/completions", answered("Ours."))
    step = processing.claim(unsummed.steps.get(kind="summary").pk, "test")
    organization.calls.update(summary="Vapi's.")
    parts.PARTS[StepKind.SUMMARY](step)
    unsummed.refresh_from_db()
    assert unsummed.summary == "Vapi's."


# --- Who does it, and how often ---------------------------------------------------------------------------------------


@pytest.fixture
def step(ended_call: Any) -> Any:
    return ended_call().steps.get(kind="summary")


def done(state: StepState = StepState.DONE) -> Any:
    return lambda step: Outcome(state)


def failing(error: Exception) -> Any:
    def part(step: Any) -> Outcome:
        raise error

    return part


def test_a_claimed_part_is_nobody_elses(step):
    assert processing.claim(step.pk, "one") is not None
    assert processing.claim(step.pk, "other") is None


def test_the_same_task_takes_over_its_own_claim(step):
    first, again = processing.claim(step.pk, "one"), processing.claim(step.pk, "one")
    assert (first.attempts, again.attempts) == (1, 2)


def test_a_dead_workers_claim_ends_with_its_lease(step, time_machine):
    processing.claim(step.pk, "dead")
    time_machine.move_to(timezone.now() + STEP_LEASE + timedelta(seconds=1))
    assert step.pk in processing.due_steps(timezone.now())
    assert processing.claim(step.pk, "other") is not None


def test_a_part_that_waits_is_claimed_by_nobody_before_its_time(step):
    processing.fail(processing.claim(step.pk, "one"), TryLater("not yet"))
    assert processing.claim(step.pk, "one") is None


@pytest.mark.parametrize("state", [StepState.DONE, StepState.SKIPPED, StepState.FAILED])
def test_a_finished_part_is_claimed_by_nobody(step, state):
    type(step).objects.filter(pk=step.pk).update(state=state)
    assert processing.claim(step.pk, "one") is None


def test_who_comes_too_late_changes_nothing(step):
    late = processing.claim(step.pk, "late")
    type(step).objects.filter(pk=step.pk).update(claimed_by="next", note="at work")
    processing.fail(late, GiveUp("too late"))
    processing.finish(late, Outcome(StepState.SKIPPED))
    step.refresh_from_db()
    assert (step.state, step.note, step.claimed_by) == (StepState.RUNNING, "at work", "next")


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="several connections to one test database")
def test_of_many_claimants_at_once_one_wins(step):
    barrier, won = threading.Barrier(8), []

    def claim(name: str) -> None:
        try:
            barrier.wait()
            won.append(processing.claim(step.pk, name))
        finally:
            connection.close()

    threads = [threading.Thread(target=claim, args=[f"task-{number}"]) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (winner,) = [one for one in won if one]
    assert winner.attempts == 1


def test_each_failure_makes_the_wait_longer_up_to_a_limit(step, monkeypatch):
    monkeypatch.setitem(parts.PARTS, StepKind.SUMMARY, failing(TryLater("not yet")))
    waits = []
    for _ in range(MOST_STEP_ATTEMPTS - 1):
        waits.append((run_now(step.call, "summary").due_at - timezone.now()).total_seconds())
    for wait, bottom in zip(waits, [10 * 2**power for power in range(len(waits))], strict=True):
        bottom = min(bottom, processing.LONGEST_WAIT.total_seconds())
        assert bottom - 1 <= wait <= bottom * 1.5
    assert 24 * 3600 / 4 < sum(waits) < 48 * 3600


@pytest.mark.parametrize("error", [TryLater("not yet"), KeyError("a bug")])
def test_a_part_that_never_works_is_given_up_after_all_its_tries(step, monkeypatch, error):
    monkeypatch.setitem(parts.PARTS, StepKind.SUMMARY, failing(error))
    assert run_now(step.call, "summary", times=MOST_STEP_ATTEMPTS - 1).state == StepState.PENDING
    found = run_now(step.call, "summary")
    assert (found.state, bool(found.note), bool(found.finished_at)) == (StepState.FAILED, True, True)
    assert step.pk not in processing.due_steps(timezone.now() + timedelta(days=9))


def test_a_part_that_kills_its_workers_is_given_up_too(step):
    type(step).objects.filter(pk=step.pk).update(
        attempts=MOST_STEP_ATTEMPTS, state=StepState.RUNNING, claimed_by="dead"
    )
    found = run_now(step.call, "summary")
    assert (found.state, found.note) == (StepState.FAILED, "its worker died each time")


def test_a_part_that_was_given_up_runs_again_with_all_its_tries(step, monkeypatch):
    monkeypatch.setitem(parts.PARTS, StepKind.SUMMARY, failing(GiveUp("no")))
    processing.run_again(run_now(step.call, "summary"))
    step.refresh_from_db()
    assert (step.state, step.attempts, step.note, step.finished_at) == (StepState.PENDING, 0, "", None)
    monkeypatch.setitem(parts.PARTS, StepKind.SUMMARY, done())
    assert run_now(step.call, "summary").state == StepState.DONE


def test_one_part_that_fails_keeps_no_other(ended_call, monkeypatch, mails, sandbox):
    monkeypatch.setitem(parts.PARTS, StepKind.RECORDING, failing(KeyError("a bug")))
    call = ended_call()
    work()
    states = dict(call.steps.values_list("kind", "state"))
    assert (states.pop("recording"), set(states.values())) == ("pending", {"done", "skipped"})


def test_a_call_that_goes_while_it_is_worked_on_ends_quietly(step, monkeypatch, caplog):
    def part(step: Any) -> Outcome:
        step.call.delete()
        processing.hold(step)
        return Outcome(StepState.DONE)

    monkeypatch.setitem(parts.PARTS, StepKind.SUMMARY, part)
    parts.run(step.pk, "test")
    parts.run(step.pk, "test")
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


# --- What was left behind ---------------------------------------------------------------------------------------------


@pytest.fixture
def queue(settings: Any) -> Iterator[redis.Redis]:
    if not is_ours("REDIS_URL"):
        pytest.skip("empties the queue, so it must be this run's own")
    with redis.Redis.from_url(settings.REDIS_URL) as found:
        found.flushdb()
        yield found


def queued(queue: redis.Redis) -> list[str]:
    return [json.loads(message)["headers"]["task"] for message in queue.lrange("celery", 0, -1)]


def test_the_sweeper_rings_for_what_is_due(step, organization, queue):
    inbox.store(encode(report()), organization_id=organization.pk)
    assert processing.sweep() == 4
    for _ in range(100):
        if "calls.tasks.drain_inbox" in queued(queue):
            break
        threading.Event().wait(0.02)
    assert sorted(queued(queue)) == ["calls.tasks.drain_inbox", *["calls.tasks.run_step"] * 4]


def test_the_sweeper_leaves_alone_what_waits_or_is_done(step, queue):
    step.call.steps.update(due_at=timezone.now() + timedelta(minutes=1))
    assert processing.sweep() == 0
    assert queued(queue) == []


def test_the_sweeper_takes_the_tenants_in_turn(organization, charlie, monkeypatch):
    monkeypatch.setattr(processing, "SWEEP_LIMIT", 6)
    early, late = timezone.now() - timedelta(hours=1), timezone.now() - timedelta(seconds=1)
    for _ in range(5):
        steps_of(make_call(organization), early)
    theirs = steps_of(make_call(charlie.organizations.get()), late)
    due = processing.due_steps(timezone.now())
    assert len(due) == 6
    assert [pk in theirs for pk in due] == [False, True, False, True, False, True]


def steps_of(call: Call, due_at: Any) -> list[int]:
    return [call.steps.create(kind=kind, due_at=due_at).pk for kind in StepKind]


def test_a_poisonous_event_is_given_up_alone(organization):
    for number in range(10):
        deliver(organization, report(f"call-{number}"))
    poison = WebhookEvent.objects.order_by("pk")[4]
    with connection.cursor() as cursor:
        cursor.execute("UPDATE calls_webhookevent SET body = %s WHERE id = %s", [b"not ours", poison.pk])
    tasks.drain_inbox()
    assert organization.calls.count() == 9
    for _ in range(MOST_EVENT_ATTEMPTS):
        WebhookEvent.objects.filter(state=EventState.RECEIVED).update(due_at=timezone.now())
        tasks.drain_inbox()
    found = WebhookEvent.objects.defer("body").get(pk=poison.pk)
    assert (found.state, found.error, found.attempts) == (EventState.FAILED, "InvalidToken", MOST_EVENT_ATTEMPTS)


def test_an_event_that_kills_its_workers_is_given_up(organization):
    deliver(organization, report())
    WebhookEvent.objects.update(attempts=MOST_EVENT_ATTEMPTS)
    tasks.drain_inbox()
    found = WebhookEvent.objects.get()
    assert (found.state, found.error) == (EventState.FAILED, "Its worker died each time")
    inbox.replay(found)
    tasks.drain_inbox()
    assert WebhookEvent.objects.get().state == EventState.PROCESSED


def test_an_event_whose_worker_died_is_found_again_after_its_lease(organization, time_machine):
    deliver(organization, report())
    assert inbox.claim_next() is not None
    assert inbox.claim_next() is None
    time_machine.move_to(timezone.now() + inbox.LEASE + timedelta(seconds=1))
    tasks.drain_inbox()
    assert WebhookEvent.objects.get().state == EventState.PROCESSED


def test_a_task_that_stops_at_its_limit_rings_for_the_rest(organization, monkeypatch):
    rings = []
    monkeypatch.setattr(tasks, "EVENTS_PER_TASK", 2)
    monkeypatch.setattr(tasks.inbox_bell, "ring", lambda: rings.append(1))
    for _ in range(3):
        inbox.store(encode(report()), organization_id=organization.pk)
    tasks.drain_inbox()
    assert (organization.calls.count(), rings) == (2, [1])
    tasks.drain_inbox()
    assert (organization.calls.count(), rings) == (3, [1])
