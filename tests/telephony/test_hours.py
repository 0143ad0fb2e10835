"""When a business is open, and what people may type to say so."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from hypothesis import given
from hypothesis import strategies as st

from telephony import hours
from telephony.models import BusinessHours

PARIS, JERUSALEM = ZoneInfo("Europe/Paris"), ZoneInfo("Asia/Jerusalem")
MONDAY = date(2026, 11, 23)


@dataclass
class Shop:
    """Hours without a database."""

    timezone: str = "Europe/Paris"
    weekly: dict[str, Any] = field(default_factory=lambda: {"0": [["09:00", "12:30"], ["14:00", "18:00"]]})


def at(clock: str, *, day: date = MONDAY, zone: ZoneInfo = PARIS, fold: int = 0) -> datetime:
    hour, minute, *second = (int(part) for part in clock.split(":"))
    return datetime(day.year, day.month, day.day, hour, minute, *second, tzinfo=zone, fold=fold)


# --- Open or not ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("clock", "is_open"),
    [
        ("08:59", False),
        ("08:59:59", False),
        ("09:00", True),
        ("12:29:59", True),
        ("12:30", False),
        ("13:59", False),
        ("14:00", True),
        ("17:59", True),
        ("18:00", False),
    ],
)
def test_open_from_the_first_minute_to_before_the_last(clock, is_open):
    assert hours.is_open_at(Shop(), at(clock)) is is_open


def test_other_days_are_closed():
    assert not hours.is_open_at(Shop(), at("10:00", day=MONDAY + timedelta(days=1)))
    assert not hours.is_open_at(Shop(weekly={}), at("10:00"))


def test_the_moment_may_come_in_any_time_zone():
    nine_in_paris = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
    assert hours.is_open_at(Shop(), nine_in_paris)
    assert not hours.is_open_at(Shop(timezone="America/New_York"), nine_in_paris)
    assert hours.is_open_at(Shop(timezone="Asia/Jerusalem"), nine_in_paris)


def test_a_moment_without_a_time_zone_is_a_mistake():
    with pytest.raises(ValueError, match="time zone"):
        hours.is_open_at(Shop(), datetime(2026, 11, 23, 10, 0))


@pytest.mark.parametrize(
    ("day", "clock", "is_open"),
    [(0, "21:59", False), (0, "22:00", True), (1, "00:00", True), (1, "01:59", True), (1, "02:00", False)],
)
def test_a_night_belongs_to_the_day_on_which_it_begins(day, clock, is_open):
    bar = Shop(weekly={"0": [["22:00", "02:00"]]})
    assert hours.is_open_at(bar, at(clock, day=MONDAY + timedelta(days=day))) is is_open


def test_sundays_night_goes_on_into_monday():
    assert hours.is_open_at(Shop(weekly={"6": [["22:00", "02:00"]]}), at("01:00"))


def test_midnight_to_midnight_is_the_whole_day():
    shop = Shop(weekly={"0": [["00:00", "00:00"]]})
    assert hours.is_open_at(shop, at("00:00"))
    assert hours.is_open_at(shop, at("23:59"))
    assert not hours.is_open_at(shop, at("00:00", day=MONDAY + timedelta(days=1)))


def test_nothing_begins_on_a_holiday_but_the_night_before_goes_on():
    bar = Shop(weekly={"6": [["22:00", "02:00"]], "0": [["09:00", "18:00"]]})
    assert not hours.is_open_at(bar, at("10:00"), holidays={MONDAY})
    assert hours.is_open_at(bar, at("01:00"), holidays={MONDAY})
    assert hours.is_open_at(bar, at("10:00", day=MONDAY + timedelta(days=7)), holidays={MONDAY})


@pytest.mark.parametrize("day", [date(2026, 3, 29), date(2026, 10, 25)])
def test_on_the_days_when_the_clocks_change_the_wall_clock_counts(day):
    """Spring forward and fall back: the door opens when the clock on the wall says nine."""
    shop = Shop(weekly={"6": [["09:00", "18:00"]]})
    opening = at("09:00", day=day)
    assert hours.is_open_at(shop, opening.astimezone(UTC))
    assert not hours.is_open_at(shop, opening.astimezone(UTC) - timedelta(seconds=1))
    assert not hours.is_open_at(shop, at("18:00", day=day).astimezone(UTC))


def test_the_hour_that_comes_twice_is_open_twice():
    night = Shop(weekly={"6": [["02:00", "03:00"]]})
    twice = [at("02:30", day=date(2026, 10, 25), fold=fold) for fold in (0, 1)]
    assert twice[0].astimezone(UTC) != twice[1].astimezone(UTC)
    assert all(hours.is_open_at(night, moment) for moment in twice)


def test_an_opening_in_the_hour_that_is_left_out_opens_right_after_it():
    night = Shop(weekly={"6": [["02:30", "06:00"]]})
    after_the_jump = datetime(2026, 3, 29, 1, 0, tzinfo=UTC)
    assert hours.is_open_at(night, after_the_jump)
    assert not hours.is_open_at(night, after_the_jump - timedelta(seconds=1))


clocks = st.integers(0, 1439).map(lambda minute: f"{minute // 60:02}:{minute % 60:02}")
moments = st.datetimes(datetime(2000, 1, 3), datetime(2040, 1, 1), timezones=st.just(UTC))
zones = st.sampled_from(["Europe/Paris", "Asia/Jerusalem", "America/New_York", "Pacific/Apia", "Asia/Kathmandu", "UTC"])


@given(start=clocks, end=clocks, moment=moments, zone=zones)
def test_what_one_interval_leaves_closed_the_opposite_one_opens(start, end, moment, zone):
    if start == end:
        return
    daily, opposite = (
        Shop(timezone=zone, weekly={str(day): [pair] for day in hours.DAYS}) for pair in ([start, end], [end, start])
    )
    assert hours.is_open_at(daily, moment) is not hours.is_open_at(opposite, moment)


@given(start=clocks, end=clocks, day=st.integers(0, 6), moment=moments, zone=zones)
def test_a_weeks_hours_come_again_by_the_same_wall_clock(start, end, day, moment, zone):
    shop = Shop(timezone=zone, weekly={str(day): [[start, end]]})
    local = moment.astimezone(ZoneInfo(zone))
    week_later = local + timedelta(days=7)  # the same clock, whatever the offset
    if week_later.astimezone(UTC).astimezone(ZoneInfo(zone)).replace(fold=0) != week_later.replace(fold=0):
        return  # that clock time is left out there
    assert hours.is_open_at(shop, local) is hours.is_open_at(shop, week_later)


# --- A week from outside ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "time"),
    [
        ("9", "09:00"),
        ("9h", "09:00"),
        ("9h30", "09:30"),
        ("9H30", "09:30"),
        ("09.30", "09:30"),
        (" 09:30 ", "09:30"),
        ("09:30:00", "09:30"),
        ("24:00", "00:00"),
        ("6 pm", "18:00"),
        ("12am", "00:00"),
        ("12 p.m.", "12:00"),
        ("6:30 PM", "18:30"),
        *((wrong, None) for wrong in ("", "x", "25", "9:60", "24:01", "13pm", "-1", "9:3", "٩:٣٠ x")),
    ],
)
def test_times_are_read_as_people_write_them(typed, time):
    assert hours.parse_time(typed) == time


def test_a_cleaned_week_has_all_days_sorted():
    weekly = hours.clean_weekly({0: [["14h", "18h"], ["9", "12:30"]]})
    assert weekly["0"] == [["09:00", "12:30"], ["14:00", "18:00"]]
    assert sorted(weekly) == [str(day) for day in hours.DAYS]
    assert weekly["6"] == []


@pytest.mark.parametrize(
    ("week", "words"),
    [
        ({"2": [["09:00", "12:00"], ["11:00", "13:00"]]}, "Wednesday: the hours overlap"),
        ({"2": [["09:00", "09:00"]]}, "Wednesday: opening and closing time are the same"),
        ({"0": [["22:00", "02:00"]], "1": [["01:00", "05:00"]]}, "Tuesday: the hours begin before those of Monday end"),
        ({"6": [["22:00", "02:00"]], "0": [["01:00", "05:00"]]}, "Monday: the hours begin before those of Sunday end"),
        ({"3": [["00:00", "00:00"], ["09:00", "10:00"]]}, "Thursday: the hours overlap"),
        ({"4": [["9", "x"]]}, "Friday: write the hours"),
        ({"4": "9-18"}, "Friday: write the hours"),
        ({"4": [["9"]]}, "Friday: write the hours"),
        ({"4": [[9, 18]]}, "Friday: write the hours"),
        ({"4": [["9", "10"]] * 7}, "Friday: write the hours"),
        ({"7": []}, "The week needs its days"),
        ([], "The week needs its days"),
        (None, "The week needs its days"),
    ],
)
def test_a_week_that_cannot_be_is_refused_naming_the_day(week, words):
    with pytest.raises(ValidationError, match=words):
        hours.clean_weekly(week)


def test_hours_that_touch_do_not_overlap():
    hours.clean_weekly({"0": [["09:00", "12:00"], ["12:00", "14:00"], ["20:00", "02:00"]], "1": [["02:00", "05:00"]]})
    hours.clean_weekly({str(day): [["00:00", "00:00"]] for day in hours.DAYS})


@given(week=st.dictionaries(st.integers(0, 6).map(str), st.lists(st.tuples(clocks, clocks).map(list), max_size=3)))
def test_a_cleaned_week_stays_as_it_is_and_no_minute_is_open_twice(week):
    try:
        cleaned = hours.clean_weekly(week)
    except ValidationError:
        return
    assert hours.clean_weekly(cleaned) == cleaned
    open_minutes: set[int] = set()
    for day, intervals in cleaned.items():
        for start, end in intervals:
            first, last = (int(clock[:2]) * 60 + int(clock[3:]) for clock in (start, end))
            length = last - first if last > first else last - first + hours.DAY_MINUTES
            minutes = {(int(day) * hours.DAY_MINUTES + first + one) % hours.WEEK_MINUTES for one in range(length)}
            assert not minutes & open_minutes
            open_minutes |= minutes


# --- Kept -------------------------------------------------------------------------------------------------------------


def test_an_organization_knows_whether_it_is_open(organization):
    saved = BusinessHours.objects.for_organization(organization).create(
        organization=organization, timezone="Asia/Jerusalem", weekly=hours.usual_week("IL")
    )
    sunday = at("10:00", day=date(2026, 11, 22), zone=JERUSALEM)
    assert saved.is_open_at(sunday)
    organization.holidays.create(date=sunday.date(), name="Hanukkah")
    assert not saved.is_open_at(sunday)


def test_one_row_of_hours_and_one_holiday_a_day(organization):
    for make in (
        lambda: BusinessHours(organization=organization, timezone="UTC").save(),
        lambda: organization.holidays.create(date=MONDAY),
    ):
        make()
        with pytest.raises(IntegrityError), transaction.atomic():
            make()


def test_a_wrong_time_zone_is_refused_by_the_row(organization):
    with pytest.raises(ValidationError, match="is not a time zone"):
        BusinessHours(organization=organization, timezone="Europe/Atlantis").clean_fields()
