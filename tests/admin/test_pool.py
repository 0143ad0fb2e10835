"""The pool of numbers: adding them, seeing who has which, taking one back."""

import pytest
from django.utils import timezone

from accounts.models import TwilioCredential
from telephony import pool
from telephony.models import PoolNumber, TenantNumber
from tests import factories
from tests.admin.pages import act, change, page


def make_pool_number(number="+33199004512", **fields):
    return PoolNumber.objects.create(number=number, **{"country": "FR", **fields})


def add(admin_client, **typed):
    form = {"monthly_cost": "1.15", "currency": "usd", **typed}
    return admin_client.post(page(PoolNumber, "add"), form)


def errors_in(answer):
    return {name: errors[0] for name, errors in answer.context["adminform"].form.errors.items()}


def test_a_number_is_kept_in_e164_with_its_country(admin_client):
    assert add(admin_client, number=" +33 1 99 00 45 12 ").status_code == 302
    number = PoolNumber.objects.get()
    assert (number.number, number.country, number.currency) == ("+33199004512", "FR", "USD")


def test_a_country_that_was_typed_stays(admin_client):
    add(admin_client, number="+33199004512", country="mc")
    assert PoolNumber.objects.get().country == "MC"


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"number": "0199004512"}, "number"),
        ({"number": "+33"}, "number"),
        ({"number": "+33199004512", "country": "XX"}, "country"),
        ({"number": "+88213012345"}, "country"),
        ({"number": "+33199004512", "currency": "$"}, "currency"),
    ],
)
def test_a_wrong_number_is_refused_in_words(typed, field, admin_client):
    answer = add(admin_client, **typed)
    assert list(errors_in(answer)) == [field]
    assert not PoolNumber.objects.exists()


def test_the_same_number_is_refused(admin_client):
    make_pool_number()
    assert list(errors_in(add(admin_client, number="+33 199 00 45 12"))) == ["number"]


def test_saving_does_not_undo_a_loan_made_meanwhile(admin_client, organization):
    number = make_pool_number()

    def lend_then_save(*args, **kwargs):
        pool.assign_number(organization=organization, country="FR")
        return original(*args, **kwargs)

    original, admin_client.post = admin_client.post, lend_then_save
    assert change(admin_client, number, state="Île-de-France").status_code == 302
    number.refresh_from_db()
    assert (number.state, number.organization) == ("Île-de-France", organization)


def test_a_lent_number_keeps_its_digits_and_cannot_be_deleted(admin_client, organization):
    number = make_pool_number(organization=organization)
    change(admin_client, number, number="+33199004513", organization="")
    number.refresh_from_db()
    assert (number.number, number.organization) == ("+33199004512", organization)
    assert admin_client.post(page(PoolNumber, "delete", number.pk), {"post": "yes"}).status_code == 403
    act(admin_client, "delete_selected", number)
    assert PoolNumber.objects.exists()


@pytest.mark.parametrize("use", ["free", "lent", "quarantine"])
def test_the_list_is_filtered_by_use(use, admin_client, organization):
    make_pool_number("+33199004501")
    make_pool_number("+33199004502", organization=organization)
    make_pool_number("+33199004503", quarantined_until=timezone.now())
    expected = {"free": "+33199004501", "lent": "+33199004502", "quarantine": "+33199004503"}
    listed = admin_client.get(page(PoolNumber), {"use": use}).context["cl"].result_list
    assert [row.number for row in listed] == [expected[use]]


def test_numbers_are_taken_back_into_quarantine(admin_client, organization):
    lent, free = make_pool_number(organization=organization), make_pool_number("+33199004513")
    assert act(admin_client, "take_back", lent, free) == ["1 number is in quarantine.", "1 number was not lent."]
    lent.refresh_from_db()
    assert lent.organization is None
    assert lent.quarantined_until > timezone.now()
    free.refresh_from_db()
    assert free.quarantined_until is None


def test_a_number_taken_back_no_longer_leads_to_its_tenant(admin_client, organization, settings, sandbox):
    settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN = factories.TWILIO_ACCOUNT
    lent = make_pool_number(organization=organization)
    factories.make_number(organization, source="pool", routed_to="assistant")
    organization.numbers.update(source="own")
    assert act(admin_client, "take_back", lent) == ["1 number is in quarantine."]
    assert not TenantNumber.objects.unscoped().exists()


def test_a_number_that_a_provider_holds_stays_lent(admin_client, organization):
    lent = make_pool_number(organization=organization)
    factories.make_number(organization, vapi_id="known-at-vapi")
    assert not TwilioCredential.objects.unscoped().exists()
    said = act(admin_client, "take_back", lent)
    assert said == ["+33199004512: There is no Vapi key yet. Add it under Settings, Vapi."]
    lent.refresh_from_db()
    assert lent.organization == organization
