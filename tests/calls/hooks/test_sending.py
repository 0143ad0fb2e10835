"""Which worker sends a delivery, how many of one tenant's at once, and what is found again."""

from datetime import timedelta

from django.utils import timezone

from calls import tasks
from calls.hooks import delivery
from calls.hooks.delivery import AT_ONCE, LEASE, PLAN
from calls.models import DeliveryState
from tests.calls.hooks.conftest import send_now
from tests.factories import make_delivery, make_endpoint


def test_a_claimed_delivery_is_nobody_elses_but_the_same_tasks(receiver):
    row = make_delivery(receiver())
    assert delivery.claim(row.pk, "one") is not None
    assert delivery.claim(row.pk, "other") is None
    assert delivery.claim(row.pk, "one").attempts == 2


def test_a_killed_workers_delivery_is_found_again_when_its_lease_ends(receiver, outside, time_machine):
    row = make_delivery(receiver())
    delivery.claim(row.pk, "killed")
    assert delivery.due_deliveries(timezone.now()) == []
    time_machine.move_to(timezone.now() + LEASE + timedelta(seconds=1))
    assert delivery.due_deliveries(timezone.now()) == [row.pk]
    delivery.run(row.pk, "other")
    row.refresh_from_db()
    assert row.state == DeliveryState.DELIVERED


def test_a_worker_that_dies_each_time_ends_visibly(receiver, outside):
    row = send_now(make_delivery(receiver(), attempts=len(PLAN)))
    assert (row.state, row.error) == (DeliveryState.FAILED, delivery.DIED)
    assert outside.asked == []


def test_who_comes_too_late_changes_nothing(receiver):
    endpoint = receiver()
    late = delivery.claim(make_delivery(endpoint).pk, "late")
    endpoint.deliveries.update(claimed_by="next")
    delivery._note(late, delivery.Heard(delivery.REFUSED, 410))
    endpoint.refresh_from_db()
    assert endpoint.is_enabled
    assert endpoint.deliveries.get().state == DeliveryState.RUNNING


def test_one_tenant_holds_few_workers_and_others_go_on(receiver, organization, charlie):
    endpoint = receiver()
    rows = [make_delivery(endpoint) for _ in range(AT_ONCE + 1)]
    theirs = make_delivery(make_endpoint(charlie.organizations.get()))
    claims = [delivery.claim(row.pk, f"task {row.pk}") for row in rows]
    assert [claim is not None for claim in claims] == [True] * AT_ONCE + [False]
    assert delivery.claim(theirs.pk, "task") is not None


def test_who_finishes_rings_for_what_waits_for_a_place(receiver, monkeypatch):
    endpoint = receiver()
    first, second = make_delivery(endpoint), make_delivery(endpoint)
    rung: list[int] = []
    monkeypatch.setattr(delivery, "queue_delivery", rung.append)
    send_now(first)
    assert rung == [second.pk]


def test_a_sweep_takes_the_tenants_in_turn_and_of_each_not_too_many(receiver, charlie, monkeypatch):
    monkeypatch.setattr(delivery, "TENANT_SWEEP_LIMIT", 3)
    endpoint = receiver()
    mine = [make_delivery(endpoint).pk for _ in range(5)]
    theirs = make_delivery(make_endpoint(charlie.organizations.get())).pk
    due = delivery.due_deliveries(timezone.now())
    assert sorted(due) == sorted([*mine[:3], theirs])
    assert due.index(theirs) <= 1


def test_the_sweep_rings_for_what_a_lost_message_left(receiver, monkeypatch):
    row = make_delivery(receiver())
    rung: list[int] = []
    monkeypatch.setattr(delivery, "queue_delivery", rung.append)
    tasks.sweep()
    assert rung == [row.pk]
