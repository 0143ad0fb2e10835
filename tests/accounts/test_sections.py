"""The settings' sections: who sees which, the way back to the set-up, profile, notifications and plan."""

import pytest
from django.urls import reverse

from accounts.models import AnalyticsEvent, Organization
from accounts.models.organizations import MailTiming, Plan, Role
from accounts.plans import OFFERS
from accounts.views import section_url
from tests.factories import VAPI_KEY, make_user

MANAGERS = ("team", "vapi", "twilio", "number", "plan")
EVERYBODY = ("profile", "notifications", "security")


def page(client, section, **query):
    answer = client.get(section_url(section, **query))
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.fixture
def signed_in(client, alice):
    client.force_login(alice)
    return client


# --- Who sees what ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("section", EVERYBODY + MANAGERS)
def test_a_manager_opens_every_section_with_few_queries(
    signed_in, organization, section, django_assert_max_num_queries
):
    page(signed_in, section)
    with django_assert_max_num_queries(12):
        html = page(signed_in, section)
    assert len(html) < 100_000
    assert html.count("<h1") == 1
    assert f'section={section}" aria-current="page"' in html


@pytest.mark.parametrize("section", MANAGERS)
def test_a_member_may_not_open_what_managers_decide(client, bob, section):
    client.force_login(bob)
    assert client.get(section_url(section)).status_code == 403


@pytest.mark.parametrize("section", EVERYBODY)
def test_a_member_is_shown_only_the_sections_they_may_open(client, bob, section):
    client.force_login(bob)
    html = page(client, section)
    assert all(f"section={name}" not in html.split("</nav>")[1] for name in MANAGERS)
    assert all(f"section={name}" in html for name in EVERYBODY)


def test_without_a_section_the_profile_is_shown(signed_in):
    assert signed_in.get(reverse("settings")).content.decode().count('section=profile" aria-current="page"') == 1


# --- The way back to the set-up ---------------------------------------------------------------------------------------


def test_who_comes_from_the_set_up_is_led_back_to_it(signed_in, sandbox):
    html = page(signed_in, "vapi", returnTo="onboarding")
    assert f'href="{reverse("onboarding:resume")}"' in html
    assert "section=twilio&amp;returnTo=onboarding" in html
    answer = signed_in.post(section_url("vapi", returnTo="onboarding"), {"api_key": VAPI_KEY})
    assert answer["Location"] == reverse("onboarding:resume")


def test_after_deleting_one_stays_and_the_set_up_is_still_known(signed_in, connected):
    answer = signed_in.post(section_url("vapi", returnTo="onboarding"), {"delete": "1"})
    assert answer["Location"] == section_url("vapi", returnTo="onboarding")


def test_nobody_can_be_led_elsewhere(signed_in):
    html = page(signed_in, "vapi", returnTo="https://evil.example/")
    assert "evil.example" not in html.split("<main")[1].split("</main>")[0]


# --- Vapi and Twilio --------------------------------------------------------------------------------------------------


def test_the_vapi_section_has_all_its_parts(signed_in, connected):
    html = page(signed_in, "vapi")
    assert '<span class="badge positive">configured <bdi dir="ltr">****a11c</bdi></span>' in html
    assert 'data-reveals="id_api_key"' in html
    assert html.count("<li>", html.index('class="steps"')) == 4
    assert html.count('<li class="card soft">') == 3
    assert 'data-copy="https://dashboard.vapi.ai"' in html
    assert 'href="https://dashboard.vapi.ai"' in html
    assert 'data-opens="delete-key"' in html
    assert 'name="test"' in html


def test_without_a_key_the_badge_is_amber_and_nothing_is_tested_or_deleted(signed_in, organization):
    html = page(signed_in, "vapi")
    assert '<span class="badge warning">not configured</span>' in html
    assert 'name="test"' not in html
    assert 'name="delete"' not in html


def test_saving_a_key_is_told_and_counted(signed_in, organization, sandbox):
    html = signed_in.post(section_url("vapi"), {"api_key": VAPI_KEY}, follow=True).content.decode()
    assert "The Vapi key is saved." in html
    event = AnalyticsEvent.objects.for_organization(organization).get()
    assert (event.name, event.properties) == ("vapi_configured", {"method": "settings"})


@pytest.mark.parametrize(("section", "name"), [("vapi", "Vapi"), ("twilio", "Twilio")])
def test_what_is_kept_can_be_tested_live(signed_in, connected, settings, section, name):
    def test_it():
        return signed_in.post(section_url(section), {"test": "1"}, follow=True).content.decode()

    assert f"It works: {name} accepts it." in test_it()
    nowhere = "http://127.0.0.1:9"
    settings.VAPI_BASE_URLS, settings.TWILIO_BASE_URL = {"us": nowhere, "eu": nowhere}, nowhere
    assert f"{name} cannot be reached at the moment." in test_it()
    assert 'class="badge warning">could not be checked' in page(signed_in, section)


def test_a_key_that_vapi_no_longer_takes_is_said_to_be_refused(signed_in, connected):
    connected.vapicredential.api_key = "00000000" + VAPI_KEY[8:]
    connected.vapicredential.save()
    html = signed_in.post(section_url("vapi"), {"test": "1"}, follow=True).content.decode()
    assert "Vapi refuses it." in html
    assert 'class="badge danger">refused' in html


@pytest.mark.parametrize("section", ["vapi", "twilio"])
def test_without_anything_kept_a_test_says_so(signed_in, organization, section):
    html = signed_in.post(section_url(section), {"test": "1"}, follow=True).content.decode()
    assert "Add it under Settings" in html


# --- Profile ----------------------------------------------------------------------------------------------------------

PERSON = {"person": "1", "full_name": "Alice D.", "locale": "en", "timezone": "Europe/Paris", "marketing_opt_in": "on"}
PRACTICE = {
    "organization": "1",
    "organization-name": "Cabinet Delmas",
    "organization-profession": "physiotherapist",
    "organization-industry": "health",
    "organization-company_size": "2-10",
    "organization-country": "FR",
}


def test_a_person_saves_their_profile(signed_in, alice):
    assert signed_in.post(section_url("profile"), PERSON).status_code == 302
    alice.refresh_from_db()
    assert (alice.full_name, alice.timezone, alice.marketing_opt_in) == ("Alice D.", "Europe/Paris", True)


def test_another_language_is_there_at_once_and_stays(signed_in, alice):
    answer = signed_in.post(section_url("profile"), {**PERSON, "locale": "he"})
    assert answer["Location"].startswith("/he/settings")
    assert answer.cookies["django_language"].value == "he"
    alice.refresh_from_db()
    assert alice.locale == "he"


def test_what_is_wrong_is_named_and_nothing_typed_is_lost(signed_in, alice):
    html = signed_in.post(section_url("profile"), {**PERSON, "timezone": "Mars/Base"}).content.decode()
    assert 'value="Alice D."' in html
    assert "problem" in html
    alice.refresh_from_db()
    assert alice.full_name == "Alice Delmas"


def test_a_manager_saves_the_organizations_profile_and_nothing_of_the_plan(signed_in, organization):
    Organization.objects.filter(pk=organization.pk).update(plan=Plan.PRO, seats=5)
    assert signed_in.post(section_url("profile"), {**PRACTICE, "plan": "free", "seats": "1"}).status_code == 302
    organization.refresh_from_db()
    assert (organization.name, organization.country, organization.company_size) == ("Cabinet Delmas", "FR", "2-10")
    assert (organization.plan, organization.seats) == (Plan.PRO, 5)


def test_a_member_cannot_change_the_organization(client, bob, organization):
    client.force_login(bob)
    html = client.post(section_url("profile"), PRACTICE).content.decode()
    assert "organization-name" not in html
    organization.refresh_from_db()
    assert organization.name == "Alice"


def test_a_country_from_elsewhere_stays_choosable(signed_in, organization):
    Organization.objects.filter(pk=organization.pk).update(country="KE", company_size="about 7")
    html = page(signed_in, "profile")
    assert '<option value="KE" selected>' in html
    assert '<option value="about 7" selected>' in html


# --- Notifications ----------------------------------------------------------------------------------------------------


def test_each_person_chooses_for_themselves(client, alice, bob, organization):
    client.force_login(bob)
    assert client.post(section_url("notifications"), {"mail_timing": "daily"}).status_code == 302
    mine = organization.memberships.get(user=bob)
    assert (mine.mail_timing, mine.push_calls) == (MailTiming.DAILY, False)
    assert mine.digest_through is not None
    hers = organization.memberships.get(user=alice)
    assert (hers.mail_timing, hers.push_calls) == (MailTiming.EACH, True)


def test_a_timing_that_is_not_one_is_refused(signed_in, alice):
    answer = signed_in.post(section_url("notifications"), {"mail_timing": "hourly"})
    assert answer.status_code == 200
    assert alice.memberships.get().mail_timing == MailTiming.EACH


# --- Plan -------------------------------------------------------------------------------------------------------------


def test_a_plan_with_its_seats_is_taken(signed_in, organization):
    assert signed_in.post(section_url("plan"), {"plan": "pro", "seats": "3"}).status_code == 302
    organization.refresh_from_db()
    assert (organization.plan, organization.seats) == (Plan.PRO, 3)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"plan": "free", "seats": "3"}, "2 seats at most"),
        ({"plan": "pro", "seats": "1"}, "2 people belong"),
        ({"plan": "pro", "seats": "9" * 30}, "10 seats at most"),
        ({"plan": "gold", "seats": "2"}, "valid choice"),
        ({"plan": "pro", "seats": "many"}, "whole number"),
        ({"plan": "pro", "seats": ""}, "how many people"),
    ],
)
def test_seats_that_do_not_fit_are_refused_in_words(signed_in, organization, bob, values, words):
    html = signed_in.post(section_url("plan"), values).content.decode()
    assert words in html
    organization.refresh_from_db()
    assert (organization.plan, organization.seats) == (Plan.FREE, 1)


def test_every_plan_has_its_card_and_the_page_is_honest_about_money(signed_in):
    html = page(signed_in, "plan")
    assert set(OFFERS) == set(Plan)
    assert html.count('type="radio" name="plan"') == 3
    assert "takes no payment in this version" in html


# --- Leaving ----------------------------------------------------------------------------------------------------------


def test_a_member_leaves(client, bob, organization):
    client.force_login(bob)
    client.post(section_url("profile"), {"leave": "1"})
    assert not organization.memberships.filter(user=bob).exists()


def test_the_last_owner_stays(signed_in, alice, organization):
    html = signed_in.post(section_url("profile"), {"leave": "1"}, follow=True).content.decode()
    assert "needs an owner" in html
    assert organization.memberships.get(user=alice).role == Role.OWNER


def test_with_a_second_owner_the_first_may_go(signed_in, organization, alice):
    dora = make_user("dora@practice.example", organization=organization)
    organization.memberships.filter(user=dora).update(role=Role.OWNER)
    signed_in.post(section_url("profile"), {"leave": "1"})
    assert [member.user for member in organization.memberships.all()] == [dora]
