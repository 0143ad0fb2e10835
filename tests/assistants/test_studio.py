"""Changing the studio: versions, what differs between them, going back, and two people at once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.utils import timezone

from accounts.models import Organization, User
from assistants import history, prompts, studio, sync, voices
from assistants.models import Studio, StudioVersion


@pytest.fixture
def row(organization: Organization) -> Studio:
    return sync.studio_of(organization)


def numbers_of(row: Studio) -> list[int]:
    return list(studio.versions_of(row.organization).values_list("number", flat=True))


def version(row: Studio, number: int) -> StudioVersion:
    return StudioVersion.objects.for_organization(row.organization).get(number=number)


def everything(row: Studio) -> dict[str, Any]:
    return {name: getattr(row, name) for name in studio.SETTINGS}


# --- Versions ---------------------------------------------------------------------------------------------------------


def test_a_save_keeps_how_it_was_and_how_it_is(row, alice):
    saved = studio.save(studio=row, values={"name": "Léa", "voice_speed": Decimal("1.1")}, user=alice)
    assert (saved.name, Studio.objects.for_organization(row.organization).get().name) == ("Léa", "Léa")
    assert version(row, 1).values["name"] == "Ava"
    latest = version(row, 2)
    assert (latest.values["name"], latest.changed, latest.created_by) == ("Léa", ["name", "voice_speed"], alice)


@pytest.mark.parametrize(
    "values",
    [
        {"name": "Ava"},
        {"voice_speed": Decimal("1")},
        {"temperature": Decimal("0.50")},
        {"languages": ("en",)},
        {"first_message": "\r\n"},
    ],
)
def test_what_changes_nothing_keeps_no_version(row, alice, values):
    studio.save(studio=row, values=values, user=alice)
    assert numbers_of(row) == []


def test_a_line_end_of_a_browser_is_no_change(row, alice):
    studio.save(studio=row, values={"guidelines": "one\ntwo"}, user=alice)
    studio.save(studio=row, values={"guidelines": "one\r\ntwo\r\n"}, user=alice)
    assert numbers_of(row) == [2, 1]


def test_what_something_else_wrote_is_kept_too(row, alice):
    studio.save(studio=row, values={"name": "Léa"}, user=alice)
    row.tone = "gruff"
    row.save(update_fields=["tone"])
    studio.save(studio=row, values={"name": "Zoé"}, user=alice)
    assert [version(row, number).values["tone"] for number in (2, 3, 4)] == ["professional", "gruff", "gruff"]
    assert numbers_of(row) == [4, 3, 2, 1]


def test_old_versions_go(row, alice, monkeypatch):
    monkeypatch.setattr(studio, "VERSIONS_KEPT", 3)
    monkeypatch.setattr(studio, "TYPING_PAUSE", timedelta(0))
    for name in ("A", "B", "C", "D"):
        studio.save(studio=row, values={"name": name}, user=alice)
    assert numbers_of(row) == [5, 4, 3]


def test_no_state_and_no_secret_is_in_a_version(row, alice):
    studio.save(studio=row, values={"name": "Léa"}, user=alice)
    assert set(version(row, 2).values) == set(studio.SETTINGS)


def test_what_a_setting_cannot_hold_is_refused(row, alice):
    for values in ({"name": "x" * 41}, {"persona": "pirate"}, {"temperature": Decimal("3")}, {"max_tokens": 1}):
        with pytest.raises(ValidationError):
            studio.save(studio=row, values=values, user=alice)
    with pytest.raises(ValueError, match="vapi_id"):
        studio.save(studio=row, values={"vapi_id": "x"}, user=alice)
    assert numbers_of(row) == []


def test_restoring_makes_a_new_version(row, alice, bob):
    studio.save(studio=row, values={"name": "Léa", "temperature": Decimal("1.25"), "languages": ["fr"]}, user=alice)
    studio.restore(studio=row, number=1, user=bob)
    latest = version(row, 3)
    assert (row.name, row.temperature, row.languages) == ("Ava", Decimal("0.50"), ["en"])
    assert (latest.restored, latest.created_by, latest.changed) == (1, bob, ["name", "languages", "temperature"])
    assert latest.values == version(row, 1).values


def test_restoring_what_is_there_already_makes_none(row, alice):
    studio.save(studio=row, values={"name": "Léa"}, user=alice)
    assert studio.restore(studio=row, number=2, user=alice) == []
    assert numbers_of(row) == [2, 1]


# --- While somebody types ---------------------------------------------------------------------------------------------


def test_saves_while_one_person_types_are_one_version(row, alice):
    for name in ("L", "Lé", "Léa"):
        studio.save(studio=row, values={"name": name}, user=alice)
    studio.save(studio=row, values={"tone": "warm"}, user=alice)
    latest = studio.versions_of(row.organization).first()
    assert studio.versions_of(row.organization).count() == 2
    assert (latest.changed, latest.values["name"], latest.values["tone"]) == (["name", "tone"], "Léa", "warm")


def test_typing_that_ends_where_it_began_leaves_no_version(row, alice):
    studio.edit(studio=row, values={"tone": "warm"}, base=0, user=alice)
    kept = numbers_of(row)
    studio.save(studio=row, values={"name": "Léa"}, user=alice)
    studio.save(studio=row, values={"name": "Ava"}, user=alice)
    assert numbers_of(row) == kept
    assert studio.latest_version(row).number == kept[0]


def test_another_person_and_another_time_begin_another_version(row, alice, bob):
    studio.save(studio=row, values={"name": "Léa"}, user=alice)
    studio.save(studio=row, values={"name": "Zoé"}, user=bob)
    versions = StudioVersion.objects.for_organization(row.organization)
    versions.update(created_at=timezone.now() - studio.TYPING_PAUSE)
    studio.save(studio=row, values={"name": "Mia"}, user=bob)
    assert numbers_of(row) == [4, 3, 2, 1]


def test_what_the_studio_page_saves_and_restores_stays_apart(row, alice):
    studio.save(studio=row, values={"name": "Léa"}, user=alice)
    studio.edit(studio=row, values={"name": "Zoé"}, base=2, user=alice)
    studio.save(studio=row, values={"name": "Mia"}, user=alice)
    studio.restore(studio=row, number=1, user=alice)
    studio.save(studio=row, values={"name": "Noa"}, user=alice)
    assert numbers_of(row) == [6, 5, 4, 3, 2, 1]


def test_a_page_opened_while_another_types_overwrites_nothing(row, alice, bob):
    studio.save(studio=row, values={"name": "Léa"}, user=alice)
    shown, base = everything(row), studio.latest_version(row).number
    studio.save(studio=row, values={"name": "Zoé"}, user=alice)
    assert studio.edit(studio=row, values={**shown, "tone": "warm"}, base=base, user=bob) == ["tone"]
    assert (row.name, row.tone) == ("Zoé", "warm")
    with pytest.raises(studio.Conflict):
        studio.edit(studio=row, values={**shown, "name": "Mia"}, base=base, user=bob)


def test_long_typing_does_not_fill_the_table(row, alice, monkeypatch):
    monkeypatch.setattr(studio, "VERSIONS_KEPT", 3)
    for number in range(12):
        studio.save(studio=row, values={"name": f"Ava {number}"}, user=alice)
    assert StudioVersion.objects.for_organization(row.organization).count() <= 2 + 3
    assert len(numbers_of(row)) == 2


# --- Differences ------------------------------------------------------------------------------------------------------


def test_differences_are_told_in_words(row, alice):
    values = {"persona": "sdr", "languages": ["fr", "he"], "recording_enabled": False, "voice_id": "drew"}
    studio.save(studio=row, values=values, user=alice)
    found = {
        change.label: (change.before, change.after)
        for change in history.differences(version(row, 1).values, version(row, 2).values)
    }
    assert found == {
        "Persona": ("Secretary", "Sales representative"),
        "Languages": ("English", "French, Hebrew"),
        "Voice": ("Sarah", "Drew"),
        "Record calls": ("yes", "no"),
    }


def test_long_texts_are_compared_line_by_line(row, alice):
    studio.save(studio=row, values={"guidelines": "Open at nine.\nNo prices."}, user=alice)
    studio.save(studio=row, values={"guidelines": "Open at ten.\nNo prices.\nBe brief."}, user=alice)
    (change,) = history.differences(version(row, 2).values, version(row, 3).values)
    assert [(line.kind, line.text) for line in change.lines] == [
        ("del", "Open at nine."),
        ("ins", "Open at ten."),
        ("same", "No prices."),
        ("ins", "Be brief."),
    ]


# --- Two people at once -----------------------------------------------------------------------------------------------


def test_changes_of_different_settings_merge(row, alice, bob):
    shown = everything(row)
    studio.edit(studio=row, values={**shown, "tone": "warm"}, base=0, user=bob)
    assert studio.edit(studio=row, values={**shown, "name": "Léa"}, base=0, user=alice) == ["name"]
    assert (row.tone, row.name) == ("warm", "Léa")


def test_changes_of_the_same_setting_are_a_conflict_and_nothing_is_saved(row, alice, bob):
    shown = everything(row)
    studio.edit(studio=row, values={**shown, "name": "Zoé", "tone": "warm"}, base=0, user=bob)
    mine = {**shown, "name": "Léa", "job_to_be_done": "Sell."}
    with pytest.raises(studio.Conflict) as conflict:
        studio.edit(studio=row, values=mine, base=0, user=alice)
    assert (conflict.value.names, conflict.value.theirs.name) == (["name"], "Zoé")
    assert Studio.objects.for_organization(row.organization).get().job_to_be_done == ""
    merged = studio.merged(conflict.value, values=mine, base=0)
    assert (merged["name"], merged["tone"], merged["job_to_be_done"]) == ("Léa", "warm", "Sell.")
    studio.edit(studio=row, values=merged, base=2, user=alice)
    assert (row.name, row.tone) == ("Léa", "warm")


def test_the_same_change_twice_is_no_conflict(row, alice, bob):
    values = {**everything(row), "name": "Léa"}
    studio.edit(studio=row, values=values, base=0, user=bob)
    assert studio.edit(studio=row, values=values, base=0, user=alice) == []


def test_a_voice_of_one_never_meets_the_provider_of_another(row, alice, bob):
    shown = everything(row)
    studio.edit(studio=row, values={**shown, "voice_id": "drew"}, base=0, user=bob)
    azure = {**shown, "voice_provider": "azure", "voice_id": "emma"}
    with pytest.raises(studio.Conflict) as conflict:
        studio.edit(studio=row, values=azure, base=0, user=alice)
    assert conflict.value.names == ["voice_id"]


def test_a_version_that_is_not_kept_any_more_is_a_conflict_where_anything_differs(row, alice, bob):
    studio.save(studio=row, values={"name": "Zoé"}, user=bob)
    assert studio.edit(studio=row, values=everything(row), base=77, user=alice) == []
    with pytest.raises(studio.Conflict):
        studio.edit(studio=row, values={**everything(row), "name": "Léa"}, base=77, user=alice)


# --- Words ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("persona", ["secretary", "concierge", "sdr", "cs"])
def test_instructions_to_begin_with_come_from_persona_and_tone(row, persona):
    row.persona, row.tone = persona, "warm"
    text = prompts.draft_instructions(row)
    row.persona = next(other for other in ("secretary", "cs") if other != persona)
    assert "warm" in text
    assert prompts.draft_instructions(row) != text


def test_own_words_have_their_placeholders_filled(row):
    row.system_prompt, row.first_message = (
        "You work for [USER_NAME].",
        "[ORGANIZATION_NAME], [ASSISTANT_NAME] speaking.",
    )
    assert "You work for Alice Delmas." in prompts.build(row)
    assert prompts.first_message(row) == f"{row.organization.name}, Ava speaking."


def test_a_greeting_without_a_name_of_the_organization_is_whole(row):
    row.organization.name = ""
    assert prompts.draft_first_message(row).startswith("Hello.")


def test_a_usual_tone_has_one_name_in_all_languages(row):
    assert prompts.tone_named(" Warm ") == "warm"
    assert prompts.tone_named("like a pirate") == "like a pirate"


def test_voices_are_found_by_language():
    assert {"he"} <= set.intersection(*(set(voice.languages) for voice in voices.voices_for(["he", "en"])))
    assert all(voice.sample_url.startswith("https://") for voice in voices.VOICES if voice.sample_url)
    assert voices.speed_bounds("11labs") == (Decimal("0.7"), Decimal("1.2"))
    assert voices.speed_bounds("cartesia") == (1, 1)


def test_deleting_a_person_leaves_what_they_changed(row, bob: User):
    studio.save(studio=row, values={"name": "Léa"}, user=bob)
    bob.delete()
    assert version(row, 2).created_by is None


@pytest.mark.skipif(connection.vendor != "postgresql", reason="several connections to one test database")
@pytest.mark.django_db(transaction=True)
def test_saves_at_the_same_moment_are_all_kept(organization):
    row = sync.studio_of(organization)
    shown = everything(row)
    changes = [{"name": "Léa"}, {"tone": "warm"}, {"guidelines": "No prices."}, {"max_tokens": 300}]

    def change(values: dict[str, Any]) -> None:
        try:
            studio.edit(studio=sync.studio_of(organization), values={**shown, **values}, base=0, user=None)
        finally:
            connection.close()

    with ThreadPoolExecutor(len(changes)) as threads:
        list(threads.map(change, changes))
    row.refresh_from_db()
    assert (row.name, row.tone, row.guidelines, row.max_tokens) == ("Léa", "warm", "No prices.", 300)
    assert numbers_of(row) == [5, 4, 3, 2, 1]
