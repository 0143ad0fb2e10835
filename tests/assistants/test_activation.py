"""Putting the assistant on the phone and taking it off: whole, or told what is missing and finished by a retry."""

from collections.abc import Callable
from typing import Any

import pytest

from accounts import credentials
from accounts.models import VapiCredential
from accounts.tenancy import organization_endpoint
from assistants import activation, spec, sync
from assistants.activation import NotPossible
from assistants.models import GlobalPrompt, Studio
from ava.clients.errors import Misconfigured
from telephony import numbers
from telephony.models import TenantNumber
from tests.providers import (
    INBOUND_CALL_URL,
    PREVIOUS,
    new_vapi_key,
    order_fault,
    own_number,
    pool_number,
    routing_of,
    vapi_of,
)
from tests.servers.scripted_http import Received, Reply, as_json, serve


@pytest.fixture
def number(practice: Any) -> TenantNumber:
    return own_number(practice)


@pytest.fixture
def activate(practice: Any, number: TenantNumber) -> Callable[[], Studio]:
    return lambda: activation.activate(organization=practice)


def change(studio: Studio, **fields: Any) -> None:
    for name, value in fields.items():
        setattr(studio, name, value)
    studio.save()


# --- On the phone, and off --------------------------------------------------------------------------------------------


def test_activated_vapi_answers_with_the_tenants_assistant(activate, practice, number):
    studio = activate()
    assert (studio.is_active, studio.problem) == (True, "")
    assert routing_of(number).voice_url == INBOUND_CALL_URL
    (at_vapi,) = vapi_of(practice).list_phone_numbers()
    assert at_vapi["assistantId"] == studio.vapi_id
    assert sync.is_current(studio)


def test_vapi_has_the_assistant_as_the_studio_has_it(activate, practice):
    studio = activate()
    (at_vapi,) = vapi_of(practice).list_assistants()
    endpoint = organization_endpoint(practice)
    server = spec.server(url=sync.webhook_url(practice), credential_id=endpoint.vapi_credential_id)
    wanted = spec.build(studio, server=server)
    assert {name: at_vapi[name] for name in wanted} == wanted
    assert at_vapi["server"]["url"] == f"http://testserver/webhooks/vapi/{endpoint.token}/"
    assert at_vapi["server"]["backoffPlan"]["maxRetries"] == 5
    assert (studio.vapi_id, studio.vapi_org_id) == (at_vapi["id"], at_vapi["orgId"])


def test_events_are_signed_by_a_credential_that_is_made_once(activate, practice):
    activate()
    activate()
    (credential,) = vapi_of(practice).list_credentials()
    assert credential["id"] == organization_endpoint(practice).vapi_credential_id
    plan = credential["authenticationPlan"]
    assert (plan["signatureHeader"], plan["payloadFormat"], plan["includeTimestamp"]) == (
        "x-vapi-signature",
        "{body}",
        False,
    )


def test_deactivated_what_answered_before_answers_again(activate, practice, number):
    activate()
    studio = activation.deactivate(organization=practice)
    assert not studio.is_active
    assert routing_of(number).voice_url == PREVIOUS.voice_url
    assert vapi_of(practice).list_phone_numbers() == []
    assert len(vapi_of(practice).list_assistants()) == 1


def test_on_and_off_and_on_again_leaves_one_of_each(activate, practice, number):
    for _ in range(2):
        activate()
        activation.deactivate(organization=practice)
    activate()
    vapi = vapi_of(practice)
    assert [len(found) for found in (vapi.list_assistants(), vapi.list_phone_numbers(), vapi.list_credentials())] == [
        1
    ] * 3
    number.refresh_from_db()
    assert number.saved_routing["voice_url"] == PREVIOUS.voice_url


def test_activating_twice_is_activating_once(activate, practice):
    assert activate().vapi_id == activate().vapi_id
    assert len(vapi_of(practice).list_phone_numbers()) == 1


def test_deactivating_what_is_not_active_is_no_error(practice, number):
    assert not activation.deactivate(organization=practice).is_active
    assert routing_of(number).voice_url == PREVIOUS.voice_url


def test_a_number_of_the_pool_is_answered_too(practice, operator):
    pool_number(operator)
    number = numbers.assign_pool_number(organization=practice, country="FR")
    studio = activation.activate(organization=practice)
    assert studio.is_active
    assert routing_of(number).voice_url == INBOUND_CALL_URL


# --- What is missing --------------------------------------------------------------------------------------------------


def test_without_a_number_nothing_is_made_at_vapi(practice):
    with pytest.raises(NotPossible, match="no phone number yet"):
        activation.activate(organization=practice)
    assert vapi_of(practice).list_assistants() == []


def test_without_a_key_words_say_where_to_add_one(activate, practice):
    credentials.delete_vapi_key(practice)
    with pytest.raises(NotPossible, match="Add it under Settings, Vapi"):
        activate()


def test_a_key_that_vapi_refuses_now_is_told(activate, practice):
    VapiCredential.objects.for_organization(practice).update(api_key="00000000-0000-4000-8000-000000000000")
    with pytest.raises(NotPossible, match="Vapi does not accept the key"):
        activate()
    studio = sync.studio_of(practice)
    assert (studio.is_active, "does not accept the key" in studio.problem) == (False, True)


# --- Half done --------------------------------------------------------------------------------------------------------

ON_THE_WAY = {
    "the credential": ("/vapi/us/credential", "not saved at Vapi"),
    "making the assistant": ("/vapi/us/assistant", "not saved at Vapi"),
    "writing the assistant": ("/vapi/us/assistant/", "not saved at Vapi"),
    "reading what answered before": ("/twilio", "number does not lead to it yet"),
    "importing the number": ("/vapi/us/phone-number", "number does not lead to it yet"),
}


@pytest.mark.parametrize("status", [503, 401, 400])
@pytest.mark.parametrize("step", ON_THE_WAY)
def test_an_activation_that_breaks_off_is_told_and_finished_by_pressing_again(
    activate, practice, number, sandbox, monkeypatch, step, status
):
    monkeypatch.setattr("ava.clients.http.FIRST_BACKOFF_SECONDS", 0.01)
    prefix, words = ON_THE_WAY[step]
    order_fault(sandbox, prefix, status=status)
    with pytest.raises(NotPossible, match=words):
        activate()
    order_fault(sandbox, prefix, times=0)
    studio = sync.studio_of(practice)
    assert not studio.is_active
    assert words in studio.problem
    studio = activate()
    assert (studio.is_active, studio.problem) == (True, "")
    vapi = vapi_of(practice)
    assert [len(found) for found in (vapi.list_assistants(), vapi.list_phone_numbers(), vapi.list_credentials())] == [
        1
    ] * 3
    activation.deactivate(organization=practice)
    assert routing_of(number).voice_url == PREVIOUS.voice_url


ON_THE_WAY_BACK = {"forgetting the number": "/vapi/us/phone-number", "putting back what answered before": "/twilio"}


@pytest.mark.parametrize("step", ON_THE_WAY_BACK)
def test_a_deactivation_that_breaks_off_is_told_and_finished_by_pressing_again(
    activate, practice, number, sandbox, monkeypatch, step
):
    monkeypatch.setattr("ava.clients.http.FIRST_BACKOFF_SECONDS", 0.01)
    activate()
    order_fault(sandbox, ON_THE_WAY_BACK[step])
    with pytest.raises(NotPossible, match="could not be taken off the assistant"):
        activation.deactivate(organization=practice)
    order_fault(sandbox, ON_THE_WAY_BACK[step], times=0)
    assert sync.studio_of(practice).is_active
    assert not activation.deactivate(organization=practice).is_active
    assert routing_of(number).voice_url == PREVIOUS.voice_url


def test_an_assistant_whose_making_was_not_answered_is_found_again(activate, practice):
    studio = activate()
    change(studio, vapi_id="")
    assert activate().vapi_id
    assert len(vapi_of(practice).list_assistants()) == 1


@pytest.mark.parametrize("deleted", ["assistant", "credential", "phone number"])
def test_what_somebody_deleted_at_vapi_is_made_again(activate, practice, deleted):
    studio = activate()
    if deleted == "assistant":
        vapi_of(practice).delete_assistant(studio.vapi_id)
    elif deleted == "phone number":
        vapi_of(practice).delete_phone_number(practice.numbers.get().vapi_id)
    else:  # the client has no door for that
        endpoint = organization_endpoint(practice)
        endpoint.vapi_credential_id = "55d91a35-6168-4b32-af5e-58a0d91968b9"
        endpoint.save(update_fields=["vapi_credential_id"])
    assert activate().is_active
    (at_vapi,) = vapi_of(practice).list_assistants()
    (number,) = vapi_of(practice).list_phone_numbers()
    assert number["assistantId"] == at_vapi["id"]
    known = {credential["id"] for credential in vapi_of(practice).list_credentials()}
    assert {at_vapi["server"]["credentialId"], number["server"]["credentialId"]} <= known


def test_with_a_key_of_another_vapi_organization_all_is_made_there(activate, practice, number):
    activate()
    credentials.save_vapi_key(organization=practice, typed=new_vapi_key())
    assert activate().is_active
    vapi = vapi_of(practice)
    assert [len(found) for found in (vapi.list_assistants(), vapi.list_phone_numbers(), vapi.list_credentials())] == [
        1
    ] * 3
    activation.deactivate(organization=practice)
    assert routing_of(number).voice_url == PREVIOUS.voice_url


# --- Does Vapi have the latest? ---------------------------------------------------------------------------------------

CHANGES = {
    "name": "Eva",
    "tone": "warm",
    "languages": ["fr", "en"],
    "guidelines": "We are closed on Mondays.",
    "system_prompt": "Ask for the insurance number.",
    "first_message": "Hello!",
    "end_call_message": "Goodbye!",
    "consent_notice": "This call is recorded.",
    "voice_id": "adam",
    "model_name": "gpt-4o",
    "temperature": "0.90",
    "max_tokens": 300,
    "recording_enabled": False,
    "max_duration_seconds": 600,
    "persona": "concierge",
    "job_to_be_done": "Take appointments.",
}


@pytest.mark.parametrize("field", CHANGES)
def test_a_change_in_the_studio_is_not_at_vapi_until_it_is_brought_there(activate, practice, field):
    studio = activate()
    change(studio, **{field: CHANGES[field]})
    studio.refresh_from_db()
    if field == "persona":  # tells only which global prompt is taken
        GlobalPrompt.objects.create(persona="concierge", version=1, text="You are a concierge.")
    assert not sync.is_current(studio)
    sync.push(studio)
    assert sync.is_current(studio)


def test_what_the_assistant_is_told_depends_on_more_than_the_studio(activate, practice, alice):
    studio = activate()
    for make_stale in (
        lambda: GlobalPrompt.objects.create(persona="", version=1, text="You work for [USER_NAME]."),
        lambda: type(alice).objects.filter(pk=alice.pk).update(full_name="Alice Martin"),
        lambda: type(practice).objects.filter(pk=practice.pk).update(name="Another name"),
        lambda: organization_endpoint(practice).rotate_secret(),
    ):
        make_stale()
        studio = Studio.objects.for_organization(practice).get()
        assert not sync.is_current(studio)
        sync.push(studio)
        assert sync.is_current(studio)


def test_before_the_first_time_vapi_has_nothing(practice):
    assert not sync.is_current(sync.studio_of(practice))


@pytest.mark.parametrize("field", ["end_call_message", "consent_notice", "first_message", "system_prompt"])
def test_what_is_emptied_in_the_studio_is_emptied_at_vapi(activate, practice, field):
    studio = activate()
    before = vapi_of(practice).get_assistant(studio.vapi_id)
    change(studio, **{field: "Say this."})
    sync.push(studio)
    assert "Say this." in str(vapi_of(practice).get_assistant(studio.vapi_id))
    change(studio, **{field: ""})
    sync.push(studio)
    after = vapi_of(practice).get_assistant(studio.vapi_id)
    assert {**after, "updatedAt": ""} == {**before, "updatedAt": ""}


def test_what_somebody_changed_at_vapi_is_written_over_as_a_whole(activate, practice):
    studio = activate()
    before = vapi_of(practice).get_assistant(studio.vapi_id)
    vapi_of(practice).update_assistant(
        studio.vapi_id, {"model": {"provider": "openai", "model": "gpt-4o"}, "firstMessage": "Changed", "voice": None}
    )
    sync.push(studio)
    after = vapi_of(practice).get_assistant(studio.vapi_id)
    assert {**after, "updatedAt": ""} == {**before, "updatedAt": ""}


def test_a_new_webhook_secret_reaches_assistant_and_number(activate, practice):
    activate()
    old = organization_endpoint(practice).vapi_credential_id
    organization_endpoint(practice).rotate_secret()
    activate()
    new = organization_endpoint(practice).vapi_credential_id
    assert new not in ("", old)
    (assistant,), (number,) = vapi_of(practice).list_assistants(), vapi_of(practice).list_phone_numbers()
    assert assistant["server"]["credentialId"] == number["server"]["credentialId"] == new


def test_what_vapi_keeps_otherwise_than_sent_is_told(practice, settings):
    def forgetful(received: Received) -> Reply:
        if received.method == "GET" and received.path == "/assistant/a1":
            return as_json({**kept, "id": "a1", "maxDurationSeconds": 600, "voice": {"provider": "vapi"}})
        if received.method == "GET":
            return as_json([])
        if "model" in received.json():
            kept.update(received.json())
        return as_json({**received.json(), "id": "a1"})

    kept: dict[str, Any] = {}
    with serve(forgetful) as server:
        settings.VAPI_BASE_URLS = {"us": server.url, "eu": server.url}
        with pytest.raises(Misconfigured, match="voice, maxDurationSeconds"):
            sync.push(sync.studio_of(practice))
    assert not sync.is_current(sync.studio_of(practice))


# --- On the page ------------------------------------------------------------------------------------------------------


def test_ava_is_switched_on_and_off_on_the_dashboard(client, alice, practice, number):
    client.force_login(alice)
    assert "answers your calls now" in client.post("/en/dashboard/activate/", follow=True).content.decode()
    assert sync.studio_of(practice).is_active
    client.post("/en/dashboard/deactivate/")
    assert not sync.studio_of(practice).is_active


def test_why_it_did_not_work_is_said_on_the_dashboard(client, alice, practice):
    client.force_login(alice)
    page = client.post("/en/dashboard/activate/", follow=True).content.decode()
    assert "There is no phone number yet" in page


def test_a_new_studio_speaks_its_owners_language(charlie, db):
    studio = sync.studio_of(charlie.organizations.get())
    assert (studio.languages, studio.voice_provider) == (["he"], "azure")
