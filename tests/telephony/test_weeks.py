"""A week's hours as a line of text, as people write it in three languages."""

import random

import pytest
from django.core.exceptions import ValidationError
from django.utils import translation

from telephony.weeks import read_week, write_week

OFFICE = "Mon-Fri 09:00-18:00"


@pytest.mark.parametrize(
    ("text", "week"),
    [
        ("Mon-Fri 9-18", OFFICE),
        ("mon – fri: 09.00 – 18.00", OFFICE),
        ("Monday to Friday 9am - 6pm", OFFICE),
        ("Mon-Fri 9 a.m. to 6 p.m.", OFFICE),
        ("9-18 Mon-Fri", OFFICE),
        ("weekdays from 9 to 18", OFFICE),
        ("lun-ven 9h-18h", OFFICE),
        ("Du lundi au vendredi de 9h00 à 18h00", OFFICE),
        ("ימי שני-שישי 9-18", OFFICE),
        ("א-ה 9:00-18:00", "Sun-Thu 09:00-18:00"),
        ("א'-ה' 9-18", "Sun-Thu 09:00-18:00"),
        ("Mon-Fri 9-12, 14-18; Sat 10-14", "Mon-Fri 09:00-12:00, 14:00-18:00; Sat 10:00-14:00"),
        ("lundi 9h-12h30 et 14h-18h", "Mon 09:00-12:30, 14:00-18:00"),
        ("Mon, Wed & Fri 9-17", "Mon 09:00-17:00; Wed 09:00-17:00; Fri 09:00-17:00"),
        ("every day 8-20, Sunday closed", "Mon-Sat 08:00-20:00"),
        ("24/7", "Mon-Sun 00:00-24:00"),
        ("7j/7 24h/24", "Mon-Sun 00:00-24:00"),
        ("weekend 10-16", "Sat-Sun 10:00-16:00"),
        ("Fri-Sat 18-2", "Fri-Sat 18:00-02:00"),
        ("Tue 1-5pm", "Tue 13:00-17:00"),
        ("Tue 9-6pm", "Tue 09:00-18:00"),
        ("Tue 10-12pm", "Tue 10:00-12:00"),
        ("Tue 10:00-02:00", "Tue 10:00-02:00"),
    ],
)
def test_the_usual_ways_to_write_hours_are_read(text, week):
    assert write_week(read_week(text)) == week


@pytest.mark.parametrize(
    "text",
    [
        "",
        "9-18",
        "Mon",
        "Mon-Fri",
        "whenever",
        "Mon 25-30",
        "Mon 9-18-20",
        "M 9-18",
        "T-F 9-18",
        "Mon 9:75-18",
        "x" * 300,
    ],
)
def test_what_cannot_be_read_is_refused_with_examples(text):
    with pytest.raises(ValidationError) as refused:
        read_week(text)
    assert "Mon-Fri 9-18" in refused.value.messages[0]


@pytest.mark.parametrize("text", ["Mon-Fri 9-5", "Mon-Fri 1-5", "Mon-Fri 8-12, 2-6", "Mon 9:00-5:00"])
def test_what_can_mean_two_things_is_not_guessed(text):
    with pytest.raises(ValidationError, match="two things"):
        read_week(text)


def test_hours_that_overlap_are_refused_in_words():
    with pytest.raises(ValidationError, match="Monday: the hours overlap"):
        read_week("Mon-Fri 9-12, 11-14")


def test_a_week_without_hours_is_closed():
    assert write_week({str(day): [] for day in range(7)}) == "closed"


@pytest.mark.parametrize("language", ["en", "fr", "he"])
def test_what_is_written_can_be_read_again(language):
    chance = random.Random(7)
    for _ in range(100):
        weekly = {str(day): day_of(chance) for day in range(7)} | {"3": [["18:00", "02:00"]]}
        with translation.override(language):
            assert read_week(write_week(weekly)) == weekly


def day_of(chance):
    """Closed, open, or open with a pause; the same on several days often enough."""
    minutes = sorted(chance.sample(range(3 * 60, 24 * 60, 90), 4))
    edges = [f"{minute // 60:02}:{minute % 60:02}" for minute in minutes]
    return chance.choice([[], [["09:00", "18:00"]], [edges[:2], edges[2:]]])
