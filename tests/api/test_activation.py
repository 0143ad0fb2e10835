"""On the phone and off it, over the API."""

import pytest

from assistants.models import Studio
from tests.providers import INBOUND_CALL_URL, PREVIOUS, order_fault, own_number, routing_of, vapi_of

ACTIVATE, DEACTIVATE = "/api/v1/settings/agent/activate", "/api/v1/settings/agent/deactivate"


def is_active(organization) -> bool:
    return Studio.objects.for_organization(organization).get().is_active


@pytest.mark.parametrize("prefix", ["/api/v1", "/api"])
def test_it_goes_on_the_phone_and_off(api_of, alice, practice, prefix):
    number, api = own_number(practice), api_of(alice)
    for _ in range(2):
        answer = api.post(f"{prefix}/settings/agent/activate")
        assert (answer.status_code, answer.json()) == (200, {"success": True})
    assert routing_of(number).voice_url == INBOUND_CALL_URL
    assert is_active(practice)
    for _ in range(2):
        answer = api.post(f"{prefix}/settings/agent/deactivate")
        assert (answer.status_code, answer.json()) == (200, {"success": True})
    assert routing_of(number).voice_url == PREVIOUS.voice_url
    assert not is_active(practice)


def test_without_a_number_it_says_what_is_missing(api_of, alice, practice):
    answer = api_of(alice).post(ACTIVATE)
    assert (answer.status_code, answer.json()["code"]) == (409, "number_missing")
    assert answer.json()["detail"] == "There is no phone number yet. Choose one under Settings, Number."
    assert vapi_of(practice).list_assistants() == []


@pytest.mark.parametrize(
    ("fault", "status", "code"), [(503, 503, "provider_unreachable"), (401, 409, "provider_refused")]
)
def test_half_done_it_says_what_is_left_and_a_retry_finishes(
    api_of, alice, practice, sandbox, monkeypatch, fault, status, code
):
    monkeypatch.setattr("ava.clients.http.FIRST_BACKOFF_SECONDS", 0.01)
    number, api = own_number(practice), api_of(alice)
    order_fault(sandbox, "/vapi/us/phone-number", status=fault)
    failed = api.post(ACTIVATE, HTTP_IDEMPOTENCY_KEY="first")
    order_fault(sandbox, "/vapi/us/phone-number", times=0)
    assert (failed.status_code, failed.json()["code"]) == (status, code)
    assert failed.json()["detail"].startswith("The assistant is ready at Vapi, but the number does not lead to it yet.")
    assert not is_active(practice)
    assert api.post(ACTIVATE, HTTP_IDEMPOTENCY_KEY="second").status_code == 200
    assert routing_of(number).voice_url == INBOUND_CALL_URL


def test_members_may_not(api_of, bob, practice):
    own_number(practice)
    answers = [api_of(bob).post(path) for path in (ACTIVATE, DEACTIVATE)]
    assert [answer.status_code for answer in answers] == [403, 403]
    assert vapi_of(practice).list_assistants() == []


def test_a_stranger_switches_the_strangers_own(api_of, alice, charlie, practice):
    number = own_number(practice)
    api_of(alice).post(ACTIVATE)
    assert api_of(charlie).post(DEACTIVATE).status_code == 200
    assert is_active(practice)
    assert routing_of(number).voice_url == INBOUND_CALL_URL


def test_nobody_may_without_signing_in(api_of, db):
    assert {api_of().post(path).status_code for path in (ACTIVATE, DEACTIVATE)} == {401}
