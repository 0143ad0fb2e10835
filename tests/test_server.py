"""How web processes speak HTTP: what pages are told of a request, and what a delivery may take."""

import asyncio
from typing import Any

import pytest
from asgiref.sync import async_to_sync

from ava import server
from ava.server import prepare
from calls.webhooks import exchange
from calls.webhooks.exchange import Delivery, Refused


def told(**scope: Any) -> dict[str, Any]:
    """What the pages are told of such a request."""
    seen: list[dict[str, Any]] = []

    async def pages(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope)

    async def receive() -> dict[str, Any]:
        return part(b"", more_body=False)

    async_to_sync(prepare(pages))({"headers": [], "query_string": b"", **scope}, receive, None)
    return seen[0]


def test_a_header_with_an_underscore_cannot_pass_for_the_proxys():
    headers = [
        (b"x-forwarded-for", b"198.51.100.7"),
        (b"x_forwarded_for", b"127.0.0.1"),
        (b"x_forwarded-proto", b"https"),
    ]
    assert told(headers=headers)["headers"] == headers[:1]


@pytest.mark.parametrize(
    ("sent", "heard"),
    [(b"q=caf\xc3\xa9&x=%20", b"q=caf%C3%A9&x=%20"), (b"\xff", b"%FF"), (b"a=b+c&d[]=1", b"a=b+c&d[]=1")],
)
def test_a_query_is_ascii_whatever_was_sent(sent, heard):
    assert told(query_string=sent)["query_string"] == heard


def test_a_form_is_whole_before_a_page_begins_and_an_upload_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(server, "FORM_BYTES", 4)
    sent = [part(b"ab"), part(b"cd"), part(b"ef"), part(b"gh"), part(b"ij", more_body=False)]
    left_when_it_began: list[int] = []
    read: list[bytes] = []

    async def receive() -> dict[str, Any]:
        return sent.pop(0)

    async def pages(scope: Any, receive: Any, send: Any) -> None:
        left_when_it_began.append(len(sent))
        while (message := await receive())["more_body"]:
            read.append(message["body"])
        read.append(message["body"])

    async_to_sync(prepare(pages))({"headers": [], "query_string": b""}, receive, None)
    assert (left_when_it_began, b"".join(read)) == ([3], b"abcdefghij")


def answer_to(*messages: dict[str, Any]) -> tuple[list[bytes], list[int]]:
    """What the pages read, and which status was sent without them, when these messages come and then nothing."""
    left, read, sent = list(messages), list[bytes](), list[int]()

    async def receive() -> dict[str, Any]:
        if not left:
            await asyncio.sleep(60)
        return left.pop(0)

    async def pages(scope: Any, receive: Any, send: Any) -> None:
        read.append((await receive())["body"])

    async def send(message: dict[str, Any]) -> None:
        sent.extend([message["status"]] if "status" in message else [])

    async_to_sync(prepare(pages))({"headers": [], "query_string": b""}, receive, send)
    return read, sent


def test_a_form_that_breaks_off_is_not_taken_for_a_short_one():
    assert answer_to(part(b"keep=no"), {"type": "http.disconnect"}) == ([], [])


def test_a_form_that_does_not_come_to_its_end_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(server, "BODY_SECONDS", 0.05)
    assert answer_to(part(b"a")) == ([], [503])


def test_the_rest_of_an_upload_holds_a_thread_no_longer_either(monkeypatch):
    monkeypatch.setattr(server, "BODY_SECONDS", 0.05)
    monkeypatch.setattr(server, "FORM_BYTES", 1)

    async def upload() -> None:
        body = server._Body(delivery(part(b"ab"))._receive)
        assert await body.read_ahead()
        assert (await body.receive())["body"] == b"ab"
        with pytest.raises(ConnectionError):
            await body.receive()
        body.give_back()

    async_to_sync(upload)()


def test_all_forms_together_are_bounded_and_what_was_read_is_given_back(monkeypatch):
    monkeypatch.setattr(server, "MOST_BYTES_HELD", 10)
    assert answer_to(part(b"x" * 11, more_body=False)) == ([], [503])
    assert answer_to(part(b"x" * 10, more_body=False)) == ([b"x" * 10], [])


def delivery(*messages: dict[str, Any], **headers: str) -> Delivery:
    """A delivery that comes in these messages and then stays silent."""
    left = list(messages)

    async def receive() -> dict[str, Any]:
        if not left:
            await asyncio.sleep(60)
        return left.pop(0)

    return Delivery({"headers": [(name.encode(), value.encode()) for name, value in headers.items()]}, receive)


def part(body: bytes, more_body: bool = True) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more_body}


def refusal_of(delivery: Delivery) -> int:
    with pytest.raises(Refused) as caught:
        async_to_sync(delivery.read)()
    return caught.value.answer.status


def test_a_body_in_parts_is_read_whole():
    assert async_to_sync(delivery(part(b"one, "), part(b"two", more_body=False)).read)() == b"one, two"


def test_a_body_that_does_not_come_to_its_end_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(exchange, "BODY_SECONDS", 0.05)
    assert refusal_of(delivery(part(b"{"))) == 408


def test_a_sender_who_hangs_up_is_no_fault_of_ours():
    assert refusal_of(delivery(part(b"{"), {"type": "http.disconnect"})) == 400


def test_all_bodies_together_are_bounded_and_what_was_read_is_given_back(monkeypatch):
    monkeypatch.setattr(exchange, "MOST_BYTES_HELD", 10)
    assert refusal_of(delivery(part(b"x" * 11, more_body=False))) == 503
    assert async_to_sync(delivery(part(b"x" * 10, more_body=False)).read)() == b"x" * 10
