"""What Ava is and when she answers, over the API: the wizard's steps 3, 5, 6 and 8."""

import pytest

from accounts.models import AnalyticsEvent
from assistants.sync import studio_of
from onboarding.models import Onboarding
from telephony.models import BusinessHours
from tests import providers
from tests.api.conftest import errors_of
from tests.factories import make_number, make_user

CONFIG = "/api/v1/user/studio-config"
WHOLE = {
    "persona": "concierge",
    "job_to_be_done": "Take bookings.",
    "languages": ["he", "fr"],
    "tone": "warm",
    "guidelines": "Never promise a table.",
    "strategy": "pool",
    "business_hours": {"0": [["09:00", "12:30"], ["14:00", "18:00"], ["20:00", "23:00"]]},
    "business_hours_timezone": "Europe/Paris",
    "fallback_email": "ops@acme.example",
    "calendar": "google",
    "workspace_apps": ["slack", "notion"],
    "crm": "hubspot",
    "plan": "pro",
    "seats": 3,
}


def test_every_field_of_four_steps_is_saved_and_answered(api_of, alice, organization):
    answer = api_of(alice).patch(CONFIG, WHOLE)
    assert answer.status_code == 200, answer.content
    week = {**{str(day): [] for day in range(7)}, **WHOLE["business_hours"]}
    told = answer.json()
    assert {**WHOLE, "business_hours": week}.items() <= told.items()
    assert told["business_hours_text"] == "Mon 09:00-12:30, 14:00-18:00, 20:00-23:00"
    assert api_of(alice).get("/api/user/studio-config").json() == told
    studio, organization = studio_of(organization), type(organization).objects.get()
    assert (studio.persona, studio.languages, studio.crm) == ("concierge", ["he", "fr"], "hubspot")
    assert (organization.plan, organization.seats) == ("pro", 3)
    assert BusinessHours.objects.for_organization(organization).get().weekly == week


def test_what_the_first_clients_send_is_understood(api_of, alice, connected):
    number = providers.own_number(connected).number
    sent = {
        **{name: WHOLE[name] for name in ("persona", "job_to_be_done", "tone", "fallback_email", "calendar", "crm")},
        "languages": ["en", "fr"],
        "strategy": "attach",
        "number": number,
        "business_hours": "Mon-Fri 9-18",
        "workspace_apps": ["slack", "notion"],
        "plan": "free",
        "seats": 2,
    }
    told = api_of(alice).patch(CONFIG, sent).json()
    assert told["business_hours"]["4"] == [["09:00", "18:00"]] and told["business_hours"]["5"] == []
    assert (told["number"], told["strategy"], told["seats"]) == (number, "attach", 2)


def test_purchase_is_another_name_of_pool(api_of, alice):
    assert api_of(alice).patch(CONFIG, {"strategy": "purchase"}).json()["strategy"] == "pool"


def test_only_what_is_sent_is_changed(api_of, alice):
    before = api_of(alice).patch(CONFIG, WHOLE).json()
    assert api_of(alice).patch(CONFIG, {"tone": "calm"}).json() == {**before, "tone": "calm"}
    assert api_of(alice).patch(CONFIG, {"seats": 4}).json() == {**before, "tone": "calm", "seats": 4}
    told = api_of(alice).patch(CONFIG, {"fallback_email": ""}).json()
    assert told == {**before, "tone": "calm", "seats": 4, "fallback_email": ""}


@pytest.mark.parametrize(
    ("sent", "fields"),
    [
        ({"plan": "free", "seats": 3}, {"seats"}),
        ({"plan": "gold"}, {"plan"}),
        ({"seats": 0}, {"seats"}),
        ({"seats": 10**30}, {"seats"}),
        ({"seats": "many"}, {"seats"}),
        ({"job_to_be_done": ""}, {"job_to_be_done"}),
        ({"languages": []}, {"languages"}),
        ({"languages": ["de"]}, {"languages.0"}),
        ({"languages": "en"}, {"languages"}),
        ({"workspace_apps": [{}]}, {"workspace_apps.0"}),
        ({"tone": "rude", "fallback_email": "nobody"}, {"tone", "fallback_email"}),
        ({"business_hours_timezone": "Mars"}, {"business_hours_timezone"}),
        ({"business_hours": "whenever"}, {"business_hours"}),
        ({"business_hours": "Mon-Fri 9-5"}, {"business_hours"}),
        ({"business_hours": None}, {"business_hours"}),
        ({"business_hours": []}, {"business_hours"}),
        ({"business_hours": {"7": []}}, {"business_hours"}),
        ({"business_hours": {"0": [["09:00", "12:00"], ["11:00", "13:00"]]}}, {"business_hours"}),
        ({"business_hours": "\x00"}, {"business_hours"}),
        ({"strategy": None}, {"strategy"}),
        ({"number": "12"}, {"number"}),
        ({"number": "+33199004512", "strategy": "pool"}, {"number"}),
        ({"vapi_id": "x"}, {"vapi_id"}),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_saved(api_of, alice, organization, sent, fields):
    assert set(errors_of(api_of(alice).patch(CONFIG, {"crm": "hubspot", **sent}))) == fields
    assert studio_of(organization).crm == "none"
    assert not BusinessHours.objects.for_organization(organization).exists()
    assert not Onboarding.objects.for_organization(organization).filter(started_at__isnull=False).exists()


def test_hours_that_cannot_be_read_are_refused_with_an_example(api_of, alice):
    (error,) = api_of(alice).patch(CONFIG, {"business_hours": "whenever"}).json()["errors"]
    assert "Mon-Fri 9-18" in error["detail"]


def test_fewer_seats_than_people_are_refused_as_on_the_page(api_of, alice, bob):
    (error,) = api_of(alice).patch(CONFIG, {"seats": 1}).json()["errors"]
    assert (error["field"], "2 people belong" in error["detail"]) == ("seats", True)


# --- The number -------------------------------------------------------------------------------------------------------


def test_a_number_is_looked_for_at_twilio_and_attached(api_of, alice, practice):
    number = providers.own_number(practice)
    number.delete()
    answer = api_of(alice).patch(CONFIG, {"number": f" {number.number} ", "tone": "calm"})
    assert (answer.json()["number"], answer.json()["tone"]) == (number.number, "calm")
    assert practice.numbers.get().number == number.number


def test_without_a_twilio_account_it_is_said_and_nothing_saved(api_of, alice, organization):
    answer = api_of(alice).patch(CONFIG, {"number": "+14155550199", "tone": "calm"})
    assert (answer.status_code, answer.json()["code"]) == (409, "credential_missing")
    assert studio_of(organization).tone == "professional"


def test_a_number_that_is_not_in_the_account_is_refused(api_of, alice, practice):
    answer = api_of(alice).patch(CONFIG, {"number": "+33199999999", "tone": "calm"})
    assert set(errors_of(answer)) == {"number"}
    assert studio_of(practice).tone == "professional"


def test_twilio_is_not_asked_while_something_else_is_wrong(api_of, alice, organization):
    assert set(errors_of(api_of(alice).patch(CONFIG, {"number": "+14155550199", "tone": "rude"}))) == {"tone"}


def test_the_number_that_is_held_may_be_named_again(api_of, alice, organization):
    make_number(organization)
    told = api_of(alice).patch(CONFIG, {"number": "+33199004512", "tone": "calm"}).json()
    assert (told["number"], told["tone"]) == ("+33199004512", "calm")
    assert set(errors_of(api_of(alice).patch(CONFIG, {"number": ""}))) == {"number"}


def test_no_number_is_what_there_is_when_there_is_none(api_of, alice, organization):
    assert api_of(alice).patch(CONFIG, {"number": ""}).json()["number"] is None


# --- Whose, and which version -----------------------------------------------------------------------------------------


def test_a_member_reads_and_a_stranger_sees_their_own(api_of, alice, bob, charlie):
    api_of(alice).patch(CONFIG, WHOLE)
    assert api_of(bob).get(CONFIG).json()["persona"] == "concierge"
    assert api_of(charlie).get(CONFIG).json()["persona"] == "secretary"
    refused = api_of(bob).patch(CONFIG, {"tone": "calm"})
    assert (refused.status_code, refused.json()["code"]) == (403, "managers_only")
    assert api_of().get(CONFIG).status_code == 401


def test_a_stranger_names_anothers_organization_in_vain(api_of, alice, charlie, organization):
    answer = api_of(charlie, x_organization=str(organization.pk)).patch(CONFIG, {"tone": "calm"})
    assert answer.status_code == 404
    assert studio_of(organization).tone == "professional"


def test_who_saw_another_version_does_not_overwrite(api_of, alice, organization):
    api = api_of(alice)
    seen = api.get(CONFIG)["ETag"]
    assert api.patch(CONFIG, {"tone": "calm"}, HTTP_IF_MATCH=seen).status_code == 200
    assert api.patch(CONFIG, {"tone": "warm"}, HTTP_IF_MATCH=seen).status_code == 412
    assert api.patch(CONFIG, {"tone": "warm", "number": "+14155550199"}, HTTP_IF_MATCH=seen).status_code == 412
    assert studio_of(organization).tone == "calm"


def test_looking_begins_nothing_and_asks_little(api_of, bob, organization, django_assert_max_num_queries):
    api = api_of(bob)
    assert api.get(CONFIG).status_code == 200
    assert not Onboarding.objects.for_organization(organization).exists()
    studio_of(organization)
    with django_assert_max_num_queries(6):
        api.get(CONFIG)


def test_steps_that_need_nothing_more_are_told_as_done(api_of, alice, organization):
    api_of(alice).patch(CONFIG, WHOLE)
    rows = AnalyticsEvent.objects.for_organization(organization).filter(name="onboarding_step_completed")
    assert {row.properties["step"] for row in rows} == {"ava", "integrations", "plan"}  # telephony lacks its number


def test_a_launched_organization_is_told_of_no_steps_any_more(api_of, organization):
    dora = make_user("dora@example.com")
    own = dora.organizations.get()
    Onboarding.objects.for_organization(own).create(organization=own).mark_launched()
    api_of(dora).patch(CONFIG, {"crm": "hubspot"})
    names = AnalyticsEvent.objects.for_organization(own).values_list("name", flat=True)
    assert "onboarding_step_completed" not in names
