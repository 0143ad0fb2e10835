"""The studio's pages: what is shown, saved, previewed, and refused in words."""

import re

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models.organizations import Role
from assistants import studio, sync
from assistants.models import GlobalPrompt, StudioVersion
from tests.assistants.pages import HTMX, PAGE, row_of, text_of, typed

# --- Looking ----------------------------------------------------------------------------------------------------------


def test_every_setting_is_on_the_page(browser, organization):
    page = text_of(browser.get(PAGE))
    elsewhere = {"calendar", "workspace_apps", "crm"}
    assert [name for name in studio.SETTINGS if name not in elsewhere and f'name="{name}"' not in page] == []


@pytest.mark.parametrize("address", [PAGE, "/en/studio/history/", "/en/studio/history/?version=2"])
def test_the_pages_are_light(browser, organization, alice, address):
    studio.save(studio=sync.studio_of(organization), values={"name": "Léa"}, user=alice)
    browser.get(address)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        response = browser.get(address)
    assert response.status_code == 200
    assert len(queries) <= 12, [query["sql"][:90] for query in queries]
    assert len(response.content) < 100_000


@pytest.mark.parametrize("language", ["en", "fr", "he"])
@pytest.mark.parametrize("path", ["/studio/", "/studio/history/?version=2", "/settings/?section=integrations"])
def test_the_pages_are_whole_in_each_language(browser, organization, alice, language, path):
    studio.save(studio=sync.studio_of(organization), values={"name": "Léa"}, user=alice)
    page = browser.get(f"/{language}{path}").content.decode()
    assert f'<html lang="{language}" dir="{"rtl" if language == "he" else "ltr"}"' in page
    assert page.count("<h1") == 1
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=[\"']|javascript:|<script(?![^>]*\ssrc=)", page)


def test_a_member_looks_and_changes_nothing(client, bob, organization):
    client.force_login(bob, backend=settings.AUTHENTICATION_BACKENDS[0])
    page = client.get(PAGE).content.decode()
    assert "<button" not in page[page.index('id="studio-form"') : page.index("<aside")]
    for address in (PAGE, "/en/studio/preview/", "/en/studio/sync/", "/en/studio/restore/"):
        assert client.post(address, typed(organization, name="Léa")).status_code == 403
    assert client.post("/en/settings/?section=integrations", {"calendar": "google", "crm": "none"}).status_code == 403
    assert row_of(organization).name == "Ava"
    bob.memberships.update(role=Role.ADMIN)
    client.post(PAGE, typed(organization, name="Léa"))
    assert row_of(organization).name == "Léa"


def test_a_stranger_finds_none_of_the_versions(client, charlie, organization, alice):
    row = sync.studio_of(organization)
    studio.save(studio=row, values={"name": "canary"}, user=alice)
    client.force_login(charlie, backend=settings.AUTHENTICATION_BACKENDS[0])
    assert "canary" not in text_of(client.get("/en/studio/history/"))
    assert client.get("/en/studio/history/?version=2").status_code == 404
    assert client.post("/en/studio/restore/", {"version": 2}).status_code == 404
    assert row_of(organization).name == "canary"


@pytest.mark.parametrize("odd", ["", "x", "-1", "0", "9" * 30, "٣", "1 OR 1=1", "\x00"])
def test_an_odd_version_is_not_found(browser, organization, odd):
    assert browser.get("/en/studio/history/", {"version": odd}).status_code == 404
    assert browser.post("/en/studio/restore/", {"version": odd}).status_code == 404


# --- Saving -----------------------------------------------------------------------------------------------------------


def test_saving_keeps_everything_and_a_version(browser, organization, alice):
    fields = {
        "name": "Léa",
        "persona": "concierge",
        "tone": "cheerful",
        "first_language": "fr",
        "languages": ["en", "fr"],
        "voice_id": "matilda",
        "voice_speed": "1.1",
        "model_name": "gpt-4.1-mini",
        "max_duration_seconds": "600",
    }
    assert browser.post(PAGE, typed(organization, **fields)).status_code == 302
    row = row_of(organization)
    assert (row.name, row.persona, row.languages, row.voice_id) == ("Léa", "concierge", ["fr", "en"], "matilda")
    assert (str(row.voice_speed), row.model_name, row.max_duration_seconds) == ("1.10", "gpt-4.1-mini", 600)
    latest = StudioVersion.objects.for_organization(organization).first()
    assert (latest.created_by, latest.number) == (alice, 2)


def test_saving_what_is_there_keeps_no_version(browser, organization):
    page = text_of(browser.post(PAGE, typed(organization), follow=True))
    assert "nothing was saved" in page
    assert StudioVersion.objects.for_organization(organization).count() == 0


def test_a_switch_that_is_off_is_saved(browser, organization):
    data = typed(organization)
    del data["recording_enabled"]
    browser.post(PAGE, data)
    assert row_of(organization).recording_enabled is False


def test_a_voice_of_ones_own_is_kept_by_its_id(browser, organization):
    browser.post(PAGE, typed(organization, voice_id="", other_voice="pNInz6obpgDQGcFmaJgB"))
    assert row_of(organization).voice_id == "pNInz6obpgDQGcFmaJgB"
    page = text_of(browser.get(PAGE))
    assert 'value="pNInz6obpgDQGcFmaJgB"' in page
    browser.post(PAGE, typed(organization, voice_id="", other_voice="pNInz6obpgDQGcFmaJgB", name="Léa"))
    assert row_of(organization).name == "Léa"


@pytest.mark.parametrize(
    ("fields", "label", "words"),
    [
        ({"name": ""}, "Assistant's name", "This field is required"),
        ({"voice_speed": "1.3"}, "Speed", "Enter a speed from 0.7 to 1.2."),
        ({"voice_provider": "azure"}, "Voice", "sarah is not a voice of Azure"),
        ({"voice_id": "", "other_voice": ""}, "Voice", "Choose a voice"),
        ({"voice_provider": "openai", "voice_id": "nova", "voice_speed": "4.5"}, "Speed", "from 0.25 to 4"),
        ({"voice_speed": "fast"}, "Speed", "Enter a number"),
        ({"model_provider": "google"}, "Model", "gpt-4o-mini is not a model of Google"),
        ({"temperature": "2.1"}, "Temperature", "less than or equal to 2"),
        ({"max_tokens": "49"}, "Longest answer in tokens", "greater than or equal to 50"),
        ({"max_duration_seconds": "43201"}, "Longest call in seconds", "less than or equal to 43200"),
        ({"transcriber_provider": "azure"}, "Transcriber's model", "a model of Deepgram"),
        ({"transcriber_model": "nova-2", "languages": ["he"]}, "Transcriber's model", "does not understand Hebrew"),
        ({"transcriber_model": "whisper"}, "Transcriber's model", "nova-3 and nova-2"),
        ({"end_call_message": "x" * 1001}, "Goodbye", "at most 1000"),
        ({"guidelines": "x" * 20_001}, "Guidelines", "At most 20000"),
        ({"persona": "pirate"}, "Persona", "Select a valid choice"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_typed_is_lost(browser, organization, fields, label, words):
    response = browser.post(PAGE, typed(organization, job_to_be_done="Typed at length.", **fields))
    page = text_of(response)
    assert response.status_code == 200
    assert re.search(rf">{re.escape(label)}</a>: [^<]*{re.escape(words)}", page)
    assert "Typed at length." in page
    assert row_of(organization).job_to_be_done == ""


def test_an_unknown_placeholder_is_warned_of_and_saved(browser, organization):
    browser.post(PAGE, typed(organization, first_message="[ASSISTANT_NAME] of [USER_NAM]."))
    assert "These placeholders are not known: [USER_NAM]." in text_of(browser.get(PAGE))


def test_a_voice_that_does_not_speak_a_language_is_warned_of_and_saved(browser, organization):
    browser.post(PAGE, typed(organization, languages=["en", "he"]))
    assert row_of(organization).languages == ["en", "he"]
    assert "Sarah is not known to speak this well: Hebrew." in text_of(browser.get(PAGE))


# --- Two people -------------------------------------------------------------------------------------------------------


def test_two_people_merge_field_by_field(browser, organization, bob):
    mine = typed(organization, name="Léa")
    studio.save(studio=sync.studio_of(organization), values={"tone": "calm"}, user=bob)
    assert browser.post(PAGE, mine).status_code == 302
    assert (row_of(organization).name, row_of(organization).tone) == ("Léa", "calm")


def test_a_conflict_shows_both_and_saving_again_decides(browser, organization, bob):
    mine = typed(organization, name="Léa", guidelines="Typed at length.")
    studio.save(studio=sync.studio_of(organization), values={"name": "Zoé", "tone": "calm"}, user=bob)
    response = browser.post(PAGE, mine)
    page = text_of(response)
    assert response.status_code == 409
    assert row_of(organization).name == "Zoé"
    assert 'value="Léa"' in page
    assert f"{bob.email} wrote meanwhile:" in page
    assert re.search(r"as-written\">Zoé<", page)
    assert "Typed at length." in page
    assert 'value="calm"' in page
    assert 'name="version" value="2"' in page
    browser.post(PAGE, {**mine, "version": 2, "tone": "calm"})
    assert (row_of(organization).name, row_of(organization).tone) == ("Léa", "calm")


# --- Preview ----------------------------------------------------------------------------------------------------------


def test_the_preview_fills_the_placeholders_and_saves_nothing(browser, organization, alice):
    GlobalPrompt.objects.create(version=1, text="You are [ASSISTANT_NAME] of [USER_NAME] in [LANGUAGE]. Be [TONE].")
    data = typed(organization, name="Léa", first_language="fr", guidelines="No prices.", consent_notice="Recorded.")
    page = text_of(browser.post("/en/studio/preview/", data, headers=HTMX))
    assert "You are Léa of Alice Delmas in French. Be professional." in page
    assert "No prices." in page
    assert f"{organization.name}, bonjour. Je suis Léa" in page
    assert "Recorded." in page
    assert "<html" not in page
    assert (row_of(organization).name, StudioVersion.objects.for_organization(organization).count()) == ("Ava", 0)


def test_the_preview_bears_what_is_wrong(browser, organization):
    page = text_of(browser.post("/en/studio/preview/", typed(organization, name="Léa", voice_speed="x"), headers=HTMX))
    assert "Léa" in page


def test_without_scripts_the_preview_is_the_page_with_what_was_typed(browser, organization):
    page = text_of(browser.post("/en/studio/preview/", typed(organization, name="Léa", tone="calm")))
    assert 'value="Léa"' in page
    assert "You are Léa" in page
    assert row_of(organization).name == "Ava"


def test_another_provider_brings_its_voices_and_bounds(browser, organization):
    data = typed(organization, voice_provider="azure", first_language="he", part="voice", voice_speed="0.6")
    part = text_of(browser.post("/en/studio/preview/", data, headers=HTMX))
    assert '<option value="he-IL-HilaNeural" selected>' in part
    assert "Drew" not in part
    assert "Azure speaks from 0.5 to 2" in part
    assert 'id="group-voice"' in part
    back = text_of(browser.post("/en/studio/preview/", {**data, "voice_provider": "11labs"}, headers=HTMX))
    assert 'value="0.7"' in back


def test_another_provider_brings_its_models(browser, organization):
    data = typed(organization, model_provider="google", part="model")
    part = text_of(browser.post("/en/studio/preview/", data, headers=HTMX))
    assert '<option value="gemini-2.5-flash" selected>' in part
    assert "gpt-4o" not in part


def test_without_scripts_every_providers_voices_are_offered_in_groups(browser, organization):
    page = text_of(browser.get(PAGE))
    assert page.index('<optgroup label="ElevenLabs">') < page.index('<optgroup label="Azure">')


def test_a_sample_is_offered_where_the_provider_has_one(browser, organization):
    assert "<audio" in text_of(browser.get(PAGE))
    browser.post(PAGE, typed(organization, voice_provider="vapi", voice_id="Elliot"))
    assert "<audio" not in text_of(browser.get(PAGE))
