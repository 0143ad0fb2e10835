"""The calls over the API: pages both ways, filters, search, and one call whole."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest

from calls.models import StepKind, StepState
from tests.api.conftest import errors_of
from tests.factories import make_call

CALLS = "/api/v1/calls"
NOON = datetime(2026, 10, 6, 12, tzinfo=UTC)


def ids(answer):
    assert answer.status_code == 200, answer.content
    return [call["id"] for call in answer.json()["results"]]


@pytest.fixture
def calls(organization):
    """Seven of them, the newest first."""
    made = [make_call(organization, started_at=NOON - timedelta(hours=hour)) for hour in range(7)]
    return [str(call.pk) for call in made]


def test_a_call_in_the_list_has_everything_but_what_was_said(api_of, alice, organization):
    call = make_call(
        organization,
        ended_at=NOON,
        ended_reason="customer-ended-call",
        summary="Wants an appointment.",
        cost=Decimal("0.1225"),
        recording_name="org/1/calls/x.mp3",
    )
    assert api_of(alice).get(CALLS).json() == {
        "results": [
            {
                "id": str(call.pk),
                "vapi_call_id": call.vapi_call_id,
                "direction": "inbound",
                "caller_number": "+33639980017",
                "number": "+33199004512",
                "started_at": "2026-10-06T08:14:00Z",
                "ended_at": "2026-10-06T12:00:00Z",
                "duration_seconds": 33,
                "status": "completed",
                "ended_reason": "customer-ended-call",
                "summary": "Wants an appointment.",
                "cost": 0.1225,
                "currency": "USD",
                "recording": "ready",
            }
        ],
        "next": None,
        "previous": None,
    }


def test_pages_lead_on_and_back(api_of, alice, calls):
    api = api_of(alice)
    first = api.get(CALLS, {"page_size": 3, "search": ""})
    assert first.json()["previous"] is None
    assert first.json()["next"].startswith("http://testserver/api/v1/calls?page_size=3&search=&cursor=")
    second = api.get(first.json()["next"])
    third = api.get(second.json()["next"])
    assert [*ids(first), *ids(second), *ids(third)] == calls
    assert third.json()["next"] is None
    back = api.get(third.json()["previous"])
    assert ids(back) == ids(second)
    assert ids(api.get(back.json()["previous"])) == ids(first)


def test_the_older_address_pages_too(api_of, alice, calls):
    address = api_of(alice).get("/api/calls/?page_size=1").json()["next"]
    assert urlsplit(address).path == "/api/calls/"
    assert ids(api_of(alice).get(address)) == calls[1:2]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("status=missed", ["missed"]),
        ("status=missed&status=voicemail", ["voicemail", "missed"]),
        ("direction=web", ["web"]),
        ("number=%2B33199000001", ["other"]),
        ("number=+33199000001", ["other"]),
        ("caller=%2B14155550123", ["american"]),
        ("has_recording=true", ["web"]),
        ("has_recording=false&direction=inbound&status=completed", ["other", "american"]),
        ("from=2026-10-06", ["other"]),
        ("to=2026-10-02", ["missed"]),
        ("from=2026-10-03&to=2026-10-05", ["american", "web", "voicemail"]),
        ("search=dentist", ["american"]),
        ("search=dentist&direction=web", []),
    ],
)
def test_filters_narrow_the_list(api_of, alice, organization, query, found):
    alice.timezone = "Asia/Jerusalem"  # the sixth of October begins there at 21:00 of the fifth in UTC
    alice.save()
    at = datetime(2026, 10, 5, 20, 59, tzinfo=UTC)
    made = {
        "missed": make_call(organization, status="missed", started_at=at - timedelta(days=3)),
        "voicemail": make_call(organization, status="voicemail", started_at=at - timedelta(days=2)),
        "web": make_call(organization, direction="web", recording_name="x.mp3", started_at=at - timedelta(days=1)),
        "american": make_call(organization, caller_number="+14155550123", summary="A dentist.", started_at=at),
        "other": make_call(organization, number="+33199000001", started_at=at + timedelta(minutes=1)),
    }
    names = {str(call.pk): name for name, call in made.items()}
    assert [names[one] for one in ids(api_of(alice).get(f"{CALLS}?{query}"))] == found


@pytest.mark.parametrize(
    ("query", "wrong"),
    [
        ("cursor=x", {"cursor": "invalid_cursor"}),
        ("cursor=bmV3ZXJ8OTk5OS0xMi0zMVQyMzo1OTo1OS0xMjowMHx4", {"cursor": "invalid_cursor"}),
        ("cursor=%00", {"cursor": "null_characters_not_allowed"}),
        ("cursor=" + "a" * 301, {"cursor": "max_length"}),
        ("page_size=0", {"page_size": "min_value"}),
        ("page_size=101", {"page_size": "max_value"}),
        ("page_size=" + "9" * 40, {"page_size": "max_value"}),
        ("page=2&limit=5", {"page": "unknown_parameter", "limit": "unknown_parameter"}),
        ("status=gone", {"status.0": "invalid_choice"}),
        ("direction=up", {"direction": "invalid_choice"}),
        ("has_recording=perhaps", {"has_recording": "invalid"}),
        ("from=yesterday", {"from": "invalid"}),
        ("from=0001-01-01&to=9999-12-31", {"from": "min_value", "to": "max_value"}),
        ("search=%00", {"search": "null_characters_not_allowed"}),
    ],
)
def test_a_wrong_parameter_is_named(api_of, alice, query, wrong):
    assert errors_of(api_of(alice).get(f"{CALLS}?{query}")) == wrong


def test_a_cursor_of_another_organization_opens_nothing_of_it(api_of, alice, charlie, calls):
    address = api_of(alice).get(CALLS, {"page_size": 2}).json()["next"]
    make_call(charlie.organizations.get(), started_at=NOON - timedelta(days=9))
    (found,) = ids(api_of(charlie).get(address))
    assert found not in calls


@pytest.mark.parametrize("query", [{}, {"search": "rendez"}, {"search": "rare"}, {"status": "completed"}])
def test_a_page_asks_the_database_six_times_at_most(
    api_of, alice, organization, calls, query, django_assert_max_num_queries
):
    make_call(organization, summary="Something rare.")
    api = api_of(alice)
    with django_assert_max_num_queries(6):
        assert ids(api.get(CALLS, query))


# --- One call ---------------------------------------------------------------------------------------------------------


def test_a_call_has_the_conversation_and_what_became_of_each_part(
    api_of, bob, organization, django_assert_max_num_queries
):
    transcript = [
        {"role": "assistant", "text": "Bonjour.", "seconds": 1.4},
        {"role": "user", "text": "Un rendez-vous ?", "seconds": None},
    ]
    call = make_call(organization, transcript=transcript)
    call.steps.create(kind=StepKind.RECORDING, state=StepState.FAILED, due_at=NOON, note="127.0.0.1 refuses it")
    call.steps.create(kind=StepKind.EMAIL, state=StepState.DONE, due_at=NOON, note="bob@practice.example")
    api = api_of(bob)
    with django_assert_max_num_queries(6):
        told = api.get(f"{CALLS}/{call.pk}").json()
    assert told["transcript"] == transcript
    assert told["processing"] == [{"kind": "recording", "state": "failed"}, {"kind": "email", "state": "done"}]
    assert told["recording"] == "failed"
    (listed,) = api.get(CALLS).json()["results"]
    assert listed.items() <= told.items()


@pytest.mark.parametrize(
    ("status", "step", "recording"),
    [
        ("completed", None, "none"),
        ("completed", StepState.SKIPPED, "none"),
        ("completed", StepState.PENDING, "pending"),
        ("completed", StepState.RUNNING, "pending"),
        ("completed", StepState.FAILED, "failed"),
        ("in-progress", None, "pending"),
    ],
)
def test_the_state_of_the_recording_is_told_in_a_word(api_of, alice, organization, status, step, recording):
    call = make_call(organization, status=status)
    if step:
        call.steps.create(kind=StepKind.RECORDING, state=step, due_at=NOON)
    (listed,) = api_of(alice).get(CALLS).json()["results"]
    assert listed["recording"] == recording


@pytest.mark.parametrize("rest", ["", "/recording"])
def test_anothers_call_is_as_unknown_as_one_that_never_was(api_of, alice, charlie, organization, rest):
    call = make_call(organization, recording_name="x.mp3")
    theirs = api_of(charlie).get(f"{CALLS}/{call.pk}{rest}")
    nobodys = api_of(charlie).get(f"{CALLS}/{uuid4()}{rest}")
    assert (theirs.status_code, nobodys.status_code) == (404, 404)
    assert theirs.content == nobodys.content
    assert api_of().get(f"{CALLS}/{call.pk}{rest}").status_code == 401
    assert api_of(alice).get(f"{CALLS}/1{rest}").status_code == 404


def test_a_stranger_sees_their_own_calls_only(api_of, charlie, calls):
    assert ids(api_of(charlie).get(CALLS)) == []
    assert api_of().get(CALLS).status_code == 401


def test_the_calls_are_only_read(api_of, alice, organization):
    call = make_call(organization)
    for method in ("post", "put", "patch", "delete"):
        assert getattr(api_of(alice), method)(f"{CALLS}/{call.pk}").status_code == 405


def test_a_next_page_keeps_every_other_parameter(api_of, alice, organization):
    for status in ("missed", "voicemail", "missed"):
        make_call(organization, status=status)
    address = api_of(alice).get(f"{CALLS}?status=missed&status=voicemail&page_size=2").json()["next"]
    assert parse_qs(urlsplit(address).query)["status"] == ["missed", "voicemail"]
