"""Vapi's rules, as documented, over real HTTP."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
import requests

from tests.sandbox.conftest import ACCOUNT_SID, ASSISTANT, AUTH_TOKEN, Tenant, Vapi

US_KEY = "a1b2c3d4-0000-4000-8000-000000000001"
EU_KEY = "e1b2c3d4-0000-4000-8000-000000000001"
NAMED_KEY = "sk_" + "live_0123456789abcdef"


def test_no_key_is_told_apart_from_a_wrong_one(sandbox):
    missing = Vapi(f"{sandbox}/vapi/us", None)("GET", "/assistant")
    wrong = Vapi(f"{sandbox}/vapi/us", "nonsense")("GET", "/assistant")
    assert (missing.status_code, missing.json()["message"]) == (401, "Missing Authorization Header.")
    assert wrong.status_code == 401
    assert wrong.json()["message"].startswith("Invalid Key. Hot tip, ")
    assert wrong.json()["error"] == "Unauthorized"
    assert wrong.json()["statusCode"] == 401


@pytest.mark.parametrize(
    ("region", "key", "status"),
    [
        ("us", US_KEY, 200),
        ("eu", US_KEY, 401),
        ("eu", EU_KEY, 200),
        ("us", EU_KEY, 401),
        ("us", NAMED_KEY, 200),
        ("us", "sk_short", 401),
        ("us", "00000000-0000-4000-8000-000000000001", 401),
        ("us", US_KEY.upper(), 401),
    ],
)
def test_a_key_works_only_in_its_own_region(sandbox, region, key, status):
    assert Vapi(f"{sandbox}/vapi/{region}", key)("GET", "/assistant?limit=1").status_code == status


def test_each_key_is_its_own_organization(sandbox, tenant):
    mine = tenant.vapi.create_assistant()
    stranger = Vapi(f"{sandbox}/vapi/us", US_KEY)
    assert stranger("GET", f"/assistant/{mine['id']}").status_code == 404
    assert stranger("GET", "/assistant").json() == []
    assert [row["id"] for row in tenant.vapi("GET", "/assistant").json()] == [mine["id"]]


def test_a_created_assistant_has_what_vapi_adds(tenant):
    made = tenant.vapi.create_assistant()
    assert ASSISTANT.items() <= made.items()
    assert made["orgId"] and made["createdAt"] == made["updatedAt"]
    assert made["createdAt"].endswith("Z")
    assert tenant.vapi("GET", f"/assistant/{made['id']}").json() == made


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"color": "red"}, "property color should not exist"),
        ({"name": "é" * 41}, "name must be shorter than or equal to 40 characters"),
        ({"model": {"model": "gpt-4o-mini"}}, "model.provider should not be empty"),
        ({"model": {"provider": "openai"}}, "model.model should not be empty"),
        (
            {"model": {"provider": "openai", "model": "gpt-4o", "systemPrompt": "Hi"}},
            "model.property systemPrompt should not exist",
        ),
        (
            {"model": {"provider": "openai", "model": "gpt-4o", "temperature": 2.1}},
            "model.temperature must not be greater than 2",
        ),
        (
            {"model": {"provider": "openai", "model": "gpt-4o", "maxTokens": 49}},
            "model.maxTokens must not be less than 50",
        ),
        (
            {"voice": {"provider": "11labs", "voiceId": "sarah", "speed": 1.3}},
            "voice.speed must not be greater than 1.2",
        ),
        (
            {"voice": {"provider": "azure", "voiceId": "emma", "speed": 0.4}},
            "voice.speed must not be less than 0.5",
        ),
        (
            {"voice": {"provider": "azure", "voiceId": "emma", "enableSsmlParsing": True}},
            "voice.property enableSsmlParsing should not exist",
        ),
        ({"endCallMessage": "x" * 1001}, "endCallMessage must be shorter than or equal to 1000 characters"),
        ({"maxDurationSeconds": 9}, "maxDurationSeconds must not be less than 10"),
        ({"maxDurationSeconds": 43_201}, "maxDurationSeconds must not be greater than 43200"),
        ({"server": {"url": "http://ava.example.com/"}}, "server.url must be a valid URL with https or wss"),
        (
            {"server": {"url": "https://a.example", "backoffPlan": {"maxRetries": 11}}},
            "server.backoffPlan.maxRetries must not be greater than 10",
        ),
        ({"server": {"url": "https://a.example", "secret": "s"}}, "server.property secret should not exist"),
    ],
)
def test_vapi_refuses_what_its_schema_does_not_have(tenant, changes, problem):
    response = tenant.vapi("POST", "/assistant", {**ASSISTANT, **changes})
    assert response.status_code == 400
    assert response.json() == {"message": [problem], "error": "Bad Request", "statusCode": 400}


def test_an_unknown_kind_of_server_message_is_refused(tenant):
    response = tenant.vapi("POST", "/assistant", {**ASSISTANT, "serverMessages": ["end-of-call"]})
    assert response.status_code == 400
    assert "must be one of the following values" in response.json()["message"][0]


def test_a_loopback_webhook_is_taken_only_where_it_is_allowed(tenant, receiver):
    assert tenant.vapi.create_assistant(server={"url": f"{receiver.origin}/hook"})
    other = tenant.vapi("POST", "/assistant", {**ASSISTANT, "server": {"url": "http://127.0.0.1:1/hook"}})
    assert other.status_code == 400


def test_patch_replaces_whole_sub_objects_and_leaves_absent_fields(tenant):
    made = tenant.vapi.create_assistant()
    changed = tenant.vapi("PATCH", f"/assistant/{made['id']}", {"model": {"provider": "openai", "model": "gpt-4o"}})
    assert changed.status_code == 200
    assert changed.json()["model"] == {"provider": "openai", "model": "gpt-4o"}
    assert changed.json()["voice"] == made["voice"]
    assert changed.json()["updatedAt"] >= made["updatedAt"]


def test_a_deleted_assistant_is_gone(tenant):
    made = tenant.vapi.create_assistant()
    assert tenant.vapi("DELETE", f"/assistant/{made['id']}").status_code == 200
    assert tenant.vapi("GET", f"/assistant/{made['id']}").status_code == 404
    assert tenant.vapi("DELETE", f"/assistant/{made['id']}").status_code == 404


def test_lists_are_plain_arrays_cut_by_limit_and_time(tenant):
    first, second = tenant.vapi.create_assistant(name="one"), tenant.vapi.create_assistant(name="two")
    assert len(tenant.vapi("GET", "/assistant?limit=1").json()) == 1
    older = tenant.vapi("GET", f"/assistant?createdAtLt={second['createdAt']}").json()
    assert [row["id"] for row in older] in ([first["id"]], [])
    assert tenant.vapi("GET", "/assistant?limit=1001").status_code == 400


def test_a_secret_is_never_echoed(tenant):
    plan = {
        "type": "hmac",
        "secretKey": "very-secret",
        "algorithm": "sha256",
        "signatureHeader": "x-vapi-signature",
    }
    body = {"provider": "custom-credential", "name": "Ava", "authenticationPlan": plan}
    made = tenant.vapi("POST", "/credential", body)
    listed = tenant.vapi("GET", "/credential")
    assert made.status_code == 201
    assert made.json()["authenticationPlan"]["signatureHeader"] == "x-vapi-signature"
    assert "very-secret" not in made.text + listed.text


def test_a_server_may_name_only_a_credential_of_its_own_organization(sandbox, tenant):
    plan = {"type": "bearer", "token": "t"}
    body = {"provider": "custom-credential", "name": "Ava", "authenticationPlan": plan}
    theirs = Vapi(f"{sandbox}/vapi/us", US_KEY)("POST", "/credential", body).json()["id"]
    mine = tenant.vapi("POST", "/credential", body).json()["id"]
    statuses = [
        tenant.vapi(
            "POST",
            "/assistant",
            {**ASSISTANT, "server": {"url": "https://a.example", "credentialId": credential_id}},
        ).status_code
        for credential_id in (mine, theirs)
    ]
    assert statuses == [201, 400]


# --- phone numbers ---


def test_an_import_rewrites_the_voice_url_at_twilio(tenant):
    response = tenant.import_number()
    assert response.status_code == 201
    assert response.json()["status"] == "active"
    assert response.json()["twilioAuthToken"] == AUTH_TOKEN, "the real one echoes it too"
    row = next(row for row in tenant.numbers() if row["phone_number"] == response.json()["number"])
    assert row["voice_url"] == "https://api.vapi.ai/twilio/inbound_call"
    assert row["voice_method"] == "POST"
    assert row["status_callback"] == "https://api.vapi.ai/twilio/status"
    assert row["sms_url"] == ""


def test_an_import_takes_texts_too_unless_told_not_to(tenant):
    number = tenant.import_number(smsEnabled=True).json()["number"]
    row = next(row for row in tenant.numbers() if row["phone_number"] == number)
    assert row["sms_url"] == "https://api.vapi.ai/twilio/sms"


@pytest.mark.parametrize(
    "changes",
    [{"number": "+33199009999"}, {"twilioAuthToken": "f" * 32}, {"twilioAccountSid": "AC" + "9" * 32}],
    ids=["unknown number", "wrong token", "other account"],
)
def test_a_number_must_be_in_the_twilio_account(tenant, changes):
    response = tenant.import_number(**changes)
    assert response.status_code == 400
    assert "Number Not Found on Twilio" in response.json()["message"]


def test_a_number_must_be_e164(tenant):
    response = tenant.import_number(number="01 99 00 12 34")
    assert response.json()["message"] == ["number must be a valid phone number in the E.164 format"]


def test_a_second_import_of_a_number_is_refused(tenant):
    first = tenant.import_number().json()
    again = tenant.import_number()
    assert again.status_code == 400
    expected = f"Existing Phone Number {first['id']} Has Identical `twilioAccountSid` {ACCOUNT_SID}"
    assert again.json()["message"].startswith(expected)


def test_a_number_is_routed_and_unrouted(tenant):
    assistant_id = tenant.vapi.create_assistant()["id"]
    number_id = tenant.import_number().json()["id"]
    path = f"/phone-number/{number_id}"
    assert tenant.vapi("PATCH", path, {"assistantId": assistant_id}).json()["assistantId"] == assistant_id
    assert tenant.vapi("PATCH", path, {"assistantId": None}).json()["assistantId"] is None
    assert tenant.vapi("PATCH", path, {"assistantId": str(uuid4())}).status_code == 400
    assert tenant.vapi("DELETE", path).status_code == 200
    assert tenant.vapi("GET", path).status_code == 404


# --- the sandbox itself ---


def test_a_restart_keeps_everything(tenant: Tenant, restarted: Any):
    made = tenant.vapi.create_assistant()
    number = tenant.import_number(assistantId=made["id"]).json()
    with restarted() as url:
        again = Vapi(f"{url}/vapi/us", None)
        again.headers = tenant.vapi.headers
        assert again("GET", f"/assistant/{made['id']}").json() == made
        assert again("GET", "/phone-number").json() == [number]


def test_a_bad_day_can_be_ordered(sandbox, tenant):
    order = {"prefix": "/vapi/us", "status": 429, "times": 2}
    assert requests.post(f"{sandbox}/sandbox/faults", json=order, timeout=10).status_code == 201
    statuses = [tenant.vapi("GET", "/assistant").status_code for _ in range(3)]
    assert statuses == [429, 429, 200]


def test_keys_are_not_in_the_log(tenant, caplog):
    caplog.set_level("DEBUG", logger="ava.sandbox")
    tenant.vapi("GET", "/assistant?limit=1")
    assert "GET /vapi/us/assistant 200" in caplog.text
    assert tenant.vapi.headers["Authorization"].split()[1] not in caplog.text
    assert "limit" not in caplog.text
