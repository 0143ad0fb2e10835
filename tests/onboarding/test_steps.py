"""Nine steps, in any order, each of which can be left out; nothing that is typed is ever refused or lost."""

from itertools import pairwise

import pytest
from django.contrib.sessions.models import Session
from django.urls import reverse
from django.utils.html import escape

from accounts.models import VapiCredential
from accounts.models.organizations import Role
from assistants import prompts
from onboarding.models import Draft, Onboarding
from onboarding.steps import STEPS
from telephony.models import BusinessHours
from tests.factories import make_number
from tests.onboarding.conftest import Browser, events_of

pytestmark = pytest.mark.django_db
NAMES = [step.name for step in STEPS]


def onboarding_of(organization):
    return Onboarding.objects.for_organization(organization).get()


def draft_of(organization):
    return Draft.objects.for_organization(organization).get()


# --- Walking ----------------------------------------------------------------------------------------------------------


def test_the_nine_steps_are_the_missions():
    assert NAMES == ["profile", "vapi", "ava", "twilio", "telephony", "integrations", "assistant", "plan", "done"]


@pytest.mark.parametrize("language", ["en", "fr", "he"])
@pytest.mark.parametrize("name", NAMES)
def test_any_step_can_be_opened_first_in_any_language(browser, organization, name, language):
    html = browser.open(name, language)
    assert html.count("<h1") == 1
    assert 'aria-current="step"' in html
    assert all(f"/onboarding/{other}/" in html for other in NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_step_is_light_and_asks_the_database_little(browser, connected, name, django_assert_max_num_queries):
    make_number(connected)
    browser.client.get("/en/onboarding/")
    browser.open("plan")
    with django_assert_max_num_queries(12):
        html = browser.open(name)
    assert len(html.encode()) < 100_000


@pytest.mark.parametrize(("name", "following"), list(pairwise(NAMES)))
def test_each_step_can_be_skipped_and_shows_it(browser, organization, name, following):
    browser.open(name)
    answer = browser.post(name, "skip/")
    assert answer["Location"] == reverse("onboarding:step", args=[following])
    assert onboarding_of(organization).steps == {name: "skipped"}
    about = {"step": name, "number": NAMES.index(name) + 1}
    assert events_of(organization)[1:] == [
        ("onboarding_step_completed", {**about, "skipped": True}),
        ("onboarding_step_skipped", about),
    ]
    assert f'<li class="skipped"><a href="/en/onboarding/{name}/"' in browser.open("done")


def test_skipping_the_keys_is_kept_and_ends_when_they_come(browser, practice):
    for name in ("vapi", "twilio"):
        browser.post(name, "skip/")
    way = onboarding_of(practice)
    assert (way.vapi_skipped, way.twilio_skipped) == (True, True)
    browser.post("vapi")
    way.refresh_from_db()
    assert (way.vapi_skipped, way.twilio_skipped) == (False, True)


def test_what_is_typed_in_a_step_that_is_skipped_is_kept(browser, alice, organization):
    browser.open("profile")
    browser.post("profile", "skip/", full_name="Alice D.", organization_name="")
    alice.refresh_from_db()
    assert alice.full_name == "Alice D."
    assert draft_of(organization).entries["profile.organization_name"]["typed"] == [""]


def test_an_unknown_step_is_not_found(browser, organization):
    for path in ("finish/", "nowhere/", "finish/save/", "nowhere/skip/"):
        method = browser.client.get if path.count("/") == 1 else browser.client.post
        assert method(f"/en/onboarding/{path}").status_code == 404


@pytest.mark.parametrize("name", NAMES)
def test_a_member_who_may_not_manage_is_kept_out(bob, organization, name):
    client = Browser(bob).client
    assert client.get(f"/en/onboarding/{name}/").status_code == 403
    assert client.post(f"/en/onboarding/{name}/save/", {"fields": "x"}).status_code == 403
    bob.memberships.update(role=Role.ADMIN)
    assert client.get(f"/en/onboarding/{name}/").status_code == 200


# --- Going on ---------------------------------------------------------------------------------------------------------


def test_right_values_are_in_force_at_once(browser, alice, organization):
    browser.open("profile")
    answer = browser.post(
        "profile",
        full_name="Alice D.",
        organization_name="Cabinet D.",
        profession="Kiné",
        industry="Santé",
        company_size="2-10",
        country="FR",
        timezone="Europe/Paris",
        locale="fr",
        marketing_opt_in="on",
        accept_terms="on",
    )
    assert answer["Location"] == "/en/onboarding/vapi/"
    alice.refresh_from_db()
    organization.refresh_from_db()
    assert (alice.full_name, alice.timezone, alice.locale, alice.marketing_opt_in) == (
        "Alice D.",
        "Europe/Paris",
        "fr",
        True,
    )
    assert alice.terms_accepted_at
    assert (organization.name, organization.profession, organization.country) == ("Cabinet D.", "Kiné", "FR")
    assert onboarding_of(organization).steps == {"profile": "completed"}
    assert not [entry for entry in draft_of(organization).entries.values() if "typed" in entry]


def test_wrong_values_warn_and_never_block(browser, organization):
    browser.open("plan")
    answer = browser.post("plan", plan="free", seats="many")
    assert answer.status_code == 302
    html = browser.open("plan")
    assert 'value="many"' in html
    assert "Enter a whole number." in html
    assert '<li class="incomplete"><a href="/en/onboarding/plan/"' in html
    organization.refresh_from_db()
    assert organization.seats == 1


def test_a_plan_that_is_too_small_for_its_seats_changes_nothing_until_it_fits(browser, organization):
    browser.open("plan")
    assert "2 seats at most" in browser.save("plan", seats="5").content.decode()
    organization.refresh_from_db()
    assert organization.seats == 1
    browser.save("plan", plan="pro")
    organization.refresh_from_db()
    assert (organization.plan, organization.seats) == ("pro", 5)
    assert not [entry for entry in draft_of(organization).entries.values() if "typed" in entry]


def test_persona_tone_and_languages_reach_the_studio(browser, organization):
    browser.open("ava")
    browser.post(
        "ava", persona="concierge", job_to_be_done="Welcome guests.", languages=["fr", "he"], tone="warm", guidelines=""
    )
    studio = organization.studio
    studio.refresh_from_db()
    assert (studio.persona, studio.job_to_be_done, studio.tone) == ("concierge", "Welcome guests.", "warm")
    assert studio.languages == ["fr", "he"]


def test_instructions_begin_from_persona_and_tone_in_the_assistants_language(browser, organization):
    browser.open("ava")
    browser.post("ava", persona="secretary", job_to_be_done="x", languages=["fr"], tone="warm")
    html = browser.open("assistant")
    organization.studio.refresh_from_db()
    proposed = prompts.draft_instructions(organization.studio)
    assert escape(proposed) in html
    browser.post("assistant", name="Ava")
    organization.studio.refresh_from_db()
    assert organization.studio.system_prompt == proposed


def test_speed_stays_within_what_the_voices_provider_takes(browser, organization):
    browser.open("assistant")
    answer = browser.save("assistant", voice_speed="3")
    assert "speaks at 0.7 to 1.2" in answer.content.decode()
    browser.save("assistant", voice="openai:alloy")
    organization.studio.refresh_from_db()
    assert (organization.studio.voice_provider, organization.studio.voice_id) == ("openai", "alloy")
    assert organization.studio.voice_speed == 3, "what waited is right now"


def test_a_week_is_saved_as_a_whole_once_it_is_right(browser, organization):
    browser.open("telephony")
    browser.save("telephony", **{"day-0-from-1": "25 o'clock"})
    hours = BusinessHours.objects.for_organization(organization)
    assert not hours.exists()
    assert "is not a time" in browser.open("telephony")
    browser.save("telephony", **{"day-0-from-1": "08:30"})
    assert hours.get().weekly["0"] == [["08:30", "18:00"]]
    assert "is not a time" not in browser.open("telephony")


def test_who_goes_on_agrees_to_the_usual_hours(browser, organization):
    html = browser.open("telephony")
    assert "Your business hours" in html
    browser.post("telephony", fallback_email="desk@practice.example")
    hours = BusinessHours.objects.for_organization(organization).get()
    assert (hours.fallback_email, hours.weekly["0"]) == ("desk@practice.example", [["09:00", "18:00"]])


def test_without_a_script_a_day_is_copied_to_all(browser, organization):
    browser.open("telephony")
    typed = {f"day-{day}-{rest}": "" for day in range(7) for rest in ("from-1", "to-1", "from-2", "to-2", "open")}
    typed |= {"day-0-open": "on", "day-0-from-1": "10:00", "day-0-to-1": "12:00"}
    answer = browser.post("telephony", extra={"copy": "0"}, **typed)
    assert answer["Location"] == "/en/onboarding/telephony/"
    hours = BusinessHours.objects.for_organization(organization).get()
    assert hours.weekly == {str(day): [["10:00", "12:00"]] for day in range(7)}


# --- Coming back ------------------------------------------------------------------------------------------------------


def test_another_day_on_another_device_resumes_with_everything(browser, alice, organization):
    browser.open("profile")
    browser.save("profile", full_name="Alice D.", organization_name="")
    browser.open("ava")
    browser.save("ava", job_to_be_done="Take appoint")
    elsewhere = Browser(alice)
    answer = elsewhere.client.get("/en/onboarding/")
    assert answer["Location"] == "/en/onboarding/ava/"
    assert "Take appoint" in elsewhere.open("ava")
    html = elsewhere.open("profile")
    assert 'value="Alice D."' in html
    assert "The name of your organization is missing." in html


def test_opening_the_wizard_again_wipes_nothing(browser, organization):
    browser.open("plan")
    browser.save("plan", seats="x")
    for address in ("/en/onboarding/", "/en/onboarding/?reset=1"):
        browser.client.get(address, follow=True)
    assert 'value="x"' in browser.open("plan")


def test_the_begin_is_told_once(browser, organization):
    for name in ("profile", "ava", "profile"):
        browser.open(name)
    assert events_of(organization) == [("onboarding_started", {})]


# --- Secrets ----------------------------------------------------------------------------------------------------------


def test_no_key_is_ever_in_the_session_or_the_draft(browser, organization, sandbox):
    key, sid, token = "5a4d0000-7b6e-4f00-8a00-00000000f00d", "AC" + "f00d" * 8, "cafe" * 8
    posted = {"fields": ["api_key", "auth_token"], "api_key": key, "auth_token": token}
    for name in NAMES:
        for door in ("", "save/", "skip/"):
            browser.client.post(f"/en/onboarding/{name}/{door}", posted)
    browser.client.post("/en/onboarding/vapi/key/", {"api_key": key})
    browser.client.post("/en/onboarding/twilio/account/", {"account_sid": sid, "auth_token": token})
    kept = repr([session.get_decoded() for session in Session.objects.all()]) + repr(draft_of(organization).entries)
    kept += repr(events_of(organization))
    assert VapiCredential.objects.for_organization(organization).exists()
    assert not [secret for secret in (key, token, sid) if secret in kept]
    assert "cafe" not in browser.open("twilio")
