"""Sending to a tenant's receiver: what goes over the wire, what the answers mean, when it is tried again."""

import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from standardwebhooks.webhooks import WebhookVerificationError

from ava.lib import fetch
from calls import tasks
from calls.hooks import delivery, endpoints, messages
from calls.hooks.delivery import PLAN
from calls.models import DeliveryState, DisabledReason, HookEndpoint, HookType
from tests.calls.hooks.conftest import send_now, soon, verified
from tests.factories import make_call, make_delivery, make_endpoint
from tests.lib.internet import PRIVATE, PUBLIC
from tests.servers.scripted_http import Raw, Reply, drip, silence

DELIVERED, FAILED, PENDING = DeliveryState.DELIVERED, DeliveryState.FAILED, DeliveryState.PENDING

# --- Over the wire ----------------------------------------------------------------------------------------------------


def test_what_arrives_is_verified_by_the_standards_own_library(receiver, outside):
    endpoint = receiver(Reply(204))
    row = send_now(make_delivery(endpoint))
    (received,) = outside.server.requests
    assert verified(received, endpoint.secret) == json.loads(row.message.body)
    assert received.body == row.message.body.encode()
    assert received.headers["webhook-id"] == row.message.public_id
    assert received.headers["content-type"] == "application/json"
    assert received.headers["user-agent"] == "Ava-Webhooks/1"
    assert (row.state, row.status_code, row.attempts) == (DELIVERED, 204, 1)
    assert row.delivered_at is not None


def test_another_secret_or_a_changed_body_does_not_verify(receiver, outside):
    endpoint = receiver()
    send_now(make_delivery(endpoint))
    (received,) = outside.server.requests
    with pytest.raises(WebhookVerificationError):
        verified(received, endpoints.new_secret())
    with pytest.raises(WebhookVerificationError):
        verified(type(received)("POST", "/", received.headers, received.body + b" "), endpoint.secret)


def test_for_a_day_after_a_change_both_secrets_verify_then_only_the_new(receiver, outside, time_machine):
    endpoint = receiver()
    old, new = endpoint.secret, endpoints.rotate_secret(endpoint)
    send_now(make_delivery(endpoint))
    assert verified(outside.server.requests[0], old) == verified(outside.server.requests[0], new)
    time_machine.move_to(timezone.now() + timedelta(hours=24, seconds=1))
    send_now(make_delivery(endpoint))
    assert verified(outside.server.requests[1], new)
    with pytest.raises(WebhookVerificationError):
        verified(outside.server.requests[1], old)


def test_a_retry_has_the_same_id_and_body_and_a_new_timestamp(receiver, outside, time_machine):
    endpoint = receiver(Reply(500), Reply(200))
    row = send_now(make_delivery(endpoint))
    time_machine.move_to(timezone.now() + timedelta(seconds=7))
    send_now(row)
    first, second = outside.server.requests
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body
    assert int(second.headers["webhook-timestamp"]) >= int(first.headers["webhook-timestamp"]) + 7
    assert verified(second, endpoint.secret)


def test_the_tenants_own_header_goes_along(receiver, outside):
    send_now(make_delivery(receiver(header_name="X-Secret", header_value="open sesame")))
    assert outside.server.requests[0].headers["x-secret"] == "open sesame"


# --- What answers mean ------------------------------------------------------------------------------------------------


def test_it_is_tried_by_the_plan_until_it_arrives(receiver, outside):
    row = make_delivery(receiver(Reply(500), Reply(404), Raw([b"nonsense"]), Reply(200)))
    for attempt in (1, 2, 3):
        send_now(row)
        assert (row.state, row.attempts) == (PENDING, attempt)
        assert soon(row.due_at, PLAN[attempt].total_seconds())
    assert send_now(row).state == DELIVERED
    assert len(outside.server.requests) == 4


def test_after_the_last_try_it_is_given_up(receiver, outside):
    row = send_now(make_delivery(receiver(Reply(500, b"out of order"))), times=len(PLAN) + 3)
    assert (row.state, row.attempts, row.status_code, row.answer) == (FAILED, len(PLAN), 500, "out of order")
    assert len(outside.server.requests) == len(PLAN)
    assert sum(PLAN, timedelta(0)) > timedelta(hours=17)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_nobody_is_followed(receiver, outside, status):
    elsewhere = outside.answer("/elsewhere", Reply(200))
    row = send_now(make_delivery(receiver(Reply(status, headers={"Location": elsewhere}))))
    assert (row.state, row.status_code, row.error) == (PENDING, status, delivery.REDIRECTED)
    assert outside.asked == ["/hook"]


def test_gone_switches_off_at_once_stops_what_waits_and_tells_the_owner(receiver, alice, mails):
    alice.locale = "fr"
    alice.save()
    endpoint = receiver(Reply(410))
    waiting = make_delivery(endpoint)
    row = send_now(make_delivery(endpoint))
    endpoint.refresh_from_db()
    waiting.refresh_from_db()
    assert (endpoint.is_enabled, endpoint.disabled_reason) == (False, DisabledReason.GONE)
    assert (row.state, waiting.state, waiting.error) == (FAILED, FAILED, endpoints.STOPPED)
    for _ in range(2):
        tasks.tell_of_hook(endpoint.pk)
    (mail,) = mails.messages
    assert mail["To"] == alice.email
    text = mail.get_body(("plain",)).get_content()
    assert "/fr/settings?section=webhooks" in text
    assert "127.0.0.1" in text
    assert endpoint.url not in text


def test_a_mail_server_that_is_away_is_asked_again(receiver, mails, settings, time_machine):
    endpoint = receiver(Reply(410))
    send_now(make_delivery(endpoint))
    settings.EMAIL_PORT = 9
    tasks.tell_of_hook(endpoint.pk)
    settings.EMAIL_PORT = mails.port
    time_machine.move_to(timezone.now() + timedelta(minutes=11))
    assert delivery.notices.due() == [endpoint.pk]
    tasks.tell_of_hook(endpoint.pk)
    assert len(mails.messages) == 1


@pytest.mark.parametrize(
    ("status", "header", "seconds"),
    [
        (503, "120", 120),
        (429, "3600", 3600),
        (429, "", 60),
        (502, "1", 60),
        (504, "nonsense", 60),
        (429, "99999999999999999999", 24 * 3600),
        (503, "-5", 5),
        (500, "٣", 5),
    ],
)
def test_a_receiver_in_need_of_rest_gets_it(receiver, status, header, seconds):
    row = send_now(make_delivery(receiver(Reply(status, headers={"Retry-After": header} if header else {}))))
    assert soon(row.due_at, seconds)


def test_a_date_to_come_back_at_is_understood(receiver):
    wanted = datetime.now(UTC) + timedelta(minutes=10)
    row = send_now(make_delivery(receiver(Reply(503, headers={"Retry-After": format_datetime(wanted)}))))
    assert soon(row.due_at, 600)


def test_a_receiver_that_asks_for_rest_is_left_alone_with_everything(receiver):
    endpoint = receiver(Reply(429, headers={"Retry-After": "900"}))
    waiting, row = make_delivery(endpoint), make_delivery(endpoint)
    send_now(row)
    waiting.refresh_from_db()
    assert soon(waiting.due_at, 900)


@pytest.mark.parametrize("answer", [Raw(drip(b"X", first=b"HTTP/1.1 200 OK\r\nX-A: ")), Raw(silence(3))])
def test_a_slow_answer_ends_with_the_time(receiver, monkeypatch, answer):
    monkeypatch.setattr(delivery, "DEADLINE_SECONDS", 0.3)
    row = send_now(make_delivery(receiver(answer)))
    assert (row.state, row.error, row.status_code) == (PENDING, delivery.TOO_SLOW, None)


def test_a_body_that_drips_after_the_status_holds_nobody_up_and_counts_as_arrived(receiver, monkeypatch):
    monkeypatch.setattr(delivery, "DEADLINE_SECONDS", 0.3)
    assert send_now(make_delivery(receiver(Reply(200, stream=drip())))).state == DELIVERED


def test_of_a_huge_answer_little_is_read_and_less_is_kept(receiver, outside):
    pieces: list[int] = []

    def endless() -> Iterator[bytes]:
        while True:
            pieces.append(1)
            yield b"\x00<b>\xff" * 10_000

    row = send_now(make_delivery(receiver(Reply(200, stream=endless()))))
    assert row.state == DELIVERED
    assert len(row.answer) == 500
    assert "\x00" not in row.answer
    assert len(pieces) < 200


def test_a_header_that_is_echoed_is_not_kept(receiver):
    endpoint = receiver(Reply(400, b"bad X-Secret: open-sesame!"), header_name="X-Secret", header_value="open-sesame")
    assert send_now(make_delivery(endpoint)).answer == "bad X-Secret: […]!"


def test_nobody_there_is_tried_later(organization, settings):
    settings.TRUSTED_FETCH_ORIGINS = frozenset({"http://127.0.0.1:9"})
    row = send_now(make_delivery(make_endpoint(organization, "http://127.0.0.1:9/hook")))
    assert (row.state, row.error) == (PENDING, delivery.UNREACHABLE)


def test_a_secret_that_no_key_opens_is_a_failure_that_quotes_nothing(receiver, outside, caplog):
    endpoint = receiver()
    row = make_delivery(endpoint)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE calls_hookendpoint SET secret = %s", [b"gAAAA-canary"])
    with caplog.at_level(logging.DEBUG):
        send_now(row)
    assert (row.state, row.error) == (PENDING, delivery.BROKEN)
    assert "canary" not in caplog.text
    assert outside.asked == []


# --- No way into the inside -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("found", [[PRIVATE], [PUBLIC, "169.254.169.254"], ["::ffff:127.0.0.1"]])
def test_a_name_that_leads_inside_by_now_gets_no_connection(organization, monkeypatch, found):
    def connect(*args: Any) -> None:
        raise AssertionError("connected")

    monkeypatch.setattr(fetch, "resolve", lambda host, port: [PUBLIC])
    endpoint = endpoints.add_endpoint(organization=organization, url="https://crm.example/hook")
    monkeypatch.setattr(fetch, "resolve", lambda host, port: found)
    monkeypatch.setattr(fetch, "connect", connect)
    row = send_now(make_delivery(endpoint))
    assert (row.state, row.error) == (PENDING, delivery.UNSAFE)


def test_without_the_sandbox_its_address_is_like_any_other_inside(receiver, outside, settings):
    row = make_delivery(receiver())
    settings.TRUSTED_FETCH_ORIGINS = frozenset()
    assert send_now(row).error == delivery.UNSAFE
    assert outside.server.connections == 0


# --- Receivers that do not work ---------------------------------------------------------------------------------------


def given_up(endpoint: HookEndpoint) -> HookEndpoint:
    send_now(make_delivery(endpoint, attempts=len(PLAN) - 1))
    endpoint.refresh_from_db()
    return endpoint


def test_twenty_messages_given_up_in_a_row_switch_a_receiver_off(receiver):
    endpoint = receiver(Reply(500), given_up_count=18, failing_since=timezone.now())
    assert given_up(endpoint).is_enabled
    endpoint = given_up(endpoint)
    assert (endpoint.is_enabled, endpoint.disabled_reason) == (False, DisabledReason.FAILING)
    assert delivery.notices.due() == [endpoint.pk]


@pytest.mark.parametrize(("hours", "stays"), [(71, True), (73, False)])
def test_three_days_without_an_arrival_switch_a_receiver_off(receiver, hours, stays):
    endpoint = receiver(Reply(500), failing_since=timezone.now() - timedelta(hours=hours))
    assert given_up(endpoint).is_enabled is stays


def test_one_arrival_forgives_what_failed_before(receiver):
    endpoint = receiver(Reply(200), given_up_count=19, failing_since=timezone.now() - timedelta(days=9))
    send_now(make_delivery(endpoint))
    endpoint.refresh_from_db()
    assert (endpoint.given_up_count, endpoint.failing_since) == (0, None)


def test_the_first_failure_is_remembered(receiver):
    endpoint = receiver(Reply(500))
    row = send_now(make_delivery(endpoint))
    endpoint.refresh_from_db()
    since = endpoint.failing_since
    send_now(row)
    endpoint.refresh_from_db()
    assert endpoint.failing_since == since is not None
    assert endpoint.given_up_count == 0


def test_switched_off_or_removed_a_receiver_gets_nothing_that_was_under_way(receiver, outside):
    off, removed = receiver(), receiver(path="/other")
    row, other = make_delivery(off), removed.deliveries.latest("pk")
    endpoints.disable(off)
    endpoints.remove_endpoint(removed)
    row.state = DeliveryState.RUNNING  # a worker died over it
    row.save()
    send_now(row)
    delivery.run(other.pk, "test")
    assert (row.state, row.error) == (FAILED, endpoints.STOPPED)
    assert outside.asked == []


# --- Again ------------------------------------------------------------------------------------------------------------


def test_a_message_is_sent_again_under_its_own_id(receiver, outside):
    row = send_now(make_delivery(receiver(Reply(500), Reply(200))), times=1)
    delivery.resend(row)
    row.refresh_from_db()
    assert (row.state, row.attempts, row.error) == (PENDING, 0, "")
    assert send_now(row).state == DELIVERED
    first, second = outside.server.requests
    assert first.headers["webhook-id"] == second.headers["webhook-id"]


def test_nothing_is_sent_again_to_a_receiver_that_is_off_or_while_it_is_being_sent(receiver):
    endpoint = receiver()
    row = make_delivery(endpoint)
    delivery.claim(row.pk, "one")
    with pytest.raises(endpoints.NotPossible):
        delivery.resend(row)
    endpoints.disable(endpoint)
    with pytest.raises(endpoints.NotPossible):
        delivery.resend(row)
    with pytest.raises(endpoints.NotPossible):
        messages.send_test(endpoint)


def test_a_test_event_arrives_whatever_the_receiver_chose(receiver, outside):
    endpoint = receiver(types=["call.missed"])
    assert send_now(messages.send_test(endpoint)).state == DELIVERED
    assert verified(outside.server.requests[0], endpoint.secret)["type"] == "ping"


def test_a_call_that_is_deleted_takes_its_messages_along(receiver, organization):
    call = make_call(organization)
    receiver()
    messages.announce(call, HookType.COMPLETED)
    call.delete()
    assert not organization.hook_messages.exists()
    assert not organization.hook_deliveries.exists()
