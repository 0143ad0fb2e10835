"""The same call told many times, in two shapes, in any order or for nobody: one call, and each effect once."""

import json
import random
from uuid import uuid4

import pytest

from accounts.models import PlatformSettings
from calls import inbox
from calls.models import EventState, WebhookEvent
from tests import factories
from tests.faults.senders import Post, send, send_all, send_together
from tests.faults.stack import AUDIO, Ava, Tenant, until_done
from tests.servers.processes import eventually

pytestmark = pytest.mark.fault


def assert_everything_happened_once(ava: Ava, tenant: Tenant) -> None:
    assert tenant.organization.calls.count() == 1
    assert tenant.states() == {"recording": "done", "summary": "done", "email": "done", "push": "done"}
    assert sorted(mail.recipients[0] for mail in tenant.mails(ava.mailbox)) == sorted(tenant.people)
    assert len(ava.sandbox.pushes(tenant.device)) == 1
    assert [file.read_bytes() for file in tenant.files(ava.processes)] == [AUDIO]


def test_a_hundred_copies_at_once_are_one_call(ava, tenant):
    post = tenant.post(tenant.report(recording=ava.sandbox.keep()))
    answers = send_together(ava.web.url, [post] * 100)
    assert [answer.status for answer in answers] == [200] * 100
    assert tenant.events().count() == 1
    until_done(tenant)
    assert_everything_happened_once(ava, tenant)


@pytest.mark.parametrize("order", ["vapi first", "seeds first", "together"])
def test_two_shapes_of_one_call_are_one_call(ava, tenant, order):
    call_id, recording = str(uuid4()), ava.sandbox.keep()
    posts = [
        tenant.post(tenant.report(call_id, recording)),
        tenant.post(tenant.seeds_report(call_id, recording, aiSummary="Other words.")),
    ]
    if order == "together":
        answers = send_together(ava.web.url, posts * 5)
    else:
        posts = posts if order == "vapi first" else posts[::-1]
        answers = [send(ava.web.url, post) for post in [*posts, *posts[::-1]]]
    assert {answer.status for answer in answers} == {200}
    eventually(lambda: tenant.events().filter(state=EventState.PROCESSED).count() == 2)
    until_done(tenant)
    assert_everything_happened_once(ava, tenant)
    call = tenant.call()
    assert call.duration_seconds == 33  # the report's own, not the seeds' 145
    assert call.summary.startswith("Nadia Ferrand")


def told_in_sequence(tenant: Tenant, call_id: str, recording: str) -> list[dict]:
    """Twenty events of one call, as they were told in time."""
    events = []
    for second in range(18):
        event = factories.payload("status-update")
        event["message"]["call"]["id"] = call_id
        event["message"]["phoneNumber"]["number"] = tenant.number
        event["message"]["timestamp"] += second * 1000
        event["message"]["status"] = ("queued", "ringing", "in-progress")[second // 6]
        events.append(event)
    return [*events, tenant.report(call_id, recording), tenant.seeds_report(call_id, recording)]


def test_the_order_of_arrival_does_not_matter(ava, tenant):
    for seed in range(5):
        call_id = str(uuid4())
        events = told_in_sequence(tenant, call_id, ava.sandbox.keep())
        random.Random(seed).shuffle(events)
        answers = send_all(ava.web.url, map(tenant.post, events), concurrency=4)
        assert {answer.status for answer in answers} == {200}
    eventually(lambda: tenant.events().filter(state=EventState.PROCESSED).count() == 100, timeout=20)
    until_done(tenant, calls=5)
    told = ("status", "summary", "duration_seconds", "started_at", "ended_at", "cost", "ended_reason", "transcript")
    calls = [[getattr(call, name) for name in told] for call in tenant.organization.calls.all()]
    assert all(call == calls[0] for call in calls)
    assert calls[0][0] == "completed"
    assert len(ava.sandbox.pushes(tenant.device)) == 5
    assert len(tenant.mails(ava.mailbox)) == 10


@pytest.fixture
def platform_secret(database):
    secret = "the secret of the shared address"
    PlatformSettings.objects.update_or_create(pk=1, defaults={"vapi_webhook_secret": secret})
    yield secret
    PlatformSettings.objects.all().delete()


def test_a_call_for_nobody_is_kept_and_appears_once_when_its_number_is_attached(ava, tenant, platform_secret):
    tenant.organization.numbers.all().delete()
    body = json.dumps(tenant.report(recording=ava.sandbox.keep())).encode()
    signed = {"X-Vapi-Signature": factories.signature(body, platform_secret)}
    post = Post("/webhooks/vapi/call-completed", body, signed)
    for answer in (send(ava.web.url, post), send(ava.web.url, post)):
        assert (answer.status, answer.body) == (404, b"User not found")
    event = eventually(WebhookEvent.objects.filter(state=EventState.UNMATCHED).get)
    assert event.organization is None

    factories.make_number(tenant.organization, tenant.number)
    inbox.replay(event)
    until_done(tenant)
    inbox.replay(event)
    assert send(ava.web.url, post).status == 200  # Vapi tries again too, now that the number is known
    eventually(lambda: tenant.events().filter(state=EventState.PROCESSED).count() == 2)
    until_done(tenant)
    assert_everything_happened_once(ava, tenant)


def test_a_poisonous_event_gives_up_alone(ava, tenant):
    """NUL bytes, deep nests and texts of the wrong kind stand among good ones; the good ones come through."""
    nested = b'{"message": {"type": "end-of-call-report", "artifact": ' + b"[" * 100_000 + b"]" * 100_000 + b"}}"
    poison = [nested, b"\xff\xfe not JSON", b'"a text"', b'{"message": {"call": {"id": "\\u0000"}}}', b"{}"]
    good = [tenant.report(recording=ava.sandbox.keep()) for _ in range(5)]
    posts = [tenant.post(event) for pair in zip(poison, good, strict=True) for event in pair]
    answers = send_all(ava.web.url, posts, concurrency=4)
    assert {answer.status for answer in answers} == {200}
    until_done(tenant, calls=5)
    eventually(lambda: not tenant.events().filter(state=EventState.RECEIVED).exists())
    states = list(tenant.events().values_list("state", flat=True))
    assert (states.count("processed"), states.count("invalid")) == (6, 4)
