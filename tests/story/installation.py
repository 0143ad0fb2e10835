"""A whole `make run` in a folder of its own, on the embedded defaults: SQLite, embedded broker, files on disk."""

import fcntl
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import psutil

from tests.servers.processes import eventually, free_port, is_gone

ROOT = Path(__file__).parent.parent.parent
PASSWORD = "correct-horse-battery"
# What the test run's own servers have set must not reach an embedded installation.
NOT_EMBEDDED = {
    "DATABASE_URL",
    "EMAIL_URL",
    "FIELD_ENCRYPTION_KEYS",
    "PUBLIC_URL",
    "REDIS_URL",
    "SANDBOX_URL",
    "SECRET_KEY",
}


class RunningAva:
    """`with RunningAva(folder) as ava:` starts everything and stops it as Ctrl-C would."""

    def __init__(self, folder: Path, port: int | None = None, **environment: str) -> None:
        self.folder, self.port = folder, port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        kept = {name: value for name, value in os.environ.items() if name not in NOT_EMBEDDED}
        own = {"DATA_DIR": str(folder / "data"), "PORT": str(self.port), "DEMO_PASSWORD": PASSWORD}
        self.environment = {**kept, **own, **environment}

    def __enter__(self) -> "RunningAva":
        command = [sys.executable, "manage.py", "runall"]
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=self.environment, stdout=output, stderr=output, start_new_session=True
            )
        eventually(self._is_up, timeout=60)
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Stop it and return the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        return self.process.wait(40)

    @property
    def output(self) -> Path:
        return self.folder / f"run-{self.port}.out"

    def said(self) -> str:
        return self.output.read_text()

    @property
    def mailbox_url(self) -> str:
        match = re.search(r"Mailbox\s+(\S+)", self.said())
        assert match, self.said()
        return match[1]

    def manage(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A command from another terminal: it knows only the data folder."""
        command = [sys.executable, "manage.py", *arguments]
        return subprocess.run(
            command, cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False, timeout=60
        )

    def number(self) -> str:
        return str(self.find("SELECT number FROM telephony_tenantnumber ORDER BY id"))

    def find(self, query: str, *values: str) -> object:
        """The first value of what its database answers."""
        with closing(sqlite3.connect(self.folder / "data" / "ava.sqlite3")) as database:
            return database.execute(query, values).fetchone()[0]

    def _is_up(self) -> bool:
        assert self.process.poll() is None, self.said()
        return "Ava is running" in self.said()


@contextmanager
def shared(folder: Path) -> Iterator[RunningAva]:
    """One installation for all workers of a test run: the first to need it starts it, the last to leave stops it."""
    folder.mkdir(exist_ok=True)
    note = folder / "running.json"
    with (folder / "users").open("w") as users:
        with _alone(folder):
            if not note.exists():
                started = RunningAva(folder).__enter__()
                note.write_text(json.dumps({"port": started.port, "pid": started.process.pid}))
            running = json.loads(note.read_text())
            fcntl.flock(users, fcntl.LOCK_SH)
        yield RunningAva(folder, running["port"])
        with _alone(folder), suppress(BlockingIOError):  # others still use it
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            note.unlink()
            process = psutil.Process(running["pid"])
            process.terminate()
            eventually(lambda: is_gone(process), timeout=40)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """While no other worker starts or stops it."""
    with (folder / "door").open("w") as door:
        fcntl.flock(door, fcntl.LOCK_EX)
        yield
