"""The operator's numbers: lent by country, never to two, and never lost."""

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from accounts.models import Organization
from accounts.tenancy import found_organization
from telephony import pool
from telephony.models import PoolNumber
from telephony.pool import NoNumberLeft
from tests.factories import make_user

at_once = pytest.mark.skipif(connection.vendor != "postgresql", reason="several connections to one test database")


def make_pool(count: int, country: str = "FR") -> list[PoolNumber]:
    start = {"FR": 33199000000, "US": 12125550100}[country]
    return PoolNumber.objects.bulk_create(
        PoolNumber(number=f"+{start + number}", country=country) for number in range(count)
    )


def make_organizations(count: int) -> list[Organization]:
    owner = make_user("many@example.com")
    return [found_organization(owner=owner, name=f"Practice {number}") for number in range(count)]


def claim_at_once(organizations: list[Organization], claim: Callable[[Organization], Any]) -> list[Any]:
    """Let each organization claim on a connection of its own, all released together; what each got, or its error."""
    barrier = threading.Barrier(len(organizations))
    results: list[Any] = [None] * len(organizations)

    def run(place: int) -> None:
        try:
            connection.ensure_connection()
            barrier.wait()
            results[place] = claim(organizations[place])
        except Exception as error:
            results[place] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[place]) for place in range(len(organizations))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def assign(organization: Organization, country: str = "FR") -> PoolNumber:
    return pool.assign_number(organization=organization, country=country)


# --- One at a time ----------------------------------------------------------------------------------------------------


def test_a_number_of_the_country_is_lent(organization):
    make_pool(2, "US")
    make_pool(1)
    lent = assign(organization)
    assert (lent.country, lent.organization) == ("FR", organization)
    assert abs((lent.assigned_at - timezone.now()).total_seconds()) < 5


def test_the_same_organization_gets_the_same_number_again(organization):
    make_pool(3)
    assert assign(organization) == assign(organization) == assign(organization, "US")
    assert PoolNumber.objects.filter(organization__isnull=False).count() == 1


def test_when_none_is_left_of_the_country_that_is_said(organization):
    make_pool(1, "US")
    with pytest.raises(NoNumberLeft) as refusal:
        assign(organization)
    assert refusal.value.country == "FR"


def test_a_number_given_back_is_lent_to_nobody_before_its_quarantine_is_over(organization, charlie, time_machine):
    make_pool(1)
    assign(organization)
    pool.release_number(organization=organization)
    with pytest.raises(NoNumberLeft):
        assign(charlie.organizations.get())
    time_machine.move_to(timezone.now() + pool.QUARANTINE - timedelta(minutes=1))
    assert pool.end_quarantines() == 0
    time_machine.move_to(timezone.now() + timedelta(minutes=2))
    assert pool.end_quarantines() == 1
    assert assign(charlie.organizations.get()).quarantined_until is None


def test_giving_back_concerns_ones_own_number_only(organization, charlie):
    make_pool(2)
    assign(organization)
    theirs = assign(charlie.organizations.get())
    pool.release_number(organization=organization)
    theirs.refresh_from_db()
    assert theirs.organization == charlie.organizations.get()


def test_a_claim_is_one_statement_when_there_are_numbers(organization, django_assert_max_num_queries):
    make_pool(100)
    with django_assert_max_num_queries(5):
        assign(organization)


# --- Many at once -----------------------------------------------------------------------------------------------------


@at_once
@pytest.mark.django_db(transaction=True)
def test_of_32_claimants_ten_get_the_ten_numbers_and_the_others_are_told():
    organizations = make_organizations(32)
    for _ in range(3):
        make_pool(10)
        begun = time.monotonic()
        results = claim_at_once(organizations, assign)
        assert time.monotonic() - begun < 10
        lent = [result.number for result in results if isinstance(result, PoolNumber)]
        assert (len(lent), len(set(lent))) == (10, 10)
        others = [result for result in results if not isinstance(result, PoolNumber)]
        assert [type(other) for other in others] == [NoNumberLeft] * 22, others
        assert PoolNumber.objects.filter(organization__isnull=False).count() == 10
        PoolNumber.objects.all().delete()


@at_once
@pytest.mark.django_db(transaction=True)
def test_a_number_freed_by_a_rollback_is_found_by_who_waits():
    """One claimant holds the last number without having committed; another must not be told that none is left."""
    make_pool(1)
    first, second = make_organizations(2)
    claimed, answer = threading.Event(), []

    def hesitate() -> None:
        try:
            with transaction.atomic():
                assign(first)
                claimed.set()
                time.sleep(0.5)
                raise KeyError("the browser went away")
        except KeyError:
            pass
        finally:
            connection.close()

    def wait() -> None:
        claimed.wait()
        try:
            answer.append(assign(second))
        finally:
            connection.close()

    threads = [threading.Thread(target=one) for one in (hesitate, wait)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert PoolNumber.objects.get().organization == second
    assert [number.organization for number in answer] == [second]


@at_once
@pytest.mark.django_db(transaction=True)
def test_an_organization_that_asks_eight_times_at_once_gets_one_number():
    make_pool(8)
    (organization,) = make_organizations(1)
    results = claim_at_once([organization] * 8, assign)
    assert len({result.number for result in results}) == 1
    assert PoolNumber.objects.filter(organization__isnull=False).count() == 1
