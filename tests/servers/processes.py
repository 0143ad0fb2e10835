"""Real processes for tests: each in its own group, watched, frozen, killed by pid and never left behind."""

import atexit
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Self, TypeVar

import psutil

ROOT = Path(__file__).parents[2]
T = TypeVar("T")
P = TypeVar("P", bound="Process")


class ServerUnavailable(RuntimeError):
    """A server that the tests need cannot run on this machine; the message says why."""


def free_port() -> int:
    """A port of the loopback that nobody listens on.

    It is below the range the kernel gives to outgoing connections: there, a client that retries while the
    server is down may connect to itself. The system's randomness, as pytest seeds the other alike everywhere.
    """
    while True:
        port = random.SystemRandom().randrange(15_000, 30_000)
        with socket.socket() as probe, suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return port


def eventually(check: Callable[[], T], timeout: float = 10, every: float = 0.1) -> T:
    """The first true answer of `check`; an exception counts as "not yet" until the time is up."""
    deadline = time.monotonic() + timeout
    while True:
        answer, problem = None, None
        try:
            if answer := check():
                return answer
        except Exception as error:
            problem = error
        if time.monotonic() >= deadline:
            raise AssertionError(f"not within {timeout} s: {problem or answer!r}") from problem
        time.sleep(every)


def is_gone(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    return True


class Process:
    """A program in a process group of its own, what it prints in a file."""

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        log: Path,
        is_ready: Callable[[Any], object] = lambda process: True,
        **options: Any,
    ) -> None:
        self.name = name
        self.log = log
        self._is_ready = is_ready
        with log.open("ab") as output:
            self._popen = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                **options,
            )

    @property
    def pid(self) -> int:
        return self._popen.pid

    @property
    def running(self) -> bool:
        return self._popen.poll() is None

    @property
    def output(self) -> str:
        return self.log.read_text(errors="replace")

    def tail(self, lines: int = 100) -> str:
        return "\n".join(self.output.splitlines()[-lines:])

    def children(self) -> list[psutil.Process]:
        try:
            return psutil.Process(self.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []

    def wait_ready(self, timeout: float = 30) -> Self:
        try:
            eventually(lambda: not self.running or self._is_ready(self), timeout)
            assert self.running, f"it ended with {self._popen.returncode}"
        except AssertionError as error:
            raise AssertionError(f"{self.name} did not get ready: {error}\n{self.tail()}") from None
        return self

    def wait(self, timeout: float = 60) -> int:
        """Wait for its own end; the exit code."""
        return self._popen.wait(timeout)

    def freeze(self) -> None:
        self._popen.send_signal(signal.SIGSTOP)  # first, so that it forks nobody new
        _signal(self.children(), signal.SIGSTOP)

    def thaw(self) -> None:
        _signal(self.children(), signal.SIGCONT)
        self._popen.send_signal(signal.SIGCONT)

    def kill9_children(self) -> list[int]:
        """Kill what it has forked, but not itself; their pids."""
        return _kill9(self.children())

    def kill9(self) -> None:
        """Kill it and everything it has forked, as a machine that loses power would."""
        children = self.children()  # some, as PostgreSQL's, leave the group
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._popen.wait(10)
        _kill9(children)

    def terminate(self, timeout: float = 20, with_signal: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to end, as a deploy does, and kill what is left after `timeout`; the exit code."""
        if self.running:
            self._popen.send_signal(with_signal)
            self.thaw()  # a frozen process would not hear the signal
            with suppress(subprocess.TimeoutExpired):
                self._popen.wait(timeout)
        self.kill9()
        return self._popen.returncode


def _signal(processes: list[psutil.Process], which: signal.Signals) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(which)


def _kill9(processes: list[psutil.Process]) -> list[int]:
    _signal(processes, signal.SIGKILL)
    eventually(lambda: all(map(is_gone, processes)), every=0.01)
    return [process.pid for process in processes]


class Server:
    """A server of the tests' own: it can stop and start again on its port; its files go when it is closed."""

    name = "server"
    stop_signal = signal.SIGTERM

    def __init__(self) -> None:
        self.port = free_port()
        self._folder = tempfile.TemporaryDirectory(prefix=f"{self.name}-", ignore_cleanup_errors=True)
        self.folder = Path(self._folder.name)
        self._process: Process | None = None
        atexit.register(self.close)

    def command(self) -> Sequence[str | Path]:
        raise NotImplementedError

    def answers(self) -> bool:
        raise NotImplementedError

    def options(self) -> dict[str, Any]:
        """What else subprocess.Popen is to know."""
        return {}

    @property
    def process(self) -> Process:
        assert self._process, f"{self.name} was never started"
        return self._process

    @property
    def pid(self) -> int:
        return self.process.pid

    def start_again(self) -> Self:
        log = self.folder / "log"
        self._process = Process(self.name, self.command(), log, lambda process: self.answers(), **self.options())
        self._process.wait_ready()
        return self

    def stop(self) -> None:
        if self._process:
            self._process.terminate(with_signal=self.stop_signal)

    def restart(self) -> None:
        self.stop()
        self.start_again()

    def freeze(self) -> None:
        """It still accepts connections and answers nothing, as an overloaded machine does."""
        self.process.freeze()

    def thaw(self) -> None:
        self.process.thaw()

    def close(self) -> None:
        atexit.unregister(self.close)
        self.stop()
        self._folder.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


class Web(Process):
    url: str


class Processes:
    """The project's own processes. Change `env` before starting the one that is to see the change."""

    def __init__(self, folder: Path, env: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.env = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "ava.settings",
            "PYTHONUNBUFFERED": "1",
            **(env or {}),
        }
        self.started: list[Process] = []

    def web(self, port: int | None = None, workers: int = 1, threads: int = 4, extra: Sequence[str] = ()) -> Web:
        address = f"127.0.0.1:{port or free_port()}"
        size = f"--worker-class ava.server.Worker --workers {workers}"
        command = f"-m gunicorn ava.asgi --bind {address} {size} --no-control-socket"
        self.env["WEB_THREADS"] = str(threads)
        web = self._start(Web, "web", [*command.split(), *extra], _is_healthy)
        web.url = f"http://{address}"
        return web

    def worker(self, concurrency: int = 2, extra: Sequence[str] = ()) -> Process:
        name = f"worker{len(self.started)}@localhost"  # two of one name would answer for each other
        quick = "--loglevel INFO --without-gossip --without-mingle"
        command = f"-m celery -A ava worker --concurrency {concurrency} --hostname {name} {quick}"
        return self._start(Process, "worker", [*command.split(), *extra], _prints(" ready."))

    def beat(self, extra: Sequence[str] = ()) -> Process:
        schedule = self.folder / f"schedule{len(self.started)}"
        command = "-m celery -A ava beat --loglevel INFO --pidfile= --schedule"
        return self._start(Process, "beat", [*command.split(), str(schedule), *extra], _prints("beat: Starting"))

    def manage(self, *args: str, ready: str = "") -> Process:
        """A management command; a lasting one is ready when it has printed `ready`."""
        return self._start(Process, args[0], ["manage.py", *args], _prints(ready))

    def _start(self, kind: type[P], name: str, args: Sequence[str], is_ready: Callable[[P], object]) -> P:
        log = self.folder / f"{len(self.started)}-{name}.log"
        process = kind(name, [sys.executable, *args], log, is_ready, env=self.env, cwd=ROOT)
        self.started.append(process)
        return process

    def stop(self) -> None:
        for process in reversed(self.started):
            process.terminate()

    def print_output(self) -> None:
        for process in self.started:
            print(f"----- {process.name} (pid {process.pid}) -----\n{process.tail()}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self.stop()
        if error:
            self.print_output()


def _prints(text: str) -> Callable[[Process], object]:
    return lambda process: text in process.output


def _is_healthy(web: Web) -> bool:
    with urllib.request.urlopen(f"{web.url}/healthz", timeout=2) as answer:
        return answer.status == 200
