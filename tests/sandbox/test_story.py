"""A placed call: what Vapi sends about it, in which shape, signed how, and how often."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import datetime
from uuid import UUID

import pytest
import requests

from tests.sandbox.conftest import ACCOUNT_SID, AUTH_TOKEN, PROMPT, Vapi
from tests.sandbox.receiver import wait_until

SECRET = "whsec_0123456789"
FAST_PLAN = {"type": "exponential", "maxRetries": 2, "baseDelaySeconds": 0.1}


def report_of(receiver):
    return receiver.of_type("end-of-call-report")[-1].message


def credential(tenant, plan):
    body = {"provider": "custom-credential", "name": "Ava webhooks", "authenticationPlan": plan}
    return tenant.vapi("POST", "/credential", body).json()["id"]


# --- the shape ---


def test_a_call_is_reported_from_beginning_to_end(tenant, receiver):
    number = tenant.open_for_calls(f"{receiver.origin}/hook/3f0c2a")
    placed = tenant.place(number)
    assert placed["status"] == "ended"
    assert placed["ended_reason"] == "customer-ended-call"
    kinds = [(delivery.message["type"], delivery.message.get("status")) for delivery in receiver.deliveries]
    assert kinds == [
        ("status-update", "in-progress"),
        ("status-update", "ended"),
        ("end-of-call-report", None),
    ]
    assert {delivery.path for delivery in receiver.deliveries} == {"/hook/3f0c2a"}
    assert [note["status"] for note in placed["deliveries"]] == [200, 200, 200]


def test_the_report_has_the_recorded_shape(tenant, receiver):
    tenant.place(tenant.open_for_calls(f"{receiver.origin}/"), from_number="+33639980042")
    message = report_of(receiver)
    assert message["analysis"]["summary"] == message["summary"]
    assert message["artifact"]["transcript"] == message["transcript"]
    assert message["artifact"]["messages"] == message["messages"]
    assert message["artifact"]["recordingUrl"] == message["recordingUrl"]
    assert message["cost"] == pytest.approx(sum(part["cost"] for part in message["costs"]))
    assert message["costBreakdown"]["total"] == message["cost"]
    assert message["customer"] == {"number": "+33639980042"}
    assert "durationSeconds" not in message
    length = datetime.fromisoformat(message["endedAt"]) - datetime.fromisoformat(message["startedAt"])
    assert 30 < length.total_seconds() < 60


def test_the_reports_call_is_stale(tenant, receiver):
    placed = tenant.place(tenant.open_for_calls(f"{receiver.origin}/"))
    call = report_of(receiver)["call"]
    assert (call["status"], call["cost"]) == ("ringing", 0)
    assert "endedAt" not in call
    assert call["id"] == placed["vapi_call_id"]
    assert UUID(call["id"]).version == 7
    now_known = tenant.vapi("GET", f"/call/{call['id']}").json()
    assert now_known["status"] == "ended"
    assert now_known["cost"] == report_of(receiver)["cost"]


def test_the_report_echoes_the_prompt_and_the_twilio_token(tenant, receiver):
    tenant.place(tenant.open_for_calls(f"{receiver.origin}/"))
    message = report_of(receiver)
    first, second = message["artifact"]["messages"][:2]
    assert (first["role"], first["message"]) == ("system", PROMPT)
    assert (second["role"], second["message"]) == ("bot", "Cabinet Delmas bonjour, je suis Ava.")
    assert message["assistant"]["model"]["messages"][0]["content"] == PROMPT
    assert message["phoneNumber"]["twilioAuthToken"] == AUTH_TOKEN
    values = message["artifact"]["variableValues"]
    assert values["phoneNumber.twilioAccountSid"] == ACCOUNT_SID
    assert values["phoneNumber.twilioAuthToken"] == AUTH_TOKEN


@pytest.mark.parametrize(
    ("assistant", "language"),
    [
        ({}, "AI: Cabinet Delmas"),
        ({"transcriber": {"provider": "azure", "language": "he-IL"}, "firstMessage": None}, "AI: שלום"),
        ({"transcriber": None, "firstMessage": "Hello there."}, "burst"),
    ],
)
def test_the_conversation_is_in_the_assistants_language(tenant, receiver, assistant, language):
    tenant.place(tenant.open_for_calls(f"{receiver.origin}/", **assistant))
    assert language in report_of(receiver)["transcript"]


def test_a_short_call_has_no_summary(tenant, receiver):
    tenant.place(tenant.open_for_calls(f"{receiver.origin}/"), script="hang-up")
    message = report_of(receiver)
    assert message["analysis"] == {}
    assert "summary" not in message


def test_a_hidden_caller_has_no_number(tenant, receiver):
    tenant.place(tenant.open_for_calls(f"{receiver.origin}/"), from_number="anonymous")
    assert report_of(receiver)["customer"] == {}


def test_an_unrecorded_call_has_no_recording(tenant, receiver):
    plan = {"recordingEnabled": False}
    placed = tenant.place(tenant.open_for_calls(f"{receiver.origin}/", artifactPlan=plan))
    message = report_of(receiver)
    assert not {"recordingUrl", "presignedMonoUrl"} & {*message, *message["artifact"]}
    assert tenant.vapi("GET", f"/call/{placed['vapi_call_id']}/mono-recording").status_code == 404


def test_only_subscribed_kinds_are_sent(tenant, receiver):
    tenant.place(tenant.open_for_calls(f"{receiver.origin}/", serverMessages=["end-of-call-report"]))
    assert [delivery.message["type"] for delivery in receiver.deliveries] == ["end-of-call-report"]


def test_the_assistants_server_wins_over_the_numbers(tenant, receiver):
    assistant = tenant.vapi.create_assistant()
    number = tenant.import_number(assistantId=assistant["id"], server={"url": f"{receiver.origin}/number"}).json()
    tenant.place(number["number"])
    server = {"server": {"url": f"{receiver.origin}/assistant"}}
    tenant.vapi("PATCH", f"/assistant/{assistant['id']}", server)
    tenant.place(number["number"])
    assert [delivery.path for delivery in receiver.deliveries] == ["/number"] * 3 + ["/assistant"] * 3


def test_a_call_under_way_when_the_sandbox_stopped_is_ended(tenant, receiver, restarted):
    number = tenant.open_for_calls(f"{receiver.origin}/")
    order = {"number": number, "wait_seconds": 600}
    placed = requests.post(f"{tenant.url}/sandbox/calls", json=order, timeout=10).json()
    wait_until(lambda: receiver.deliveries)
    with restarted() as url:
        found = requests.get(f"{url}/sandbox/calls/{placed['id']}", timeout=10).json()
        [call] = requests.get(f"{url}/vapi/us/call", headers=tenant.vapi.headers, timeout=10).json()
    assert (found["status"], found["is_finished"]) == ("failed", True)
    assert call["status"] == "ended"
    assert "worker-died" in call["endedReason"]


# --- calls that nobody answers ---


def test_a_number_that_is_not_imported_is_not_answered(tenant):
    assert tenant.place("+33199000000")["status"] == "not-answered"


def test_a_number_without_an_assistant_is_not_answered(tenant, receiver):
    placed = tenant.place(tenant.import_number().json()["number"])
    assert (placed["status"], placed["reason"]) == ("not-answered", "The number has no assistant.")
    assert receiver.deliveries == []


def test_a_number_led_elsewhere_at_twilio_is_not_answered(tenant, receiver):
    number = tenant.open_for_calls(f"{receiver.origin}/")
    sid = next(row["sid"] for row in tenant.numbers() if row["phone_number"] == number)
    tenant.twilio("POST", f"/IncomingPhoneNumbers/{sid}", data={"VoiceUrl": ""})
    placed = tenant.place(number)
    assert placed["status"] == "not-answered"
    assert "nobody" in placed["reason"]


# --- authentication ---


def test_without_a_credential_the_secret_header_is_there_but_empty(tenant, receiver):
    tenant.place(tenant.open_for_calls(f"{receiver.origin}/"))
    assert {delivery.headers["x-vapi-secret"] for delivery in receiver.deliveries} == {""}
    assert "x-vapi-signature" not in receiver.deliveries[0].headers


def test_the_servers_own_headers_are_sent(tenant, receiver):
    tenant.place(tenant.open_for_calls(f"{receiver.origin}/", server={"headers": {"X-Vapi-Secret": SECRET}}))
    assert {delivery.headers["x-vapi-secret"] for delivery in receiver.deliveries} == {SECRET}


def test_an_hmac_over_the_body_is_what_one_computes_by_hand(tenant, receiver):
    plan = {
        "type": "hmac",
        "secretKey": SECRET,
        "algorithm": "sha256",
        "signatureHeader": "x-vapi-signature",
        "includeTimestamp": False,
        "payloadFormat": "{body}",
    }
    server = {"credentialId": credential(tenant, plan)}
    tenant.place(tenant.open_for_calls(f"{receiver.origin}/", server=server))
    for delivery in receiver.deliveries:
        by_hand = hmac.new(SECRET.encode(), delivery.body, hashlib.sha256).hexdigest()
        assert delivery.headers["x-vapi-signature"] == by_hand
        assert "x-timestamp" not in delivery.headers


def test_an_hmac_has_the_documented_defaults(tenant, receiver):
    plan = {"type": "hmac", "secretKey": SECRET, "algorithm": "sha512"}
    server = {"credentialId": credential(tenant, plan)}
    tenant.place(tenant.open_for_calls(f"{receiver.origin}/", server=server))
    delivery = receiver.deliveries[0]
    payload = delivery.headers["x-timestamp"].encode() + b"." + delivery.body
    assert delivery.headers["x-signature"] == hmac.new(SECRET.encode(), payload, hashlib.sha512).hexdigest()


def test_an_hmac_may_have_a_prefix_base64_and_a_message_id(tenant, receiver):
    plan = {
        "type": "hmac",
        "secretKey": base64.b64encode(b"raw secret").decode(),
        "secretIsBase64": True,
        "algorithm": "sha256",
        "signaturePrefix": "v1,",
        "signatureEncoding": "base64",
        "payloadFormat": "{svix-id}.{timestamp}.{body}",
        "messageIdHeader": "webhook-id",
    }
    server = {"credentialId": credential(tenant, plan)}
    tenant.place(tenant.open_for_calls(f"{receiver.origin}/", server=server))
    delivery = receiver.deliveries[0]
    payload = f"{delivery.headers['webhook-id']}.{delivery.headers['x-timestamp']}.".encode() + delivery.body
    digest = hmac.new(b"raw secret", payload, hashlib.sha256).digest()
    assert delivery.headers["x-signature"] == f"v1,{base64.b64encode(digest).decode()}"


def test_a_bearer_credential_is_sent(tenant, receiver):
    server = {"credentialId": credential(tenant, {"type": "bearer", "token": SECRET})}
    tenant.place(tenant.open_for_calls(f"{receiver.origin}/", server=server))
    assert receiver.deliveries[0].headers["authorization"] == f"Bearer {SECRET}"


# --- delivery ---


def test_nothing_is_repeated_without_a_backoff_plan(tenant, receiver):
    receiver.statuses = [500]
    number = tenant.open_for_calls(f"{receiver.origin}/", serverMessages=["end-of-call-report"])
    placed = tenant.place(number)
    assert len(receiver.deliveries) == 1
    assert [note["status"] for note in placed["deliveries"]] == [500]


def test_failures_are_repeated_as_the_backoff_plan_says(tenant, receiver):
    receiver.statuses = [500, 503, 500]
    number = tenant.open_for_calls(
        f"{receiver.origin}/", server={"backoffPlan": FAST_PLAN}, serverMessages=["end-of-call-report"]
    )
    placed = tenant.place(number)
    assert [note["status"] for note in placed["deliveries"]] == [500, 503, 500], "two retries, then it gives up"
    first, second, third = (delivery.received_at for delivery in receiver.deliveries)
    assert second - first >= 0.1
    assert third - second >= 0.2, "exponential"
    links = {delivery.message["artifact"]["presignedMonoUrl"] for delivery in receiver.deliveries}
    assert len(links) == 3, "signed anew for each try"


def test_excluded_codes_are_not_repeated(tenant, receiver):
    receiver.statuses = [404]
    plan = {**FAST_PLAN, "excludedStatusCodes": [404]}
    kinds = ["end-of-call-report"]
    tenant.place(tenant.open_for_calls(f"{receiver.origin}/", server={"backoffPlan": plan}, serverMessages=kinds))
    assert len(receiver.deliveries) == 1


def test_duplicates_and_another_order_can_be_asked_for(tenant, receiver):
    number = tenant.open_for_calls(f"{receiver.origin}/")
    tenant.place(number, duplicates=2, shuffle=True)
    kinds = [delivery.message.get("status", "report") for delivery in receiver.deliveries]
    assert kinds == ["report", "report", "ended", "ended", "in-progress", "in-progress"]


# --- the seeds' shape ---


def test_the_older_notice_of_a_completed_call(tenant, receiver):
    options = {"shape": "seeds", "url": f"{receiver.origin}/webhooks/vapi/call-completed", "secret": SECRET}
    tenant.place("+33199004512", from_number="+33639980042", **options)
    [delivery] = receiver.deliveries
    by_hand = hmac.new(SECRET.encode(), delivery.body, hashlib.sha256).hexdigest()
    assert delivery.headers["x-vapi-signature"] == by_hand
    assert delivery.json["event"] == "call.completed"
    call = delivery.json["call"]
    assert (call["status"], call["phoneNumber"]) == ("completed", "+33199004512")
    assert call["customer"] == {"number": "+33639980042"}
    assert call["transcript"][0]["role"] == "assistant"
    assert isinstance(call["duration"], int)
    assert requests.get(call["recordingUrl"], timeout=10).content.startswith(b"RIFF")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"number": "+33199004512", "script": "none"},
        {"number": "+33199004512", "shape": "seeds", "url": "http://x"},
    ],
)
def test_a_wrong_order_is_refused(sandbox, body):
    response = requests.post(f"{sandbox}/sandbox/calls", json=body, timeout=10)
    assert response.status_code == 400
    assert response.json()["message"]


def test_a_form_of_some_web_page_places_no_call(sandbox):
    response = requests.post(f"{sandbox}/sandbox/calls", data='{"number": "+33199004512"}', timeout=10)
    assert response.status_code == 415


def test_calls_are_listed_for_reconciling(tenant, receiver):
    placed = tenant.place(tenant.open_for_calls(f"{receiver.origin}/"))
    [call] = tenant.vapi("GET", "/call?limit=10").json()
    assert call["id"] == placed["vapi_call_id"]
    assert call["artifact"]["presignedMonoUrl"]
    since = {"past": "2020-01-01T00:00:00Z", "future": "2999-01-01T00:00:00Z"}
    assert len(tenant.vapi("GET", f"/call?updatedAtGe={since['past']}").json()) == 1
    assert tenant.vapi("GET", f"/call?updatedAtGe={since['future']}").json() == []
    stranger = Vapi(tenant.vapi.root, "a1b2c3d4-0000-4000-8000-000000000001")
    assert stranger("GET", f"/call/{call['id']}").status_code == 404
