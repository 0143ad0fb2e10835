"""The studio's pages beside the settings: what Vapi has of them, their history, the integrations."""

import re
from datetime import timedelta

from assistants import activation, studio, sync
from assistants.models import GlobalPrompt
from tests.assistants.pages import PAGE, row_of, text_of, typed
from tests.providers import order_fault, own_number, routing_of, vapi_of

# --- Vapi -------------------------------------------------------------------------------------------------------------


def test_without_a_key_the_save_stands_and_the_page_says_so(browser, organization):
    page = text_of(browser.post(PAGE, typed(organization, name="Léa"), follow=True))
    assert "as soon as there is a key" in page
    assert "Not yet at Vapi" in page
    assert "?section=vapi" in page


def test_saving_brings_it_to_vapi(browser, practice):
    assert "Not yet at Vapi" in text_of(browser.get(PAGE))
    page = text_of(browser.post(PAGE, typed(practice, name="Léa", end_call_message="Bye."), follow=True))
    assert "Vapi has the latest" in page
    (assistant,) = vapi_of(practice).list_assistants()
    assert assistant["endCallMessage"] == "Bye."


def test_refused_says_why_and_sending_again_mends_it(browser, practice, sandbox):
    order_fault(sandbox, "/vapi", status=400)
    page = text_of(browser.post(PAGE, typed(practice, name="Léa"), follow=True))
    order_fault(sandbox, "/vapi", status=400, times=0)
    assert row_of(practice).name == "Léa"
    assert "Vapi does not have it" in page
    assert "The assistant was not saved at Vapi. Vapi refused" in page
    assert "Saved here." in page
    page = text_of(browser.post("/en/studio/sync/", follow=True))
    assert "Vapi has the latest" in page
    assert "Vapi does not have it" not in page


def test_unreachable_is_told_apart(browser, practice, sandbox):
    order_fault(sandbox, "/vapi", status=503, times=9)
    page = text_of(browser.post("/en/studio/sync/", follow=True))
    order_fault(sandbox, "/vapi", times=0)
    assert "Vapi cannot be reached at the moment" in page


def test_a_change_after_the_last_sending_is_not_yet_at_vapi(browser, practice):
    browser.post("/en/studio/sync/")
    row = row_of(practice)
    row.name = "Léa"
    row.save(update_fields=["name"])
    assert "Something has changed since it was last sent" in text_of(browser.get(PAGE))


def test_the_state_is_the_same_in_every_language_of_the_reader(browser, practice):
    GlobalPrompt.objects.create(version=1, text="[PERSONA] [TONE]")
    browser.post("/fr/studio/sync/")
    for language in ("en", "fr", "he"):
        assert 'class="badge positive"' in text_of(browser.get(f"/{language}/studio/"))


def test_an_active_assistant_that_was_deleted_at_vapi_gets_its_number_back(browser, practice):
    number = own_number(practice)
    activation.activate(organization=practice)
    vapi = vapi_of(practice)
    old = row_of(practice).vapi_id
    vapi.delete_assistant(old)
    browser.post(PAGE, typed(practice, name="Léa"))
    (phone,) = vapi.list_phone_numbers()
    assert phone["assistantId"] == row_of(practice).vapi_id != old
    assert routing_of(number).voice_url


# --- History ----------------------------------------------------------------------------------------------------------


def test_a_full_history_is_light(browser, organization, alice, monkeypatch):
    row = sync.studio_of(organization)
    texts = dict.fromkeys(("job_to_be_done", "system_prompt", "guidelines", "first_message", "tone"), "x")
    monkeypatch.setattr(studio, "TYPING_PAUSE", timedelta(0))
    for number in range(studio.VERSIONS_KEPT):
        values = {name: f"{text} {number}" for name, text in texts.items()}
        studio.save(studio=row, values={**values, "max_tokens": 100 + number, "crm": "none"}, user=alice)
    response = browser.get("/fr/studio/history/?version=50&against=20")
    assert text_of(response).count("<tr>") == studio.VERSIONS_KEPT + 1
    assert len(response.content) < 100_000


def test_only_what_is_not_the_latest_is_offered_to_be_restored(browser, organization, alice, bob):
    row = sync.studio_of(organization)
    for name, person in (("Léa", alice), ("Zoé", bob)):
        studio.save(studio=row, values={"name": name}, user=person)
    assert re.findall(r'name="version" value="(\d)"', text_of(browser.get("/en/studio/history/?version=3"))) == ["2"]


def test_what_was_typed_in_one_go_is_compared_with_what_was_before(browser, organization, alice):
    row = sync.studio_of(organization)
    for name in ("Lé", "Léa"):
        studio.save(studio=row, values={"name": name}, user=alice)
    page = text_of(browser.get("/en/studio/history/?version=3"))
    assert re.findall(r'name="version" value="(\d)"', page) == ["1"]
    assert "Léa" in page
    assert browser.get("/en/studio/history/?version=2").status_code == 404


def test_history_shows_what_changed_and_brings_it_back(browser, organization):
    browser.post(PAGE, typed(organization, name="Léa", guidelines="One.\nTwo."))
    browser.post(PAGE, typed(organization, guidelines="One.\nThree."))
    page = text_of(browser.get("/en/studio/history/?version=3"))
    assert "<del>Two.</del>" in page
    assert "<ins>Three.</ins>" in page
    page = text_of(browser.get("/en/studio/history/?version=3&against=1"))
    assert "<del>Ava</del><ins>Léa</ins>" in page
    browser.post("/en/studio/restore/", {"version": 1})
    assert (row_of(organization).name, row_of(organization).guidelines) == ("Ava", "")
    assert "Version 1 restored" in text_of(browser.get("/en/studio/history/"))


def test_what_was_typed_is_shown_as_text_everywhere(browser, organization):
    attack = "<script>alert(1)</script>"
    browser.post(PAGE, typed(organization, name=attack, guidelines=attack, first_message=attack, tone=attack))
    for address in (PAGE, "/en/studio/history/?version=2"):
        assert attack not in browser.get(address).content.decode()


# --- Integrations -----------------------------------------------------------------------------------------------------


def test_integrations_are_kept_as_a_preference(browser, organization):
    address = "/en/settings/?section=integrations"
    assert "not possible yet" in text_of(browser.get(address))
    data = {"calendar": "google", "workspace_apps": ["slack", "notion"], "crm": "hubspot"}
    assert browser.post(address, data).status_code == 302
    row = row_of(organization)
    assert (row.calendar, row.workspace_apps, row.crm) == ("google", ["slack", "notion"], "hubspot")
    page = text_of(browser.post(address, {**data, "crm": "abacus"}))
    assert "Select a valid choice" in page
    assert row_of(organization).crm == "hubspot"
