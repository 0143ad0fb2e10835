"""Numbers over the API: the Twilio account's, attached ones, ones lent from the pool, and giving them back."""

import json

import pytest

from accounts import credentials
from accounts.models import TwilioCredential
from accounts.models.credentials import Status
from assistants import activation
from ava.lib.phones import country_of
from telephony import numbers
from telephony.models import PoolNumber
from tests.factories import make_number
from tests.providers import INBOUND_CALL_URL, PREVIOUS, order_fault, own_number, pool_number, routing_of, twilio_of

ALL, ATTACH, ASSIGN = "/api/v1/phone-numbers", "/api/v1/phone-numbers/attach", "/api/v1/phone-numbers/assign"
TWILIO, STATUS = "/api/v1/twilio/numbers", "/api/v1/twilio/status"


def errors_of(answer) -> dict[str, str]:
    assert answer.status_code == 400, answer.content
    return {error["field"]: error["detail"] for error in answer.json()["errors"]}


# --- The account at Twilio --------------------------------------------------------------------------------------------


def test_the_accounts_numbers_are_told_live_with_those_in_use(api_of, alice, practice):
    number = own_number(practice)
    listed = {one["number"]: one for one in api_of(alice).get(TWILIO).json()}
    assert set(listed) == {one.number for one in numbers.available_numbers(practice)}
    assert (listed[number.number]["attached"], listed[number.number]["id"]) == (True, number.pk)
    others = [one for one in listed.values() if one["number"] != number.number]
    assert others
    assert {(one["attached"], one["id"]) for one in others} == {(False, None)}
    assert "FR" in {one["country"] for one in listed.values()}


def test_while_twilio_is_away_the_list_says_so(api_of, alice, practice, sandbox):
    order_fault(sandbox, "/twilio", times=1)
    answer = api_of(alice).get(TWILIO)
    assert (answer.status_code, answer.json()["code"]) == (503, "provider_unreachable")


def test_without_an_account_words_say_where_to_add_one(api_of, alice, organization):
    answer = api_of(alice).get(TWILIO)
    assert (answer.status_code, answer.json()["code"]) == (409, "credential_missing")
    assert "Add it under Settings, Twilio" in answer.json()["detail"]


def test_the_state_of_the_account_is_told_without_asking_twilio(api_of, alice, practice, settings):
    own_number(practice)
    settings.TWILIO_BASE_URL = "http://127.0.0.1:9"
    told = api_of(alice).get(STATUS).json()
    own = TwilioCredential.objects.for_organization(practice).get()
    assert told.pop("checked_at")
    assert told == {
        "configured": True,
        "status": "works",
        "account_sid_preview": own.preview,
        "phone_number": None,
        "numbers_attached": 1,
    }
    assert own.account_sid not in json.dumps(told)


def test_asked_to_check_it_asks_twilio(api_of, alice, practice, settings):
    TwilioCredential.objects.for_organization(practice).update(status=Status.REFUSED)
    api = api_of(alice)
    assert api.get(f"{STATUS}?check=false").json()["status"] == "refused"
    assert api.get(f"{STATUS}?check=true").json()["status"] == "works"
    settings.TWILIO_BASE_URL = "http://127.0.0.1:9"
    assert api.get(f"{STATUS}?check=true").json()["status"] == "unreachable"
    assert list(errors_of(api.get(f"{STATUS}?check=perhaps"))) == ["check"]


@pytest.mark.parametrize("query", ["", "?check=true"])
def test_no_account_is_told_as_such(api_of, alice, organization, query):
    told = api_of(alice).get(STATUS + query).json()
    assert (told["configured"], told["status"], told["account_sid_preview"]) == (False, None, None)


# --- Attached numbers -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("prefix", ["/api/v1", "/api"])
def test_a_number_is_attached_shown_and_detached(api_of, alice, practice, prefix):
    api, wanted = api_of(alice), numbers.available_numbers(practice)[0].number
    for _ in range(2):
        answer = api.post(f"{prefix}/phone-numbers/attach", {"number": f" {wanted[:4]} {wanted[4:]}"})
        assert answer.status_code == 201, answer.content
    number = practice.numbers.get()
    shown = answer.json()
    assert {**shown, "attached_at": ""} == {
        "id": number.pk,
        "number": wanted,
        "source": "own",
        "country": country_of(wanted),
        "active": False,
        "attached_at": "",
    }
    one = f"{prefix}/phone-numbers/{number.pk}"
    assert api.get(f"{prefix}/phone-numbers").json() == [api.get(one).json()] == [shown]
    assert api.delete(one).status_code == 204
    assert api.get(f"{prefix}/phone-numbers").json() == []
    assert api.delete(one).status_code == 404


def test_a_detached_number_leads_where_it_led_before(api_of, alice, practice):
    number, api = own_number(practice), api_of(alice)
    activation.activate(organization=practice)
    assert api.get(f"{ALL}/{number.pk}").json()["active"] is True
    assert routing_of(number).voice_url == INBOUND_CALL_URL
    client = twilio_of(number)
    assert api.delete(f"{ALL}/{number.pk}").status_code == 204
    assert client.get_number(number.twilio_sid).routing.voice_url == PREVIOUS.voice_url


def test_a_detaching_that_breaks_off_is_told_and_finished_by_a_retry(api_of, alice, practice, sandbox, monkeypatch):
    monkeypatch.setattr("ava.clients.http.FIRST_BACKOFF_SECONDS", 0.01)
    number, api = own_number(practice), api_of(alice)
    activation.activate(organization=practice)
    order_fault(sandbox, "/vapi/us/phone-number")
    failed = api.delete(f"{ALL}/{number.pk}")
    order_fault(sandbox, "/vapi/us/phone-number", times=0)
    assert (failed.status_code, failed.json()["code"]) == (503, "provider_unreachable")
    assert api.delete(f"{ALL}/{number.pk}").status_code == 204


@pytest.mark.parametrize(
    ("given", "field", "words"),
    [
        ({"number": "12"}, "number", "with its country code"),
        ({"number": "+33199009999"}, "number", "Your Twilio account has no such number."),
        ({"number": "\0"}, "number", "Null characters"),
        ({"number": "x" * 41}, "number", "no more than 40"),
        ({"number": None}, "number", "may not be null"),
        ({"number": {}}, "number", "Not a valid string."),
        ({}, "number", "This field is required."),
        ({"number": "+33199009999", "source": "pool"}, "source", "no such field"),
    ],
)
def test_a_wrong_number_is_refused_by_the_name_of_its_field(api_of, alice, practice, given, field, words):
    errors = errors_of(api_of(alice).post(ATTACH, given))
    assert list(errors) == [field]
    assert words in errors[field]


def test_a_number_of_two_accounts_serves_one_organization(api_of, alice, charlie, practice):
    wanted = numbers.available_numbers(practice)[0].number
    make_number(charlie.organizations.get(), wanted)
    errors = errors_of(api_of(alice).post(ATTACH, {"number": wanted}))
    assert errors == {"number": "This number is already used by another organization."}


# --- Lent numbers -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", [{"country": "fr"}, {"phone": "+33 6 39 98 00 17"}, {}])
def test_a_number_of_the_country_is_lent_once_and_given_back(api_of, alice, practice, operator, given):
    lent, _incoming = pool_number(operator)
    type(practice).objects.filter(pk=practice.pk).update(country="US" if given else "FR")
    api = api_of(alice)
    first, again = api.post(ASSIGN, given), api.post(ASSIGN, given)
    assert (first.status_code, again.json()) == (201, first.json())
    assert (first.json()["number"], first.json()["source"], first.json()["country"]) == (lent.number, "pool", "FR")
    assert api.delete(f"{ALL}/{first.json()['id']}").status_code == 204
    lent.refresh_from_db()
    assert (lent.organization, lent.quarantined_until is None) == (None, False)
    assert operator.find_number(lent.number)


def test_where_none_is_left_it_says_so(api_of, alice, practice, operator):
    answer = api_of(alice).post(ASSIGN, {"country": "US"})
    assert (answer.status_code, answer.json()["code"]) == (409, "no_number_left")
    assert answer.json()["detail"] == "No number is left for US at the moment."
    assert not practice.numbers.exists()


def test_a_number_that_the_operator_does_not_have_is_no_slip_of_the_tenant(api_of, alice, practice, operator):
    PoolNumber.objects.create(number="+33199009999", country="FR")
    answer = api_of(alice).post(ASSIGN, {"country": "FR"})
    assert (answer.status_code, answer.json()["code"]) == (409, "number_not_available")


@pytest.mark.parametrize(
    ("given", "field", "words"),
    [
        ({}, "country", "by its two letters"),
        ({"country": "France"}, "country", "by its two letters"),
        ({"country": "F\0"}, "country", "by its two letters"),
        ({"country": None}, "country", "may not be null"),
        ({"phone": "06 39 98 00 17"}, "phone", "with its country code"),
        ({"phone": "+33" + "1" * 30}, "phone", "with its country code"),
        ({"organization": 7}, "organization", "no such field"),
    ],
)
def test_which_country_it_is_must_be_clear(api_of, alice, practice, operator, given, field, words):
    pool_number(operator)
    errors = errors_of(api_of(alice).post(ASSIGN, given))
    assert list(errors) == [field]
    assert words in errors[field]


def test_a_repeat_under_the_same_key_is_done_once(api_of, alice, practice, operator):
    pool_number(operator)
    api = api_of(alice)
    first = api.post(ASSIGN, {"country": "FR"}, HTTP_IDEMPOTENCY_KEY="k")
    credentials.delete_twilio_account(practice)
    again = api.post(ASSIGN, {"country": "FR"}, HTTP_IDEMPOTENCY_KEY="k")
    assert (again.status_code, again.json(), again["Idempotent-Replayed"]) == (201, first.json(), "true")
    other = api.post(ASSIGN, {"country": "IL"}, HTTP_IDEMPOTENCY_KEY="k")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


# --- Who --------------------------------------------------------------------------------------------------------------


def test_members_read_and_do_not_change(api_of, bob, practice):
    number, api = own_number(practice), api_of(bob)
    one = f"{ALL}/{number.pk}"
    assert {api.get(path).status_code for path in (ALL, one, TWILIO, STATUS)} == {200}
    answers = (api.post(ATTACH, {"number": number.number}), api.post(ASSIGN, {"country": "FR"}), api.delete(one))
    assert {answer.status_code for answer in answers} == {403}
    assert practice.numbers.exists()


def test_another_tenants_number_is_not_found_just_like_none(api_of, charlie, practice):
    number, api = own_number(practice), api_of(charlie)
    for method in (api.get, api.delete):
        answers = [method(f"{ALL}/{pk}") for pk in (number.pk, 10**6, 10**30)]
        assert [answer.status_code for answer in answers] == [404] * 3
        assert len({answer.content for answer in answers}) == 1
    assert api.get(ALL).json() == []
    assert practice.numbers.exists()


def test_nobody_is_told_anything_without_signing_in(api_of, db):
    api = api_of()
    answers = [*(api.get(path) for path in (ALL, TWILIO, STATUS)), *(api.post(path) for path in (ATTACH, ASSIGN))]
    assert {answer.status_code for answer in answers} == {401}


def test_reading_takes_few_queries(api_of, alice, practice, django_assert_max_num_queries):
    for number in ("+33199004512", "+33199004513", "+33199004514"):
        make_number(practice, number)
    api = api_of(alice)
    for path in (ALL, TWILIO, STATUS):
        with django_assert_max_num_queries(6):
            assert api.get(path).status_code == 200
