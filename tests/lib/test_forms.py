"""A select of many options is what Django would have written."""

import pytest
from django import forms
from django.test.html import parse_html

from ava.lib.forms import LongSelect

CHOICES = [("", "—"), ("a", "<Amman> & co"), ("Europe", [("p", "Paris"), ("l", "London")])]


@pytest.mark.parametrize("value", ["", "a", "p", None, "unknown"])
def test_a_long_select_is_written_as_djangos_own(value):
    attrs = {"id": "id_zone", "data-guess": "timezone", "required": True}
    mine = LongSelect(choices=CHOICES).render("zone", value, attrs)
    djangos = forms.Select(choices=CHOICES).render("zone", value, attrs)
    assert parse_html(mine) == parse_html(djangos)
    assert "<Amman>" not in mine
