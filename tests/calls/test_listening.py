"""Testing the forwarding: a page that listens for the call which the person makes from another phone."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from calls.listening import LISTENS_FOR
from calls.models import Direction
from tests.factories import make_call, make_number

PAGE = "/en/calls/forwarding-test/"


@pytest.fixture
def signed_in(client, alice):
    client.force_login(alice)
    return client


def listening(client: Any, *, since: timedelta = timedelta(0)) -> Any:
    moment = timezone.now() - since
    answer = client.get(f"{PAGE}?since={int(moment.timestamp())}")
    assert answer.status_code == 200
    return answer


def test_it_starts_to_listen_when_it_is_opened(signed_in):
    answer = signed_in.get(PAGE)
    assert answer.status_code == 302
    assert abs(int(answer["Location"].partition("since=")[2]) - timezone.now().timestamp()) < 5


@pytest.mark.parametrize("odd", ["", "x", "-1", "99999999999", "9999999999", "1e9", "٣"])
def test_an_odd_moment_starts_anew(signed_in, odd):
    assert signed_in.get(PAGE, {"since": odd})["Location"].startswith(f"{PAGE}?since=")


def test_a_call_from_before_does_not_count_and_one_from_then_on_does(signed_in, organization):
    make_number(organization, routed_to="assistant")
    make_call(organization, started_at=timezone.now())
    type(organization.calls.get()).objects.for_organization(organization).update(
        created_at=timezone.now() - timedelta(minutes=1)
    )
    waiting = listening(signed_in, since=timedelta(seconds=2))
    assert waiting.context["refreshes"]
    assert 'data-refreshes="3"' in waiting.content.decode()
    arrived = make_call(organization, status="ringing", started_at=timezone.now())
    found = listening(signed_in, since=timedelta(seconds=2))
    assert found.context["call"] == arrived
    assert not found.context["refreshes"]
    assert arrived.get_absolute_url() in found.content.decode()
    assert "06 39 98 00 17" in found.content.decode() or "+33 6 39 98 00 17" in found.content.decode()


@pytest.mark.parametrize("direction", [Direction.OUTBOUND, Direction.WEB])
def test_only_calls_to_the_number_count(signed_in, organization, direction):
    make_number(organization)
    make_call(organization, direction=direction, started_at=timezone.now())
    assert listening(signed_in, since=timedelta(seconds=2)).context["call"] is None


def test_another_tenants_call_is_not_heard(client, charlie, organization):
    make_number(charlie.organizations.get(), "+33199004513")
    make_call(organization, started_at=timezone.now())
    client.force_login(charlie)
    assert listening(client, since=timedelta(seconds=2)).context["call"] is None


def test_it_does_not_listen_for_ever(signed_in, organization):
    make_number(organization)
    answer = listening(signed_in, since=LISTENS_FOR + timedelta(seconds=5))
    assert not answer.context["refreshes"]
    assert "No call has arrived." in answer.content.decode()


def test_without_a_number_or_without_ava_it_says_so(signed_in, organization):
    assert "There is no number yet" in listening(signed_in).content.decode()
    make_number(organization)
    assert "Ava is not active" in listening(signed_in).content.decode()


def test_the_sandbox_calls_itself_and_real_accounts_do_not(signed_in, organization, settings):
    make_number(organization)
    settings.SANDBOX_URL = ""
    assert "Let the sandbox call" not in listening(signed_in).content.decode()
    settings.SANDBOX_URL = "http://127.0.0.1:9"
    assert "Let the sandbox call" in listening(signed_in).content.decode()


def test_listening_costs_few_queries(signed_in, organization, django_assert_max_num_queries):
    make_number(organization)
    with django_assert_max_num_queries(8):
        listening(signed_in)
