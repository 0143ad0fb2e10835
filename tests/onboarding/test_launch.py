"""Keys, the assistant and the launch: what really happens at Vapi and Twilio, and what is said when it does not."""

import re

import pytest

from accounts.models import TwilioCredential, VapiCredential
from assistants.sync import studio_of
from onboarding import flow, launch
from onboarding.models import Onboarding
from onboarding.situation import read
from telephony.hours import usual_week
from telephony.models import BusinessHours
from tests import providers
from tests.factories import make_number
from tests.onboarding.conftest import events_of

pytestmark = pytest.mark.django_db


def names_of(organization):
    return [name for name, _properties in events_of(organization)]


def accept(alice):
    alice.accept_terms()
    alice.save()


# --- Keys -------------------------------------------------------------------------------------------------------------


def test_a_vapi_key_is_tried_and_kept_and_its_preview_shown(browser, organization, sandbox):
    browser.open("vapi")
    answer = browser.client.post("/en/onboarding/vapi/key/", {"api_key": f" {providers.new_vapi_key()} "})
    assert answer["Location"] == "/en/onboarding/vapi/"
    key = VapiCredential.objects.for_organization(organization).get()
    html = browser.open("vapi")
    assert key.preview in html and "configured" in html
    assert ("vapi_configured", {"method": "inline"}) in events_of(organization)
    assert Onboarding.objects.for_organization(organization).get().steps["vapi"] == "completed"


@pytest.mark.parametrize(
    ("step", "door", "typed", "words"),
    [
        ("vapi", "key", {"api_key": "too short"}, "A Vapi key has no spaces"),
        ("vapi", "key", {"api_key": ""}, "Enter your Vapi key."),
        ("twilio", "account", {"account_sid": "AC1", "auth_token": "a" * 32}, "An account SID is AC followed"),
        ("twilio", "account", {"account_sid": "AC" + "0" * 32, "auth_token": "!"}, "digits and letters only"),
    ],
)
def test_a_wrong_key_is_said_beside_its_field_and_stays_there(browser, organization, step, door, typed, words):
    answer = browser.client.post(f"/en/onboarding/{step}/{door}/", typed)
    html = answer.content.decode()
    assert answer.status_code == 200
    assert words in html
    assert all(f'value="{value}"' in html for value in typed.values() if value)


def test_a_key_that_vapi_refuses_is_not_kept(browser, organization, sandbox):
    providers.order_fault(sandbox, "/vapi", status=401, times=2)
    answer = browser.client.post("/en/onboarding/vapi/key/", {"api_key": providers.new_vapi_key()})
    providers.order_fault(sandbox, "/vapi", times=0)
    assert "does not accept this key" in answer.content.decode()
    assert not VapiCredential.objects.for_organization(organization).exists()


def test_a_twilio_account_is_tried_and_kept(browser, organization, sandbox):
    sid, token = providers.new_twilio_account()
    browser.client.post("/en/onboarding/twilio/account/", {"account_sid": sid, "auth_token": token})
    assert TwilioCredential.objects.for_organization(organization).get().preview in browser.open("twilio")


@pytest.mark.parametrize("step", ["vapi", "twilio"])
def test_detailed_configuration_leads_to_the_settings_and_back(browser, organization, step):
    assert f"/en/settings?section={step}&returnTo=onboarding" in browser.open(step)
    assert browser.client.get("/en/onboarding/")["Location"] == f"/en/onboarding/{step}/"


# --- The assistant ----------------------------------------------------------------------------------------------------


def test_the_assistant_is_made_at_vapi_with_what_was_typed(browser, practice):
    browser.open("assistant")
    answer = browser.post("assistant", "create/", name="Léa", first_message="Bonjour, ici Léa.")
    assert answer["Location"] == "/en/onboarding/plan/"
    studio = studio_of(practice)
    assistant = providers.vapi_of(practice).get_assistant(studio.vapi_id)
    assert assistant["firstMessage"].startswith("Bonjour, ici Léa.")
    browser.post("assistant", "create/", name="Léa")
    assert names_of(practice).count("assistant_created") == 1
    assert Onboarding.objects.for_organization(practice).get().assistant_created


def test_without_a_key_the_assistant_waits_and_says_so(browser, organization):
    html = browser.open("assistant")
    assert "there is none yet" in html and "disabled" in html
    answer = browser.post("assistant", "create/", name="Léa")
    assert "There is no Vapi key yet." in answer.content.decode()
    assert studio_of(organization).name == "Léa"


def test_when_vapi_fails_it_is_said_in_a_sentence_and_everything_kept(browser, practice, sandbox):
    browser.open("assistant")
    providers.order_fault(sandbox, "/vapi", times=9)
    answer = browser.post("assistant", "create/", name="Léa", voice_speed="nine")
    providers.order_fault(sandbox, "/vapi", times=0)
    html = answer.content.decode()
    assert "Vapi cannot be reached at the moment." in html
    assert 'value="Léa"' in html and 'value="nine"' in html
    assert "assistant_created" not in names_of(practice)


# --- The launch -------------------------------------------------------------------------------------------------------


def test_launching_needs_the_accepted_terms_and_nothing_else(browser, alice, organization):
    browser.open("done")
    answer = browser.post("done", "launch/")
    assert "Please accept the terms first" in answer.content.decode()
    assert not Onboarding.objects.for_organization(organization).get().is_launched
    answer = browser.post("done", "launch/", accept_terms="on")
    assert answer["Location"] == "/en/onboarding/launched/"
    alice.refresh_from_db()
    assert alice.terms_accepted_at and alice.terms_version
    assert "/en/dashboard/" in browser.client.get("/en/onboarding/launched/").content.decode()


def test_the_launch_is_told_with_how_long_it_took_and_what_was_skipped(browser, alice, organization):
    accept(alice)
    browser.open("profile")
    browser.post("vapi", "skip/")
    browser.post("twilio", "skip/")
    for _again in range(2):
        browser.post("done", "launch/")
    (told,) = [properties for name, properties in events_of(organization) if name == "onboarding_completed"]
    assert told == {"duration_seconds": told["duration_seconds"], "steps_skipped": 2, "plan": "free"}
    assert 0 <= told["duration_seconds"] < 60


def test_with_key_and_number_ava_answers_after_the_launch(browser, alice, practice):
    accept(alice)
    number = providers.own_number(practice)
    browser.post("done", "launch/")
    studio = studio_of(practice)
    assert studio.is_active
    number.refresh_from_db()
    assert number.routed_to == studio.vapi_id
    assert "She answers your calls from now on." in browser.client.get("/en/onboarding/launched/").content.decode()


def test_a_failure_at_vapi_does_not_stop_the_launch_and_is_told(browser, alice, practice, sandbox):
    accept(alice)
    make_number(practice, "+33199000077")
    providers.order_fault(sandbox, "/vapi", times=9)
    answer = browser.client.post("/en/onboarding/done/launch/", follow=True)
    providers.order_fault(sandbox, "/vapi", times=0)
    assert Onboarding.objects.for_organization(practice).get().is_launched
    html = answer.content.decode()
    assert "The assistant was not saved at Vapi." in html
    assert "what she still needs" in html


def test_before_the_launch_there_is_nothing_to_celebrate(browser, organization):
    assert browser.client.get("/en/onboarding/launched/")["Location"] == "/en/onboarding/"


def test_the_summary_shows_everything_and_is_changed_in_place(browser, alice, connected):
    make_number(connected)
    html = browser.open("done")
    assert "Alice Delmas" in html and "+33 1 99 00 45 12" in html and "****" in html
    answer = browser.post("profile", extra={"next": "done"}, full_name="Alice D.")
    assert answer["Location"] == "/en/onboarding/done/"
    browser.save("plan", plan="pro")
    alice.refresh_from_db()
    connected.refresh_from_db()
    assert (alice.full_name, connected.plan) == ("Alice D.", "pro")


def test_the_summarys_week_begins_and_reads_as_the_readers_does(browser, organization):
    BusinessHours.objects.for_organization(organization).create(
        organization=organization, timezone="Asia/Jerusalem", weekly=usual_week("IL")
    )
    hebrew, french = browser.open("done", language="he"), browser.open("done", language="fr")
    assert hebrew.index("ראשון · \u206609:00–18:00\u2069") < hebrew.index("שני · \u2066")
    assert "שבת · סגור" in hebrew
    assert french.index("Lundi · 09:00–18:00") < french.index("Samedi · Fermé")


def test_plans_are_chosen_knowing_what_each_gives(browser, organization):
    html = browser.open("plan")
    for words in ("up to 2 seats", "up to 10 seats", "up to 200 seats", "no card is asked for"):
        assert words in html
    assert html.count('type="radio" name="plan"') == 3
    assert re.search(r'value="free" checked', html)


def test_two_launches_at_once_are_told_once(browser, alice, organization):
    accept(alice)
    situations = [read(organization, alice) for _ in range(2)]
    for situation in situations:
        launch.launch(situation)
    assert names_of(organization).count("onboarding_completed") == 1
    assert len({situation.onboarding.completed_at for situation in situations}) == 1


def test_two_devices_that_open_the_wizard_at_once_begin_it_once(alice, organization):
    for situation in [read(organization, alice) for _ in range(2)]:
        flow.begin(situation)
    for situation in [read(organization, alice) for _ in range(2)]:
        flow.begin(situation)
    assert names_of(organization) == ["onboarding_started"]
