"""Twilio's rules, as documented, over real HTTP."""

from __future__ import annotations

import phonenumbers
import pytest
import requests

from ava.sandbox.twilio_call import signature
from tests.sandbox.conftest import ACCOUNT_SID, AUTH_TOKEN
from tests.sandbox.receiver import Receiver

OTHER_TOKEN = "f" * 32


@pytest.fixture
def accounts(sandbox):
    return f"{sandbox}/twilio/api.twilio.com/2010-04-01/Accounts"


def first_number(tenant):
    return f"/IncomingPhoneNumbers/{tenant.numbers()[0]['sid']}"


def test_an_account_exists_from_its_first_use_with_the_token_then_given(tenant, accounts):
    found = tenant.twilio("GET")
    assert found.status_code == 200
    assert found.json()["status"] == "active"
    assert found.json()["owner_account_sid"] == ACCOUNT_SID
    again = requests.get(f"{accounts}/{ACCOUNT_SID}.json", auth=(ACCOUNT_SID, OTHER_TOKEN), timeout=10)
    assert again.status_code == 401
    assert again.json() == {
        "code": 20003,
        "message": "Authenticate",
        "more_info": "https://www.twilio.com/docs/errors/20003",
        "status": 401,
    }


@pytest.mark.parametrize(
    ("sid", "token"), [("ACshort", AUTH_TOKEN), ("SK" + "1" * 32, AUTH_TOKEN), ("AC" + "1" * 32, "not hex")]
)
def test_malformed_credentials_are_refused(accounts, sid, token):
    assert requests.get(f"{accounts}/{sid}.json", auth=(sid, token), timeout=10).status_code == 401


def test_a_strangers_account_is_refused(tenant, accounts):
    tenant.twilio("GET")
    stranger = ("AC" + "2" * 32, OTHER_TOKEN)
    assert requests.get(f"{accounts}/{ACCOUNT_SID}.json", auth=stranger, timeout=10).status_code == 401


def test_an_account_has_four_valid_numbers_that_follow_from_its_sid(tenant):
    numbers = sorted(row["phone_number"] for row in tenant.numbers())
    assert [phonenumbers.is_valid_number(phonenumbers.parse(number)) for number in numbers] == [True] * 4
    regions = [phonenumbers.region_code_for_number(phonenumbers.parse(number)) for number in numbers]
    assert sorted(regions) == ["FR", "FR", "IL", "US"]
    assert sorted(row["phone_number"] for row in tenant.numbers()) == numbers


def test_no_two_accounts_have_the_same_number(tenant, accounts):
    owned = [row["phone_number"] for row in tenant.numbers()]
    for digit in range(30):
        sid = f"AC{digit:032x}"
        listed = requests.get(f"{accounts}/{sid}/IncomingPhoneNumbers.json", auth=(sid, OTHER_TOKEN), timeout=10)
        owned += [row["phone_number"] for row in listed.json()["incoming_phone_numbers"]]
    assert len(owned) == len(set(owned)) == 4 * 31


def test_pages_are_followed_by_their_uri(tenant, sandbox):
    answer = tenant.twilio("GET", "/IncomingPhoneNumbers", params={"PageSize": 3}).json()
    assert len(answer["incoming_phone_numbers"]) == 3
    last = requests.get(
        f"{sandbox}/twilio/api.twilio.com{answer['next_page_uri']}",
        auth=(ACCOUNT_SID, AUTH_TOKEN),
        timeout=10,
    ).json()
    assert len(last["incoming_phone_numbers"]) == 1
    assert last["next_page_uri"] is None
    assert last["previous_page_uri"]


@pytest.mark.parametrize(("filtered", "count"), [("+33*", 2), ("+1*", 1), ("+44*", 0)])
def test_numbers_are_filtered(tenant, filtered, count):
    answer = tenant.twilio("GET", "/IncomingPhoneNumbers", params={"PhoneNumber": filtered}).json()
    assert len(answer["incoming_phone_numbers"]) == count


def test_an_update_changes_only_what_is_sent_and_an_empty_value_clears(tenant):
    path = first_number(tenant)
    tenant.twilio("POST", path, data={"VoiceUrl": "https://ava.example/voice", "StatusCallback": "https://a.example/s"})
    changed = tenant.twilio("POST", path, data={"StatusCallback": "", "FriendlyName": "Reception"}).json()
    assert changed["voice_url"] == "https://ava.example/voice"
    assert changed["status_callback"] == ""
    assert changed["friendly_name"] == "Reception"


def test_a_trunk_removes_the_application_and_the_reverse(tenant):
    path = first_number(tenant)
    tenant.twilio("POST", path, data={"VoiceApplicationSid": "AP" + "1" * 32})
    trunked = tenant.twilio("POST", path, data={"TrunkSid": "TK" + "1" * 32}).json()
    assert (trunked["trunk_sid"], trunked["voice_application_sid"]) == ("TK" + "1" * 32, "")
    cleared = tenant.twilio("POST", path, data={"TrunkSid": "", "VoiceApplicationSid": ""}).json()
    assert cleared["trunk_sid"] is None


@pytest.mark.parametrize(("form", "code"), [({"VoiceUrl": "nowhere"}, 21402), ({"VoiceMethod": "PUT"}, 21403)])
def test_a_bad_update_is_refused(tenant, form, code):
    response = tenant.twilio("POST", first_number(tenant), data=form)
    assert (response.status_code, response.json()["code"]) == (400, code)


def test_an_unknown_number_is_not_found(tenant):
    response = tenant.twilio("GET", "/IncomingPhoneNumbers/PN" + "0" * 32)
    assert (response.status_code, response.json()["code"]) == (404, 20404)


def test_a_get_with_a_body_is_refused(tenant):
    assert tenant.twilio("GET", data="x").status_code == 403


def test_a_number_moves_only_within_the_family(tenant, accounts):
    mine = (ACCOUNT_SID, AUTH_TOKEN)
    child = requests.post(f"{accounts}.json", data={"FriendlyName": "Clinic"}, auth=mine, timeout=10)
    assert child.status_code == 201
    child_sid, child_token = child.json()["sid"], child.json()["auth_token"]
    path = first_number(tenant)
    moved = tenant.twilio("POST", path, data={"AccountSid": child_sid})
    assert moved.json()["account_sid"] == child_sid
    listed = requests.get(f"{accounts}/{child_sid}/IncomingPhoneNumbers.json", auth=mine, timeout=10).json()
    assert len(listed["incoming_phone_numbers"]) == 1

    stranger_sid = "AC" + "3" * 32
    requests.get(f"{accounts}/{stranger_sid}.json", auth=(stranger_sid, OTHER_TOKEN), timeout=10)
    assert tenant.twilio("POST", first_number(tenant), data={"AccountSid": stranger_sid}).status_code == 401
    parent = requests.get(f"{accounts}/{ACCOUNT_SID}.json", auth=(child_sid, child_token), timeout=10)
    assert parent.status_code == 401, "a subaccount's token never opens its parent"


def test_a_call_to_a_number_that_leads_to_ava_asks_its_voice_url(tenant, receiver: Receiver):
    receiver.answer_body = b"<Response><Say>Bonjour</Say></Response>"
    number = tenant.numbers()[0]
    path = f"/IncomingPhoneNumbers/{number['sid']}"
    tenant.twilio("POST", path, data={"VoiceUrl": f"{receiver.origin}/voice#rc=2"})
    placed = tenant.place(number["phone_number"], from_number="+33639980042")
    assert placed["status"] == "answered-by-twiml"
    assert placed["twiml"] == "<Response><Say>Bonjour</Say></Response>"
    [asked] = receiver.deliveries
    assert asked.path == "/voice"
    assert b"From=%2B33639980042" in asked.body
    assert asked.headers["x-twilio-signature"]


def test_the_voice_request_is_signed_as_twilio_signs():
    """The public test vector of twilio-python's own tests."""
    form = {
        "CallSid": "CA1234567890ABCDE",
        "Digits": "1234",
        "From": "+14158675309",
        "To": "+18005551212",
        "Caller": "+14158675309",
    }
    signed = signature("https://mycompany.com/myapp.php?foo=1&bar=2", form, "12345")
    assert signed == "RSOYDt4T1cUTdK1PDd93/VVr8B8="
