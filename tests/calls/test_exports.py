"""The calls as a CSV: what the list shows, all of it, and nothing that a spreadsheet would run."""

import csv
import io
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import translation

from calls import exports
from tests.factories import make_call

MOMENT = datetime(2026, 7, 1, 8, 14, tzinfo=UTC)


def table(answer):
    return list(csv.DictReader(io.StringIO(answer.getvalue().decode("utf-8-sig"), newline="")))


def ask(client, **query):
    answer = client.get("/en/calls/export.csv", query)
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/csv; charset=utf-8")
    assert answer.streaming
    return table(answer)


@pytest.fixture
def signed_in(client, alice):
    alice.timezone = "Europe/Paris"
    alice.save()
    client.force_login(alice)
    return client


def test_a_call_is_a_row_with_all_that_was_said(signed_in, organization):
    make_call(organization, started_at=MOMENT, summary='Says "hello",\nthen goes.', cost="0.0484", currency="EUR")
    (row,) = ask(signed_in)
    assert row["Started at"] == "2026-07-01 10:14:00"
    assert (row["Caller"], row["Status"], row["Duration in seconds"]) == ("+33639980017", "completed", "33")
    assert (row["Summary"], row["Cost"], row["Recording"]) == ('Says "hello",\nthen goes.', "0.048400", "no")
    assert row["Transcript"] == "Assistant: Bonjour.\nCaller: Je voudrais un rendez-vous."


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1+1",
        "-1+1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        '=HYPERLINK("x","y")',
        "＝1+1",
        "+33 6",
        "a=1",
        "é",
        "",
    ],
)
def test_no_cell_is_a_formula_and_each_says_what_it_said(signed_in, organization, text):
    make_call(organization, summary=text, caller_number=text, transcript=[{"role": "", "text": text, "seconds": None}])
    (row,) = ask(signed_in)
    for name in ("Summary", "Caller", "Transcript"):
        cell = row[name]
        assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝"))
        assert cell.removeprefix("'") == text


def test_the_export_has_what_is_searched_and_filtered_for_and_only_ones_own(signed_in, organization, charlie):
    make_call(organization, summary="zebra", status="missed")
    make_call(organization, summary="zebra")
    make_call(organization, summary="other", status="missed")
    make_call(charlie.organizations.get(), summary="zebra", status="missed")
    (row,) = ask(signed_in, q="zebra", status="missed")
    assert (row["Summary"], row["Status"]) == ("zebra", "missed")
    assert len(ask(signed_in)) == 3


def test_all_batches_come_in_order_each_by_few_queries(organization, monkeypatch, django_assert_max_num_queries):
    monkeypatch.setattr(exports, "BATCH", 4)
    for minutes in range(10):
        make_call(organization, started_at=MOMENT - timedelta(minutes=minutes), summary=str(minutes))
    with django_assert_max_num_queries(6):
        text = "".join(exports.csv_of(organization))
    rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline="")))
    assert [row["Summary"] for row in rows] == [str(minutes) for minutes in range(10)]


def test_no_more_than_a_batch_is_read_before_it_is_sent(organization, monkeypatch, django_assert_max_num_queries):
    monkeypatch.setattr(exports, "BATCH", 2)
    for _ in range(6):
        make_call(organization)
    lines = exports.csv_of(organization)
    with django_assert_max_num_queries(2):
        next(lines)
        next(lines)


def test_the_readers_language_is_kept_while_it_is_sent_and_left_to_nobody(organization):
    make_call(organization, status="missed")
    with translation.override("fr"):
        header = translation.gettext("Recording")
        lines = exports.csv_of(organization)
    with translation.override("en"):
        assert header in next(lines)
        assert translation.get_language() == "en"
        next(lines)
        assert translation.get_language() == "en"


def test_no_call_is_a_table_with_a_header_alone(signed_in, organization):
    assert ask(signed_in) == []


def test_there_is_no_export_without_signing_in(client, organization):
    assert client.get("/en/calls/export.csv").status_code == 302
