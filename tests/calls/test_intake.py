"""The two addresses that Vapi's events come to: what is let in, what is kept, what the sender is told."""

import asyncio
import json

import pytest
from asgiref.sync import async_to_sync
from django.db import connection
from django.utils import timezone

from accounts.tenancy import organization_endpoint
from assistants.sync import studio_of
from calls import inbox
from calls.inbox import Arrival
from calls.models import EventState, WebhookEvent
from calls.webhooks.exchange import Delivery, Refused
from calls.webhooks.writer import writer
from tests import webhooks
from tests.calls.intake import BODY, CALL_ID, SHARED, calls_of, secret_of
from tests.factories import (
    deliver,
    encode,
    make_number,
    make_user,
    payload,
    report,
    seeds_report,
    signature,
    webhook_path,
    work,
)

# --- What becomes of a delivery ---------------------------------------------------------------------------------------


def test_a_report_at_the_tenants_own_address_becomes_a_call(organization):
    answer = deliver(organization, payload("end-of-call-report"))
    assert (answer.status_code, answer.json()) == (200, {"received": True})
    work()
    (call,) = calls_of(organization)
    assert (call.vapi_call_id, call.status, call.caller_number) == (CALL_ID, "completed", "+33639980017")
    assert call.steps.count() == 4


def test_the_seeds_shape_at_the_shared_address_becomes_a_call(post, organization, shared_secret):
    make_number(organization)
    body = encode(seeds_report())
    answer = post(body, {"x-vapi-signature": signature(body, shared_secret)}, SHARED)
    assert answer.status_code == 200
    work()
    (call,) = calls_of(organization)
    assert (call.status, call.duration_seconds, call.number) == ("completed", 145, "+33199004512")


@pytest.mark.parametrize("path", [SHARED, SHARED + "/"])
def test_vapis_shape_is_taken_at_the_shared_address_with_or_without_its_slash(post, organization, shared_secret, path):
    make_number(organization)
    body = encode(report())
    assert post(body, {"x-vapi-signature": signature(body, shared_secret)}, path).status_code == 200
    work()
    assert len(calls_of(organization)) == 1


def test_the_tenants_address_works_without_its_slash(post, organization):
    body = encode(report())
    answer = post(
        body, {"x-vapi-signature": signature(body, secret_of(organization))}, webhook_path(organization).rstrip("/")
    )
    assert answer.status_code == 200


def test_second_delivery_of_the_same_call_is_stored_once(organization):
    event = report()
    assert [deliver(organization, event).status_code for _ in range(3)] == [200, 200, 200]
    work()
    deliver(organization, event)
    work()
    assert (WebhookEvent.objects.count(), len(calls_of(organization))) == (1, 1)


def test_a_retry_with_fresh_links_and_time_is_still_the_same_call(organization):
    for timestamp in (1791274482141, 1791274499999):
        deliver(organization, report(CALL_ID, timestamp=timestamp))
    work()
    (call,) = calls_of(organization)
    assert (WebhookEvent.objects.count(), call.steps.count()) == (2, 4)


def test_the_same_bytes_at_two_tenants_are_two_events(organization, charlie):
    body = encode({"message": {"type": "status-update", "status": "ringing", "call": {"id": "x"}}})
    for one in (organization, charlie.organizations.get()):
        assert deliver(one, body).status_code == 200
    work()
    assert WebhookEvent.objects.count() == 2
    assert len(calls_of(organization)) == len(calls_of(charlie.organizations.get())) == 1


def test_a_report_of_another_tenants_number_tells_neither(organization, charlie):
    make_number(charlie.organizations.get())
    assert deliver(organization, report()).status_code == 200
    work()
    assert WebhookEvent.objects.get().state == EventState.INVALID
    assert calls_of(organization) == calls_of(charlie.organizations.get()) == []


def test_a_delivery_waits_for_two_statements_only(organization, django_assert_num_queries):
    path, body = webhook_path(organization), encode(report())
    headers = {"x-vapi-signature": signature(body, secret_of(organization))}
    with django_assert_num_queries(2):
        webhooks.post(path, body, headers)


# --- What is no delivery ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("token", ["unknown", "x" * 300, "%00", "%ff", "a%2Fb", "é"])
def test_an_unknown_address_is_not_found(post, db, token):
    assert post(BODY, {"x-vapi-signature": signature(BODY, "x")}, f"/webhooks/vapi/{token}/").status_code == 404


@pytest.mark.parametrize("path", ["/webhooks/", "/webhooks/vapi/", "/webhooks/twilio/x/"])
def test_what_is_no_webhook_is_not_found(post, db, path):
    assert post(BODY, {}, path).status_code == 404


@pytest.mark.parametrize("method", ["get", "head", "put", "patch", "delete", "options"])
def test_only_post_is_allowed(organization, method):
    for path in (webhook_path(organization), SHARED):
        answer = webhooks.request(method.upper(), path, b"", {})
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


async def never() -> None:
    raise AssertionError("the body was read")


def test_a_body_declared_over_the_cap_is_refused_before_it_is_read(settings):
    settings.WEBHOOK_MAX_BYTES = 1000
    with pytest.raises(Refused, match="Too large"):
        async_to_sync(Delivery({"headers": [(b"content-length", b"1001")]}, never).read)()


def test_a_body_over_the_cap_is_refused_whoever_signed_it(organization, settings):
    settings.WEBHOOK_MAX_BYTES = len(BODY) - 1
    assert deliver(organization, BODY).status_code == 413
    settings.WEBHOOK_MAX_BYTES = len(BODY)
    assert deliver(organization, BODY).status_code == 200


@pytest.mark.parametrize("length", ["abc", "-5", "1_0", ""])
def test_an_odd_content_length_is_no_error_of_ours(post, organization, length):
    headers = {"x-vapi-signature": signature(BODY, secret_of(organization))}
    assert post(BODY, {**headers, "content-length": length}).status_code in {200, 400}


@pytest.mark.parametrize(("encoding", "status"), [("gzip", 415), ("br", 415), ("GZIP", 415), ("identity", 200)])
def test_a_packed_body_is_not_unpacked(post, organization, encoding, status):
    headers = {"x-vapi-signature": signature(BODY, secret_of(organization)), "content-encoding": encoding}
    assert post(BODY, headers).status_code == status


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"not json", b"null", b"[]", b"[1]", b"3", b'"x"', b"{}", b'{"message": null}', b"\xff\xfe\x00"),
        *(b"[" * 100_000, b'{"message": {}}', b'{"message": {"type": "brand-new", "call": {"id": "n"}}}'),
    ],
    ids=lambda body: body[:30].decode(errors="replace") or "empty",
)
def test_all_that_is_rightly_signed_is_taken_at_the_tenants_address(organization, body):
    assert 200 <= deliver(organization, body).status_code < 300
    work()
    event = WebhookEvent.objects.get()
    assert event.state in {EventState.INVALID, EventState.PROCESSED}
    assert bool(event.error) == (event.state == EventState.INVALID or "call" not in body.decode(errors="replace"))


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"not json", b"{}"])
def test_what_cannot_be_read_at_the_shared_address_is_refused_in_words_and_kept(post, db, shared_secret, body):
    answer = post(body, {"x-vapi-signature": signature(body, shared_secret)}, SHARED)
    assert answer.status_code == 400
    work()
    event = WebhookEvent.objects.get()
    assert (event.state, event.error) == (EventState.INVALID, answer.content.decode())


@pytest.mark.parametrize(
    "odd", ["\ud800", "\x00", "x" * 5000, "+33\ud8001990", ["+33199004512"], {"number": 1}, 10**400]
)
def test_odd_names_of_numbers_and_assistants_find_nobody(post, db, shared_secret, odd):
    event = seeds_report(phoneNumber=odd, phoneNumberId=odd, assistantId=odd)
    body = json.dumps(event).encode()
    assert post(body, {"x-vapi-signature": signature(body, shared_secret)}, SHARED).status_code == 404


# --- Whose call is it? ------------------------------------------------------------------------------------------------


def test_a_call_to_an_unknown_number_is_kept_and_appears_once_when_the_number_is_known(
    post, organization, shared_secret
):
    body = encode(seeds_report())
    headers = {"x-vapi-signature": signature(body, shared_secret)}
    answer = post(body, headers, SHARED)
    assert (answer.status_code, answer.content) == (404, b"User not found")
    work()
    event = WebhookEvent.objects.get()
    assert event.state == EventState.UNMATCHED
    make_number(organization)
    inbox.replay(event)
    work()
    assert post(body, headers, SHARED).status_code == 200  # the sender tries again on its own
    work()
    event.refresh_from_db()
    assert (event.state, event.organization) == (EventState.PROCESSED, organization)
    assert len(calls_of(organization)) == 1


def test_a_replay_before_the_number_is_known_stays_unmatched(post, db, shared_secret):
    body = encode(seeds_report())
    post(body, {"x-vapi-signature": signature(body, shared_secret)}, SHARED)
    work()
    inbox.replay(WebhookEvent.objects.get())
    work()
    assert WebhookEvent.objects.get().state == EventState.UNMATCHED


def test_an_event_can_be_replayed_after_its_raw_body_was_dropped(post, organization, shared_secret):
    body = encode(seeds_report(CALL_ID))
    post(body, {"x-vapi-signature": signature(body, shared_secret)}, SHARED)
    work()
    inbox.drop_raw_bodies(older_than=timezone.now())
    make_number(organization)
    inbox.replay(WebhookEvent.objects.get())
    work()
    (call,) = calls_of(organization)
    assert (call.vapi_call_id, len(call.transcript)) == (CALL_ID, 2)


NAMED_BY = {
    "its number": ({"number": "+33199004512"}, {}, {"phoneNumber": "+33 1 99 00 45 12"}),
    "Vapi's id of the number": ({"vapi_id": "vapi-number"}, {}, {"phoneNumberId": "vapi-number"}),
    "the assistant": ({}, {"vapi_id": "vapi-assistant"}, {"assistantId": "vapi-assistant"}),
}


@pytest.mark.parametrize("named_by", NAMED_BY)
def test_the_tenant_is_found_by(post, organization, charlie, shared_secret, named_by):
    number, assistant, told = NAMED_BY[named_by]
    make_number(charlie.organizations.get(), "+33199000001", vapi_id="another")
    make_number(organization, **{"number": "+33199009999", **number})
    studio = studio_of(organization)
    studio.vapi_id = assistant.get("vapi_id", "")
    studio.save()
    body = encode(seeds_report(**{"phoneNumber": None, **told}))
    assert post(body, {"x-vapi-signature": signature(body, shared_secret)}, SHARED).status_code == 200
    work()
    assert len(calls_of(organization)) == 1


# --- Who shall answer? ------------------------------------------------------------------------------------------------


@pytest.fixture
def studio(organization):
    studio = studio_of(organization)
    studio.vapi_id, studio.is_active = "the-assistant", True
    studio.save()
    return studio


def test_while_active_vapi_is_told_the_assistant(organization, studio):
    answer = deliver(organization, payload("assistant-request"))
    assert answer.json() == {"assistantId": "the-assistant"}


def test_while_inactive_the_caller_hears_why_in_the_tenants_language(organization, studio):
    studio.mark_active(False)
    heard = {}
    for language in ("en", "fr", "he"):
        studio.languages = [language]
        studio.save()
        heard[language] = deliver(organization, payload("assistant-request")).json()["error"]
    assert "cannot take your call" in heard["en"]
    assert len(set(heard.values())) == 3


def test_a_repeated_question_gets_the_same_answer(organization, studio):
    answers = {deliver(organization, payload("assistant-request")).content for _ in range(2)}
    assert len(answers) == 1


def test_a_report_that_only_mentions_an_assistant_request_is_a_report(organization, studio):
    event = report(endedReason="assistant-request-failed", note="assistant-request")
    assert deliver(organization, event).json() == {"received": True}


# --- What is kept -----------------------------------------------------------------------------------------------------


def test_the_table_shows_neither_transcript_nor_token(organization):
    deliver(organization, payload("end-of-call-report"))
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM calls_webhookevent")
        stored = b" ".join(
            bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode()
            for value in cursor.fetchone()
        )
    assert WebhookEvent.objects.get().body == encode(payload("end-of-call-report"))
    for clear in (b"Nadia", b"fa4eda7a", b"receptionist", CALL_ID.encode()):
        assert clear not in stored


@pytest.mark.parametrize("sample", ["end-of-call-report", "status-update", "assistant-request"])
def test_the_copy_for_people_holds_no_token_prompt_or_signed_link(organization, sample):
    event = payload(sample)
    event["message"]["assistant"] = {
        **(event["message"].get("assistant") or {}),
        "server": {"url": "https://x.example/", "secret": "canary-1", "headers": {"X-Vapi-Secret": "canary-2"}},
    }
    event["message"]["assistant"]["model"] = {
        "systemPrompt": "You are Ava, canary-3",
        "messages": [{"role": "system", "content": "You are Ava"}],
    }
    deliver(organization, event)
    work()
    shown = json.dumps(WebhookEvent.objects.get().payload)
    for secret in ("fa4eda7a", "canary", "You are Ava", "X-Amz-Signature", "control", "listen\\"):
        assert secret not in shown.replace("controlUrl", "")
    assert "+33639980017" in shown


def test_webhooks_set_no_cookie(organization):
    for answer in (deliver(organization, report()), webhooks.post(webhook_path(organization), b"{}")):
        assert set(answer.headers) == {"content-type", "content-length"}


def test_a_deleted_tenants_address_is_gone(organization):
    path = webhook_path(organization)
    organization.delete()
    assert webhooks.post(path, BODY).status_code == 404


def test_a_stranger_to_the_cast_gets_an_address_of_their_own(db):
    one, other = (make_user(f"{name}@example.com").organizations.get() for name in ("dora", "emil"))
    assert organization_endpoint(one).token != organization_endpoint(other).token
    assert secret_of(one) != secret_of(other)


# --- Stored together --------------------------------------------------------------------------------------------------


def store_at_once(arrivals: list[Arrival]) -> list[bool]:
    async def store() -> list[bool]:
        return await asyncio.gather(*(writer.store(arrival) for arrival in arrivals))

    return async_to_sync(store)()


def test_what_arrives_together_is_stored_in_one_statement(organization, django_assert_num_queries):
    with django_assert_num_queries(1):
        assert store_at_once([Arrival(b"%d" % number, organization.pk) for number in range(20)]) == [True] * 20
    assert sorted(int(event.body) for event in WebhookEvent.objects.all()) == list(range(20))


def test_copies_that_arrive_together_are_stored_once(organization):
    assert all(store_at_once([Arrival(b"the same", organization.pk)] * 20))
    assert WebhookEvent.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_tenant_that_is_gone_takes_no_others_delivery_with_it(organization):
    arrivals = [Arrival(b"one", organization.pk), Arrival(b"two", organization.pk + 1), Arrival(b"three", None)]
    assert store_at_once(arrivals) == [True, False, True]
    assert WebhookEvent.objects.count() == 2


def test_large_bodies_are_not_gathered(organization, django_assert_num_queries):
    with django_assert_num_queries(3):
        store_at_once([Arrival(bytes([number]) * 3_000_000, organization.pk) for number in range(3)])


def test_when_too_many_wait_the_sender_is_told_to_come_again(organization, monkeypatch):
    monkeypatch.setattr("calls.webhooks.writer.MOST_WAITING", 2)
    with pytest.raises(Refused, match="Try again"):
        store_at_once([Arrival(b"%d" % number, organization.pk) for number in range(3)])
