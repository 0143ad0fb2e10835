"""The contenders' web servers, and the PostgreSQL and Valkey that they share: real, on loopback, stopped by pid."""

import os
import socket
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import django
import psutil
import psycopg
from django.apps import apps
from django.core.management import call_command

from benchmarks.load import Target
from tests.servers import postgres, valkey
from tests.servers.postgres import PostgresServer
from tests.servers.processes import ROOT, Process, free_port

TENANTS = 16
SECRET = "the secret of the contenders that know no tenants"
# Each commit waits for the disk, but no checkpoint falls into just one contender's turn.
POSTGRES = {"shared_buffers": "512MB", "max_wal_size": "4GB", "checkpoint_timeout": "30min", "max_connections": 100}
TABLE = """
    CREATE TABLE {name} (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        signature text NOT NULL UNIQUE,
        received_at timestamptz NOT NULL DEFAULT now(),
        body text NOT NULL
    )
"""
GUNICORN = "-m gunicorn {app} --bind 127.0.0.1:{port} --worker-class gthread -w 4 --threads 2 --no-control-socket"
AVA = "-m gunicorn ava.asgi --bind 127.0.0.1:{port} --worker-class ava.server.Worker -w 2 --no-control-socket"
UVICORN = (
    "-m uvicorn {app} --host 127.0.0.1 --port {port} --workers 2 --loop uvloop --http httptools "
    "--no-access-log --log-level warning"
)
TRIVIAL = "-m benchmarks.load --answer {port}"


@dataclass(frozen=True)
class Contender:
    """A server under test. Its rows are in `table`; with `repeat` it gets one body again and again."""

    name: str
    table: str
    targets: list[Target]
    port: int
    process: Process
    repeat: bool = False

    @property
    def memory(self) -> int:
        """The resident bytes of all its processes."""
        return sum(one.memory_info().rss for one in [psutil.Process(self.process.pid), *self.process.children()])


@dataclass(frozen=True)
class Machine:
    """Everything that runs during a measurement."""

    database_url: str
    description: str
    contenders: list[Contender]
    trivial: Contender

    def count(self, table: str) -> int:
        with psycopg.connect(self.database_url) as connection:
            row = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
        return row[0] if row else 0


@contextmanager
def start() -> Iterator[Machine]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True)))
        database = stack.enter_context(start_postgres())
        broker = stack.enter_context(valkey.start())
        os.environ.update(environment(database.url, broker.url, folder))
        tenants = _prepare_ava()
        description = f"{_version(database)}; bodies of bare and fastapi: {_make_tables(database.url)}"

        def run(name: str, command: str, targets: list[Target], **env: str) -> Contender:
            port = free_port()
            args = [sys.executable, *command.format(port=port).split()]
            log = folder / f"{name}.log"
            process = Process(name, args, log, lambda _: answers(port), cwd=ROOT, env={**os.environ, **env})
            stack.callback(process.terminate)
            process.wait_ready()
            return Contender(name, f"{name}_event", targets, port, process)

        bare_env = {"DJANGO_SETTINGS_MODULE": "benchmarks.contenders.bare_settings"}
        bare_app, peer_app = "benchmarks.contenders.bare:application", "benchmarks.contenders.fastapi_app:app"
        single = [Target("/intake", SECRET)]
        trivial = run("trivial", TRIVIAL, single)
        bare = run("bare", GUNICORN.replace("{app}", bare_app), single, **bare_env)
        peer = run("fastapi", UVICORN.replace("{app}", peer_app), single)
        ava = run("ava", AVA, tenants)
        ava = replace(ava, table="calls_webhookevent")
        repeats = replace(ava, name="ava, repeats", targets=tenants[:1], repeat=True)
        yield Machine(database.url, description, [ava, bare, peer, repeats], trivial)


def start_postgres() -> PostgresServer:
    """One that knows lz4, if there is one on this machine: the bare view is to have the best there is."""
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for programs in [postgres.find_programs(), *installed]:
        server = PostgresServer(programs, POSTGRES).start_again()
        with psycopg.connect(server.url) as connection:
            if _knows_lz4(connection):
                return server
        server.close()
    return postgres.start(durable=True, settings=POSTGRES)


def _knows_lz4(connection: psycopg.Connection) -> bool:
    known = connection.execute("SELECT enumvals FROM pg_settings WHERE name = 'default_toast_compression'").fetchone()
    return known is not None and "lz4" in known[0]


def _version(database: PostgresServer) -> str:
    names = ("fsync", "synchronous_commit")
    with psycopg.connect(database.url) as connection:
        values = [f"{name} {connection.execute(f'SHOW {name}').fetchone()[0]}" for name in names]  # type: ignore[index]
        return f"PostgreSQL {connection.info.server_version // 10_000} ({', '.join(values)})"


def _make_tables(url: str) -> str:
    """The tables of the contenders that are not Ava; how they are compressed."""
    with psycopg.connect(url, autocommit=True) as connection:
        compression = "lz4" if _knows_lz4(connection) else "pglz, as this PostgreSQL was built without lz4"
        for name in ("bare_event", "fastapi_event"):
            connection.execute(TABLE.format(name=name))
            if compression == "lz4":
                connection.execute(f"ALTER TABLE {name} ALTER COLUMN body SET COMPRESSION lz4")
    return compression


def environment(database_url: str, broker_url: str, folder: Path) -> Mapping[str, str]:
    return {
        "DJANGO_SETTINGS_MODULE": "ava.settings",
        "SECRET_KEY": "a key for benchmarks only, which protects nothing at all and is long enough",
        "FIELD_ENCRYPTION_KEYS": "Zm9yIGJlbmNobWFya3Mgb25seSwgcHJvdGVjdHMgbm8=",
        "DEBUG": "no",
        "LOG_LEVEL": "WARNING",
        "PUBLIC_URL": "http://127.0.0.1",
        "ALLOWED_HOSTS": "127.0.0.1",
        "DATA_DIR": str(folder),
        "DATABASE_URL": database_url,
        "REDIS_URL": broker_url,
        "BENCH_DATABASE_URL": database_url,
        "BENCH_SECRET": SECRET,
        "PYTHONUNBUFFERED": "1",
    }


def _prepare_ava() -> list[Target]:
    """Ava's tables, and tenants with their webhook addresses in them."""
    django.setup()
    call_command("migrate", verbosity=0)
    organizations, endpoints = apps.get_model("accounts.Organization"), apps.get_model("accounts.WebhookEndpoint")
    targets = []
    for number in range(TENANTS):
        organization = organizations.objects.create(name=f"Practice {number}")
        endpoint = endpoints(organization=organization)
        endpoint.save()
        targets.append(Target(f"/webhooks/vapi/{endpoint.token}/", endpoint.secret))
    return targets


def answers(port: int) -> bool:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n")
        return connection.recv(20).startswith(b"HTTP/1.1")
