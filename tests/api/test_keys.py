"""The tenant's keys over the API."""

from accounts.models import VapiCredential
from tests.factories import TWILIO_ACCOUNT, VAPI_KEY


def test_a_key_is_kept_and_only_its_end_is_shown(api_of, alice, organization, sandbox):
    api = api_of(alice)
    assert api.get("/api/v1/vapi-settings").json()["has_vapi_key"] is False
    answer = api.post("/api/v1/vapi-settings", {"vapi_api_key": f"  {VAPI_KEY} "})
    assert answer.status_code == 200, answer.content
    assert answer.json()["vapi_api_key_preview"] == "****a11c"
    assert VAPI_KEY not in answer.content.decode()
    assert api.get("/api/vapi/settings").json()["has_vapi_key"] is True
    assert VapiCredential.objects.for_organization(organization).get().api_key == VAPI_KEY
    assert api.delete("/api/v1/vapi-settings").status_code == 204
    assert api.get("/api/v1/vapi-settings").json()["vapi_api_key_preview"] is None


def test_a_key_that_cannot_be_one_is_refused_by_the_name_of_its_field(api_of, alice, sandbox):
    answer = api_of(alice).post("/api/v1/vapi-settings", {"vapi_api_key": "has spaces in it, many of them"})
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["errors"][0]["field"] == "vapi_api_key"


def test_a_twilio_account_is_kept_and_only_previewed(api_of, alice, sandbox):
    sid, token = TWILIO_ACCOUNT
    api = api_of(alice)
    answer = api.post(
        "/api/v1/twilio-settings", {"account_sid": sid, "auth_token": token, "phone_number": "+33 1 99 00 12 34"}
    )
    assert answer.status_code == 200, answer.content
    assert answer.json()["account_sid_preview"] == "AC****a11c"
    assert answer.json()["phone_number"] == "+33199001234"
    assert token not in answer.content.decode()
    assert api.delete("/api/v1/twilio-settings").status_code == 204
    assert api.get("/api/v1/twilio-settings").json()["has_credentials"] is False
