"""Each server really starts, answers, and misbehaves as told."""

import os
import smtplib
import subprocess
import sys
import time
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import psycopg
import pytest
import redis
from google.api_core.exceptions import PreconditionFailed, ServiceUnavailable
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage

from tests.servers import gcs, postgres, smtp, valkey
from tests.servers.processes import Process, Processes, ServerUnavailable, eventually, free_port

pytestmark = [pytest.mark.fault, pytest.mark.slow]
AUDIO = b"ID3" + b"a" * 300_000


@pytest.fixture(scope="module")
def database() -> Iterator[postgres.PostgresServer]:
    with postgres.start(durable=True, settings={"work_mem": "5MB"}) as server:
        yield server


@pytest.fixture(scope="module")
def cache() -> Iterator[valkey.ValkeyServer]:
    with valkey.start() as server:
        yield server


@pytest.fixture
def sink() -> Iterator[smtp.SmtpSink]:
    sink = smtp.start()
    yield sink
    sink.stop()


@pytest.fixture(scope="module")
def emulator() -> Iterator[gcs.Gcs]:
    with gcs.start() as server:
        yield server


def ask(database: postgres.PostgresServer, question: str) -> str:
    with psycopg.connect(database.url) as connection:
        (answer,) = connection.execute(question).fetchone() or ("",)
        return str(answer)


def test_postgres_answers_with_the_settings_it_was_given(database):
    assert ask(database, "SELECT version()").startswith("PostgreSQL")
    assert ask(database, "SHOW work_mem") == "5MB"
    assert ask(database, "SHOW fsync") == ask(database, "SHOW synchronous_commit") == "on"
    assert ask(database, "SHOW max_connections") == "200"


def test_postgres_keeps_what_was_committed_through_a_crash(database):
    with psycopg.connect(database.url) as open_until_the_crash:
        open_until_the_crash.execute("CREATE TABLE kept AS SELECT 7 AS number")
        open_until_the_crash.commit()
        pid = database.pid
        database.crash()
    with pytest.raises(psycopg.OperationalError):
        ask(database, "SELECT 1")
    database.start_again()
    assert ask(database, "SELECT number FROM kept") == "7"
    database.restart()
    assert ask(database, "SELECT number FROM kept") == "7"
    assert database.pid != pid


def test_postgres_says_plainly_that_it_cannot_run(monkeypatch):
    monkeypatch.setattr(postgres, "_candidates", lambda: [Path("/nowhere")])
    with pytest.raises(ServerUnavailable, match=r"DATABASE_URL.*\n/nowhere: .*No such file"):
        postgres.find_programs.__wrapped__()


def test_postgres_runs_from_a_copy():
    wheel = next(postgres._candidates())
    if wheel.parent.name != "pginstall":
        pytest.skip("the wheel is not installed")
    assert postgres._why_not(postgres._readable_copy(wheel)) == ""


def test_valkey_freezes_and_thaws(cache):
    client = cache.client(timeout=0.2)
    client.set("greeting", "hello")
    cache.freeze()
    with pytest.raises(redis.TimeoutError):
        client.get("greeting")
    cache.thaw()
    assert client.get("greeting") == b"hello"
    cache.flush()
    assert client.get("greeting") is None


def test_valkey_comes_back_on_its_port_with_or_without_what_it_held():
    for keep, expected in ((False, None), (True, b"hello")):
        with valkey.start(keep=keep) as cache:
            cache.client().set("greeting", "hello")
            cache.stop()
            with pytest.raises(redis.ConnectionError):
                cache.client().ping()
            cache.start_again()
            assert cache.client().get("greeting") == expected


def send(sink: smtp.SmtpSink, subject: str = "Missed call") -> None:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "ava@example.com", "Alice <alice@example.com>", subject
    mail.set_content("שלום, Élodie called.")
    with smtplib.SMTP("127.0.0.1", sink.port, timeout=5) as client:
        client.send_message(mail, to_addrs=["alice@example.com", "bob@example.com"])


def test_smtp_keeps_the_mail_and_its_envelope(sink):
    send(sink, "Appel manqué")
    (mail,) = sink.messages
    assert mail["Subject"] == "Appel manqué"
    assert mail.get_content() == "שלום, Élodie called.\n"
    assert (mail.sender, mail.recipients) == ("ava@example.com", ["alice@example.com", "bob@example.com"])
    sink.clear()
    assert sink.messages == []


@pytest.mark.parametrize("code", [450, 550])
def test_smtp_refuses_recipients_as_told(sink, code):
    sink.refuse_rcpt(times=2, code=code)
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        send(sink)
    assert {answer for answer, _ in refused.value.recipients.values()} == {code}
    send(sink)
    assert len(sink.messages) == 1


def test_smtp_refuses_or_drops_after_data_as_told(sink):
    sink.refuse_data(code=451)
    with pytest.raises(smtplib.SMTPDataError):
        send(sink)
    assert sink.messages == []
    sink.drop_after_data()
    with pytest.raises(smtplib.SMTPServerDisconnected):
        send(sink)
    assert len(sink.messages) == 1
    sink.stop()
    with pytest.raises(ConnectionRefusedError):
        send(sink)
    sink.start_again()
    send(sink)
    assert len(sink.messages) == 2


def test_gcs_keeps_an_upload(emulator):
    client = storage.Client("test", credentials=AnonymousCredentials(), client_options={"api_endpoint": emulator.url})
    emulator.wipe()
    client.bucket(emulator.bucket).blob("org/1/calls/1.mp3").upload_from_string(AUDIO, "audio/mpeg")
    assert emulator.names() == ["org/1/calls/1.mp3"]
    assert emulator.read("org/1/calls/1.mp3") == AUDIO
    emulator.wipe()
    assert emulator.names() == []


@pytest.mark.parametrize("chunk_size", [None, 256 * 1024])  # in one request, and resumable
def test_scripted_gcs_fails_as_told_and_makes_an_object_only_once(emulator, chunk_size):
    emulator.wipe()
    with gcs.ScriptedGcs(emulator) as door:
        blob = gcs.client(door.url).bucket(emulator.bucket).blob("1.mp3", chunk_size=chunk_size)
        door.fail(times=1, status=503)
        with pytest.raises(ServiceUnavailable):
            blob.upload_from_string(AUDIO, if_generation_match=0, retry=None)
        assert emulator.names() == []
        blob.upload_from_string(AUDIO, if_generation_match=0)
        with pytest.raises(PreconditionFailed):
            blob.upload_from_string(b"other", if_generation_match=0)
        assert emulator.read("1.mp3") == AUDIO
        assert sum(request.startswith("POST /upload/") for request in door.requests) == 3


def test_scripted_gcs_is_slow_as_told_and_keeps_nothing_of_a_killed_upload(emulator, tmp_path):
    emulator.wipe()
    program = f"""
from tests.servers import gcs
gcs.client("{{url}}").bucket("{emulator.bucket}").blob("1.mp3").upload_from_string(b"a" * 8_000_000)
"""
    with gcs.ScriptedGcs(emulator) as door:
        door.slow(bytes_per_second=4_000_000)
        command = [sys.executable, "-c", program.format(url=door.url)]
        upload = Process("upload", command, tmp_path / "log", cwd=Path(__file__).parents[2])
        eventually(lambda: door.received > 1_000_000, timeout=20, every=0.01)
        upload.kill9()
        door.slow(0)
        time.sleep(0.5)  # for what the kernel still holds
        assert door.received < 8_000_000
        assert emulator.names() == []


def test_scripted_gcs_can_lose_its_answer(emulator):
    emulator.wipe()
    with gcs.ScriptedGcs(emulator) as door:
        door.drop_answers()
        with pytest.raises(Exception, match="Connection aborted"):
            gcs.client(door.url).bucket(emulator.bucket).blob("1.mp3").upload_from_string(AUDIO, retry=None)
    assert emulator.names() == ["1.mp3"]


FORKING = "import os, time; print(os.fork() and 'parent', flush=True); time.sleep(60)"


def test_children_are_killed_alone_or_with_their_parent(tmp_path):
    def start() -> Process:
        command = [sys.executable, "-c", FORKING]
        return Process("fork", command, tmp_path / "log", lambda process: process.children()).wait_ready()

    process = start()
    (child,) = process.children()
    assert process.kill9_children() == [child.pid]
    assert process.running
    assert process.terminate() == -15
    process = start()
    (child,) = process.children()
    process.kill9()
    assert not process.running
    eventually(lambda: not child.is_running() or child.status() == "zombie")


def test_a_frozen_process_can_be_terminated(tmp_path):
    process = Process("sleep", ["sleep", "60"], tmp_path / "log")
    process.freeze()
    assert process.terminate() == -15


def test_a_process_that_ends_early_says_what_it_printed(tmp_path):
    command = [sys.executable, "-c", "raise SystemExit('no such setting')"]
    process = Process("web", command, tmp_path / "log", lambda process: False)
    with pytest.raises(AssertionError, match="web did not get ready: it ended with 1\nno such setting"):
        process.wait_ready()


def test_what_is_started_is_stopped_and_shown_on_failure(tmp_path, capsys):
    with pytest.raises(ZeroDivisionError), Processes(tmp_path) as processes:
        processes._start(Process, "talker", ["-c", FORKING], lambda process: "parent" in process.output).wait_ready()
        raise ZeroDivisionError
    assert not processes.started[0].running
    assert "----- talker (pid" in capsys.readouterr().out


def test_eventually_gives_the_answer_or_the_last_problem():
    answers = iter([0, None, "done"])
    assert eventually(lambda: next(answers), every=0.001) == "done"
    with pytest.raises(AssertionError, match="division by zero"):
        eventually(lambda: 1 / 0, timeout=0.01, every=0.001)


RUN = """
import os, sys, redis
from tests.servers.plugin import is_ours
def test_environment():
    redis.Redis.from_url(os.environ["REDIS_URL"]).ping()
    with open(os.environ["NOTES"], "a") as notes:
        print(os.environ["REDIS_URL"], os.environ.get("DATABASE_URL"), os.environ["DATA_DIR"], file=notes)
def test_the_same_elsewhere():
    test_environment()
"""
NEEDED = ("PATH", "HOME", "TMPDIR", "VIRTUAL_ENV")


def run_pytest(folder: Path, *options: str, **environment: str) -> list[list[str]]:
    """Run two tests in a run of their own; the environment each has seen."""
    (folder / "test_run.py").write_text(RUN)
    notes = folder / "notes"
    env = {name: os.environ[name] for name in NEEDED if name in os.environ} | {"NOTES": str(notes)} | environment
    env["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # others, as pytest-django, have nothing to do there
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-c",
        os.devnull,
        "-p",
        "xdist",
        "-p",
        "tests.servers.plugin",
    ]
    root = Path(__file__).parents[2]
    subprocess.run([*command, *options, str(folder / "test_run.py")], env=env, cwd=root, check=True, timeout=60)
    return [line.split() for line in notes.read_text().splitlines()]


def test_the_plugin_starts_servers_once_for_all_workers_and_stops_them(tmp_path):
    seen = run_pytest(tmp_path, "-n", "2", "--dist", "each")
    first = seen[0]
    assert len({url.rsplit("/", 1)[0] for url, _, _ in seen}) == 1
    assert {url.rsplit("/", 1)[1] for url, _, _ in seen} == {"1", "2"}
    with pytest.raises(redis.ConnectionError):
        redis.Redis.from_url(first[0]).ping()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(first[1])
    assert not Path(first[2]).exists()


def test_the_plugin_leaves_alone_what_is_set(tmp_path, cache):
    database = f"postgres://nobody@127.0.0.1:{free_port()}/none"
    given = {"REDIS_URL": cache.url, "DATABASE_URL": database, "DATA_DIR": str(tmp_path)}
    assert run_pytest(tmp_path, **given)[0] == [cache.url, database, str(tmp_path)]


def test_the_plugin_leaves_the_embedded_database_alone(tmp_path, cache):
    assert run_pytest(tmp_path, AVA_TEST_SQLITE="1", REDIS_URL=cache.url)[0][1] == "None"
