"""The daily mail: at six in the person's own evening, once, with every call since the one before."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from accounts.models import Membership
from accounts.models.organizations import MailTiming
from calls import digests
from calls.models import StepKind, StepState
from tests.calls.conftest import run_now
from tests.factories import make_call, make_user

PARIS = ZoneInfo("Europe/Paris")
SIX = datetime(2026, 10, 6, 18, 0, tzinfo=PARIS)
AFTER_SIX = SIX + timedelta(minutes=2)


@pytest.fixture
def daily(alice: Any, organization: Any) -> Membership:
    """Alice, in Paris, wants one mail a day."""
    alice.timezone = "Europe/Paris"
    alice.save()
    organization.memberships.update(mail_timing=MailTiming.DAILY, digest_through=SIX - timedelta(days=1))
    return organization.memberships.get(user=alice)


def told_call(organization: Any, at: datetime, **fields: Any) -> Any:
    call = make_call(organization, started_at=at - timedelta(minutes=3), **fields)
    call.steps.create(kind=StepKind.EMAIL, state=StepState.DONE, due_at=at, finished_at=at)
    return call


def bodies(mails: Any) -> list[str]:
    return [mail.get_body(("plain",)).get_content() for mail in mails.messages]


@pytest.mark.parametrize(
    ("zone", "now", "evening"),
    [
        ("Europe/Paris", "2026-10-06T16:02Z", "2026-10-06T16:00Z"),
        ("Europe/Paris", "2026-10-06T16:00Z", "2026-10-05T16:00Z"),
        ("Europe/Paris", "2026-10-25T17:02Z", "2026-10-25T17:00Z"),  # the clock was put back that morning
        ("Asia/Jerusalem", "2026-10-06T00:10Z", "2026-10-05T15:00Z"),
        ("America/Los_Angeles", "2026-10-06T01:30Z", "2026-10-06T01:00Z"),
        ("Nowhere/Land", "2026-10-06T18:02Z", "2026-10-06T18:00Z"),
    ],
)
def test_the_evening_is_the_persons_own(zone, now, evening):
    assert digests.last_evening(zone, datetime.fromisoformat(now)) == datetime.fromisoformat(evening)


def test_the_days_calls_come_in_one_mail_in_the_persons_language(daily, organization, alice, mails):
    alice.locale = "he"
    alice.save()
    first = told_call(organization, SIX - timedelta(hours=20), summary="first caller")
    second = told_call(organization, SIX - timedelta(minutes=5), summary="second caller")
    assert digests.send_due(AFTER_SIX) == 1
    (mail,) = mails.messages
    assert mail["To"] == alice.email
    assert 'dir="rtl"' in mail.get_body(("html",)).get_content()
    (body,) = bodies(mails)
    assert body.index("first caller") < body.index("second caller")
    for call in (first, second):
        assert f"/he/calls/{call.pk}/" in body


def test_it_is_sent_once_however_often_beat_rings(daily, organization, mails):
    told_call(organization, SIX - timedelta(hours=1))
    stale = Membership.objects.get(pk=daily.pk)
    assert [digests.send_due(AFTER_SIX + timedelta(minutes=n)) for n in range(3)] == [1, 0, 0]
    assert not digests._claim(stale, SIX, AFTER_SIX)  # a second beat that read the row before the first one sent
    assert len(mails.messages) == 1


def test_before_six_nothing_is_sent(daily, organization, mails):
    told_call(organization, SIX - timedelta(hours=1))
    assert digests.send_due(SIX - timedelta(minutes=1)) == 0


def test_a_day_without_calls_is_quiet(daily, mails):
    assert digests.send_due(AFTER_SIX) == 0
    assert mails.messages == []


def test_a_call_after_six_is_in_the_next_mail_and_no_call_in_two(daily, organization, mails):
    told_call(organization, SIX - timedelta(hours=1), summary="in the afternoon")
    digests.send_due(AFTER_SIX)
    told_call(organization, SIX + timedelta(hours=1), summary="in the night")
    digests.send_due(AFTER_SIX + timedelta(days=1))
    today, tomorrow = bodies(mails)
    assert ("in the afternoon" in today, "in the night" in today) == (True, False)
    assert ("in the afternoon" in tomorrow, "in the night" in tomorrow) == (False, True)


def test_what_a_mail_server_did_not_take_is_tried_again_and_lost_on_nobody(daily, organization, mails, settings):
    told_call(organization, SIX - timedelta(hours=1))
    settings.EMAIL_PORT = 9
    assert digests.send_due(AFTER_SIX) == 0
    settings.EMAIL_PORT = mails.port
    assert digests.send_due(AFTER_SIX + timedelta(minutes=1)) == 0  # still held by the first try
    assert digests.send_due(AFTER_SIX + digests.LEASE) == 1
    assert len(mails.messages) == 1


def test_a_refusal_for_good_ends_it(daily, organization, mails):
    told_call(organization, SIX - timedelta(hours=1))
    mails.refuse_rcpt(code=550)
    assert digests.send_due(AFTER_SIX) == 0
    assert digests.send_due(AFTER_SIX + digests.LEASE) == 0
    assert mails.messages == []


def test_many_calls_are_counted_and_the_first_shown(daily, organization, mails, monkeypatch):
    monkeypatch.setattr(digests, "MOST_CALLS", 2)
    for minutes in range(5):
        told_call(organization, SIX - timedelta(minutes=minutes + 1))
    digests.send_due(AFTER_SIX)
    (body,) = bodies(mails)
    assert "5 calls" in body
    assert "3 more calls" in body


def test_only_those_who_want_it_and_only_their_own_organizations_calls(daily, organization, mails, bob, charlie):
    told_call(charlie.organizations.get(), SIX - timedelta(hours=1))
    charlie.memberships.update(mail_timing=MailTiming.NONE)
    told_call(organization, SIX - timedelta(hours=1))
    assert digests.send_due(AFTER_SIX) == 1
    assert [mail["To"] for mail in mails.messages] == [daily.user.email]


# --- After each call, or not ------------------------------------------------------------------------------------------


def test_who_wants_one_mail_a_day_or_none_gets_none_after_a_call(ended_call, mails, daily, organization, bob):
    dora = make_user("dora@practice.example", organization=organization)
    organization.memberships.filter(user=dora).update(mail_timing=MailTiming.NONE)
    step = run_now(ended_call(), "email")
    assert (step.state, step.note) == (StepState.DONE, bob.email)


def test_when_nobody_wants_a_mail_after_each_call_there_is_nothing_to_do(ended_call, mails, daily):
    assert run_now(ended_call(), "email").state == StepState.SKIPPED
    assert digests.send_due(datetime.now(UTC) + timedelta(days=1, minutes=2)) == 1  # and the evening tells of it


def test_a_choice_in_one_organization_does_not_count_in_another(ended_call, mails, alice, charlie):
    charlies = charlie.organizations.get()
    Membership.objects.create(user=alice, organization=charlies, mail_timing=MailTiming.NONE, push_calls=False)
    assert run_now(ended_call(), "email").note == alice.email


def test_who_wants_no_push_gets_none(ended_call, sandbox, alice, organization):
    alice.devices.create(expo_token="ExponentPushToken[quiet]")
    organization.memberships.update(push_calls=False)
    assert run_now(ended_call(), "push").state == StepState.SKIPPED
