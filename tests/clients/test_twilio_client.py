"""Twilio's client: numbers and their routing over the real library, and its traps turned into our errors."""

import json
import logging
from collections.abc import Callable
from typing import Any

import pytest

from ava.clients import twilio
from ava.clients.errors import Misconfigured, NotFound, ProviderError, Refused, Unreachable
from ava.clients.twilio import AccountStatus, NumberRouting, Subaccount, TwilioClient
from tests.servers.scripted_http import Raw, Received, Reply, ScriptedServer, as_json, serve, silence

SID = "AC" + "0" * 31 + "1"
TOKEN = "5f0e4d3c2b1a5f0e4d3c2b1a5f0e4d3c"
NUMBER_SID = "PN" + "a" * 32
ACCOUNT = f"/api.twilio.com/2010-04-01/Accounts/{SID}"

NUMBER: dict[str, Any] = {
    "sid": NUMBER_SID,
    "phone_number": "+33912345678",
    "friendly_name": "Cabinet",
    "capabilities": {"voice": True, "sms": False},
    "voice_url": "https://old.example/voice",
    "voice_method": "GET",
    "voice_fallback_url": None,
    "voice_application_sid": "",
    "trunk_sid": None,
    "sms_url": "https://old.example/sms",
}

CALLS: list[Callable[[TwilioClient], object]] = [
    lambda c: c.check(),
    lambda c: c.list_numbers(),
    lambda c: c.get_number(NUMBER_SID),
    lambda c: c.find_number("+33912345678"),
    lambda c: c.update_number(NUMBER_SID, NumberRouting()),
    lambda c: c.create_subaccount("Cabinet"),
    lambda c: c.move_number(NUMBER_SID, SID),
]


def client(server: ScriptedServer) -> TwilioClient:
    return TwilioClient(SID, TOKEN, server.url)


def page(*numbers: dict[str, Any], following: str | None = None) -> Reply:
    return as_json({"incoming_phone_numbers": list(numbers), "next_page_uri": following, "page": 0})


def test_the_check_tells_the_account_and_leaves_its_token_out() -> None:
    account = {
        "sid": SID,
        "friendly_name": "Main",
        "status": "suspended",
        "type": "Full",
        "auth_token": TOKEN,
    }
    with serve(lambda _: as_json(account)) as server:
        status = client(server).check()
        request = server.requests[0]
    assert status == AccountStatus(SID, "Main", "suspended", "Full")
    assert TOKEN not in repr(status)
    assert request.target == f"{ACCOUNT}.json"
    assert request.headers["authorization"].startswith("Basic ")


def test_a_number_is_read_with_its_whole_routing() -> None:
    with serve(lambda _: as_json(NUMBER)) as server:
        number = client(server).get_number(NUMBER_SID)
        assert server.requests[0].target == f"{ACCOUNT}/IncomingPhoneNumbers/{NUMBER_SID}.json"
    assert (number.sid, number.number, number.voice) == (NUMBER_SID, "+33912345678", True)
    assert number.routing == NumberRouting(
        voice_url="https://old.example/voice", voice_method="GET", sms_url="https://old.example/sms"
    )


def test_all_pages_of_numbers_are_read() -> None:
    second = f"/2010-04-01/Accounts/{SID}/IncomingPhoneNumbers.json?PageSize=1000&Page=1&PageToken=PA1"

    def answer(request: Received) -> Reply:
        return page(NUMBER) if "PageToken" in request.query else page(NUMBER, following=second)

    with serve(answer) as server:
        assert len(client(server).list_numbers()) == 2
        assert server.requests[0].query["PageSize"] == "1000"
        assert server.requests[1].path == f"{ACCOUNT}/IncomingPhoneNumbers.json"


def test_a_number_is_found_only_if_it_is_exactly_the_one() -> None:
    longer = {**NUMBER, "phone_number": "+339123456789"}
    with serve(lambda _: page(longer, NUMBER)) as server:
        found = client(server).find_number("+33912345678")
        assert found is not None and found.number == "+33912345678"
        assert server.requests[0].query["PhoneNumber"] == "+33912345678"
    with serve(lambda _: page(longer)) as server:
        assert client(server).find_number("+33912345678") is None


def test_a_wildcard_is_not_asked_for() -> None:
    with serve(lambda _: page(NUMBER)) as server:
        assert client(server).find_number("+3391234*") is None
        assert server.connections == 0


def test_an_update_sends_every_field_and_clears_the_unset_ones() -> None:
    routing = NumberRouting(voice_url="https://ava.example/voice/", voice_fallback_method="GET")
    with serve(lambda _: as_json({**NUMBER, "voice_url": "https://ava.example/voice/"})) as server:
        number = client(server).update_number(NUMBER_SID, routing)
        sent = server.requests[0].form()
    assert number.routing.voice_url == "https://ava.example/voice/"
    assert sent == {
        "VoiceUrl": ["https://ava.example/voice/"],
        "VoiceMethod": ["POST"],
        "VoiceFallbackUrl": [""],
        "VoiceFallbackMethod": ["GET"],
        "StatusCallback": [""],
        "StatusCallbackMethod": ["POST"],
        "VoiceApplicationSid": [""],
        "TrunkSid": [""],
        "SmsUrl": [""],
        "SmsMethod": ["POST"],
    }


def test_routing_survives_a_json_column() -> None:
    routing = NumberRouting(voice_url="https://a.example/é", trunk_sid="TK1", sms_method="GET")
    assert NumberRouting.from_dict(json.loads(json.dumps(routing.as_dict()))) == routing
    assert NumberRouting.from_dict({"voice_url": None, "unknown": "x"}) == NumberRouting()


def test_a_subaccounts_token_is_given_and_never_shown() -> None:
    with serve(lambda _: as_json({"sid": "AC2", "auth_token": "sub-token", "status": "active"}, 201)) as server:
        made = client(server).create_subaccount("C" * 80)
        assert server.requests[0].form() == {"FriendlyName": ["C" * 64]}
        assert server.requests[0].path == "/api.twilio.com/2010-04-01/Accounts.json"
    assert made == Subaccount("AC2", "sub-token")
    assert "sub-token" not in repr(made)


def test_a_number_moves_to_another_account() -> None:
    with serve(lambda _: as_json(NUMBER)) as server:
        assert client(server).move_number(NUMBER_SID, "AC" + "f" * 32).sid == NUMBER_SID
        assert server.requests[0].form() == {"AccountSid": ["AC" + "f" * 32]}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, {"code": 20003, "message": f"Authenticate {TOKEN}", "status": 401}, Refused),
        (403, {"code": 20403, "message": "Forbidden", "status": 403}, Refused),
        (404, {"code": 20404, "message": "not found", "status": 404}, NotFound),
        (400, {"code": 21631, "message": "AddressSid needed", "status": 400}, Misconfigured),
        (429, {"code": 20429, "message": "Too many", "status": 429}, Unreachable),
        (503, {"message": "later"}, Unreachable),
        (
            400,
            {"type": "x", "title": "Bad", "status": 400, "code": 70001, "detail": "RFC 9457"},
            Misconfigured,
        ),
    ],
)
def test_every_call_types_every_failure(
    call: Callable[[TwilioClient], object], status: int, body: dict[str, Any], kind: type[ProviderError]
) -> None:
    with serve(lambda _: as_json(body, status)) as server, pytest.raises(ProviderError) as caught:
        call(client(server))
    assert type(caught.value) is kind
    assert caught.value.status == status
    assert str(body.get("code", status)) in str(caught.value)
    assert TOKEN not in f"{caught.value} {caught.value!r}"


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("answer", [Reply(200, b"<html>"), as_json([]), as_json({}), as_json("x"), Reply(302)])
def test_an_answer_that_cannot_be_read_is_unreachable(call: Callable[[TwilioClient], object], answer: Reply) -> None:
    with serve(lambda _: answer) as server, pytest.raises(Unreachable):
        call(client(server))


def test_a_timeout_is_unreachable_and_names_no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(twilio, "READ_SECONDS", 0.1)
    with serve(lambda _: Raw(silence())) as server, pytest.raises(Unreachable, match="no answer") as caught:
        client(server).check()
    assert TOKEN not in repr(caught.value)


def test_a_closed_port_is_unreachable() -> None:
    with serve(lambda _: page()) as server:
        closed = client(server)
    with pytest.raises(Unreachable):
        closed.list_numbers()


def test_a_missing_token_is_not_taken_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWILIO_AUTH_TOKEN", "the-operators-token")
    for sid, token in ((SID, ""), ("", TOKEN), ("AC1/../AC2", TOKEN)):
        with pytest.raises(Misconfigured):
            TwilioClient(sid, token)


def test_the_environment_changes_neither_host_nor_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with serve(lambda _: page()) as proxy, serve(lambda _: page()) as server:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.setenv("TWILIO_REGION", "ie1")
        client(server).list_numbers()
        assert proxy.connections == 0
        assert server.requests[0].path.startswith("/api.twilio.com/")


def test_a_hostile_sid_reaches_no_address() -> None:
    with serve(lambda _: as_json(NUMBER)) as server:
        for sid in ("", "../Calls", "PN1/x", "PN1?x=1", "PN1.json#"):
            with pytest.raises(Misconfigured):
                client(server).get_number(sid)
            with pytest.raises(Misconfigured):
                client(server).move_number(NUMBER_SID, sid)
        assert server.connections == 0


def test_nothing_secret_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with serve(lambda _: as_json({"sid": "AC2", "auth_token": "sub-token"}, 201)) as server:
        client(server).create_subaccount("Cabinet Dupont")
    assert not [record for record in caplog.records if record.name.startswith("twilio")]
    assert not any(word in caplog.text for word in (TOKEN, "sub-token", "Dupont"))


def test_the_repr_shows_no_token() -> None:
    assert TOKEN not in repr(TwilioClient(SID, TOKEN))
