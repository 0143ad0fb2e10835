"""The weekly grid: what is typed comes back, errors name their day, a day is copied to all."""

from typing import Any

import pytest
from django.utils import translation

from telephony.forms import BusinessHoursForm, HolidayForm, flat_week
from telephony.models import BusinessHours

WEEK = {
    "timezone": "Europe/Paris",
    "fallback_email": "desk@practice.example",
    "day-0-open": "on",
    "day-0-from-1": "09:00",
    "day-0-to-1": "12:30",
    "day-0-from-2": "14:00",
    "day-0-to-2": "18:00",
}


def filled(**changes: Any) -> dict[str, Any]:
    return {**WEEK, **{name.replace("_", "-") if name.startswith("day") else name: to for name, to in changes.items()}}


def test_the_hours_are_saved_and_come_back(organization):
    form = BusinessHoursForm(WEEK, organization=organization)
    assert form.is_valid(), form.errors
    form.save_for(organization)
    saved = BusinessHours.objects.for_organization(organization).get()
    assert (saved.timezone, saved.fallback_email) == ("Europe/Paris", "desk@practice.example")
    assert saved.weekly["0"] == [["09:00", "12:30"], ["14:00", "18:00"]]
    assert saved.weekly["1"] == []
    again = BusinessHoursForm(organization=organization)
    assert {name: again[name].value() for name in WEEK} == {**WEEK, "day-0-open": True}
    assert not again["day-1-open"].value()


def test_saving_again_changes_the_same_row(organization):
    for zone in ("Europe/Paris", "Asia/Jerusalem"):
        form = BusinessHoursForm(filled(timezone=zone), organization=organization)
        assert form.is_valid()
        form.save_for(organization)
    assert BusinessHours.objects.for_organization(organization).get().timezone == "Asia/Jerusalem"


@pytest.mark.parametrize(
    ("changes", "name", "words"),
    [
        ({"day_0_from_1": "nine"}, "day-0-from-1", "Monday: “nine” is not a time. Write it as 09:30."),
        ({"day_0_to_1": ""}, "day-0-to-1", "Monday: enter when you close."),
        ({"day_0_from_2": ""}, "day-0-from-2", "Monday: enter when you open."),
        ({"day_3_open": "on"}, "day-3-from-1", "Thursday: enter when you open and when you close"),
        ({"day_0_from_2": "12:00"}, "day-0-from-2", "Monday: the hours overlap."),
        ({"day_0_to_1": "09:00"}, "day-0-from-1", "Monday: opening and closing time are the same."),
        ({"timezone": ""}, "timezone", "Choose your time zone."),
        ({"timezone": "Europe/Atlantis"}, "timezone", "is not a time zone"),
        ({"fallback_email": "desk@"}, "fallback_email", "fallback e-mail as name@example.com"),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_stays_typed(changes, name, words):
    data = filled(**changes)
    form = BusinessHoursForm(data)
    assert not form.is_valid()
    assert list(form.errors) == [name]
    assert words in form.errors[name][0]
    assert {one: form[one].value() for one in data if one != "day-3-open"} == {
        one: (True if one == "day-0-open" else typed) for one, typed in data.items() if one != "day-3-open"
    }


def test_a_time_that_is_none_is_shown_although_time_inputs_hide_it():
    form = BusinessHoursForm(filled(day_0_from_1="nine"))
    monday = next(day for day in form.days if day.number == 0)
    assert 'value="nine"' in str(monday.intervals[0].opens)
    assert 'type="text"' in str(monday.intervals[0].opens)
    assert 'type="time"' in str(monday.intervals[0].closes)


def test_times_typed_for_a_closed_day_are_no_problem():
    form = BusinessHoursForm(filled(day_5_from_1="whenever"))
    assert form.is_valid()
    assert form.cleaned_data["weekly"]["5"] == []


def test_a_day_is_copied_to_all_and_nothing_is_saved_by_that():
    form = BusinessHoursForm({**WEEK, "day-5-open": "on", "day-5-from-1": "10:00", "copy": "0"})
    assert form.is_copying
    assert not form.is_valid()
    assert all(form[f"day-{day}-open"].value() for day in range(7))
    assert {form[f"day-{day}-from-2"].value() for day in range(7)} == {"14:00"}
    assert form["timezone"].value() == "Europe/Paris"


def test_copying_a_closed_day_closes_all():
    form = BusinessHoursForm({**WEEK, "copy": "6"})
    assert not any(form[f"day-{day}-open"].value() for day in range(7))


@pytest.mark.parametrize("odd", ["7", "", "x", "00"])
def test_copying_an_odd_day_copies_nothing(odd):
    form = BusinessHoursForm({**WEEK, "copy": odd})
    assert not form.is_copying
    assert form.is_valid()


def test_it_works_under_a_prefix_as_in_the_set_up():
    data = {f"telephony-{name}": value for name, value in WEEK.items()}
    assert BusinessHoursForm(data, prefix="telephony").is_valid()
    copied = BusinessHoursForm({**data, "copy": "0"}, prefix="telephony")
    assert copied["day-4-to-2"].value() == "18:00"


def test_a_third_interval_made_elsewhere_is_not_lost(organization):
    weekly = {"0": [["08:00", "09:00"], ["10:00", "11:00"], ["12:00", "13:00"]]}
    saved = BusinessHours(organization=organization, timezone="UTC", weekly=weekly)
    saved.save()
    form = BusinessHoursForm({"timezone": "UTC", **flat_week(weekly)}, organization=organization)
    assert form.is_valid()
    assert form.cleaned_data["weekly"]["0"] == weekly["0"]


def test_what_was_typed_before_goes_before_what_is_saved(organization):
    BusinessHours(organization=organization, timezone="Europe/Paris").save()
    form = BusinessHoursForm(organization=organization, initial={"timezone": "UTC", "day-6-open": True})
    assert (form["timezone"].value(), form["day-6-open"].value()) == ("UTC", True)
    assert form["day-0-from-1"].value() == "09:00"


@pytest.mark.parametrize(
    ("country", "zone", "open_days"),
    [("FR", "Europe/Paris", {0, 1, 2, 3, 4}), ("IL", "Asia/Jerusalem", {6, 0, 1, 2, 3}), ("US", "", {0, 1, 2, 3, 4})],
)
def test_who_has_no_hours_yet_begins_with_their_countrys(organization, alice, country, zone, open_days):
    organization.country = country
    form = BusinessHoursForm(organization=organization, person=alice)
    assert form["timezone"].value() == zone
    assert {day for day in range(7) if form[f"day-{day}-open"].value()} == open_days
    assert form["fallback_email"].value() == alice.email
    assert 'data-guess="timezone"' in str(form["timezone"])


def test_a_persons_own_time_zone_is_the_better_guess(organization, alice):
    alice.timezone = "America/Denver"
    assert BusinessHoursForm(organization=organization, person=alice)["timezone"].value() == "America/Denver"


def test_an_old_name_of_a_time_zone_stays_chosen():
    form = BusinessHoursForm(filled(timezone="US/Eastern"))
    assert form.is_valid()
    assert '<option value="US/Eastern" selected>' in str(form["timezone"])


@pytest.mark.parametrize(("language", "first"), [("fr", 0), ("en", 6), ("he", 6)])
def test_the_week_starts_as_the_reader_is_used_to(language, first):
    with translation.override(language):
        days = [day.number for day in BusinessHoursForm().days]
    assert days == [(first + offset) % 7 for offset in range(7)]


def test_holidays_have_passed_or_are_known_already(organization):
    def errors(**data: str) -> Any:
        return HolidayForm(data, organization=organization).errors.get("date", [])

    assert errors(date="2099-05-01") == []
    organization.holidays.create(date="2099-05-01")
    assert errors(date="2099-05-01") == ["This day is already a holiday."]
    assert errors(date="2001-05-01") == ["This day has already passed."]
    assert errors(date="soon") == ["Enter the date as 2027-01-31."]
    assert errors(date="") == ["Choose the holiday's date."]
