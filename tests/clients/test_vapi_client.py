"""Vapi's client: what goes over the wire, what comes back, and how refusals read."""

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from ava.clients.errors import Misconfigured, NotFound, Refused, Unreachable
from ava.clients.vapi import VapiClient
from tests.servers.scripted_http import Reply, ScriptedServer, always, as_json, serve

KEY = "6f1d2f0c-private-key-a1b2"


def client(server: ScriptedServer) -> VapiClient:
    return VapiClient(KEY, server.url)


def test_the_check_asks_for_one_assistant_with_the_key() -> None:
    with serve(lambda _: as_json([{"id": "a1"}])) as server:
        client(server).check()
        request = server.requests[0]
    assert (request.method, request.target) == ("GET", "/assistant?limit=1")
    assert request.headers["authorization"] == f"Bearer {KEY}"


def test_a_public_or_foreign_key_is_refused_and_not_shown() -> None:
    hint = f"Invalid Key. Hot tip, you may be using the public key: {KEY}"
    with (
        serve(lambda _: as_json({"message": hint, "statusCode": 401}, 401)) as server,
        pytest.raises(Refused) as caught,
    ):
        client(server).check()
    assert "Hot tip" in str(caught.value)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    ("call", "method", "path", "body"),
    [
        (lambda c: c.create_assistant({"name": "Ava"}), "POST", "/assistant", {"name": "Ava"}),
        (lambda c: c.get_assistant("a-1"), "GET", "/assistant/a-1", None),
        (lambda c: c.update_assistant("a-1", {"name": "B"}), "PATCH", "/assistant/a-1", {"name": "B"}),
        (lambda c: c.create_credential({"name": "hook"}), "POST", "/credential", {"name": "hook"}),
        (lambda c: c.create_phone_number({"number": "+1"}), "POST", "/phone-number", {"number": "+1"}),
        (lambda c: c.get_phone_number("p_1"), "GET", "/phone-number/p_1", None),
        (
            lambda c: c.update_phone_number("p_1", {"assistantId": None}),
            "PATCH",
            "/phone-number/p_1",
            {"assistantId": None},
        ),
        (lambda c: c.get_call("c-1"), "GET", "/call/c-1", None),
    ],
)
def test_each_call_goes_to_its_address_and_gives_the_object(
    call: Any, method: str, path: str, body: dict[str, Any] | None
) -> None:
    with serve(lambda _: as_json({"id": "x", "orgId": "o"}, 201)) as server:
        assert call(client(server)) == {"id": "x", "orgId": "o"}
        request = server.requests[0]
    assert (request.method, request.target) == (method, path)
    assert (request.json() if request.body else None) == body


@pytest.mark.parametrize(
    ("call", "target"),
    [
        (lambda c: c.list_assistants(), "/assistant?limit=100"),
        (lambda c: c.list_assistants(limit=5000), "/assistant?limit=1000"),
        (lambda c: c.list_credentials(), "/credential?limit=1000"),
        (lambda c: c.list_phone_numbers(), "/phone-number?limit=1000"),
        (lambda c: c.list_calls(), "/call?limit=100"),
    ],
)
def test_lists_ask_for_a_page_and_give_its_objects(call: Any, target: str) -> None:
    with serve(lambda _: as_json([{"id": "x"}, {"id": "y"}])) as server:
        assert [item["id"] for item in call(client(server))] == ["x", "y"]
        assert server.requests[0].target == target


def test_calls_since_a_moment_are_asked_for_in_utc() -> None:
    since = datetime(2026, 11, 21, 12, 0, tzinfo=timezone(timedelta(hours=2)))
    with serve(lambda _: as_json([])) as server:
        assert client(server).list_calls(limit=10, updated_since=since) == []
        assert server.requests[0].query == {"limit": "10", "updatedAtGe": "2026-11-21T10:00:00.000Z"}


@pytest.mark.parametrize("call", [lambda c: c.delete_assistant("a"), lambda c: c.delete_phone_number("p")])
def test_deleting_what_is_gone_counts_as_done(call: Any) -> None:
    for status in (200, 204, 404):
        with serve(always(as_json({}, status) if status != 204 else Reply(204))) as server:
            call(client(server))
            assert server.requests[0].method == "DELETE"


def test_a_pinned_assistant_is_not_deleted_and_says_why() -> None:
    answer = as_json({"error": "assistant_pinned", "message": "pinned by squad"}, 409)
    with serve(lambda _: answer) as server, pytest.raises(Misconfigured) as caught:
        client(server).delete_assistant("a")
    assert (caught.value.code, caught.value.message) == ("assistant_pinned", "pinned by squad")


def test_a_refused_import_does_not_quote_the_twilio_token() -> None:
    answer = as_json({"message": ["Bad token 00aa11bb22cc33dd for AC1"], "statusCode": 400}, 400)
    with serve(lambda _: answer) as server, pytest.raises(Misconfigured) as caught:
        client(server).create_phone_number({"twilioAuthToken": "00aa11bb22cc33dd"})
    assert caught.value.message == "Bad token [redacted] for AC1"


@pytest.mark.parametrize("identifier", ["", "../credential", "a/b", "a?limit=1", "a%2fb", "a#", "á", "a\n", "a" * 200])
def test_a_hostile_id_reaches_no_address(identifier: str) -> None:
    with serve(lambda _: as_json({"id": "x"})) as server:
        for call in (
            client(server).get_call,
            client(server).delete_assistant,
            client(server).get_phone_number,
        ):
            with pytest.raises(Misconfigured):
                call(identifier)
        assert server.connections == 0


@pytest.mark.parametrize("answer", [[], {}, {"id": ""}, {"id": 7}, "x", None, [{"id": "a"}, {}]])
def test_an_answer_without_an_id_is_unexpected(answer: Any) -> None:
    with serve(lambda _: as_json(answer)) as server:
        with pytest.raises(Unreachable, match="unexpected answer"):
            client(server).get_assistant("a")
        if answer != []:
            with pytest.raises(Unreachable, match="unexpected answer"):
                client(server).list_assistants()


def test_a_recording_is_located_without_following_the_link() -> None:
    link = "https://files.example/rec.wav?sig=s3cret"
    with serve(lambda _: Reply(302, headers={"Location": link})) as server:
        assert client(server).mono_recording_location("c-1") == link
        assert [request.target for request in server.requests] == ["/call/c-1/mono-recording"]


def test_a_recording_not_ready_yet_is_not_found() -> None:
    with serve(lambda _: as_json({"message": "not found"}, 404)) as server, pytest.raises(NotFound):
        client(server).mono_recording_location("c-1")


def test_a_recording_answer_without_a_link_is_unexpected() -> None:
    for answer in (Reply(302), Reply(200, b"RIFF")):
        with serve(always(answer)) as server, pytest.raises(Unreachable):
            client(server).mono_recording_location("c-1")


def test_the_repr_shows_no_key() -> None:
    assert KEY not in repr(VapiClient(KEY, "https://api.vapi.example"))
