"""One contract, two services: the sandbox always, the real Vapi and Twilio when their keys are in the environment.

So the sandbox cannot drift from what the providers do. The live legs clean up; Twilio's only reads.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from ava.clients.errors import Misconfigured, NotFound, Refused
from ava.clients.twilio import TwilioClient
from ava.clients.vapi import VapiClient
from tests.sandbox.conftest import running

SANDBOX_KEY = "a1b2c3d4-0000-4000-8000-00000000c0de"
SANDBOX_SID = "AC" + "5e" * 16
SANDBOX_TOKEN = "0" * 24 + "c0ffee00"
LIVE = pytest.param("live", marks=pytest.mark.live)


def environment(*names: str) -> list[str]:
    values = [os.environ.get(name, "") for name in names]
    if not all(values):
        pytest.skip(f"talks to the real service: put {' and '.join(names)} into the environment to run it")
    return values


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running(tmp_path_factory.mktemp("sandbox")) as url:
        yield url


# --- Vapi ---


@pytest.fixture(params=["sandbox", LIVE])
def vapi_at(request: pytest.FixtureRequest, sandbox: str) -> tuple[str, str]:
    """Base URL and key."""
    if request.param == "sandbox":
        return f"{sandbox}/vapi/us", SANDBOX_KEY
    [key] = environment("VAPI_CONTRACT_KEY")
    return os.environ.get("VAPI_CONTRACT_URL", "https://api.vapi.ai"), key


@pytest.fixture
def vapi(vapi_at: tuple[str, str]) -> VapiClient:
    base_url, key = vapi_at
    return VapiClient(key, base_url)


def payload(**changes: Any) -> dict[str, Any]:
    return {
        "name": f"Ava contract {uuid4().hex[:8]}",
        "firstMessage": "Cabinet Delmas bonjour, comment puis-je vous aider ?",
        "model": {
            "provider": "openai",
            "model": "gpt-4o-mini",
            "messages": [{"role": "system", "content": "You are a receptionist."}],
            "temperature": 0.4,
        },
        "voice": {"provider": "11labs", "voiceId": "sarah", "speed": 1.0},
        "transcriber": {"provider": "deepgram", "model": "nova-3", "language": "fr"},
        "server": {
            "url": "https://ava.example.com/webhooks/vapi/contract",
            "timeoutSeconds": 20,
            "backoffPlan": {"type": "exponential", "maxRetries": 3, "baseDelaySeconds": 1},
        },
        "serverMessages": ["end-of-call-report", "status-update"],
        "maxDurationSeconds": 900,
        "backgroundSound": "off",
        "metadata": {"ava": "contract"},
        **changes,
    }


@pytest.fixture
def create(vapi: VapiClient) -> Iterator[Callable[..., dict[str, Any]]]:
    """Create assistants that are deleted after the test."""
    made: list[str] = []

    def create(**changes: Any) -> dict[str, Any]:
        assistant = vapi.create_assistant(payload(**changes))
        made.append(assistant["id"])
        return assistant

    yield create
    for assistant_id in made:
        vapi.delete_assistant(assistant_id)


def test_a_good_key_is_accepted(vapi: VapiClient):
    vapi.check()


def test_an_unknown_key_is_refused(vapi_at: tuple[str, str]):
    with pytest.raises(Refused) as refused:
        VapiClient("00000000-0000-4000-8000-000000000000", vapi_at[0]).check()
    assert refused.value.status == 401


def test_an_assistant_comes_back_as_it_was_sent(vapi: VapiClient, create: Callable[..., dict[str, Any]]):
    sent = payload()
    made = create(**sent)
    found = vapi.get_assistant(made["id"])
    assert made["orgId"] and made["createdAt"] and made["updatedAt"]
    assert found["name"] == sent["name"]
    assert found["model"]["messages"] == sent["model"]["messages"]
    assert found["server"]["url"] == sent["server"]["url"]
    assert found["server"]["backoffPlan"]["maxRetries"] == 3
    assert sorted(found["serverMessages"]) == sorted(sent["serverMessages"])
    assert made["id"] in [assistant["id"] for assistant in vapi.list_assistants(limit=1000)]


def test_an_update_replaces_whole_objects(vapi: VapiClient, create: Callable[..., dict[str, Any]]):
    made = create()
    vapi.update_assistant(made["id"], {"model": {"provider": "openai", "model": "gpt-4o"}})
    found = vapi.get_assistant(made["id"])
    assert not found["model"].get("messages"), "the prompt is lost: so always send the whole model"
    assert found["firstMessage"] == made["firstMessage"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"noSuchProperty": True}, "property noSuchProperty should not exist"),
        ({"name": "x" * 41}, "name must be shorter than or equal to 40 characters"),
        ({"server": {"url": "http://ava.example.com/"}}, "url"),
        ({"maxDurationSeconds": 5}, "maxDurationSeconds must not be less than 10"),
    ],
)
def test_what_the_schema_does_not_allow_is_refused_in_words(
    create: Callable[..., dict[str, Any]], changes: dict[str, Any], words: str
):
    with pytest.raises(Misconfigured) as refused:
        create(**changes)
    assert refused.value.status == 400
    assert words in refused.value.message


def test_a_deleted_assistant_is_not_found(vapi: VapiClient, create: Callable[..., dict[str, Any]]):
    assistant_id = create()["id"]
    vapi.delete_assistant(assistant_id)
    with pytest.raises(NotFound):
        vapi.get_assistant(assistant_id)


def test_calls_and_numbers_can_be_listed(vapi: VapiClient):
    assert isinstance(vapi.list_phone_numbers(), list)
    assert isinstance(vapi.list_calls(limit=5, updated_since=datetime.now(UTC) - timedelta(days=1)), list)


def test_an_unknown_call_has_no_recording(vapi: VapiClient):
    with pytest.raises(NotFound):
        vapi.mono_recording_location(str(uuid4()))


# --- Twilio: the live leg only reads ---


@pytest.fixture(params=["sandbox", LIVE])
def twilio_at(request: pytest.FixtureRequest, sandbox: str) -> tuple[str, str, str | None]:
    """Account SID, token and base URL."""
    if request.param == "sandbox":
        return SANDBOX_SID, SANDBOX_TOKEN, f"{sandbox}/twilio"
    sid, token = environment("TWILIO_CONTRACT_SID", "TWILIO_CONTRACT_TOKEN")
    return sid, token, None


@pytest.fixture
def twilio(twilio_at: tuple[str, str, str | None]) -> TwilioClient:
    return TwilioClient(*twilio_at)


def test_the_account_is_told(twilio: TwilioClient):
    account = twilio.check()
    assert account.sid == twilio.account_sid
    assert account.status == "active"


def test_a_wrong_token_is_refused(twilio: TwilioClient, twilio_at: tuple[str, str, str | None]):
    twilio.check()
    sid, _, base_url = twilio_at
    with pytest.raises(Refused) as refused:
        TwilioClient(sid, "f" * 32, base_url).check()
    assert (refused.value.status, refused.value.code) == (401, "20003")


def test_numbers_are_listed_found_and_read(twilio: TwilioClient):
    numbers = twilio.list_numbers()
    if not numbers:
        pytest.skip("the account has no number")
    assert twilio.get_number(numbers[0].sid) == numbers[0]
    assert twilio.find_number(numbers[0].number) == numbers[0]


def test_an_unknown_number_is_not_found(twilio: TwilioClient):
    with pytest.raises(NotFound) as missing:
        twilio.get_number("PN" + "0" * 32)
    assert missing.value.code == "20404"


# --- both together, in the sandbox only: these write, and a credential cannot be deleted again ---


@pytest.fixture
def accounts(sandbox: str) -> tuple[VapiClient, TwilioClient]:
    sid = f"AC{uuid4().hex}"
    return VapiClient(SANDBOX_KEY, f"{sandbox}/vapi/us"), TwilioClient(sid, SANDBOX_TOKEN, f"{sandbox}/twilio")


def test_a_number_is_imported_routed_and_given_back(accounts: tuple[VapiClient, TwilioClient]):
    vapi, twilio = accounts
    number = twilio.list_numbers()[0]
    assistant = vapi.create_assistant(payload())
    imported = vapi.create_phone_number(
        {
            "provider": "twilio",
            "number": number.number,
            "twilioAccountSid": twilio.account_sid,
            "twilioAuthToken": SANDBOX_TOKEN,
            "smsEnabled": False,
        }
    )
    assert twilio.get_number(number.sid).routing.voice_url == "https://api.vapi.ai/twilio/inbound_call"
    routed = vapi.update_phone_number(imported["id"], {"assistantId": assistant["id"]})
    assert routed["assistantId"] == assistant["id"]

    vapi.delete_phone_number(imported["id"])
    assert twilio.update_number(number.sid, number.routing).routing.voice_url == number.routing.voice_url


def test_a_credential_is_created_without_an_echo(accounts: tuple[VapiClient, TwilioClient]):
    vapi, _ = accounts
    plan = {"type": "hmac", "secretKey": "very-secret", "algorithm": "sha256"}
    made = vapi.create_credential({"provider": "custom-credential", "name": "Ava", "authenticationPlan": plan})
    assert "secretKey" not in made["authenticationPlan"]
    assert made["id"] in [row["id"] for row in vapi.list_credentials()]


def test_a_number_moves_to_a_subaccount(accounts: tuple[VapiClient, TwilioClient]):
    _, twilio = accounts
    number = twilio.list_numbers()[0]
    child = twilio.create_subaccount("Clinic")
    assert twilio.move_number(number.sid, child.sid).number == number.number
    assert number.sid not in [row.sid for row in twilio.list_numbers()]
