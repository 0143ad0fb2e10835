"""A tenant's calls on the page: every one, once, quickly, and only to its own people."""

import random
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import PlatformSettings
from ava.lib import storage
from calls import search, views
from calls.models import StepKind, StepState
from tests.factories import make_call

AUDIO = bytes(range(256)) * 1000
MOMENT = datetime(2026, 10, 6, 8, 14, tzinfo=UTC)
LINK = re.compile(r"/calls/([0-9a-f-]{36})/")


@pytest.fixture
def signed_in(client, alice):
    client.force_login(alice)
    return client


@pytest.fixture
def recorded(organization, settings, tmp_path: Path):
    """A call of Alice's whose recording lies on the disk."""
    settings.DATA_DIR = tmp_path
    name = f"org/{organization.pk}/calls/a.mp3"
    file = tmp_path / "recordings" / name
    file.parent.mkdir(parents=True)
    file.write_bytes(AUDIO)
    return make_call(organization, recording_name=name, recording_provider="local")


def shown(answer: Any) -> list[str]:
    return list(dict.fromkeys(LINK.findall(answer.content.decode())))


def link_to(client: Any, call: Any) -> str:
    answer = client.get(f"{call.get_absolute_url()}recording/")
    assert answer.status_code == 302
    return answer["Location"]


# --- The list ---------------------------------------------------------------------------------------------------------


def all_pages(client: Any) -> list[str]:
    """The ids on each page, following the link to older calls."""
    found, url = [], "/en/calls/"
    while url:
        answer = client.get(url)
        assert answer.status_code == 200
        found += shown(answer)
        link = re.search(r'rel="next" href="(\?cursor=[^"]+)"', answer.content.decode())
        url = f"/en/calls/{link[1]}" if link else ""
    return found


@pytest.mark.parametrize("ties", [1, 7, 60])
def test_over_all_pages_no_call_is_missing_or_shown_twice(signed_in, organization, ties):
    chance = random.Random(ties)
    for _ in range(60):
        make_call(organization, started_at=MOMENT - timedelta(minutes=chance.randrange(60 // ties)))
    wanted = [str(pk) for pk in organization.calls.order_by("-started_at", "-id").values_list("pk", flat=True)]
    assert all_pages(signed_in) == wanted


def test_a_call_that_comes_while_somebody_reads_on_moves_nothing(signed_in, organization):
    for minutes in range(30):
        make_call(organization, started_at=MOMENT - timedelta(minutes=minutes))
    first = search.find_calls(organization)
    make_call(organization, started_at=MOMENT + timedelta(minutes=1))
    second = search.find_calls(organization, cursor=first.next_cursor)
    assert [call.started_at for call in second.calls] == [MOMENT - timedelta(minutes=n) for n in range(25, 30)]
    assert second.next_cursor == ""


@pytest.mark.parametrize("count", [0, 1, 24, 25, 26, 50, 51])
def test_the_last_page_has_no_next(organization, count):
    for _ in range(count):
        make_call(organization)
    cursor, pages = "", 0
    while True:
        page = search.find_calls(organization, cursor=cursor)
        pages += 1
        if not page.next_cursor:
            break
        cursor = page.next_cursor
    assert pages == max(1, -(-count // search.PAGE_SIZE))


@pytest.mark.parametrize(
    "cursor",
    [
        *("", "x", "%00", "%ff", "é", "a" * 5000, "MjAyNi0xMC0wNnw=", "fHw=", "MjAyNnx4"),
        *(
            "MjAyNi0xMC0wNlQwODoxNDowMHxhYmM=",
            "MDAwMS0wMS0wMVQwMDowMDowMCsxNDowMHwwMTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMQ==",
        ),
    ],
)
def test_a_cursor_that_is_none_begins_at_the_top_or_ends(signed_in, organization, cursor):
    make_call(organization)
    answer = signed_in.get(f"/en/calls/?cursor={cursor}")
    assert answer.status_code == 200


def test_a_cursor_of_another_tenant_shows_only_ones_own(organization, charlie):
    for _ in range(30):
        make_call(charlie.organizations.get())
    cursor = search.find_calls(charlie.organizations.get()).next_cursor
    mine = make_call(organization, started_at=MOMENT - timedelta(days=1))
    assert search.find_calls(organization, cursor=cursor).calls == [mine]


def test_the_list_asks_the_database_as_often_for_many_calls_as_for_one(
    signed_in, organization, django_assert_max_num_queries
):
    make_call(organization)
    with django_assert_max_num_queries(8) as few:
        signed_in.get("/en/calls/")
    for _ in range(60):
        make_call(organization)
    with django_assert_max_num_queries(8) as many:
        signed_in.get("/en/calls/")
    assert len(few) == len(many)
    assert not any('"transcript"' in query["sql"] for query in many.captured_queries)


def test_the_list_shows_nobody_elses_calls(signed_in, organization, charlie):
    mine, _theirs = make_call(organization), make_call(charlie.organizations.get())
    assert shown(signed_in.get("/en/calls/")) == [str(mine.pk)]


# --- One call ---------------------------------------------------------------------------------------------------------


def test_a_call_is_shown_with_its_words_its_cost_and_its_parts(signed_in, organization):
    call = make_call(organization, summary="Nadia moved her appointment.", cost="0.0484")
    call.steps.create(kind=StepKind.RECORDING, state="failed", due_at=timezone.now(), note="refused (403)", attempts=7)
    page = signed_in.get(call.get_absolute_url()).content.decode()
    for text in ("Nadia moved her appointment.", "Bonjour.", "Je voudrais un rendez-vous.", "0.048", "refused (403)"):
        assert text in page


def test_what_became_of_a_part_is_read_in_ones_own_language(signed_in, organization):
    call = make_call(organization)
    note = "The mail server refused the mail (550)"
    call.steps.create(kind=StepKind.EMAIL, state="failed", due_at=timezone.now(), note=note)
    page = signed_in.get(call.get_absolute_url().replace("/en/", "/fr/")).content.decode()
    assert "Le serveur de messagerie a refusé l&#x27;e-mail (550)" in page


def test_a_call_is_shown_with_few_queries(signed_in, organization, django_assert_max_num_queries):
    call = make_call(organization)
    for kind in StepKind:
        call.steps.create(kind=kind, due_at=timezone.now())
    with django_assert_max_num_queries(8):
        signed_in.get(call.get_absolute_url())


def test_what_a_caller_says_is_text_and_never_markup(signed_in, organization):
    words = '<script>alert(1)</script><img src=x onerror="alert(2)">'
    call = make_call(
        organization,
        summary=words,
        caller_number=words[:60],
        transcript=[{"role": "user", "text": words, "seconds": None}],
    )
    for url in (call.get_absolute_url(), "/en/calls/"):
        page = signed_in.get(url).content.decode()
        assert "<script>alert" not in page
        assert "<img src=x" not in page


@pytest.mark.parametrize(
    "fields", [{"transcript": []}, {"caller_number": ""}, {"duration_seconds": None, "status": "ringing"}]
)
def test_a_call_of_which_little_is_known_is_shown_too(signed_in, organization, fields):
    assert signed_in.get(make_call(organization, **fields).get_absolute_url()).status_code == 200


def test_a_placed_call_is_waited_for_and_then_shown(signed_in, organization):
    call = make_call(organization, vapi_call_id="placed", status="in-progress")
    assert signed_in.get("/en/calls/ringing/placed/").status_code == 200
    assert signed_in.get("/en/calls/ringing/not-heard-of-yet/").status_code == 200
    organization.calls.update(status="completed")
    assert signed_in.get("/en/calls/ringing/placed/")["Location"] == call.get_absolute_url()


@pytest.mark.parametrize("odd", ["%00", "%ff", "a b", "<x>"])
def test_an_odd_id_of_a_placed_call_is_not_found(signed_in, odd):
    assert signed_in.get(f"/en/calls/ringing/{odd}/").status_code == 404


# --- The recording ----------------------------------------------------------------------------------------------------


def body_of(answer: Any) -> bytes:
    return b"".join(answer.streaming_content)


def test_the_recording_opens_by_a_signed_link(signed_in, recorded):
    answer = signed_in.get(link_to(signed_in, recorded))
    assert (answer.status_code, answer["Content-Type"]) == (200, "audio/mpeg")
    assert (answer["X-Content-Type-Options"], answer["Cache-Control"]) == ("nosniff", "private, no-store")
    assert body_of(answer) == AUDIO


def test_the_link_ends_after_five_minutes(signed_in, recorded, time_machine):
    time_machine.move_to(timezone.now(), tick=False)
    link = link_to(signed_in, recorded)
    time_machine.shift(299)
    assert signed_in.get(link).status_code == 200
    time_machine.shift(2)
    assert signed_in.get(link).status_code == 404


def test_a_link_with_one_character_changed_opens_nothing(signed_in, recorded):
    link = link_to(signed_in, recorded)
    path, token = link.rsplit("/", 1)
    for place, character in enumerate(token):
        other = "A" if character != "A" else "B"
        assert signed_in.get(f"{path}/{token[:place]}{other}{token[place + 1 :]}").status_code == 404
    for odd in (token[:-1], token + "A", "x", "%00", "é", token.replace(":", ".")):
        assert signed_in.get(f"{path}/{odd}").status_code == 404


def test_a_link_signed_for_something_else_opens_nothing(signed_in, recorded):
    from django.core import signing  # noqa: PLC0415

    for token in (signing.dumps(recorded.recording_name), signing.dumps(["x"], salt="recording-link")):
        assert signed_in.get(f"/recordings/{token}").status_code == 404


def test_a_stranger_gets_no_link(client, charlie, recorded):
    client.force_login(charlie)
    for path in ("", "recording/"):
        assert client.get(recorded.get_absolute_url() + path).status_code == 404


def test_without_signing_in_there_is_no_link(client, recorded):
    answer = client.get(f"{recorded.get_absolute_url()}recording/")
    assert answer.status_code == 302
    assert "login" in answer["Location"]


def test_a_call_without_a_recording_has_no_link(signed_in, organization):
    assert signed_in.get(f"{make_call(organization).get_absolute_url()}recording/").status_code == 404


def test_a_recording_that_is_gone_from_the_disk_is_not_found(signed_in, recorded, settings, tmp_path):
    link = link_to(signed_in, recorded)
    settings.DATA_DIR = tmp_path / "elsewhere"
    assert signed_in.get(link).status_code == 404


def test_a_recording_in_a_bucket_we_cannot_open_any_more_is_not_found(signed_in, organization):
    storage.bucket.cache_clear()
    PlatformSettings.objects.create(pk=1, storage_provider="gcs", gcs_bucket="b", gcs_credentials_json="{}")
    call = make_call(organization, recording_name="org/1/calls/a.mp3", recording_provider="gcs")
    assert signed_in.get(f"{call.get_absolute_url()}recording/").status_code == 404


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ("bytes=0-99", 0, 99),
        ("bytes=100-199", 100, 199),
        ("bytes=255900-", 255_900, 255_999),
        ("bytes=-100", 255_900, 255_999),
        ("bytes=0-999999999", 0, 255_999),
        ("bytes=-999999999", 0, 255_999),
        ("bytes=0-0", 0, 0),
    ],
)
def test_a_player_may_ask_for_a_part(signed_in, recorded, asked, first, last):
    answer = signed_in.get(link_to(signed_in, recorded), headers={"range": asked})
    assert (answer.status_code, answer["Content-Range"]) == (206, f"bytes {first}-{last}/256000")
    assert answer["Content-Length"] == str(last - first + 1)
    assert body_of(answer) == AUDIO[first : last + 1]


@pytest.mark.parametrize(
    "asked",
    [
        "",
        "bytes=-",
        "bytes=9-1",
        "bytes=256000-",
        "bytes=-0",
        "bytes=0-1,5-9",
        "bytes=a-b",
        "items=0-1",
        f"bytes={'9' * 5000}-",
    ],
)
def test_a_part_that_is_none_gets_the_whole(signed_in, recorded, asked):
    answer = signed_in.get(link_to(signed_in, recorded), headers={"range": asked})
    assert (answer.status_code, answer["Accept-Ranges"]) == (200, "bytes")
    assert body_of(answer) == AUDIO


@pytest.mark.parametrize(
    ("extension", "content_type"),
    [
        *(("wav", "audio/wav"), ("mp3", "audio/mpeg"), ("ogg", "audio/ogg"), ("m4a", "audio/mp4")),
        *(("flac", "audio/flac"), ("webm", "audio/webm"), ("html", "application/octet-stream")),
    ],
)
def test_a_file_is_served_as_what_it_is(signed_in, recorded, tmp_path, extension, content_type):
    (tmp_path / "recordings" / f"a.{extension}").write_bytes(b"<html>")
    answer = signed_in.get(f"/recordings/{storage.sign(f'a.{extension}')}")
    assert answer["Content-Type"] == content_type
    body_of(answer)


def test_a_part_that_ends_while_the_page_is_made_does_not_leave_it_stale(signed_in, organization, monkeypatch):
    call = make_call(organization)
    call.steps.create(kind=StepKind.RECORDING, due_at=MOMENT)
    read = views.get_object_or_404

    def read_before_the_worker_ends(*args: Any, **kwargs: Any) -> Any:
        found = read(*args, **kwargs)
        call.steps.update(state=StepState.DONE)
        return found

    monkeypatch.setattr(views, "get_object_or_404", read_before_the_worker_ends)
    assert "data-refreshes" in signed_in.get(call.get_absolute_url()).content.decode()


def test_a_call_whose_end_was_told_before_its_report_is_not_taken_for_settled(signed_in, organization):
    call = make_call(organization, ended_at=timezone.now())
    assert "data-refreshes" in signed_in.get(call.get_absolute_url()).content.decode()
    old = make_call(organization, ended_at=timezone.now() - views.REPORT_COMES_WITHIN * 2)
    assert "data-refreshes" not in signed_in.get(old.get_absolute_url()).content.decode()
