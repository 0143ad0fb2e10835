"""Push over Expo: batches, order, tickets and receipts."""

from typing import Any

import pytest

from ava.clients.errors import Misconfigured, ProviderError, Refused, Unreachable
from ava.clients.expo import (
    INVALID_TOKEN,
    PushMessage,
    PushReceipt,
    PushTicket,
    get_receipts,
    is_expo_token,
    send_push,
)
from tests.servers.scripted_http import Received, Reply, as_json, serve


def token(number: int) -> str:
    return f"ExponentPushToken[device-{number}]"


def messages(count: int) -> list[PushMessage]:
    return [PushMessage(token(number), "New call", "Dupont", {"call": number}) for number in range(count)]


def accept(request: Received) -> Reply:
    return as_json({"data": [{"status": "ok", "id": f"t-{m['data']['call']}"} for m in request.json()]})


def test_a_message_goes_out_whole_with_the_access_token() -> None:
    with serve(accept) as server:
        tickets = send_push(messages=messages(1), base_url=server.url, access_token="expo-secret")
        request = server.requests[0]
    assert tickets == [PushTicket(token(0), True, "", "t-0")]
    assert request.target == "/--/api/v2/push/send"
    assert request.headers["authorization"] == "Bearer expo-secret"
    assert request.json()[0] == {
        "to": token(0),
        "title": "New call",
        "body": "Dupont",
        "data": {"call": 0},
        "sound": "default",
        "priority": "default",
    }


def test_without_an_access_token_no_authorization_is_sent() -> None:
    with serve(accept) as server:
        send_push(messages=messages(1), base_url=server.url)
        assert "authorization" not in server.requests[0].headers


def test_batches_hold_a_hundred_and_the_order_is_kept() -> None:
    with serve(accept) as server:
        tickets = send_push(messages=messages(250), base_url=server.url)
        assert [len(request.json()) for request in server.requests] == [100, 100, 50]
    assert [ticket.ticket_id for ticket in tickets] == [f"t-{number}" for number in range(250)]


def test_nothing_to_send_asks_nothing() -> None:
    with serve(accept) as server:
        assert send_push(messages=[], base_url=server.url) == []
        assert server.connections == 0


def test_a_lone_object_answer_is_one_ticket() -> None:
    with serve(lambda _: as_json({"data": {"status": "ok", "id": "t"}})) as server:
        assert send_push(messages=messages(1), base_url=server.url)[0].ticket_id == "t"


def test_each_ticket_tells_its_own_error() -> None:
    data = [
        {"status": "error", "message": "gone", "details": {"error": "DeviceNotRegistered"}},
        {"status": "ok", "id": "t"},
        {"status": "error", "message": "odd"},
    ]
    with serve(lambda _: as_json({"data": data})) as server:
        tickets = send_push(messages=messages(3), base_url=server.url)
    assert [(t.token, t.ok, t.error) for t in tickets] == [
        (token(0), False, "DeviceNotRegistered"),
        (token(1), True, ""),
        (token(2), False, "Unknown"),
    ]


def test_a_malformed_token_does_not_spoil_the_others() -> None:
    sent = messages(2)
    sent.insert(1, PushMessage("not-a-token", "t", "b"))
    with serve(accept) as server:
        tickets = send_push(messages=sent, base_url=server.url)
        assert len(server.requests[0].json()) == 2
    assert [ticket.error for ticket in tickets] == ["", INVALID_TOKEN, ""]
    assert [ticket.ticket_id for ticket in tickets] == ["t-0", "", "t-1"]


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (429, "TOO_MANY_REQUESTS", Unreachable),
        (400, "PUSH_TOO_MANY_EXPERIENCE_IDS", Misconfigured),
        (401, "UNAUTHORIZED", Refused),
        (502, "", Unreachable),
    ],
)
def test_a_whole_failure_is_typed_and_sent_once(status: int, code: str, kind: type[ProviderError]) -> None:
    with serve(lambda _: as_json({"errors": [{"code": code, "message": "no"}]}, status)) as server:
        with pytest.raises(kind) as caught:
            send_push(messages=messages(1), base_url=server.url)
        assert len(server.requests) == 1
    assert (caught.value.code, caught.value.message) == (code, "no")


@pytest.mark.parametrize("answer", [{}, [], {"data": []}, {"data": "x"}, {"data": [None]}, {"data": [{}, {}]}])
def test_an_answer_that_fits_no_message_is_unexpected(answer: Any) -> None:
    with serve(lambda _: as_json(answer)) as server, pytest.raises(Unreachable):
        send_push(messages=messages(1), base_url=server.url)


def test_receipts_come_by_id_and_those_not_ready_are_missing() -> None:
    data = {"a": {"status": "ok"}, "b": {"status": "error", "details": {"error": "MessageTooBig"}}}
    with serve(lambda _: as_json({"data": data})) as server:
        receipts = get_receipts(["a", "b", "c"], base_url=server.url)
        assert server.requests[0].target == "/--/api/v2/push/getReceipts"
        assert server.requests[0].json() == {"ids": ["a", "b", "c"]}
    assert receipts == {"a": PushReceipt(True, ""), "b": PushReceipt(False, "MessageTooBig")}


def test_receipts_are_asked_for_in_batches() -> None:
    with serve(lambda _: as_json({"data": {}})) as server:
        assert get_receipts([str(n) for n in range(301)], base_url=server.url) == {}
        assert [len(request.json()["ids"]) for request in server.requests] == [300, 1]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("ExponentPushToken[abc-_1]", True),
        ("ExpoPushToken[abc]", True),
        ("6F1D2F0C-1234-4abc-9def-0123456789ab", True),
        ("ExponentPushToken[]", False),
        ("ExponentPushToken[a]x", False),
        ("ExponentPushToken[a b]", False),
        ("fcm:abc", False),
        ("", False),
    ],
)
def test_only_expos_own_tokens_are_tokens(value: str, expected: bool) -> None:
    assert is_expo_token(value) is expected
