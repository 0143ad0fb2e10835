"""The way through the nine steps over the API, and the launch at its end."""

import pytest

from accounts.models import AnalyticsEvent
from assistants.sync import studio_of
from onboarding.models import Onboarding
from tests import providers
from tests.api.conftest import errors_of
from tests.factories import make_number
from tests.onboarding.conftest import events_of

ONBOARDING = "/api/v1/user/onboarding"
COMPLETE = "/api/v1/user/complete-onboarding"


def names_of(organization):
    return [name for name, _properties in events_of(organization)]


@pytest.fixture
def accepted(alice):
    alice.accept_terms()
    alice.save()


def test_the_way_is_told_step_by_step(api_of, bob, organization):
    told = api_of(bob).get("/api/user/onboarding").json()
    assert (told["step"], told["completed"], told["completed_at"]) == (1, False, None)
    assert [(step["number"], step["name"]) for step in told["steps"]][::4] == [
        (1, "profile"),
        (5, "telephony"),
        (9, "done"),
    ]
    assert {step["state"] for step in told["steps"]} == {"open"}
    assert not Onboarding.objects.for_organization(organization).exists()


def test_a_skip_is_kept_told_and_taken_back(api_of, alice, organization):
    api = api_of(alice)
    told = api.patch(ONBOARDING, {"onboarding_vapi_skipped": True, "onboarding_twilio_skipped": False}).json()
    assert (told["onboarding_vapi_skipped"], told["onboarding_twilio_skipped"]) == (True, False)
    assert told["steps"][1]["state"] == "skipped"
    api.patch(ONBOARDING, {"onboarding_vapi_skipped": True})
    skipped = ("onboarding_step_skipped", {"step": "vapi", "number": 2})
    assert events_of(organization).count(skipped) == 1
    told = api.patch(ONBOARDING, {"onboarding_vapi_skipped": False}).json()
    assert (told["onboarding_vapi_skipped"], told["steps"][1]["state"]) == (False, "open")


def test_a_step_that_is_done_stays_done_when_it_is_not_skipped(api_of, alice, connected):
    told = api_of(alice).patch(ONBOARDING, {"onboarding_vapi_skipped": False}).json()
    assert told["steps"][1]["state"] == "done"


def test_the_assistant_is_said_to_exist_only_when_it_does(api_of, alice, organization):
    api = api_of(alice)
    answer = api.patch(ONBOARDING, {"onboarding_assistant_created": True, "onboarding_vapi_skipped": True})
    assert (answer.status_code, answer.json()["code"]) == (409, "assistant_missing")
    assert api.get(ONBOARDING).json()["onboarding_vapi_skipped"] is False
    assert api.patch(ONBOARDING, {"onboarding_assistant_created": False}).status_code == 200
    studio = studio_of(organization)
    studio.vapi_id = "an-assistant"
    studio.save()
    for _again in range(2):
        told = api.patch(ONBOARDING, {"onboarding_assistant_created": True}).json()
        assert told["onboarding_assistant_created"] is True
    assert names_of(organization).count("assistant_created") == 1
    assert api.patch(ONBOARDING, {"onboarding_assistant_created": False}).json()["code"] == "assistant_exists"


def test_what_is_read_only_or_wrong_is_named(api_of, alice):
    api = api_of(alice)
    assert errors_of(api.patch(ONBOARDING, {"completed": True, "step": 9})) == {
        "completed": "unknown_field",
        "step": "unknown_field",
    }
    assert errors_of(api.patch(ONBOARDING, {"onboarding_vapi_skipped": None})) == {"onboarding_vapi_skipped": "null"}
    assert api.patch(ONBOARDING, [1]).status_code == 400


def test_who_saw_another_version_does_not_overwrite(api_of, alice):
    api = api_of(alice)
    seen = api.get(ONBOARDING)["ETag"]
    assert api.patch(ONBOARDING, {"onboarding_vapi_skipped": True}, HTTP_IF_MATCH=seen).status_code == 200
    assert api.patch(ONBOARDING, {"onboarding_vapi_skipped": False}, HTTP_IF_MATCH=seen).status_code == 412


def test_a_member_looks_on(api_of, bob):
    assert api_of(bob).patch(ONBOARDING, {"onboarding_vapi_skipped": True}).status_code == 403
    assert api_of(bob).post(COMPLETE).status_code == 403
    assert api_of().get(ONBOARDING).status_code == 401
    assert api_of().post(COMPLETE).status_code == 401


# --- The launch -------------------------------------------------------------------------------------------------------


def test_launching_needs_the_accepted_terms(api_of, alice, organization):
    answer = api_of(alice).post(COMPLETE)
    assert (answer.status_code, answer.json()["code"]) == (409, "terms_missing")
    assert not Onboarding.objects.for_organization(organization).get().is_launched
    assert "onboarding_completed" not in names_of(organization)


def test_the_launch_is_told_once_and_may_be_repeated(api_of, alice, organization, accepted):
    api = api_of(alice)
    for path in (COMPLETE, "/api/user/complete-onboarding"):
        answer = api.post(path)
        assert answer.status_code == 200, answer.content
        assert answer.json() == {
            "success": True,
            "onboarding_completed": True,
            "redirect_url": "/dashboard",
            "problem": None,
        }
    told = api.get("/api/v1/user/profile").json()
    assert (told["onboarding_completed"], told["onboarding_step"]) == (True, 9)
    launched = AnalyticsEvent.objects.for_organization(organization).get(name="onboarding_completed")
    assert set(launched.properties) == {"duration_seconds", "steps_skipped", "plan"}
    assert names_of(organization)[0] == "onboarding_started"


def test_the_way_to_the_dashboard_leads_there(api_of, client, alice, accepted):
    address = api_of(alice).post(COMPLETE).json()["redirect_url"]
    client.force_login(alice)
    assert client.get(address, follow=True).status_code == 200


def test_under_the_same_key_it_is_launched_once(api_of, alice, accepted):
    first, second = (api_of(alice).post(COMPLETE, HTTP_IDEMPOTENCY_KEY="launch-1") for _ in range(2))
    assert second.json() == first.json()
    assert second["Idempotent-Replayed"] == "true"


def test_a_body_that_says_something_is_refused(api_of, alice, accepted):
    assert errors_of(api_of(alice).post(COMPLETE, {"terms": True})) == {"terms": "unknown_field"}


def test_with_key_and_number_ava_answers_after_the_launch(api_of, alice, practice, accepted):
    number = providers.own_number(practice)
    assert api_of(alice).post(COMPLETE).json()["problem"] is None
    number.refresh_from_db()
    assert number.routed_to == studio_of(practice).vapi_id != ""


def test_a_failure_at_vapi_does_not_stop_the_launch_and_is_told(api_of, alice, practice, sandbox, accepted):
    make_number(practice, "+33199000077")
    providers.order_fault(sandbox, "/vapi", times=9)
    told = api_of(alice).post(COMPLETE).json()
    providers.order_fault(sandbox, "/vapi", times=0)
    assert told["success"] is True
    assert "The assistant was not saved at Vapi." in told["problem"]
