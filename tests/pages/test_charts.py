"""The week on the dashboard: right figures, drawn, and told without eyes."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone, translation

from accounts.models import User, VapiCredential
from ava import charts
from calls import reports
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(alice: User) -> Client:
    client = Client()
    client.force_login(alice, backend=settings.AUTHENTICATION_BACKENDS[0])
    return client


def test_calls_are_counted_by_what_became_of_them(organization):
    now = timezone.now()
    for status in ("completed", "transferred", "missed", "voicemail", "failed", "ringing"):
        factories.make_call(organization, started_at=now, status=status, duration_seconds=90, cost="0.10")
    today = reports.last_days(organization).days[-1]
    assert (today.answered, today.missed, today.calls) == (2, 3, 5)
    assert (today.seconds, today.minutes, today.cost) == (540, 9, Decimal("0.60"))


def test_a_day_is_the_readers_own(organization):
    with timezone.override("Asia/Jerusalem"):
        midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
        factories.make_call(organization, started_at=midnight + timedelta(minutes=1))
        factories.make_call(organization, started_at=midnight - timedelta(minutes=1))
        days = reports.last_days(organization).days
    assert [day.calls for day in days[-2:]] == [1, 1]


def test_the_report_has_seven_days_whatever_happened(organization):
    report = reports.last_days(organization)
    assert [day.day for day in report.days] == [timezone.localdate() - timedelta(days=n) for n in range(6, -1, -1)]
    assert report.total.calls == 0
    factories.make_call(organization, started_at=datetime(2020, 1, 1, tzinfo=UTC))
    assert reports.last_days(organization).total.calls == 0


def test_amounts_of_two_currencies_are_not_added(organization):
    factories.make_call(organization, started_at=timezone.now(), cost="2.00", currency="USD")
    factories.make_call(organization, started_at=timezone.now(), cost="1.00", currency="EUR")
    report = reports.last_days(organization)
    assert (report.total.cost, report.currency, report.total.calls) == (Decimal("2.00"), "USD", 2)


def test_the_report_is_one_query_and_ones_own(organization, charlie, django_assert_num_queries):
    factories.make_call(charlie.organizations.get(), started_at=timezone.now())
    for _ in range(20):
        factories.make_call(organization, started_at=timezone.now())
    with django_assert_num_queries(1):
        assert reports.last_days(organization).total.calls == 20


def test_bars_stand_on_the_ground_within_the_picture_and_time_runs_as_one_reads(organization):
    factories.make_call(organization, started_at=timezone.now())
    factories.make_call(organization, started_at=timezone.now(), status="missed")
    report = reports.last_days(organization)
    places = {}
    for language in ("en", "he"):
        with translation.override(language):
            chart = charts.of_week(report)[0]
        assert max(bar.y + bar.height for bar in chart.bars) == chart.base
        assert min(bar.y for bar in chart.bars) >= 0
        assert [bar.series for bar in chart.bars] == ["answered", "missed"]
        places[language] = chart.bars[0].x
    assert places["en"] > chart.width / 2 > places["he"]


def test_each_chart_has_a_name_and_a_table_behind_it(organization, browser):
    for _ in range(3):
        factories.make_call(organization, started_at=timezone.now(), duration_seconds=61, cost="0.25")
    html = browser.get("/en/dashboard/").content.decode()
    pictures = re.findall(r'<svg class="chart"[^>]*role="img" aria-label="([^"]+)"', html)
    assert pictures == ["Calls per day, answered and missed", "Minutes per day", "Cost per day"]
    row = html[html.index("<tbody>") : html.index("</tbody>")].split("<tr>")[-1]
    cells = [re.sub("<[^>]+>", "", cell) for cell in re.findall(r"<td>(.*?)</td>", row)]
    assert cells == ["3", "0", "4", "0.75"]


def test_geometry_is_written_with_points_in_every_language(organization, browser):
    factories.make_call(organization, started_at=timezone.now())
    html = browser.get("/fr/dashboard/").content.decode()
    assert re.search(r'<rect class="answered" x="[\d.]+" y="[\d.]+"', html)


def test_the_dashboard_asks_the_database_little(organization, browser, django_assert_max_num_queries):
    values = {"api_key": "a-key-of-the-tenant-1234", "last_four": "1234", "status": "works"}
    VapiCredential.objects.for_organization(organization).create(organization=organization, **values)
    factories.make_number(organization, routed_to="assistant")
    browser.get("/en/dashboard/")  # makes the studio
    organization.studio.mark_active(True)
    for _ in range(30):
        factories.make_call(organization, started_at=timezone.now())
    with django_assert_max_num_queries(12):
        browser.get("/en/dashboard/")


def test_the_calls_of_today_stand_before_earlier_ones(organization, browser):
    factories.make_call(organization, started_at=timezone.now() - timedelta(days=3), summary="An old matter.")
    factories.make_call(organization, started_at=timezone.now(), summary="A new matter.")
    html = browser.get("/en/dashboard/").content.decode()
    assert html.index('id="today"') < html.index("A new matter.") < html.index('id="earlier"')
    assert html.index('id="earlier"') < html.index("An old matter.")


def test_an_unfinished_set_up_is_shown_to_who_may_finish_it(organization, browser, bob):
    assert "/en/onboarding/" in browser.get("/en/dashboard/").content.decode()
    member = Client()
    member.force_login(bob, backend=settings.AUTHENTICATION_BACKENDS[0])
    assert "/en/onboarding/" not in member.get("/en/dashboard/").content.decode()


@pytest.mark.parametrize(("words", "found"), [("appointment", 1), ("06 39 98", 1), ("+33 6 39", 1), ("nothing", 0)])
def test_calls_are_searched_by_number_and_summary(organization, browser, words, found):
    call = factories.make_call(organization, summary="Nadia moves her Appointment.")
    factories.make_call(organization, caller_number="+12025550143", summary="")
    html = browser.get("/en/calls/", {"q": words}).content.decode()
    assert (str(call.pk) in html) == bool(found)
    assert html.count('class="who"') == found
    assert 'type="search"' in html


def test_a_search_goes_on_on_the_next_page(organization, browser):
    for number in range(30):
        factories.make_call(organization, summary="wanted" if number < 26 else "other")
    first = browser.get("/en/calls/", {"q": "wanted"}).content.decode()
    link = re.search(r'href="\?cursor=([^&"]+)&amp;q=wanted"', first)
    assert link
    assert browser.get(f"/en/calls/?cursor={link[1]}&q=wanted").content.decode().count('class="who"') == 1


@pytest.mark.parametrize("odd", ["\x00", "%", "'; --", "<script>", "x" * 5000, "٣٣"])
def test_an_odd_search_is_only_a_search(organization, browser, odd):
    factories.make_call(organization)
    answer = browser.get("/en/calls/", {"q": odd})
    assert answer.status_code == 200
    assert "<script>" not in answer.content.decode()
