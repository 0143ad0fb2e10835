"""Lines of two directions: which way they run, and what stays whole in them."""

import pytest
from django.utils import translation

from ava.lib import bidi

HEBREW = "Dora & Co, שלום. כאן Ava, העוזרת. איך אפשר לעזור?"


@pytest.mark.parametrize(
    ("text", "runs"), [(HEBREW, "rtl"), ("Bonjour, ici Ava.", "ltr"), ("", "ltr"), ("+33 6 39 98 00 17", "ltr")]
)
def test_a_text_runs_as_most_of_its_letters_do(text, runs):
    assert bidi.direction(text) == runs


@pytest.mark.parametrize(
    ("language", "text", "mark"), [("he", HEBREW, "\u200f"), ("he", "Bonjour", "\u200e"), ("fr", "Bonjour", "")]
)
def test_a_line_of_a_plain_mail_begins_with_its_own_direction(language, text, mark):
    with translation.override(language):
        assert bidi.opening_mark(text) == mark


def test_times_stay_in_their_order_in_a_hebrew_line_and_are_plain_elsewhere():
    with translation.override("he"):
        assert bidi.plain_span("09:00", "18:00") == "\u206609:00–18:00\u2069"
    with translation.override("fr"):
        assert bidi.plain_span("09:00", "18:00") == "09:00–18:00"
