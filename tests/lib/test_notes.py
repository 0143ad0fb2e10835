"""What is kept in English is read in the reader's language."""

import pytest
from django.utils import translation

from ava.lib.notes import in_words


@pytest.mark.parametrize(
    ("note", "words"),
    [
        ("no answer in time", "pas de réponse à temps"),
        ("The mail server refused the mail (550)", "Le serveur de messagerie a refusé l'e-mail (550)"),
        ("files.example: the download was refused (403)", "files.example: le téléchargement a été refusé (403)"),
        ("openai: unexpected answer: no JSON (200)", "openai: réponse inattendue\u00a0: pas de JSON (200)"),
    ],
)
def test_the_sentence_of_a_note_is_translated_and_the_rest_of_it_kept(note, words):
    with translation.override("fr"):
        assert in_words(note) == words


@pytest.mark.parametrize(
    "note", ["", "alice@practice.example, bob@practice.example", "vapi: Invalid Key. (401)", "(()"]
)
def test_what_others_wrote_stays_as_it_came(note):
    with translation.override("fr"):
        assert in_words(note) == note


def test_names_and_codes_are_kept_whole_in_a_line_that_runs_the_other_way():
    with translation.override("he"):
        assert (
            in_words("vapi: the connection failed (OSError)") == "\u2066vapi\u2069: החיבור נכשל (\u2066OSError\u2069)"
        )
