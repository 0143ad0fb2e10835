"""Business hours and holidays over the API, by the rules and in the words of the page."""

from datetime import timedelta

import pytest
from django.utils import timezone

from telephony.models import BusinessHours

HOURS, HOLIDAYS = "/api/v1/phone-numbers/business-hours", "/api/v1/phone-numbers/holidays"
WEEK = {str(day): [["09:00", "18:00"]] if day < 5 else [] for day in range(7)}
GIVEN = {"timezone": "Europe/Paris", "weekly": WEEK, "fallback_email": "ops@acme.example"}


def kept(organization) -> BusinessHours | None:
    return BusinessHours.objects.for_organization(organization).first()


def coming(days: int) -> str:
    return (timezone.now() + timedelta(days=days)).date().isoformat()


def errors_of(answer) -> dict[str, list[str]]:
    assert answer.status_code == 400, answer.content
    found: dict[str, list[str]] = {}
    for error in answer.json()["errors"]:
        found.setdefault(error["field"], []).append(error["detail"])
    return found


# --- The week ---------------------------------------------------------------------------------------------------------


def test_before_anything_is_saved_a_proposal_is_shown(api_of, alice, organization):
    type(organization).objects.filter(pk=organization.pk).update(country="IL")
    shown = api_of(alice).get(HOURS).json()
    assert (shown["timezone"], shown["updated_at"]) == ("Asia/Jerusalem", None)
    assert (shown["weekly"]["5"], shown["weekly"]["6"]) == ([], [["09:00", "18:00"]])
    assert shown["fallback_email"] == alice.email
    assert kept(organization) is None


@pytest.mark.parametrize("path", [HOURS, "/api/phone-numbers/business-hours"])
def test_hours_are_set_as_a_whole_and_changed_in_parts(api_of, alice, organization, path):
    api = api_of(alice)
    answer = api.put(path, GIVEN)
    assert answer.status_code == 200, answer.content
    assert answer.json() == {**GIVEN, "updated_at": answer.json()["updated_at"]}
    changed = api.patch(path, {"timezone": "Asia/Jerusalem"}).json()
    assert {**changed, "updated_at": ""} == {**GIVEN, "timezone": "Asia/Jerusalem", "updated_at": ""}
    assert api.get(path).json() == changed
    assert (kept(organization).timezone, kept(organization).weekly) == ("Asia/Jerusalem", WEEK)


def test_times_are_taken_as_people_write_them(api_of, alice, organization):
    given = {**GIVEN, "weekly": {"0": [["14h", "6 pm"], ["9", "12h30"]], "1": None}}
    weekly = api_of(alice).put(HOURS, given).json()["weekly"]
    assert weekly == {**{str(day): [] for day in range(7)}, "0": [["09:00", "12:30"], ["14:00", "18:00"]]}


@pytest.mark.parametrize(
    ("given", "field", "words"),
    [
        ({"weekly": {"0": [["09:00", "12:00"], ["11:00", "18:00"]]}}, "weekly", "Monday: the hours overlap."),
        ({"weekly": {"1": [["09:00", "09:00"]]}}, "weekly", "Tuesday: opening and closing time are the same."),
        ({"weekly": {"0": [["20:00", "08:00"]], "1": [["07:00", "9:00"]]}}, "weekly", "begin before those of"),
        ({"weekly": {"0": [["25:00", "26:00"]]}}, "weekly", "Monday: write the hours as 09:00 to 18:00."),
        ({"weekly": {"0": [["09:00"]]}}, "weekly", "Monday: write the hours"),
        ({"weekly": {"0": [[9, 18]]}}, "weekly", "Monday: write the hours"),
        ({"weekly": {"0": "09:00-18:00"}}, "weekly", "Monday: write the hours"),
        ({"weekly": {"7": []}}, "weekly", "days by number"),
        ({"weekly": []}, "weekly", "days by number"),
        ({"weekly": None}, "weekly", "may not be null"),
        ({"timezone": "Mars/Olympus"}, "timezone", "“Mars/Olympus” is not a time zone."),
        ({"timezone": ""}, "timezone", "may not be blank"),
        ({"fallback_email": "nobody"}, "fallback_email", "Enter the fallback e-mail as name@example.com."),
        ({"fallback_email": f"{'a' * 250}@acme.example"}, "fallback_email", "no more than 254"),
        ({"updated_at": "2026-12-01T00:00:00Z"}, "updated_at", "no such field"),
        ({"organization": 7}, "organization", "no such field"),
    ],
)
def test_what_is_not_right_is_said_in_the_words_of_the_page(api_of, alice, organization, given, field, words):
    for answer in (api_of(alice).put(HOURS, {**GIVEN, **given}), api_of(alice).patch(HOURS, given)):
        errors = errors_of(answer)
        assert list(errors) == [field]
        assert words in errors[field][0]
    assert kept(organization) is None


def test_setting_the_whole_needs_the_whole(api_of, alice, organization):
    assert set(errors_of(api_of(alice).put(HOURS, {}))) == {"timezone", "weekly", "fallback_email"}


def test_without_a_time_zone_a_part_is_not_enough(api_of, alice, organization):
    errors = errors_of(api_of(alice).patch(HOURS, {"weekly": WEEK}))
    assert errors == {"timezone": ["Choose your time zone."]}
    assert kept(organization) is None


def test_who_is_slower_is_told_that_it_was_changed_meanwhile(api_of, alice, organization):
    api = api_of(alice)
    seen = api.put(HOURS, GIVEN)["ETag"]
    assert api.get(HOURS, HTTP_IF_NONE_MATCH=seen).status_code == 304
    assert api.patch(HOURS, {"timezone": "UTC"}, HTTP_IF_MATCH=seen).status_code == 200
    for slower in (
        api.patch(HOURS, {"timezone": "Asia/Jerusalem"}, HTTP_IF_MATCH=seen),
        api.put(HOURS, GIVEN, HTTP_IF_MATCH=seen),
    ):
        assert (slower.status_code, slower.json()["code"]) == (412, "changed_meanwhile")
    assert kept(organization).timezone == "UTC"


# --- Holidays ---------------------------------------------------------------------------------------------------------


def test_a_holiday_is_noted_listed_and_removed(api_of, alice, organization):
    api, day = api_of(alice), coming(9)
    added = api.post(HOLIDAYS, {"date": day, "name": "1er mai"})
    assert (added.status_code, added.json()) == (201, {"id": added.json()["id"], "date": day, "name": "1er mai"})
    earlier = api.post(HOLIDAYS, {"date": coming(3)}).json()
    organization.holidays.create(date="2020-01-01")
    assert api.get(HOLIDAYS).json() == [earlier, added.json()]
    assert api.delete(f"{HOLIDAYS}/{added.json()['id']}").status_code == 204
    assert api.get(HOLIDAYS).json() == [earlier]
    assert api.delete(f"{HOLIDAYS}/{added.json()['id']}").status_code == 404


@pytest.mark.parametrize(
    ("given", "field", "words"),
    [
        ({"date": "2020-01-01"}, "date", "This day has already passed."),
        ({"date": coming(5)}, "date", "This day is already a holiday."),
        ({"date": "1 May"}, "date", "Enter the date as 2027-01-31."),
        ({"date": None}, "date", "may not be null"),
        ({"name": "Rest"}, "date", "This field is required."),
        ({"date": coming(6), "name": "x" * 81}, "name", "no more than 80"),
        ({"date": coming(6), "name": "\0"}, "name", "Null characters"),
        ({"date": coming(6), "id": 7}, "id", "no such field"),
    ],
)
def test_a_day_that_cannot_be_noted_is_refused(api_of, alice, organization, given, field, words):
    organization.holidays.create(date=coming(5))
    errors = errors_of(api_of(alice).post(HOLIDAYS, given))
    assert list(errors) == [field]
    assert words in errors[field][0]
    assert organization.holidays.count() == 1


# --- Who --------------------------------------------------------------------------------------------------------------


def test_members_read_and_do_not_change(api_of, bob, organization):
    holiday = organization.holidays.create(date=coming(5))
    api = api_of(bob)
    assert {api.get(HOURS).status_code, api.get(HOLIDAYS).status_code} == {200}
    answers = (
        api.put(HOURS, GIVEN),
        api.patch(HOURS, {"timezone": "UTC"}),
        api.post(HOLIDAYS, {"date": coming(6)}),
        api.delete(f"{HOLIDAYS}/{holiday.pk}"),
    )
    assert {answer.status_code for answer in answers} == {403}
    assert (kept(organization), organization.holidays.count()) == (None, 1)


def test_another_tenants_holiday_is_not_found_just_like_none(api_of, alice, charlie, organization):
    holiday = organization.holidays.create(date=coming(5))
    api_of(alice).put(HOURS, GIVEN)
    api = api_of(charlie)
    answers = [api.delete(f"{HOLIDAYS}/{pk}") for pk in (holiday.pk, 10**6, 10**30)]
    assert [answer.status_code for answer in answers] == [404] * 3
    assert len({answer.content for answer in answers}) == 1
    assert api.get(HOLIDAYS).json() == []
    assert api.get(HOURS).json()["fallback_email"] == charlie.email
    assert organization.holidays.exists()


def test_nobody_is_told_anything_without_signing_in(api_of, db):
    api = api_of()
    answers = (api.get(HOURS), api.put(HOURS, GIVEN), api.get(HOLIDAYS), api.post(HOLIDAYS, {}))
    assert {answer.status_code for answer in answers} == {401}


def test_reading_takes_few_queries(api_of, alice, organization, django_assert_max_num_queries):
    api = api_of(alice)
    api.put(HOURS, GIVEN)
    for day in range(3):
        organization.holidays.create(date=coming(day))
    for path in (HOURS, HOLIDAYS):
        with django_assert_max_num_queries(6):
            assert api.get(path).status_code == 200
