"""Calls are found by what was said, by whom and when: quickly, both ways, and only by their own people."""

from datetime import UTC, datetime, timedelta
from importlib import import_module

import pytest
from django.db import connection

from ava.lib import fulltext
from calls import parts, search, words
from calls.models import SearchEntry, StepKind
from calls.search import Filters, find_calls
from tests.factories import deliver, make_call, report, work

MOMENT = datetime(2026, 10, 6, 8, 14, tzinfo=UTC)


def found(organization, text, **asked):
    return find_calls(organization, words=text, **asked).calls


def say(text):
    return [{"role": "user", "text": text, "seconds": 1.0}]


# --- Words ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "asked"),
    [
        ("Je voudrais déplacer mon rendez-vous", "rendez-vous"),
        ("Je voudrais déplacer mon rendez-vous", "DEPLACER"),
        ("Je voudrais deplacer mon rendez-vous", "déplacer"),
        ("Je voudrais déplacer mon rendez-vous", "mon vou"),
        ("Je voudrais déplacer mon rendez-vous", "vous je"),
        ("J'arrive à l'hôpital", "hopital"),
        ("Œdème, Straße, ŁÓDŹ, İzmir", "œdème strasse łódź izmir"),
        ("שָׁלוֹם, אֲנִי צְרִיכָה תּוֹר", "שלום תור"),
        ("שלום, אני צריכה תור", "שָׁלוֹם"),
        ("ד״ר כהן", "ד״ר כה"),
        ("الطَّبِيب", "الطبيب"),
        ("The meeting is at 9", "9"),
        ("snake_case", "snake_c"),
    ],
)
def test_what_was_said_is_found_whatever_its_case_accents_and_points(organization, said, asked):
    call = make_call(organization, transcript=say(said))
    make_call(organization, transcript=say("Something else"))
    assert found(organization, asked) == [call]


@pytest.mark.parametrize("asked", ["rend vous", "rendezvous", "vous rendezx", "endez", "mon rendez-vous demain"])
def test_every_word_must_be_there_and_only_the_last_may_be_a_beginning(organization, asked):
    make_call(organization, transcript=say("mon rendez-vous"))
    assert found(organization, asked) == []


def test_a_call_is_found_by_its_summary_and_by_words_of_several_lines(organization):
    call = make_call(organization, summary="Nadia moved.", transcript=[*say("Tuesday"), *say("morning")])
    assert found(organization, "nadia tuesday morn") == [call]


@pytest.mark.parametrize(
    "odd",
    [
        *("'", '"', "\\", ":*", "&", "|", "!", "a & b", "a | b", "!a", "a:*", "(a", "'a' <-> 'b'", "\\'", "a\\"),
        *(
            "%",
            "_",
            "%%",
            "*",
            "a*",
            "\x00",
            "a\x00b",
            "\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"),
        ),
        *(
            "'; DROP TABLE calls_call; --",
            "😀",
            "\u200f",
            "'nothing':*A",
            "%s",
            "{0}",
            "a" * 5000,
            "a " * 5000,
            "é" * 200,
        ),
    ],
)
def test_whatever_is_typed_is_no_operator_and_no_error(client, alice, organization, odd):
    make_call(organization, transcript=say("nothing of the kind"), caller_number="")
    assert found(organization, odd) == []
    client.force_login(alice)
    assert client.get("/en/calls/", {"q": odd}).status_code == 200


def test_an_operator_between_two_words_changes_nothing(organization):
    call = make_call(organization, transcript=say("one two"))
    for asked in ("one & two", "two | one", "!one two:*", "'one' \\ two", "one\x00two", "one%two"):
        assert found(organization, asked) == [call]


def test_of_endless_words_the_first_are_looked_for(organization):
    call = make_call(organization, transcript=say(" ".join(f"w{number}" for number in range(words.MOST_TERMS))))
    assert found(organization, " ".join(f"w{number}" for number in range(1000))) == [call]


def test_an_endless_transcript_is_kept_and_found(organization):
    long = " ".join(f"word{number}é" + "ש" * 60 for number in range(20_000))
    call = make_call(organization, transcript=say(f"zanzibar {long}"))
    assert found(organization, "zanzibar word17") == [call]


# --- Numbers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "asked",
    [
        *("+33639980017", "33639980017", "0033639980017", "0639980017", "06 39 98 00 17", "06.39.98", "06-39-98"),
        *("+33 6 39 98", "+33 (0)6 39 98", "(06) 39 98", "998", "0017", "980017", "rdv 0639", "06 39 98 rdv"),
    ],
)
def test_digits_are_found_anywhere_in_the_callers_number(organization, asked):
    call = make_call(organization, transcript=say("rdv"))
    make_call(organization, caller_number="+33199004512")
    assert found(organization, asked) == [call]


@pytest.mark.parametrize("asked", ["0639980018", "00", "17", "+44 639", "x0017"])
def test_other_digits_or_too_few_find_nothing(organization, asked):
    make_call(organization)
    assert found(organization, asked) == []


@pytest.mark.parametrize(("said", "asked"), [("at 12 30", "12 30"), ("in 2026", "2026"), ("room 12b", "12b")])
def test_numbers_that_were_said_are_found_too(organization, said, asked):
    call = make_call(organization, transcript=say(said))
    assert found(organization, asked) == [call]


@pytest.mark.parametrize("caller", ["", "anonymous", "sip:nadia@example.com", "+" * 64, "12"])
def test_a_caller_without_a_number_is_kept_too(organization, caller):
    call = make_call(organization, caller_number=caller)
    assert found(organization, "bonjour") == [call]


# --- Whose ------------------------------------------------------------------------------------------------------------


def test_another_tenants_calls_are_never_found(organization, charlie):
    other = charlie.organizations.get()
    theirs = make_call(other, summary="secret", transcript=say("secret"))
    for asked in ("secret", "0639980017", f"{other.pk}:secret", f"{other.pk} secret", "s"):
        assert found(organization, asked) == []
        assert found(organization, asked, filters=Filters(direction="inbound")) == []
    assert found(other, "secret") == [theirs]


def test_a_tenant_whose_id_begins_like_anothers_finds_only_its_own(organization, django_user_model):
    from accounts.models import Organization  # noqa: PLC0415

    longer = Organization.objects.create(pk=organization.pk * 10 + 1, name="Longer")
    make_call(longer, summary="secret")
    assert found(organization, "secret") == []


def test_with_a_call_its_words_go(organization):
    make_call(organization)
    organization.delete()
    assert not SearchEntry.objects.exists()


# --- When it is written -----------------------------------------------------------------------------------------------


def test_a_call_that_was_told_of_is_found_by_what_the_latest_telling_said(organization):
    event = report(durationSeconds=33)
    deliver(organization, event)
    assert not SearchEntry.objects.exists(), "the webhook's request does not pay for it"
    work()
    call = organization.calls.get()
    first = call.transcript[0]["text"].split()[0]
    assert found(organization, first) == [call]


def test_a_summary_that_comes_later_is_found(organization, settings, monkeypatch):
    settings.OPENAI_API_KEY = "key"
    monkeypatch.setattr("ava.clients.openai.summarize", lambda **_said: "Wants a zebra crossing.")
    call = make_call(organization)
    step = call.steps.create(kind=StepKind.SUMMARY, due_at=MOMENT)
    parts.run(step.pk, "test")
    assert found(organization, "zebra bonjour") == [call]


def test_calls_from_before_are_filled_in_batches_and_once(organization, charlie, monkeypatch):
    fill = import_module("calls.migrations.0011_fill_call_search")
    monkeypatch.setattr(fill, "BATCH", 2)
    calls = [make_call(organization, summary="before") for _ in range(5)]
    SearchEntry.objects.filter(call__in=calls[:4]).delete()
    theirs = make_call(charlie.organizations.get(), summary="before")
    with connection.schema_editor() if connection.vendor == "postgresql" else pytest.MonkeyPatch.context() as editor:
        fill._fill(apps_without_tenancy(), editor)
    assert set(found(organization, "before")) == set(calls)
    assert found(charlie.organizations.get(), "before") == [theirs]


def apps_without_tenancy():
    """The models as a migration has them: with plain managers."""
    from django.db.migrations.executor import MigrationExecutor  # noqa: PLC0415

    return MigrationExecutor(connection).loader.project_state(("calls", "0011_fill_call_search")).apps


# --- Filters ----------------------------------------------------------------------------------------------------------

NOON = datetime(2026, 10, 6, 12, tzinfo=UTC)


@pytest.mark.parametrize("asked", ["", "bonjour"])
@pytest.mark.parametrize(
    ("filters", "names"),
    [
        (Filters(), "abcd"),
        (Filters(statuses=["missed"]), "b"),
        (Filters(statuses=["missed", "completed"]), "abd"),
        (Filters(direction="outbound"), "c"),
        (Filters(number="+33199000002"), "d"),
        (Filters(caller="+33639980017"), "abc"),
        (Filters(since=NOON), "ab"),
        (Filters(until=NOON), "cd"),
        (Filters(since=NOON, until=NOON), ""),
        (Filters(since=NOON + timedelta(hours=1), until=NOON + timedelta(hours=2)), "a"),
        (Filters(has_recording=True), "a"),
        (Filters(has_recording=False), "bcd"),
        (Filters(statuses=["missed"], has_recording=True), ""),
    ],
)
def test_filters_and_words_narrow_together(organization, filters, names, asked):
    make_call(organization, vapi_call_id="a", started_at=NOON + timedelta(hours=1), recording_name="a.mp3")
    make_call(organization, vapi_call_id="b", started_at=NOON, status="missed")
    make_call(
        organization, vapi_call_id="c", started_at=NOON - timedelta(hours=1), direction="outbound", status="failed"
    )
    make_call(
        organization,
        vapi_call_id="d",
        started_at=NOON - timedelta(hours=2),
        number="+33199000002",
        caller_number="+33199000009",
    )
    calls = find_calls(organization, words=asked, filters=filters).calls
    assert "".join(call.vapi_call_id for call in calls) == names


# --- Pages ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("asked", ["", "bonjour", "zanzibar"])
@pytest.mark.parametrize("filters", [Filters(), Filters(direction="inbound")])
@pytest.mark.parametrize("ties", [1, 5, 40])
def test_pages_lead_on_and_back_over_the_same_calls_though_many_began_at_once(organization, asked, filters, ties):
    for number in range(40):
        said = "zanzibar" if number % 3 == 0 else "bonjour zanzibar"
        make_call(organization, started_at=MOMENT - timedelta(minutes=number // ties), transcript=say(said))
    wanted = organization.calls.order_by("-started_at", "-id")
    wanted = [call for call in wanted if asked in call.transcript[0]["text"]]

    def page(cursor):
        return find_calls(organization, words=asked, cursor=cursor, size=7, filters=filters)

    there, current = [], page("")
    assert current.previous_cursor == ""
    while True:
        there.append(current.calls)
        if not current.next_cursor:
            break
        current = page(current.next_cursor)
    assert [call for calls in there for call in calls] == wanted
    back = [current.calls]
    while current.previous_cursor:
        current = page(current.previous_cursor)
        back.append(current.calls)
    assert back[::-1] == there


def test_a_word_of_old_calls_alone_is_found_behind_many_newer_ones(organization):
    old = make_call(organization, started_at=MOMENT - timedelta(days=400), transcript=say("zanzibar"))
    for minutes in range(40):
        make_call(organization, started_at=MOMENT - timedelta(minutes=minutes))
    assert find_calls(organization, words="zanzibar", size=2).calls == [old]


@pytest.mark.parametrize("cursor", ["x", "é", "\x00", "fHw=", "b2xkZXJ8MjAyNnx4", "a" * 5000])
def test_a_cursor_that_no_page_gave_out_is_told_apart(organization, cursor):
    with pytest.raises(search.BadCursor):
        find_calls(organization, cursor=cursor)


@pytest.mark.parametrize("asked", ["", "bonjour", "zanzibar", "0639 bon", ":*"])
@pytest.mark.parametrize("filters", [Filters(), Filters(statuses=["completed"], has_recording=False)])
def test_a_page_takes_two_queries_at_most_and_no_transcript(
    organization, asked, filters, django_assert_max_num_queries
):
    for _ in range(9):
        make_call(organization)
    cursor = find_calls(organization, size=3).next_cursor
    for place in ("", cursor):
        with django_assert_max_num_queries(2) as asked_for:
            find_calls(organization, words=asked, cursor=place, size=3, filters=filters)
        assert not any('"transcript"' in query["sql"] for query in asked_for.captured_queries)


# --- On the page ------------------------------------------------------------------------------------------------------


def test_the_page_keeps_search_and_filters_in_every_link(client, alice, organization):
    for minutes in range(60):
        make_call(organization, status="missed", started_at=MOMENT - timedelta(minutes=minutes))
    client.force_login(alice)
    page = client.get("/en/calls/", {"q": "bonjour", "status": "missed", "since": "2026-01-01"})
    kept = "q=bonjour&amp;status=missed&amp;since=2026-01-01"
    assert f'export.csv?{kept}"' in page.content.decode()
    second = client.get("/en/calls/" + link(page, "next"))
    assert len(second.context["page"].calls) == search.PAGE_SIZE
    assert kept in link(second, "prev").replace("&", "&amp;")
    assert client.get("/en/calls/" + link(second, "prev")).context["page"].calls == page.context["page"].calls


def link(answer, rel):
    html = answer.content.decode()
    return html.split(f'rel="{rel}" href="')[1].split('"')[0].replace("&amp;", "&")


def test_days_are_those_of_the_persons_own_time_zone(client, alice, organization):
    alice.timezone = "Asia/Jerusalem"
    alice.save()
    late = make_call(organization, started_at=datetime(2026, 7, 1, 20, 59, tzinfo=UTC))  # 23:59 there
    make_call(organization, started_at=datetime(2026, 7, 1, 21, 0, tzinfo=UTC))
    make_call(organization, started_at=datetime(2026, 6, 30, 20, 59, tzinfo=UTC))
    client.force_login(alice)
    page = client.get("/en/calls/", {"since": "2026-07-01", "until": "2026-07-01"})
    assert page.context["page"].calls == [late]


@pytest.mark.parametrize(
    "odd",
    [
        *(
            {"status": "x"},
            {"direction": "\x00"},
            {"since": "yesterday"},
            {"until": "9999-12-31"},
            {"since": "0001-01-01"},
        ),
        *({"since": "2026-02-30"}, {"recorded": "x" * 500}, {"status": "completed", "since": "\x00"}),
    ],
)
def test_a_filter_that_cannot_be_read_is_no_error(client, alice, organization, odd):
    client.force_login(alice)
    for path in ("/en/calls/", "/en/calls/export.csv"):
        assert client.get(path, odd).status_code == 200


def test_nothing_found_offers_the_way_out(client, alice, organization):
    make_call(organization)
    client.force_login(alice)
    assert "Clear the filters" in client.get("/en/calls/?status=failed").content.decode()
    searched = client.get("/en/calls/?q=bonjour&status=failed").content.decode()
    assert 'href="?q=bonjour"' in searched
    assert "No call yet" not in searched


# --- The words themselves ---------------------------------------------------------------------------------------------


def test_words_hold_nothing_that_a_query_could_stumble_over():
    every = "".join(chr(code) for code in range(0x3000) if not 0xD800 <= code < 0xE000)
    assert not set("'\\ *:&|!()<>\x00") & set("".join(fulltext.words_in(every)))


def test_a_rare_word_is_looked_up_in_the_index_of_words(organization):
    """The planner's choice on big tables is measured by `benchmarks/calls.py`; this is that it has one."""
    if connection.vendor != "postgresql":
        pytest.skip("on SQLite, the folded words are read through")
    entries = SearchEntry.objects.filter(words__holds=[[f"{organization.pk}:zanzibar"]])
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        assert "calls_by_words" in entries.explain()
