"""A number: found, attached, led to an assistant, and given back as it was."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError

from accounts import credentials
from accounts.credentials import MissingCredential
from assistants import sync
from ava.clients.errors import ProviderError
from ava.clients.twilio import NumberRouting
from telephony import numbers, pool, routing
from telephony.models import PoolNumber, TenantNumber, TwilioSubaccount
from tests.providers import (
    INBOUND_CALL_URL,
    PREVIOUS,
    new_vapi_key,
    order_fault,
    own_number,
    pool_number,
    routing_of,
    twilio_of,
    vapi_of,
)


@pytest.fixture
def number(practice: Any) -> TenantNumber:
    return own_number(practice)


@pytest.fixture
def lead(practice: Any) -> Any:
    """Lead a number to the practice's assistant, as activation does."""
    studio = sync.studio_of(practice)
    server = sync.push(studio)

    def route(number: TenantNumber) -> TenantNumber:
        routing.route(number, assistant_id=studio.vapi_id, server=server)
        number.refresh_from_db()
        return number

    return route


# --- Attaching --------------------------------------------------------------------------------------------------------


def test_the_voice_numbers_of_the_account_are_listed_live(practice):
    found = numbers.available_numbers(practice)
    assert found
    assert all(number.voice and number.number.startswith("+") for number in found)


def test_a_number_is_attached_however_it_is_written(practice):
    wanted = numbers.available_numbers(practice)[0].number
    written = f" {wanted[:3]} {wanted[3:5]}-{wanted[5:]} "
    attached = numbers.attach_own_number(organization=practice, number=written)
    assert (attached.number, attached.source) == (wanted, "own")
    assert attached.twilio_sid.startswith("PN")


def test_attaching_twice_is_attaching_once(practice):
    wanted = numbers.available_numbers(practice)[0].number
    first, again = (numbers.attach_own_number(organization=practice, number=wanted) for _ in range(2))
    assert first == again


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        *(
            ("", "country code"),
            ("12", "country code"),
            ("0199004512", "country code"),
            ("not a number", "country code"),
        ),
        *(("+33100000000", "no such number"), ("+33 1 00 00 00 00", "no such number")),
    ],
)
def test_a_number_that_cannot_be_attached_is_refused_in_words(practice, typed, words):
    with pytest.raises(ValidationError, match=words):
        numbers.attach_own_number(organization=practice, number=typed)
    assert not practice.numbers.exists()


def test_a_number_that_serves_another_organization_is_refused(practice, charlie):
    theirs = charlie.organizations.get()
    account = credentials.twilio_account(practice)
    credentials.save_twilio_account(organization=theirs, account_sid=account[0], auth_token=account[1])
    wanted = numbers.available_numbers(practice)[0].number
    numbers.attach_own_number(organization=practice, number=wanted)
    with pytest.raises(ValidationError, match="already used by another organization"):
        numbers.attach_own_number(organization=theirs, number=wanted)
    assert practice.numbers.get().number == wanted


def test_without_a_twilio_account_words_say_where_to_add_one(organization):
    with pytest.raises(MissingCredential, match="Settings, Twilio"):
        numbers.attach_own_number(organization=organization, number="+33199004512")


# --- Leading it to an assistant, and back -----------------------------------------------------------------------------


def test_a_routed_number_leads_to_vapi_and_what_answered_before_is_kept(number, lead, practice):
    lead(number)
    assert routing_of(number).voice_url == INBOUND_CALL_URL
    assert routing_of(number).sms_url == PREVIOUS.sms_url
    assert number.saved_routing["voice_url"] == PREVIOUS.voice_url
    at_vapi = vapi_of(practice).get_phone_number(number.vapi_id)
    assert (at_vapi["assistantId"], at_vapi["number"]) == (number.routed_to, number.number)
    assert at_vapi["server"]["url"].startswith("http://testserver/webhooks/vapi/")


def test_unrouted_everything_is_as_it_was(number, lead, practice):
    routing.unroute(lead(number))
    assert routing_of(number) == NumberRouting.from_dict({**PREVIOUS.as_dict(), **methods_of(routing_of(number))})
    assert vapi_of(practice).list_phone_numbers() == []
    number.refresh_from_db()
    assert (number.vapi_id, number.routed_to, number.saved_routing) == ("", "", None)


def methods_of(found: Any) -> dict[str, str]:
    """Twilio knows no empty method."""
    return {name: value for name, value in found.as_dict().items() if name.endswith("_method")}


def test_routing_twice_keeps_what_answered_first(number, lead):
    lead(lead(number))
    assert number.saved_routing["voice_url"] == PREVIOUS.voice_url


def test_unrouting_twice_changes_nothing(number, lead):
    routing.unroute(lead(number))
    routing.unroute(number)
    assert routing_of(number).voice_url == PREVIOUS.voice_url


def test_who_has_pointed_the_number_elsewhere_since_is_left_alone(number, lead):
    lead(number)
    elsewhere = NumberRouting.from_dict({"voice_url": "https://elsewhere.example/"})
    twilio_of(number).update_number(number.twilio_sid, elsewhere)
    routing.unroute(number)
    assert routing_of(number).voice_url == "https://elsewhere.example/"


def test_a_number_given_up_at_twilio_can_still_be_taken_off(number, lead, practice):
    lead(number)
    TenantNumber.objects.for_organization(practice).update(twilio_sid="PN" + "0" * 32)
    number.refresh_from_db()
    routing.unroute(number)
    assert (number.vapi_id, number.saved_routing) == ("", None)


def test_an_import_that_was_deleted_at_vapi_is_made_again(number, lead, practice):
    lead(number)
    vapi_of(practice).delete_phone_number(number.vapi_id)
    lead(number)
    assert [one["id"] for one in vapi_of(practice).list_phone_numbers()] == [number.vapi_id]
    assert number.saved_routing["voice_url"] == PREVIOUS.voice_url


def test_an_import_whose_answer_was_lost_is_found_again(number, lead, practice):
    lead(number)
    TenantNumber.objects.for_organization(practice).update(vapi_id="")
    number.refresh_from_db()
    lead(number)
    assert len(vapi_of(practice).list_phone_numbers()) == 1


def test_with_a_key_of_another_vapi_organization_the_number_is_imported_there(number, lead, practice):
    lead(number)
    credentials.save_vapi_key(organization=practice, typed=new_vapi_key())
    studio = sync.studio_of(practice)
    routing.route(number, server=sync.push(studio), assistant_id=studio.vapi_id)
    assert [one["assistantId"] for one in vapi_of(practice).list_phone_numbers()] == [studio.vapi_id]
    assert number.saved_routing["voice_url"] == PREVIOUS.voice_url


# --- A number of the pool ---------------------------------------------------------------------------------------------


def test_a_pool_number_moves_into_the_tenants_own_subaccount(practice, operator):
    lent, incoming = pool_number(operator)
    number = numbers.assign_pool_number(organization=practice, country="FR")
    subaccount = TwilioSubaccount.objects.for_organization(practice).get()
    assert (number.number, number.source, number.twilio_sid) == (lent.number, "pool", incoming.sid)
    assert twilio_of(number).account_sid == subaccount.account_sid != operator.account_sid
    assert twilio_of(number).find_number(lent.number)
    assert operator.find_number(lent.number) is None


def test_vapi_learns_the_subaccounts_token_and_never_the_operators(practice, operator, lead, settings):
    pool_number(operator)
    number = lead(numbers.assign_pool_number(organization=practice, country="FR"))
    known = str(vapi_of(practice).get_phone_number(number.vapi_id))
    assert TwilioSubaccount.objects.for_organization(practice).get().auth_token in known
    assert settings.TWILIO_AUTH_TOKEN not in known
    assert settings.TWILIO_ACCOUNT_SID not in known


def test_two_tenants_have_two_subaccounts(practice, operator, charlie):
    for found in operator.list_numbers():
        PoolNumber.objects.create(number=found.number, country="FR")
    theirs = charlie.organizations.get()
    first, second = (numbers.assign_pool_number(organization=one, country="FR") for one in (practice, theirs))
    assert first.number != second.number
    assert twilio_of(first).account_sid != twilio_of(second).account_sid


def test_asking_again_changes_nothing(practice, operator):
    pool_number(operator)
    first, again = (numbers.assign_pool_number(organization=practice, country="FR") for _ in range(2))
    assert first == again
    assert TwilioSubaccount.objects.for_organization(practice).count() == 1


@pytest.mark.parametrize("step", ["Accounts.json", "Accounts/AC"])
def test_a_move_that_breaks_off_is_finished_by_asking_again(practice, operator, sandbox, step):
    lent, _incoming = pool_number(operator)
    order_fault(sandbox, f"/twilio/api.twilio.com/2010-04-01/{step}", times=1)
    with pytest.raises(ProviderError):
        numbers.assign_pool_number(organization=practice, country="FR")
    lent.refresh_from_db()
    assert lent.organization == practice  # nobody else gets it meanwhile
    assert numbers.assign_pool_number(organization=practice, country="FR").number == lent.number
    assert TwilioSubaccount.objects.for_organization(practice).count() == 1


def test_a_pool_number_that_the_operator_does_not_have_is_told(practice, operator):
    PoolNumber.objects.create(number="+33199009999", country="FR")
    with pytest.raises(ValidationError, match=r"does not have \+33199009999"):
        numbers.assign_pool_number(organization=practice, country="FR")


def test_none_left_asks_nobody_outside(practice, settings):
    settings.TWILIO_BASE_URL = "http://127.0.0.1:9"
    with pytest.raises(pool.NoNumberLeft):
        numbers.assign_pool_number(organization=practice, country="FR")


def test_a_pool_number_that_is_detached_goes_back_through_quarantine(practice, operator, lead):
    lent, _incoming = pool_number(operator)
    number = lead(numbers.assign_pool_number(organization=practice, country="FR"))
    routing.detach(number)
    lent.refresh_from_db()
    assert (lent.organization, lent.quarantined_until is not None) == (None, True)
    assert operator.find_number(lent.number)
    assert not practice.numbers.exists()
    assert vapi_of(practice).list_phone_numbers() == []


def test_a_detaching_that_breaks_off_is_finished_by_asking_again(practice, operator, lead, sandbox):
    lent, _incoming = pool_number(operator)
    number = lead(numbers.assign_pool_number(organization=practice, country="FR"))
    order_fault(sandbox, f"/twilio/api.twilio.com/2010-04-01/Accounts/{operator.account_sid}", times=1)
    with pytest.raises(ProviderError):
        routing.detach(number)
    lent.refresh_from_db()
    assert lent.organization == practice
    routing.detach(practice.numbers.get())
    lent.refresh_from_db()
    assert (lent.organization, operator.find_number(lent.number) is not None) == (None, True)


def test_a_number_comes_back_to_a_tenant_that_had_one_before(practice, operator):
    pool_number(operator)
    routing.detach(numbers.assign_pool_number(organization=practice, country="FR"))
    PoolNumber.objects.update(quarantined_until=None)
    assert numbers.assign_pool_number(organization=practice, country="FR").number
    assert TwilioSubaccount.objects.for_organization(practice).count() == 1
