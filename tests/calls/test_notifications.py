"""Telling people that somebody called: mails over real SMTP, pushes to the sandbox's Expo."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import requests
from django.utils import timezone

from accounts.models import Device
from calls import notifications, processing
from calls.models import StepState
from tests.calls.conftest import run_now
from tests.factories import make_user, report
from tests.servers.scripted_http import as_json

TOKEN = "ExponentPushToken[{}]"


# --- E-mail -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def team(alice: Any, bob: Any, organization: Any) -> list[Any]:
    """Alice reads English, Bob French, Dora Hebrew."""
    dora = make_user("dora@practice.example", organization=organization, locale="he", timezone="Asia/Jerusalem")
    return [alice, bob, dora]


def got(mails: Any) -> list[str]:
    return [mail["To"] for mail in mails.messages]


def html_of(mail: Any) -> str:
    return mail.get_body(("html",)).get_content()


def test_everybody_of_the_organization_is_written_to_in_their_own_language(ended_call, mails, team, charlie):
    call = ended_call()
    step = run_now(call, "email")
    assert (step.state, step.note) == (StepState.DONE, ", ".join(person.email for person in team))
    assert got(mails) == [person.email for person in team]
    english, _french, hebrew = mails.messages
    assert len({mail["Subject"] for mail in mails.messages}) == 3
    for language, mail in zip(("en", "fr", "he"), mails.messages, strict=True):
        assert f'lang="{language}"' in html_of(mail)
    assert 'dir="rtl"' in html_of(hebrew)
    assert 'dir="rtl"' not in html_of(english)
    for mail in mails.messages:
        text = mail.get_body(("plain",)).get_content()
        assert f"http://testserver{call.get_absolute_url()}".split("/calls/")[1] in text
        assert "Nadia Ferrand" in text


def test_a_mail_keeps_its_message_id_whenever_it_is_sent(ended_call, mails, alice):
    call = ended_call()
    mails.drop_after_data()  # it arrives, and we do not learn of it
    assert run_now(call, "email").state == StepState.PENDING
    assert run_now(call, "email").state == StepState.DONE
    first, second = mails.messages
    assert first["Message-ID"] == second["Message-ID"] == f"<call-{call.pk}-{alice.pk}@testserver>"


def test_messages_to_two_people_have_different_ids(ended_call, mails, team):
    run_now(ended_call(), "email")
    assert len({mail["Message-ID"] for mail in mails.messages}) == 3


def test_who_is_asked_to_wait_is_written_to_later_and_nobody_twice(ended_call, mails, team):
    call = ended_call()
    mails.refuse_rcpt(code=450)
    step = run_now(call, "email")
    assert (step.state, step.note) == (StepState.PENDING, "The mail server asks to try later (450)")
    assert got(mails) == ["bob@practice.example", "dora@practice.example"]
    assert run_now(call, "email").state == StepState.DONE
    assert sorted(got(mails)) == [person.email for person in team]


def test_who_is_refused_for_good_keeps_nobody_else_from_reading(ended_call, mails, team):
    call = ended_call()
    mails.refuse_rcpt(code=550)
    step = run_now(call, "email")
    assert (step.state, step.note) == (StepState.DONE, "bob@practice.example, dora@practice.example")


def test_when_everybody_is_refused_for_good_it_is_given_up(ended_call, mails, team):
    mails.refuse_rcpt(times=3, code=550)
    step = run_now(ended_call(), "email")
    assert (step.state, step.note) == (StepState.FAILED, "The mail server refused the mail (550)")


def test_a_mail_server_that_is_away_is_tried_again(ended_call, mails, alice, settings):
    call = ended_call()
    settings.EMAIL_PORT = 9
    assert run_now(call, "email").state == StepState.PENDING
    settings.EMAIL_PORT = mails.port
    assert run_now(call, "email").state == StepState.DONE
    assert got(mails) == [alice.email]


def test_a_worker_that_lost_its_claim_writes_to_nobody_more(ended_call, mails, team, monkeypatch):
    call = ended_call()
    step = processing.claim(call.steps.get(kind="email").pk, "slow")
    call.steps.filter(pk=step.pk).update(claimed_by="another")
    with pytest.raises(processing.ClaimLost):
        notifications.send_email(step)
    assert len(got(mails)) == 1


def test_people_who_are_no_longer_active_are_not_written_to(ended_call, mails, alice, bob):
    bob.is_active = False
    bob.save()
    run_now(ended_call(), "email")
    assert got(mails) == [alice.email]


def test_an_organization_without_people_has_nobody_to_write_to(ended_call, mails, organization):
    call = ended_call()
    organization.memberships.all().delete()
    step = run_now(call, "email")
    assert (step.state, step.note) == (StepState.SKIPPED, "nobody to write to")


def test_the_mail_waits_a_little_for_the_summary_and_then_goes_without(ended_call, mails, alice, organization):
    call = ended_call(report(analysis={}, summary=None))
    organization.calls.update(created_at=timezone.now() - timedelta(minutes=5))  # it was heard of when it rang
    step = run_now(call, "email", times=2)
    assert (step.state, step.note, got(mails)) == (StepState.PENDING, "waiting for the summary", [])
    assert run_now(call, "email").state == StepState.DONE


def test_with_the_summary_there_the_mail_goes_at_once(ended_call, mails, alice):
    assert run_now(ended_call(), "email").state == StepState.DONE


@pytest.mark.parametrize(
    "caller", ["", "anonymous", "sip:x@y", "+1\r\nBcc: eve@example.com", "<script>alert(1)</script>"]
)
def test_an_odd_caller_makes_an_ordinary_mail(ended_call, mails, alice, caller):
    event = report(customer={"number": caller})
    event["message"]["call"]["customer"] = {}
    assert run_now(ended_call(event), "email").state == StepState.DONE
    (mail,) = mails.messages
    assert mail.recipients == [alice.email]
    assert mail["Bcc"] is None
    assert "<script>" not in html_of(mail)


# --- Push -------------------------------------------------------------------------------------------------------------


def make_device(user: Any, name: str = "") -> Device:
    return Device.objects.create(user=user, expo_token=TOKEN.format(f"{name}-{uuid4()}"))


def pushed_to(sandbox: str, *devices: Device) -> list[dict[str, Any]]:
    found = requests.get(f"{sandbox}/sandbox/pushes", timeout=5).json()
    tokens = {device.expo_token for device in devices}
    return [push["message"] for push in found if push["to"] in tokens]


def order_fault(sandbox: str, prefix: str, status: int, times: int = 1) -> None:
    requests.post(f"{sandbox}/sandbox/faults", json={"prefix": prefix, "status": status, "times": times}, timeout=5)


def test_every_device_of_the_organization_rings_in_its_owners_language(ended_call, sandbox, alice, bob, charlie):
    devices = [make_device(alice), make_device(bob)]
    strangers = make_device(charlie)
    call = ended_call()
    assert run_now(call, "push").state == StepState.DONE
    english, french = pushed_to(sandbox, *devices)
    assert english["title"].startswith("Call from")
    assert english["title"] != french["title"]
    assert english["body"].startswith("Nadia Ferrand")
    assert english["data"] == {"callId": str(call.pk)}
    assert pushed_to(sandbox, strangers) == []


def test_without_a_device_there_is_nothing_to_push(ended_call, sandbox):
    step = run_now(ended_call(), "push")
    assert (step.state, step.note) == (StepState.SKIPPED, "no device is registered")


def test_a_device_that_expo_no_longer_knows_is_forgotten(ended_call, sandbox, alice):
    gone, there = make_device(alice, "gone"), make_device(alice)
    assert run_now(ended_call(), "push").state == StepState.DONE
    assert list(Device.objects.all()) == [there]
    assert not Device.objects.filter(pk=gone.pk).exists()


def test_a_malformed_token_is_forgotten_and_keeps_no_other_from_ringing(ended_call, sandbox, alice):
    Device.objects.create(user=alice, expo_token="not a token")
    there = make_device(alice)
    assert run_now(ended_call(), "push").state == StepState.DONE
    assert len(pushed_to(sandbox, there)) == 1
    assert list(Device.objects.all()) == [there]


def test_when_all_devices_are_gone_there_is_nothing_left_to_do(ended_call, sandbox, alice):
    make_device(alice, "gone")
    assert run_now(ended_call(), "push").state == StepState.SKIPPED
    assert not Device.objects.exists()


@pytest.mark.parametrize("status", [429, 503])
def test_expo_in_trouble_is_asked_again(ended_call, sandbox, alice, status):
    device, call = make_device(alice), ended_call()
    order_fault(sandbox, "/expo", status)
    assert run_now(call, "push").state == StepState.PENDING
    assert run_now(call, "push").state == StepState.DONE
    assert len(pushed_to(sandbox, device)) == 1


def test_expo_that_refuses_us_is_given_up(ended_call, sandbox, alice):
    make_device(alice)
    order_fault(sandbox, "/expo", 401)
    assert run_now(ended_call(), "push").state == StepState.FAILED


def ticket(error: str = "") -> dict[str, Any]:
    refused = {"status": "error", "message": "no", "details": {"error": error}}
    return refused if error else {"status": "ok", "id": str(uuid4())}


def test_a_device_that_had_too_many_messages_is_tried_again_and_the_others_are_not(
    ended_call, outside, alice, settings
):
    settings.EXPO_BASE_URL = outside.server.url
    first, second = make_device(alice), make_device(alice)
    tickets = as_json({"data": [ticket(), ticket("MessageRateExceeded")]}), as_json({"data": [ticket()]})
    outside.answer("/--/api/v2/push/send", *tickets)
    call = ended_call()
    assert run_now(call, "push").state == StepState.PENDING
    step = run_now(call, "push")
    assert (step.state, step.note, len(step.details["tickets"])) == (StepState.DONE, "2", 2)
    assert [[message["to"] for message in sent.json()] for sent in outside.server.requests] == [
        [first.expo_token, second.expo_token],
        [second.expo_token],
    ]


def test_a_push_that_no_device_may_get_is_given_up_in_expos_words(ended_call, outside, alice, settings):
    settings.EXPO_BASE_URL = outside.server.url
    make_device(alice)
    outside.answer("/--/api/v2/push/send", as_json({"data": [ticket("InvalidCredentials")]}))
    step = run_now(ended_call(), "push")
    assert (step.state, step.note) == (StepState.FAILED, "Expo: InvalidCredentials")
    assert Device.objects.count() == 1


def test_a_device_that_left_is_forgotten_by_its_receipt(ended_call, sandbox, alice):
    leaving, staying = make_device(alice, "leaving"), make_device(alice)
    call = ended_call()
    run_now(call, "push")
    notifications.check_push_receipts()  # too early: Expo does not know yet
    assert Device.objects.count() == 2
    call.steps.update(finished_at=timezone.now() - timedelta(minutes=20))
    notifications.check_push_receipts()
    assert list(Device.objects.all()) == [staying]
    assert "tickets" not in call.steps.get(kind="push").details
    assert not Device.objects.filter(pk=leaving.pk).exists()
