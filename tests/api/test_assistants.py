"""The assistant over the API: made at Vapi of the studio, led to by a number, deleted again."""

import json

import pytest

from accounts import credentials
from assistants import activation, studio, sync
from assistants.models import Studio
from ava.clients.errors import NotFound
from telephony import numbers
from telephony.models import TenantNumber
from tests.factories import make_number
from tests.providers import INBOUND_CALL_URL, PREVIOUS, order_fault, own_number, routing_of, vapi_of

ALL = "/api/v1/assistants"
GIVEN = {
    "name": "Ava Assistant",
    "instructions": "Tu es une secrétaire…",
    "firstMessage": "Bonjour !",
    "voice": {"provider": "azure", "voiceId": "en-US-JennyNeural"},
    "model": {"provider": "openai", "model": "gpt-4o-mini", "temperature": 0.7},
    "metadata": {"created_from": "onboarding"},
}


def row_of(organization) -> Studio:
    return Studio.objects.for_organization(organization).get()


def post(api, given, **headers):
    return api.post(ALL, json.dumps(given), content_type="application/json", **headers)


def errors_of(answer) -> dict[str, str]:
    assert answer.status_code == 400, answer.content
    return {error["field"]: error["detail"] for error in answer.json()["errors"]}


@pytest.fixture
def made(api_of, alice, practice) -> str:
    """The address of an assistant that is at Vapi."""
    return f"{ALL}/{post(api_of(alice), GIVEN).json()['id']}"


# --- Making -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/api/v1/assistants", "/api/assistants"])
def test_what_the_seeds_client_posts_exists_at_vapi_and_here(api_of, alice, practice, path):
    api = api_of(alice)
    assert api.get(path).json() == []
    answer = api.post(path, GIVEN)
    assert answer.status_code == 201, answer.content
    shown = answer.json()
    assert {name: shown[name] for name in GIVEN} == GIVEN
    assert (shown["phoneNumber"], shown["sync"]["state"]) == (None, "latest")
    (at_vapi,) = vapi_of(practice).list_assistants()
    assert at_vapi["id"] == shown["vapi_id"] == row_of(practice).vapi_id
    assert (at_vapi["voice"]["voiceId"], at_vapi["model"]["temperature"]) == ("en-US-JennyNeural", 0.7)
    assert at_vapi["firstMessage"] == "Bonjour !"
    assert "Tu es une secrétaire…" in at_vapi["model"]["messages"][0]["content"]
    assert api.get(path).json() == [shown]
    assert api.get(f"{path}/{shown['id']}").json() == shown


def test_there_is_one_so_another_post_brings_it_up_to_date(api_of, alice, practice):
    first = post(api_of(alice), GIVEN).json()
    second = post(api_of(alice), {"name": "Eva"}).json()
    assert second == {**first, "name": "Eva", "sync": second["sync"]}
    assert len(vapi_of(practice).list_assistants()) == 1


def test_a_repeat_under_the_same_key_is_done_once(api_of, alice, practice):
    api = api_of(alice)
    first, again = (post(api, GIVEN, HTTP_IDEMPOTENCY_KEY="k1") for _ in range(2))
    assert (again.status_code, again.json()) == (201, first.json())
    assert again["Idempotent-Replayed"] == "true"
    assert studio.versions_of(practice).count() == 2  # how it began, and this


def test_what_is_given_stays_kept_when_vapi_fails(api_of, alice, practice, sandbox, monkeypatch):
    monkeypatch.setattr("ava.clients.http.FIRST_BACKOFF_SECONDS", 0.01)
    order_fault(sandbox, "/vapi/us/assistant")
    failed = post(api_of(alice), GIVEN, HTTP_IDEMPOTENCY_KEY="k2")
    order_fault(sandbox, "/vapi/us/assistant", times=0)
    assert (failed.status_code, failed.json()["code"]) == (503, "provider_unreachable")
    assert row_of(practice).name == "Ava Assistant"
    assert api_of(alice).get(ALL).json() == []
    assert post(api_of(alice), GIVEN, HTTP_IDEMPOTENCY_KEY="k2").status_code == 201


def test_without_a_key_words_say_where_to_add_one(api_of, alice, organization):
    answer = post(api_of(alice), GIVEN)
    assert (answer.status_code, answer.json()["code"]) == (409, "credential_missing")
    assert "Add it under Settings, Vapi" in answer.json()["detail"]


# --- The number -------------------------------------------------------------------------------------------------------


def test_a_number_of_the_organization_leads_to_the_assistant(api_of, alice, practice):
    number = own_number(practice)
    answer = post(api_of(alice), {**GIVEN, "phoneNumber": f" {number.number[:3]} {number.number[3:]} "})
    assert answer.status_code == 201, answer.content
    assert answer.json()["phoneNumber"] == number.number
    assert routing_of(number).voice_url == INBOUND_CALL_URL
    assert row_of(practice).is_active


def test_a_number_of_the_own_twilio_account_is_attached_first(api_of, alice, practice):
    wanted = numbers.available_numbers(practice)[0].number
    assert post(api_of(alice), {**GIVEN, "phoneNumber": wanted}).json()["phoneNumber"] == wanted
    number = practice.numbers.get()
    assert (number.number, number.source) == (wanted, TenantNumber.Source.OWN)
    assert routing_of(number).voice_url == INBOUND_CALL_URL


@pytest.mark.parametrize("typed", ["+33199009999", "12", "x" * 41, 5.5, ["+33199009999"]])
def test_a_number_that_is_not_theirs_is_refused_and_nothing_is_done(api_of, alice, charlie, practice, typed):
    make_number(charlie.organizations.get(), "+33199009999")
    errors = errors_of(post(api_of(alice), {**GIVEN, "phoneNumber": typed}))
    assert list(errors) == ["phoneNumber"]
    assert row_of(practice).name == "Ava"
    assert vapi_of(practice).list_assistants() == []


def test_without_a_twilio_account_a_foreign_number_says_so(api_of, alice, practice):
    credentials.delete_twilio_account(practice)
    errors = errors_of(post(api_of(alice), {"phoneNumber": "+33199009999"}))
    assert errors == {"phoneNumber": "There is no Twilio account yet. Add it under Settings, Twilio."}


@pytest.mark.parametrize("nothing", [None, ""])
def test_no_number_changes_nothing_about_the_phone(api_of, alice, practice, made, nothing):
    number = own_number(practice)
    activation.activate(organization=practice)
    answer = api_of(alice).patch(made, {"phoneNumber": nothing})
    assert (answer.status_code, answer.json()["phoneNumber"]) == (200, number.number)
    assert row_of(practice).is_active


def test_a_number_that_cannot_be_led_there_is_an_error_and_a_retry_finishes(
    api_of, alice, practice, made, sandbox, monkeypatch
):
    monkeypatch.setattr("ava.clients.http.FIRST_BACKOFF_SECONDS", 0.01)
    number, api = own_number(practice), api_of(alice)
    order_fault(sandbox, "/vapi/us/phone-number", status=400)
    failed = api.patch(made, {"phoneNumber": number.number})
    order_fault(sandbox, "/vapi/us/phone-number", times=0)
    assert (failed.status_code, failed.json()["code"]) == (409, "provider_refused")
    assert "the number does not lead to it yet" in failed.json()["detail"]
    assert api.get(made).json()["phoneNumber"] is None
    assert api.patch(made, {"phoneNumber": number.number}).json()["phoneNumber"] == number.number


# --- Changing ---------------------------------------------------------------------------------------------------------


def test_a_change_reaches_vapi_and_leaves_the_rest(api_of, alice, practice, made):
    answer = api_of(alice).patch(made, {"voice": {"voiceId": "emma"}, "model": {"temperature": 0.2}})
    assert answer.status_code == 200, answer.content
    assert answer.json()["voice"] == {"provider": "azure", "voiceId": "emma"}
    assert answer.json()["model"] == {**GIVEN["model"], "temperature": 0.2}
    (at_vapi,) = vapi_of(practice).list_assistants()
    assert (at_vapi["voice"]["voiceId"], at_vapi["model"]["temperature"]) == ("emma", 0.2)
    assert at_vapi["firstMessage"] == GIVEN["firstMessage"]


def test_a_change_that_vapi_does_not_take_is_saved_and_says_why(api_of, alice, practice, made, sandbox):
    order_fault(sandbox, "/vapi/us/assistant", status=400)
    answer = api_of(alice).patch(made, {"name": "Eva"})
    order_fault(sandbox, "/vapi/us/assistant", times=0)
    assert (answer.status_code, answer.json()["sync"]["state"]) == (200, "refused")
    assert answer.json()["sync"]["problem"]
    assert row_of(practice).name == "Eva"


@pytest.mark.parametrize(
    ("given", "field", "words"),
    [
        ({"voice": {"voiceId": "sarah"}}, "voice.voiceId", "sarah is not a voice of Azure."),
        ({"voice": {"speed": 1}}, "voice.speed", "no such field"),
        ({"voice": "sarah"}, "voice", "Invalid data"),
        ({"voice": None}, "voice", "may not be null"),
        ({"model": {"temperature": 3}}, "model.temperature", "less than or equal to 2"),
        ({"model": {"model": "gpt-1"}}, "model.model", "Select a valid choice"),
        ({"name": "x" * 41}, "name", "at most 40 characters"),
        ({"instructions": "x" * 20_001}, "instructions", "At most 20000 characters"),
        ({"id": 7}, "id", "no such field"),
        ({"vapi_id": "x"}, "vapi_id", "no such field"),
        ({"organization": 7}, "organization", "no such field"),
    ],
)
def test_what_is_not_right_is_said_by_the_name_of_the_field(api_of, alice, practice, made, given, field, words):
    errors = errors_of(api_of(alice).patch(made, json.dumps(given), content_type="application/json"))
    assert list(errors) == [field]
    assert words in errors[field]


# --- Metadata ---------------------------------------------------------------------------------------------------------


def test_metadata_is_kept_whole_and_never_takes_the_place_of_avas_own(api_of, alice, practice, made):
    given = {"crm": {"ids": [1, 2.5, None, True, "é"]}, "ava_organization": "7"}
    answer = api_of(alice).patch(made, {"metadata": given})
    assert answer.json()["metadata"] == given
    (at_vapi,) = vapi_of(practice).list_assistants()
    assert at_vapi["metadata"]["crm"] == given["crm"]
    assert at_vapi["metadata"]["ava_organization"] == str(practice.pk)
    assert answer.json()["sync"]["state"] == "latest"


def test_an_assistant_whose_making_was_not_answered_is_found_again_whatever_its_metadata(api_of, alice, practice, made):
    row = row_of(practice)
    row.vapi_id = ""
    row.save()
    assert post(api_of(alice), {"metadata": {"other": 1}}).status_code == 201
    assert len(vapi_of(practice).list_assistants()) == 1


def nested(levels: int) -> dict:
    return {"a": nested(levels - 1)} if levels > 1 else {}


@pytest.mark.parametrize(
    "metadata",
    [
        '{"a": "x\\u0000"}',
        '{"a\\u0000": 1}',
        '{"a": ["\\ud800"]}',
        '{"a": 1e400}',
        '{"a": 9007199254740992}',
        json.dumps({"a": 10**4000}),
        json.dumps({"a": "é" * 8190}),
        json.dumps(nested(6)),
        "[]",
        '"x"',
        "7",
        "null",
    ],
)
def test_metadata_that_could_not_be_given_back_as_it_is_is_refused(api_of, alice, practice, made, metadata):
    body = f'{{"metadata": {metadata}}}'
    errors = errors_of(api_of(alice).patch(made, body, content_type="application/json"))
    assert list(errors) == ["metadata"]
    assert row_of(practice).metadata == GIVEN["metadata"]


def test_what_is_nested_without_end_is_refused(api_of, alice, practice, made):
    body = '{"metadata": ' + '{"a": ' * 100_000 + "1" + "}" * 100_001
    assert api_of(alice).patch(made, body, content_type="application/json").status_code == 400


@pytest.mark.parametrize("metadata", [nested(5), {"a": "é" * 8180}, {"a": -9007199254740991}, {}])
def test_metadata_within_its_bounds_is_given_back_as_it_is(api_of, alice, practice, made, metadata):
    answer = api_of(alice).patch(made, {"metadata": metadata})
    assert (answer.status_code, answer.json()["metadata"]) == (200, metadata)


# --- Deleting ---------------------------------------------------------------------------------------------------------


def test_deleted_it_is_off_the_phone_and_gone_at_vapi_but_the_settings_stay(api_of, alice, practice, made):
    number, api = own_number(practice), api_of(alice)
    row = activation.activate(organization=practice)
    vapi_id = row.vapi_id
    assert api.delete(made).status_code == 204
    assert routing_of(number).voice_url == PREVIOUS.voice_url
    with pytest.raises(NotFound):
        vapi_of(practice).get_assistant(vapi_id)
    row = row_of(practice)
    assert (row.vapi_id, row.is_active, row.name) == ("", False, GIVEN["name"])
    assert api.get(ALL).json() == []
    assert {api.get(made).status_code, api.patch(made, {}).status_code} == {404}
    assert api.delete(made).status_code == 204
    assert post(api, {}).status_code == 201


def test_a_deletion_that_breaks_off_is_told_and_finished_by_a_retry(
    api_of, alice, practice, made, sandbox, monkeypatch
):
    monkeypatch.setattr("ava.clients.http.FIRST_BACKOFF_SECONDS", 0.01)
    order_fault(sandbox, "/vapi/us/assistant")
    failed = api_of(alice).delete(made)
    order_fault(sandbox, "/vapi/us/assistant", times=0)
    assert (failed.status_code, failed.json()["code"]) == (503, "provider_unreachable")
    assert failed.json()["detail"].startswith("The assistant could not be deleted at Vapi.")
    assert api_of(alice).delete(made).status_code == 204
    assert vapi_of(practice).list_assistants() == []


# --- Who --------------------------------------------------------------------------------------------------------------


def test_members_read_and_do_not_change(api_of, bob, made):
    api = api_of(bob)
    assert {api.get(ALL).status_code, api.get(made).status_code} == {200}
    assert {one.status_code for one in (post(api, {}), api.patch(made, {}), api.delete(made))} == {403}


def test_another_tenants_assistant_is_not_found_just_like_none(api_of, charlie, practice, made):
    api = api_of(charlie)
    api.get(ALL)
    missing = [f"{ALL}/{number}" for number in (10**6, 10**30)]
    for method in (api.get, api.patch, api.delete):
        answers = [method(path) for path in (made, *missing)]
        assert [answer.status_code for answer in answers] == [404] * 3
        assert len({answer.content for answer in answers}) == 1
    assert api.get(ALL).json() == []
    assert row_of(practice).vapi_id


def test_nobody_is_told_anything_without_signing_in(api_of, made):
    api = api_of()
    answers = (api.get(ALL), api.get(made), post(api, {}), api.patch(made, {}), api.delete(made))
    assert {answer.status_code for answer in answers} == {401}


def test_reading_takes_few_queries(api_of, alice, practice, made, django_assert_max_num_queries):
    assert sync.is_current(row_of(practice))
    api = api_of(alice)
    for path in (ALL, made):
        with django_assert_max_num_queries(9):
            assert api.get(path).status_code == 200
