"""Several tellings of one call: whatever their order and number, one call, and nothing is lost."""

import random
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Organization
from calls import inbox, tasks
from calls.models import Call, WebhookEvent
from calls.webhooks.parsers import parse
from calls.webhooks.reports import merge
from tests.factories import deliver, payload, report, seeds_report, work

CALL_ID = "01a11046-dd86-77ed-9b36-0f06acaef2cc"
VOLATILE = {"id", "created_at"}


def row(organization: Organization) -> dict[str, Any]:
    """All that is known of the one call there is."""
    (values,) = organization.calls.values()
    return {name: value for name, value in values.items() if name not in VOLATILE}


def status_update(status: str, timestamp: int, **fields: Any) -> dict[str, Any]:
    event = payload("status-update")
    event["message"] |= {"status": status, "timestamp": timestamp, **fields}
    return event


def take(organization: Organization, *events: Any) -> None:
    for event in events:
        assert deliver(organization, event).status_code == 200
        tasks.drain_inbox()


@pytest.fixture
def sequence() -> list[dict[str, Any]]:
    """All that came of one call: its way, two tellings of the report and one of the seeds' shape, some repeated."""
    start = 1791274442000
    conversation = payload("end-of-call-report")["message"]["artifact"]["messages"]
    ways = [
        status_update("queued", start),
        status_update("ringing", start + 100),
        status_update("in-progress", start + 809),
        status_update("in-progress", start + 20_000, artifact={"messages": conversation[:4]}),
        status_update("forwarding", start + 30_000),
        status_update("ended", start + 34_000, endedReason="customer-ended-call"),
        {"message": {"type": "hang", "timestamp": start + 21_000, "call": {"id": CALL_ID}}},
        {"message": {"type": "speech-update", "timestamp": start + 9_000, "call": {"id": CALL_ID}}},
        {"message": {"type": "brand-new", "call": {"id": CALL_ID}, "customer": {"number": "+1"}}},
        {"message": {"type": "transcript", "transcript": "half a word", "call": {"id": CALL_ID}}},
    ]
    reports = [
        payload("end-of-call-report"),
        report(CALL_ID, timestamp=start + 45_000, summary="", analysis={"summary": "A better summary."}),
        report(CALL_ID, timestamp=start + 44_000, cost=None, costBreakdown=None, costs=None, endedAt=None),
        seeds_report(CALL_ID, aiSummary="The seeds' summary.", recordingUrl="https://r.example/a.mp3"),
        {"message": {"type": "end-of-call-report", "call": {"id": CALL_ID}}},
        {"message": {"type": "end-of-call-report", "call": {"id": CALL_ID}, "artifact": None, "endedReason": None}},
    ]
    return [*ways, *reports, *random.Random(1).sample([*ways, *reports], 4)]


def test_an_event_more_never_makes_the_call_poorer(sequence):
    """Every part of a telling that says something is still said by all of them together."""
    for size in range(1, len(sequence)):
        before, after = merge(map(parse, sequence[:size])), merge(map(parse, sequence[: size + 1]))
        lost = [name for name, value in vars(before).items() if value and not vars(after)[name]]
        assert not lost


def test_200_orders_of_the_same_tellings_give_the_same_report(sequence):
    wanted = merge(map(parse, sequence))
    chance = random.Random(7)
    for _ in range(200):
        chance.shuffle(sequence)
        assert merge(map(parse, sequence)) == wanted


def test_shuffled_deliveries_give_the_same_row(organization, sequence):
    """The same 20 events through the whole path, in ten orders; between them the workers run or not, as it happens."""
    rows, chance = [], random.Random(3)
    for _ in range(10):
        chance.shuffle(sequence)
        for event in sequence:
            deliver(organization, event)
            if chance.random() < 0.3:
                tasks.drain_inbox()
        tasks.drain_inbox()
        rows.append(row(organization))
        organization.calls.all().delete()
        organization.webhook_events.all().delete()
    assert all(one == rows[0] for one in rows)
    assert (rows[0]["status"], rows[0]["summary"], rows[0]["duration_seconds"]) == (
        "completed",
        "A better summary.",
        33,
    )


@pytest.mark.parametrize("seeds_first", [True, False])
def test_both_shapes_of_a_call_make_one_call_in_which_vapis_own_report_wins(organization, seeds_first):
    seeds = seeds_report(CALL_ID, aiSummary="The seeds' summary.", customer={"number": "+33100000000"})
    take(organization, *((seeds, payload("end-of-call-report"))[:: 1 if seeds_first else -1]))
    found = row(organization)
    assert found["summary"].startswith("Nadia")
    assert (found["caller_number"], found["duration_seconds"]) == ("+33639980017", 33)
    assert len(found["transcript"]) == 7


@pytest.mark.parametrize("seeds_first", [True, False])
def test_what_one_shape_leaves_out_the_other_fills_in(organization, seeds_first):
    vapis = report(CALL_ID, analysis={}, summary=None)
    take(organization, *((seeds_report(CALL_ID), vapis)[:: 1 if seeds_first else -1]))
    assert row(organization)["summary"] == "L'appelant souhaite prendre rendez-vous."


def test_a_later_telling_of_equal_weight_wins_and_silence_erases_nothing(organization):
    late = report(CALL_ID, timestamp=1791274489999, analysis={"summary": "Later."}, summary=None, cost=None, costs=None)
    late["message"]["costBreakdown"] = None
    take(organization, late, payload("end-of-call-report"))
    found = row(organization)
    assert (found["summary"], str(found["cost"])) == ("Later.", "0.048400")


def test_duplicates_change_nothing(organization):
    take(organization, payload("status-update"), payload("end-of-call-report"))
    before = row(organization)
    take(organization, *[payload("end-of-call-report"), payload("status-update")] * 5)
    assert row(organization) == before
    assert WebhookEvent.objects.count() == 2


@pytest.mark.parametrize("status", ["ringing", "in-progress", "queued"])
def test_a_call_that_is_over_does_not_ring_again(organization, status):
    take(organization, payload("end-of-call-report"), status_update(status, 1791274999999))
    assert row(organization)["status"] == "completed"


def test_a_call_that_is_answered_does_not_ring_again(organization):
    take(organization, status_update("in-progress", 1791274442809), status_update("ringing", 1791274443000))
    assert row(organization)["status"] == "in-progress"


def test_parts_begin_with_the_report_and_only_once(organization):
    take(organization, payload("status-update"))
    call = Call.objects.for_organization(organization).get()
    assert not call.steps.exists()
    take(organization, payload("end-of-call-report"), seeds_report(CALL_ID), report(CALL_ID))
    assert sorted(call.steps.values_list("kind", flat=True)) == ["email", "push", "recording", "summary"]


def test_nothing_is_lost_when_an_event_comes_after_the_raw_bodies_were_dropped(organization):
    take(organization, payload("status-update"), payload("end-of-call-report"))
    before = row(organization)
    assert inbox.drop_raw_bodies(older_than=timezone.now()) == 2
    take(organization, status_update("in-progress", 1791274444000))
    assert row(organization) == before


def test_raw_bodies_of_events_not_yet_processed_are_kept(organization):
    deliver(organization, report())
    assert inbox.drop_raw_bodies(older_than=timezone.now()) == 0


def test_our_own_summary_survives_a_late_event(organization):
    take(organization, report(CALL_ID, analysis={}, summary=None))
    organization.calls.update(summary="Ours.", recording_name="org/1/calls/x.mp3")
    take(organization, status_update("in-progress", 1791274444000))
    found = row(organization)
    assert (found["summary"], found["recording_name"]) == ("Ours.", "org/1/calls/x.mp3")


def test_the_same_call_id_at_two_tenants_is_two_calls(organization, charlie):
    theirs = charlie.organizations.get()
    take(organization, {"message": {"type": "status-update", "status": "ringing", "call": {"id": "same"}}})
    take(theirs, {"message": {"type": "status-update", "status": "in-progress", "call": {"id": "same"}}})
    assert (row(organization)["status"], row(theirs)["status"]) == ("ringing", "in-progress")


def test_a_call_of_which_nothing_is_told_but_its_id_has_a_time_all_the_same(organization):
    deliver(organization, {"message": {"type": "end-of-call-report", "call": {"id": "bare"}}})
    work()
    assert abs((row(organization)["started_at"] - timezone.now()).total_seconds()) < 60
