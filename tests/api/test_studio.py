"""The studio over the API: every setting by its camelCase name, the page's own rules, and Vapi told of each change."""

import json

import pytest

from accounts import credentials
from accounts.models import VapiCredential
from assistants import studio, sync
from assistants.models import Studio
from tests.factories import make_user
from tests.providers import order_fault, vapi_of

CONFIG, SYNC = "/api/v1/studio/config", "/api/v1/studio/sync-vapi"
READ_ONLY = {"sync", "vapiId", "isActive", "version"}
CHANGES = {
    "name": "Eva",
    "persona": "concierge",
    "jobToBeDone": "Take appointments.",
    "tone": "warm",
    "languages": ["fr", "en"],
    "firstMessage": "Bonjour.",
    "systemPrompt": "Ask for the insurance number.",
    "guidelines": "Closed on Mondays.",
    "endCallMessage": "Au revoir.",
    "consentNotice": "This call is recorded.",
    "voiceProvider": "azure",
    "voiceId": "fr-FR-DeniseNeural",
    "voiceSpeed": 1.2,
    "aiProvider": "anthropic",
    "aiModel": "claude-sonnet-4-20250514",
    "aiTemperature": 0.8,
    "aiMaxTokens": 300,
    "transcriberProvider": "azure",
    "transcriberModel": "",
    "recordingEnabled": False,
    "maxDurationSeconds": 600,
    "calendar": "google",
    "workspaceApps": ["slack", "notion"],
    "crm": "hubspot",
}


def row_of(organization) -> Studio:
    return Studio.objects.for_organization(organization).get()


def errors_of(answer) -> dict[str, str]:
    assert answer.status_code == 400, answer.content
    return {error["field"]: error["detail"] for error in answer.json()["errors"]}


# --- Reading and changing ---------------------------------------------------------------------------------------------


def test_every_setting_is_there_by_its_name_and_can_be_changed(api_of, alice, organization):
    api = api_of(alice)
    before = api.get(CONFIG).json()
    assert (before["voiceProvider"], before["voiceId"], before["aiModel"]) == ("11labs", "sarah", "gpt-4o-mini")
    assert set(before) == {*CHANGES, *READ_ONLY}
    assert len(CHANGES) == len(studio.SETTINGS)
    answer = api.patch(CONFIG, CHANGES)
    assert answer.status_code == 200, answer.content
    after = api.get(CONFIG).json()
    assert answer.json() == after
    assert {name: after[name] for name in CHANGES} == CHANGES


def test_what_the_seeds_client_changes_survives_and_leaves_the_rest(api_of, alice, organization):
    answer = api_of(alice).patch("/api/studio/config", {"voiceSpeed": 1.2, "aiTemperature": 0.8})
    assert answer.status_code == 200
    read = api_of(alice).get(CONFIG).json()
    assert (read["voiceSpeed"], read["aiTemperature"]) == (1.2, 0.8)
    assert read["voiceId"] == "sarah"


def test_each_change_is_a_version_by_who_made_it(api_of, alice, organization):
    api = api_of(alice)
    assert api.get(CONFIG).json()["version"] == 0
    read = api.patch(CONFIG, {"name": "Eva"}).json()
    latest = studio.latest_version(row_of(organization))
    assert (latest.number, latest.changed, latest.created_by) == (read["version"], ["name"], alice)
    assert api.patch(CONFIG, {"name": "Eva"}).json()["version"] == read["version"]


def test_a_voice_of_the_tenants_own_is_taken_by_its_id(api_of, alice, organization):
    assert api_of(alice).patch(CONFIG, {"voiceId": "pNInz6obpgDQGcFmaJgB"}).json()["voiceId"] == "pNInz6obpgDQGcFmaJgB"
    assert row_of(organization).voice_id == "pNInz6obpgDQGcFmaJgB"


def test_a_sliders_number_is_taken_to_two_places(api_of, alice, organization):
    read = api_of(alice).patch(CONFIG, {"voiceSpeed": 1.2000000476837158, "aiTemperature": 0.30000000000000004}).json()
    assert (read["voiceSpeed"], read["aiTemperature"]) == (1.2, 0.3)


# --- Rules ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "field", "words"),
    [
        ({"voiceSpeed": 1.5}, "voiceSpeed", "Enter a speed from 0.7 to 1.2."),
        ({"voiceSpeed": 1e300}, "voiceSpeed", "no more than 3 digits"),
        ({"voiceSpeed": "NaN"}, "voiceSpeed", "A valid number is required."),
        ({"voiceSpeed": "quick"}, "voiceSpeed", "A valid number is required."),
        ({"voiceProvider": "azure"}, "voiceId", "sarah is not a voice of Azure."),
        ({"voiceProvider": "nobody"}, "voiceProvider", "Select a valid choice"),
        ({"aiTemperature": 2.5}, "aiTemperature", "less than or equal to 2"),
        ({"aiProvider": "google"}, "aiModel", "gpt-4o-mini is not a model of Google."),
        ({"aiMaxTokens": 10**30}, "aiMaxTokens", "less than or equal to"),
        ({"aiMaxTokens": True}, "aiMaxTokens", "A valid integer is required."),
        ({"transcriberModel": "whisper"}, "transcriberModel", "Deepgram has nova-3 and nova-2."),
        ({"transcriberModel": "nova-2", "languages": ["he"]}, "transcriberModel", "does not understand Hebrew"),
        ({"languages": []}, "languages", "This field is required."),
        ({"languages": ["en", "xx"]}, "languages.1", "not a valid choice"),
        ({"languages": "en"}, "languages", "Expected a list"),
        ({"guidelines": "x" * 20_001}, "guidelines", "At most 20000 characters"),
        ({"guidelines": "a\0b"}, "guidelines", "Null characters are not allowed."),
        ({"name": ""}, "name", "may not be blank"),
        ({"name": None}, "name", "may not be null"),
        ({"name": "x" * 41}, "name", "at most 40 characters"),
        ({"name": "\ud800"}, "name", "Surrogate characters"),
        ({"persona": "pirate"}, "persona", "not a valid choice"),
        ({"recordingEnabled": "perhaps"}, "recordingEnabled", "Must be a valid boolean."),
        ({"workspaceApps": ["fax"]}, "workspaceApps.0", "not a valid choice"),
        ({"voice_speed": 1}, "voice_speed", "no such field"),
        *(({name: "x"}, name, "no such field") for name in sorted(READ_ONLY)),
    ],
)
def test_what_is_not_right_is_said_by_the_name_of_the_field(api_of, alice, organization, given, field, words):
    answer = api_of(alice).patch(CONFIG, json.dumps({"tone": "warm", **given}), content_type="application/json")
    errors = errors_of(answer)
    assert list(errors) == [field]
    assert words in errors[field]
    assert row_of(organization).tone == "professional"


def test_it_says_so_in_the_readers_language(api_of, bob, organization):
    bob.memberships.update(role="admin")
    errors = errors_of(api_of(bob).patch(CONFIG, {"voiceProvider": "azure"}))
    assert errors == {"voiceId": "sarah n'est pas une voix de Azure."}


def test_who_is_slower_is_told_that_it_was_changed_meanwhile(api_of, alice, organization):
    api = api_of(alice)
    seen = api.get(CONFIG)["ETag"]
    assert api.get(CONFIG, HTTP_IF_NONE_MATCH=seen).status_code == 304
    faster = api.patch(CONFIG, {"name": "Eva"}, HTTP_IF_MATCH=seen)
    assert faster.status_code == 200
    slower = api.patch(CONFIG, {"name": "Ida"}, HTTP_IF_MATCH=seen)
    assert (slower.status_code, slower.json()["code"]) == (412, "changed_meanwhile")
    assert row_of(organization).name == "Eva"
    assert api.patch(CONFIG, {"name": "Ida"}, HTTP_IF_MATCH=faster["ETag"]).status_code == 200


def test_members_read_and_do_not_change(api_of, bob, organization):
    api = api_of(bob)
    assert api.get(CONFIG).status_code == 200
    for answer in (api.patch(CONFIG, {"name": "Eva"}), api.post(SYNC)):
        assert (answer.status_code, answer.json()["code"]) == (403, "managers_only")


def test_nobody_is_told_anything_without_signing_in(api_of, db):
    api = api_of()
    assert {api.get(CONFIG).status_code, api.patch(CONFIG, {}).status_code, api.post(SYNC).status_code} == {401}


def test_a_stranger_changes_the_strangers_own(api_of, charlie, organization):
    sync.studio_of(organization)
    assert api_of(charlie).patch(CONFIG, {"name": "Mine"}).status_code == 200
    assert row_of(organization).name == "Ava"
    assert api_of(charlie, x_organization=str(organization.pk)).get(CONFIG).status_code == 404


def test_reading_takes_few_queries(api_of, alice, organization, django_assert_max_num_queries):
    api = api_of(alice)
    api.get(CONFIG)
    with django_assert_max_num_queries(10):
        assert api.get(CONFIG).status_code == 200


# --- Vapi -------------------------------------------------------------------------------------------------------------


def test_without_a_key_it_is_saved_and_says_so(api_of, alice, organization):
    assert api_of(alice).patch(CONFIG, {"name": "Eva"}).json()["sync"]["state"] == "keyless"


def test_a_change_is_at_vapi_at_once(api_of, alice, practice):
    read = api_of(alice).patch(CONFIG, {"firstMessage": "Bonjour."}).json()
    assert (read["sync"]["state"], read["sync"]["problem"]) == ("latest", None)
    (at_vapi,) = vapi_of(practice).list_assistants()
    assert (at_vapi["id"], at_vapi["firstMessage"]) == (read["vapiId"], "Bonjour.")


def test_a_change_that_vapi_does_not_take_is_saved_and_says_why(api_of, alice, practice, sandbox, monkeypatch):
    monkeypatch.setattr("ava.clients.http.FIRST_BACKOFF_SECONDS", 0.01)
    order_fault(sandbox, "/vapi/us/assistant", status=400)
    answer = api_of(alice).patch(CONFIG, {"name": "Eva"})
    order_fault(sandbox, "/vapi/us/assistant", times=0)
    assert answer.status_code == 200
    assert answer.json()["sync"]["state"] == "refused"
    assert "The assistant was not saved at Vapi." in answer.json()["sync"]["problem"]
    assert row_of(practice).name == "Eva"
    again = api_of(alice).post(SYNC)
    assert (again.status_code, again.json()["state"], again.json()["problem"]) == (200, "latest", None)
    assert again.json()["vapiId"] == row_of(practice).vapi_id != ""


@pytest.mark.parametrize(
    ("fault", "status", "code"), [(503, 503, "provider_unreachable"), (400, 409, "provider_refused")]
)
def test_what_vapi_did_when_asked_to_take_it_is_an_error(
    api_of, alice, practice, sandbox, monkeypatch, fault, status, code
):
    monkeypatch.setattr("ava.clients.http.FIRST_BACKOFF_SECONDS", 0.01)
    order_fault(sandbox, "/vapi/us/assistant", status=fault)
    answer = api_of(alice).post(SYNC)
    order_fault(sandbox, "/vapi/us/assistant", times=0)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json()["detail"].startswith("The assistant was not saved at Vapi.")


def test_without_a_key_nothing_can_be_sent(api_of, alice, organization):
    answer = api_of(alice).post(SYNC)
    assert (answer.status_code, answer.json()["code"]) == (409, "credential_missing")
    assert "Add it under Settings, Vapi" in answer.json()["detail"]


def test_no_key_is_ever_shown(api_of, alice, practice):
    key = VapiCredential.objects.for_organization(practice).get().api_key
    api = api_of(alice)
    shown = api.post(SYNC).content + api.get(CONFIG).content
    assert key.encode() not in shown
    assert credentials.has_vapi_key(practice)


def test_a_member_of_two_organizations_works_on_the_one_that_is_named(api_of, alice, organization):
    other = make_user("dora@other.example").organizations.get()
    other.memberships.create(user=alice, role="admin")
    assert api_of(alice, x_organization=str(other.pk)).patch(CONFIG, {"name": "Ida"}).status_code == 200
    assert row_of(other).name == "Ida"
    assert not Studio.objects.for_organization(organization).exclude(name="Ava").exists()
