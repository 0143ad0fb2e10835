"""Whether the calls stay as quick with a million of them as with a thousand: pages, one call, search."""

import json
import os
import random
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from itertools import accumulate
from pathlib import Path
from statistics import median
from typing import Any

import django
import psycopg
from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from benchmarks.intake import Wrong
from benchmarks.servers import environment
from tests.servers import postgres
from tests.servers.postgres import PostgresServer

SIZES = (1_000, 100_000, 1_000_000)
TENANTS = 1_000
PAGE = 50
VARIANTS = 2_000
WORDS_SAID = 140  # about 900 characters
COMMON, RARE, ABSENT, FORMER = "bonjour", "zanzibar", "zucchini", "yucatan"
MOST_TO_SMALLEST = 1.5
MOST_TO_LIST = 5.0
MOST_QUERIES = 6
# Nothing is written while it is measured, so the filling need not wait for the disk.
POSTGRES: dict[str, str | int] = {
    "shared_buffers": "2GB",
    "maintenance_work_mem": "1GB",
    "max_wal_size": "16GB",
    "wal_level": "minimal",
    "max_wal_senders": 0,
    "autovacuum": "off",
    "jit": "off",
}
LIST, DEEP, DETAIL = "page, first", "page, 90 % deep", "one call"
SEARCH_COMMON, SEARCH_RARE = "word in every call", "word in 0.1 %"
SEARCH_ABSENT, SEARCH_FORMER = "word in none", "word in 5 %, none of them new"
API_LIST, API_DEEP, API_DETAIL = "API: page, first", "API: page, 90 % deep", "API: one call"
API_SEARCH_RARE = "API: word in 0.1 %"
FLAT = (LIST, DEEP, DETAIL, SEARCH_COMMON, API_LIST, API_DEEP, API_DETAIL)
# What is searched for, and the plain list that it is held against.
NEAR_LIST = {SEARCH_RARE: LIST, SEARCH_ABSENT: LIST, API_SEARCH_RARE: API_LIST}

CALLS = """
    INSERT INTO calls_call (id, organization_id, vapi_call_id, direction, caller_number, number, status, ended_reason,
        started_at, ended_at, duration_seconds, summary, transcript, currency, recording_name, recording_provider,
        recording_content_type, created_at)
    SELECT md5(i::text)::uuid, {tenant}, 'call-' || i, 'inbound', {caller}, '+33199004512',
        CASE WHEN i % 97 = 0 THEN 'missed' ELSE 'completed' END, 'customer-ended-call',
        {moment}, {moment} + interval '90 s', 90, v.summary, v.transcript, 'USD', '', '', '', now()
    FROM generate_series(%(first)s::int, %(last)s::int) i JOIN bench_variant v ON v.number = i % {variants}
"""
ENTRIES = """
    INSERT INTO calls_searchentry (call_id, started_at, words)
    SELECT md5(i::text)::uuid, {moment}, array_to_tsvector(
        ARRAY(SELECT {tenant} || ':' || word FROM unnest(v.words) word)
        || ARRAY(SELECT {tenant} || ':#' || substr({caller}, n) FROM generate_series(2, 10) n)
        || CASE WHEN i % 10000 = 0 THEN ARRAY['1:{rare}'] END
        || CASE WHEN i % 100 = 0 AND i < %(all)s::int / 2 THEN ARRAY['1:{former}'] END)
    FROM generate_series(%(first)s::int, %(last)s::int) i JOIN bench_variant v ON v.number = i % {variants}
"""
PARTS = {
    "tenant": f"CASE WHEN i % 10 = 0 THEN 1 ELSE 2 + (i::bigint * 7919 % {TENANTS - 1})::int END",
    "caller": "'+336' || lpad((CASE WHEN i % 10 = 0 THEN i % 300000 ELSE i % 400 END * 317)::text, 8, '0')",
    "moment": "timestamptz '2026-01-01 08:00Z' + i * interval '20 s'",
    "variants": str(VARIANTS),
    "rare": RARE,
    "former": FORMER,
}


@dataclass
class Contender:
    """A page of one size's tables. `fetch` gets it and returns how many rows it shows."""

    name: str
    size: int
    fetch: Callable[[], int]
    rows: int
    queries: int
    rounds: list[float] = field(default_factory=list)

    def run(self, seconds: float) -> None:
        """One turn: the median time of a page, in milliseconds."""
        times, until = [], time.perf_counter() + seconds
        while time.perf_counter() < until:
            started_at = time.perf_counter()
            rows = self.fetch()
            times.append((time.perf_counter() - started_at) * 1000)
            if rows != self.rows:
                raise Wrong(f"{self.name} at {self.size}: {rows} rows, {self.rows} before")
        self.rounds.append(median(times))


@dataclass
class Size:
    """One size's database, and a thread of its own whose Django knows no other."""

    calls: int
    url: str
    thread: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(max_workers=1))
    contenders: list[Contender] = field(default_factory=list)

    def do(self, work: Callable[..., Any], *args: Any) -> Any:
        return self.thread.submit(work, *args).result()

    def enter(self) -> None:
        connection.settings_dict = {**connection.settings_dict, "NAME": self.url.rsplit("/", 1)[1]}

    def run(self, seconds: float) -> None:
        for contender in self.contenders:
            contender.run(seconds / len(self.contenders))


def run(rounds: int, seconds: float) -> bool:
    """Measure, print; whether the goals were met. A turn of `seconds` is shared by all pages of a size."""
    with _start() as sizes:
        for size in sizes:
            size.do(size.run, 1)
            for contender in size.contenders:
                contender.rounds.clear()
        for number in range(rounds):
            for size in sizes if number % 2 else reversed(sizes):
                size.do(size.run, seconds)
    measured = {(one.name, one.size): one for size in sizes for one in size.contenders}
    print(f"\nThe tenant with a tenth of all calls; milliseconds; {rounds} rounds of {seconds:g} s, in turns")
    print(f"{'':<32}" + "".join(f"{size.calls:>12,}" for size in sizes) + f"{'queries':>10}")
    for name in dict.fromkeys(name for name, _size in measured):
        line = [measured[name, size] for size in SIZES]
        times = "".join(f"{median(one.rounds):>12.2f}" for one in line)
        print(f"{name:<32}{times}{max(one.queries for one in line):>10}")
    met = [_judge(*goal) for goal in _goals(measured)]
    return all(met)


def _goals(measured: dict[tuple[str, int], Contender]) -> Iterator[tuple[str, float, float]]:
    """What was measured, how much it came to, and how much it may."""
    smallest, largest = SIZES[0], SIZES[-1]
    for name in FLAT:
        ratio = _ratio(measured[name, largest], measured[name, smallest])
        yield f"{name}: {largest:,} calls / {smallest:,}", ratio, MOST_TO_SMALLEST
    for name, plain in NEAR_LIST.items():
        ratio = _ratio(measured[name, largest], measured[plain, largest])
        yield f"{name} / {plain}, {largest:,} calls", ratio, MOST_TO_LIST
    yield "queries for a page", max(one.queries for one in measured.values()), MOST_QUERIES


def _ratio(one: Contender, other: Contender) -> float:
    return median(mine / theirs for mine, theirs in zip(one.rounds, other.rounds, strict=True))


def _judge(what: str, came_to: float, most: float) -> bool:
    is_met = came_to <= most
    print(f"{'met   ' if is_met else 'MISSED'}  {what}: {came_to:.2f} (goal: at most {most:g})")
    return is_met


@contextmanager
def _start() -> Iterator[list[Size]]:
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder:
        server = postgres.start(settings=POSTGRES)
        try:
            os.environ.update(environment(server.url, "", Path(folder)))
            django.setup()
            _open_the_api()
            sizes = [_make(server, calls) for calls in SIZES]
            yield sizes
            for size in sizes:
                size.do(lambda: connection.close())
                size.thread.shutdown()
        finally:
            server.close()


def _make(server: PostgresServer, calls: int) -> Size:
    began_at = time.monotonic()
    with psycopg.connect(server.url, autocommit=True) as root:
        root.execute(f"CREATE DATABASE calls_{calls}")
    size = Size(calls, re.sub(r"/[^/]*$", f"/calls_{calls}", server.url))
    size.do(size.enter)
    size.do(_make_tables)
    fill(size.url, calls)
    size.contenders = size.do(_contenders, calls)
    print(f"{calls:>9,} calls are there after {time.monotonic() - began_at:.0f} s", flush=True)
    return size


def _make_tables() -> None:
    call_command("migrate", verbosity=0)
    organizations = apps.get_model("accounts.Organization")
    organizations.objects.bulk_create([organizations(name=f"Practice {number}") for number in range(TENANTS)])


# --- What is measured -------------------------------------------------------------------------------------------------


def _contenders(calls: int) -> list[Contender]:
    """In the size's own thread: what the calls' pages ask of the domain. Other doors to it may be put beside these."""
    from calls import search  # noqa: PLC0415  Django must be set up

    organization = apps.get_model("accounts.Organization").objects.get(pk=1)
    own = calls // 10
    # As deep as leaves a whole page, so that all sizes show as many rows.
    cursor = search.find_calls(organization, size=min(own * 9 // 10, own - PAGE)).next_cursor
    newest = search.find_calls(organization, size=1).calls[0].pk

    def page(**asked: str) -> Callable[[], int]:
        return lambda: len(search.find_calls(organization, size=PAGE, **asked).calls)

    def one_call() -> int:
        call = organization.calls.get(pk=newest)
        return 1 + len(call.steps.all())

    fetches = {
        LIST: page(),
        DEEP: page(cursor=cursor),
        DETAIL: one_call,
        SEARCH_COMMON: page(words=COMMON),
        SEARCH_RARE: page(words=RARE),
        SEARCH_ABSENT: page(words=ABSENT),
        SEARCH_FORMER: page(words=FORMER),
        **_over_http(organization, cursor=cursor, newest=newest),
    }
    return [_contender(name, calls, fetch) for name, fetch in fetches.items()]


def _open_the_api() -> None:
    """One person asks more here than they may, and for longer than a token lives."""
    from accounts.api import limits  # noqa: PLC0415  Django must be set up

    limits.PER_PERSON = limits.PER_ORGANIZATION = 1_000_000_000
    settings.HEADLESS_JWT_ACCESS_TOKEN_EXPIRES_IN = 24 * 3600


def _over_http(organization: Any, *, cursor: str, newest: Any) -> dict[str, Callable[[], int]]:
    """The same as an app gets it: a whole request with its token, through all middleware, answered as JSON."""
    from rest_framework.test import APIClient  # noqa: PLC0415  Django must be set up

    from tests.api.conftest import access_token  # noqa: PLC0415

    person = apps.get_model("accounts.User").objects.create_user("owner@bench.example")
    person.memberships.create(organization=organization, role="owner")
    client = APIClient(HTTP_HOST=settings.ALLOWED_HOSTS[0])
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {access_token(person)}")

    def get(path: str, **asked: Any) -> Callable[[], int]:
        def fetch() -> int:
            answer = client.get(f"/api/v1/{path}", asked, secure=settings.SECURE_SSL_REDIRECT)
            if answer.status_code != 200:
                raise Wrong(f"{path}: {answer.status_code}")
            return len(answer.json().get("results", "1"))

        return fetch

    return {
        API_LIST: get("calls", page_size=PAGE),
        API_DEEP: get("calls", page_size=PAGE, cursor=cursor),
        API_DETAIL: get(f"calls/{newest}"),
        API_SEARCH_RARE: get("calls", page_size=PAGE, search=RARE),
    }


def _contender(name: str, calls: int, fetch: Callable[[], int]) -> Contender:
    with CaptureQueriesContext(connection) as captured:
        rows = fetch()
    return Contender(name, calls, fetch, rows, len(captured))


# --- Filling ----------------------------------------------------------------------------------------------------------


def fill(url: str, calls: int) -> None:
    """So many calls of `TENANTS` tenants, the first of which has a tenth; two at work, indexes made at the end."""
    with psycopg.connect(url, autocommit=True) as database:
        database.execute(
            "CREATE TABLE bench_variant (number int PRIMARY KEY, summary text, transcript jsonb, words text[])"
        )
        with database.cursor() as cursor, cursor.copy("COPY bench_variant FROM STDIN") as copy:
            for variant in _variants():
                copy.write_row(variant)
        indexes = database.execute(
            "SELECT indexname, indexdef FROM pg_indexes WHERE tablename IN ('calls_call', 'calls_searchentry') "
            "AND indexname NOT IN (SELECT conname FROM pg_constraint)"
        ).fetchall()
        for name, _definition in indexes:
            database.execute(f'DROP INDEX "{name}"')
        half = calls // 2
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda part: _insert(url, calls, *part), [(1, half), (half + 1, calls)]))
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda index: _execute(url, index[1]), sorted(indexes, key=lambda one: "gin" not in one[1])))
        database.execute("DROP TABLE bench_variant")
        database.execute("VACUUM ANALYZE")


def _insert(url: str, calls: int, first: int, last: int) -> None:
    with psycopg.connect(url, autocommit=True) as database:
        database.execute("SET session_replication_role = replica")  # keys that point to other tables fit
        for statement in (CALLS, ENTRIES):
            database.execute(_with_parts(statement), {"first": first, "last": last, "all": calls})


def _with_parts(statement: str) -> str:
    for name, part in PARTS.items():
        statement = statement.replace("{" + name + "}", part)
    # psycopg's own sign, where it is PostgreSQL's.
    return re.sub(r"%(?!\()", "%%", statement)


def _execute(url: str, statement: str) -> None:
    with psycopg.connect(url, autocommit=True) as database:
        database.execute(statement)


@cache
def _variants() -> list[tuple[int, str, str, list[str]]]:
    """What is said, made of 8,000 words of which few are frequent; with the words as Ava itself would keep them."""
    from calls.words import words_of  # noqa: PLC0415  Django must be set up

    chance = random.Random(1)
    letters = "abcdefghijklmnoprstuvé"
    vocabulary = ["".join(chance.choices(letters, k=chance.randrange(3, 10))) for _ in range(8_000)]
    frequencies = list(accumulate(1 / rank for rank in range(1, len(vocabulary) + 1)))
    variants = []
    for number in range(VARIANTS):
        said = [COMMON, *chance.choices(vocabulary, cum_weights=frequencies, k=WORDS_SAID)]
        turns = [" ".join(said[start : start + 14]) for start in range(0, len(said), 14)]
        transcript = [
            {"role": ("assistant", "user")[place % 2], "text": text, "seconds": place * 5.0}
            for place, text in enumerate(turns)
        ]
        summary = " ".join(chance.choices(vocabulary, cum_weights=frequencies, k=15))
        call = apps.get_model("calls.Call")(organization_id=0, summary=summary, transcript=transcript)
        words = [word.removeprefix("0:") for word in words_of(call)]
        variants.append((number, summary, json.dumps(transcript), words))
    return variants
