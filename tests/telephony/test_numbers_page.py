"""The numbers page: which number, since when, how to forward to it, and when the business is open."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.contrib.messages import get_messages
from django.urls import reverse
from django.utils import timezone

from accounts.models.organizations import Role
from telephony import numbers
from telephony.models import BusinessHours
from tests.factories import make_number, make_user
from tests.providers import connect, order_fault, own_number, pool_number

PAGE, CHOOSE, CHOICES = "/en/numbers/", "/en/numbers/choose/", "/en/numbers/choices/"
SECTION = "/en/settings/?section=number"
HOLIDAYS, REMOVE = "/en/numbers/holidays/", "/en/numbers/holidays/remove/"
INLINE = re.compile(r"<script(?! [^>]*src)|<style|\sstyle=|\son[a-z]+=[\"']|javascript:", re.IGNORECASE)
WEEK = {"timezone": "Europe/Paris", "day-0-open": "on", "day-0-from-1": "09:00", "day-0-to-1": "18:00"}


@pytest.fixture
def signed_in(client, alice, organization):
    client.force_login(alice)
    return client


@pytest.fixture
def twilio(signed_in, practice):
    """Alice signed in, with a Twilio account of the sandbox."""
    return signed_in


def html_of(answer: Any) -> str:
    assert answer.status_code == 200
    return answer.content.decode()


def words_of(answer: Any) -> list[str]:
    return [str(message) for message in get_messages(answer.wsgi_request)]


# --- The page ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", [language for language, _name in django_settings.LANGUAGES])
@pytest.mark.parametrize("path", ["numbers/", "numbers/choices/", "calls/forwarding-test/"])
def test_each_page_is_whole_in_each_language(signed_in, organization, path, language):
    make_number(organization)
    html = html_of(signed_in.get(f"/{language}/{path}", follow=True))
    assert not INLINE.search(html)
    assert html.count("<h1") == 1
    assert len(html) < 100_000


def test_it_tells_the_numbers_state_source_and_codes(signed_in, organization):
    make_number(organization, "+33199004512", routed_to="assistant")
    html = html_of(signed_in.get(PAGE))
    for words in ("+33 1 99 00 45 12", "Ava answers", "own Twilio number", "**61*+33199004512#", "*21*0199004512#"):
        assert words in html
    assert 'href="tel:**61*+33199004512%23"' in html
    assert '<bdi dir="ltr"><code>##61#</code></bdi>' in html
    assert reverse("calls:forwarding-test") in html


def test_a_number_that_ava_does_not_answer_says_what_to_do(signed_in, organization):
    make_number(organization)
    html = html_of(signed_in.get(PAGE))
    assert "not switched to Ava" in html
    assert f'<a href="{reverse("dashboard")}">' in html


def test_it_opens_without_asking_twilio(twilio, settings):
    settings.TWILIO_BASE_URL = "http://127.0.0.1:9"
    html = html_of(twilio.get(PAGE))
    assert f'hx-get="{CHOICES}' in html
    assert "<noscript>" in html


def test_it_takes_few_queries(twilio, organization, django_assert_max_num_queries):
    make_number(organization)
    BusinessHours(organization=organization, timezone="UTC").save()
    organization.holidays.create(date=timezone.localdate() + timedelta(days=3))
    for path in (PAGE, SECTION, CHOICES):
        with django_assert_max_num_queries(12):
            html_of(twilio.get(path))


@pytest.mark.parametrize("path", [PAGE, CHOICES, CHOOSE, HOLIDAYS, REMOVE, SECTION])
def test_members_may_not_manage_numbers(client, organization, path):
    bob = make_user("bob@practice.example", organization=organization)
    client.force_login(bob)
    answers = (client.get(path), client.post(path))
    assert {answer.status_code for answer in answers} <= {403, 405}
    bob.memberships.update(role=Role.ADMIN)
    assert client.get(PAGE).status_code == 200


# --- Choosing a number ------------------------------------------------------------------------------------------------


def test_the_accounts_numbers_are_listed_live_but_for_those_in_use(twilio, practice):
    first, second = (found.number for found in numbers.available_numbers(practice)[:2])
    numbers.attach_own_number(organization=practice, number=first)
    html = html_of(twilio.get(CHOICES, HTTP_HX_REQUEST="true"))
    assert f'value="{second}"' in html
    assert f'value="{first}"' not in html
    assert "<html" not in html
    assert "<h2>Choose a number" in html_of(twilio.get(CHOICES))


def test_while_twilio_is_away_the_list_says_so(twilio, sandbox):
    order_fault(sandbox, "/twilio", times=1)
    assert "Twilio cannot be reached" in html_of(twilio.get(CHOICES, HTTP_HX_REQUEST="true"))


def test_without_a_twilio_account_the_way_to_add_one_is_shown(signed_in):
    html = html_of(signed_in.get(PAGE))
    assert "?section=twilio" in html
    assert CHOICES not in html


@pytest.mark.parametrize("path", [CHOOSE, SECTION])
def test_a_number_is_attached_and_detached(twilio, practice, path):
    wanted = numbers.available_numbers(practice)[0].number
    assert twilio.post(path, {"attach": "1", "number": wanted}).status_code == 302
    number = practice.numbers.get()
    assert number.number == wanted
    assert twilio.post(path, {"detach": number.pk}).status_code == 302
    assert not practice.numbers.exists()


@pytest.mark.parametrize("path", [CHOOSE, SECTION])
@pytest.mark.parametrize("typed", ["", "12", "+33100000000", "x" * 500])
def test_a_wrong_number_stays_in_its_field_with_the_reason(twilio, path, typed):
    answer = twilio.post(path, {"attach": "1", "number": typed, "next": "/en/onboarding/telephony/"})
    assert answer.status_code == 200
    assert list(answer.context["own"].errors) == ["number"]
    assert answer.context["own"]["number"].value() == typed
    assert not answer.context["lent"].is_bound
    if path == CHOOSE:
        assert 'name="next" value="/en/onboarding/telephony/"' in answer.content.decode()


def test_a_number_of_the_persons_own_country_is_lent(twilio, practice, operator):
    lent, _incoming = pool_number(operator)
    assert twilio.post(CHOOSE, {"assign": "1", "phone": "+33 6 39 98 00 17"}).status_code == 302
    assert practice.numbers.get().number == lent.number


@pytest.mark.parametrize(
    ("phone", "words"),
    [("", "Enter your phone number"), ("12", "country code"), ("+1 212 555 0101", "No number is left for US")],
)
def test_why_no_number_is_lent_is_said_at_its_field(twilio, phone, words):
    answer = twilio.post(CHOOSE, {"assign": "1", "phone": phone})
    assert answer.status_code == 200
    assert words in answer.context["lent"].errors["phone"][0]


@pytest.mark.parametrize(
    ("wanted", "led"),
    [
        ("/en/onboarding/telephony/", "/en/onboarding/telephony/"),
        ("/he/numbers/?x=1", "/he/numbers/?x=1"),
        *(
            (wrong, PAGE)
            for wrong in ("", "https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)", "x")
        ),
    ],
)
def test_the_way_back_never_leaves_the_site(twilio, practice, wanted, led):
    number = own_number(practice)
    assert twilio.post(CHOOSE, {"detach": number.pk, "next": wanted})["Location"] == led


def test_from_the_set_up_the_section_leads_back_to_it(twilio, practice):
    wanted = numbers.available_numbers(practice)[0].number
    answer = twilio.post(f"{SECTION}&returnTo=onboarding", {"attach": "1", "number": wanted})
    assert answer["Location"] == reverse("onboarding:resume")


def test_a_stranger_neither_sees_nor_detaches_the_practices_number(client, charlie, practice):
    connect(charlie.organizations.get())
    number = own_number(practice)
    client.force_login(charlie)
    for path in (PAGE, SECTION, CHOICES):
        assert number.number not in client.get(path).content.decode()
    client.post(CHOOSE, {"detach": number.pk})
    assert practice.numbers.exists()


# --- Business hours and holidays --------------------------------------------------------------------------------------


def test_hours_are_saved_on_the_page(signed_in, organization):
    answer = signed_in.post(PAGE, WEEK)
    assert answer["Location"] == f"{PAGE}#hours"
    assert words_of(answer) == ["Your business hours are saved."]
    saved = BusinessHours.objects.for_organization(organization).get()
    assert saved.weekly["0"] == [["09:00", "18:00"]]
    assert saved.weekly["4"] == []


def test_wrong_hours_are_told_and_stay_typed(signed_in, organization):
    html = html_of(signed_in.post(PAGE, {**WEEK, "day-0-to-1": "six", "fallback_email": "desk@practice.example"}))
    assert "Monday: “six” is not a time" in html
    assert 'id="id_day-0-to-1_error"' in html
    assert 'value="six"' in html
    assert 'value="desk@practice.example"' in html
    assert "Not saved yet" in html
    assert not BusinessHours.objects.for_organization(organization).exists()


def test_without_scripts_a_day_is_copied_by_the_server(signed_in, organization):
    html = html_of(signed_in.post(PAGE, {**WEEK, "copy": "0"}))
    assert html.count('value="18:00"') == 7
    assert "Copied to all days. Save to keep it." in html
    assert not BusinessHours.objects.for_organization(organization).exists()


def test_enter_in_a_time_saves_and_does_not_copy(signed_in):
    """The first submit button of a form is what Enter presses."""
    form = html_of(signed_in.get(PAGE)).split(f'action="{PAGE}#hours"')[1]
    assert form.index('<button type="submit" hidden>') < form.index('name="copy"')


def test_holidays_come_and_go(signed_in, organization):
    day = timezone.localdate() + timedelta(days=40)
    assert signed_in.post(HOLIDAYS, {"date": day.isoformat(), "name": "Bridge <b>day</b>"}).status_code == 302
    holiday = organization.holidays.get()
    assert (holiday.date, holiday.name) == (day, "Bridge <b>day</b>")
    assert "Bridge &lt;b&gt;day&lt;/b&gt;" in html_of(signed_in.get(PAGE))
    assert signed_in.post(REMOVE, {"holiday": holiday.pk}).status_code == 302
    assert not organization.holidays.exists()


def test_a_wrong_holiday_stays_typed_with_the_reason(signed_in, organization):
    html = html_of(signed_in.post(HOLIDAYS, {"date": "2001-05-01", "name": "Labour day"}))
    assert "This day has already passed." in html
    assert 'value="Labour day"' in html
    assert not organization.holidays.exists()


@pytest.mark.parametrize("odd", ["", "x", "0", "-1", "9" * 40, "\x00"])
def test_another_tenants_holiday_is_not_found(signed_in, charlie, odd):
    theirs = charlie.organizations.get().holidays.create(date="2099-01-01")
    assert signed_in.post(REMOVE, {"holiday": theirs.pk}).status_code == 404
    assert signed_in.post(REMOVE, {"holiday": odd}).status_code == 404
    assert charlie.organizations.get().holidays.exists()
