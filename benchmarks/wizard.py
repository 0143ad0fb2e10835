"""What a step of the wizard costs: saved and the next page shown, beside a bare Django form on the same server."""

import http.client
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from pathlib import Path
from statistics import median
from urllib.parse import urlencode

import django
import psycopg
from django.apps import apps
from django.core.management import call_command
from django.test import Client

from benchmarks.intake import Wrong
from benchmarks.servers import answers, environment, start_postgres
from tests.servers import valkey
from tests.servers.processes import ROOT, Process, free_port

PEOPLE = 1  # more would measure how the kernel shares connections between processes
MOST_TO_BARE = 3.0
SERVER = (
    "-m gunicorn {app} --bind 127.0.0.1:{port} --worker-class ava.server.Worker -w 1 --keep-alive 75 "
    "--no-control-socket"
)
BARE_FIELDS = {
    "full_name": "Alice Delmas",
    "organization_name": "Cabinet Delmas",
    "profession": "physiotherapist",
    "industry": "health",
    "company_size": "2-5",
    "country": "075",
    "email": "alice@practice.example",
    "guidelines": "Never promise an appointment.",
    "accept_terms": "on",
}
STEPS: dict[str, dict[str, str | list[str]]] = {
    "profile": {
        **{name: BARE_FIELDS[name] for name in ("full_name", "organization_name", "profession", "industry")},
        **{"company_size": "2-10", "country": "FR", "timezone": "Europe/Paris", "locale": "en", "accept_terms": "on"},
    },
    "ava": {
        "persona": "secretary",
        "job_to_be_done": "Take appointments.",
        "languages": ["en", "fr"],
        "tone": "professional",
        "guidelines": "Never promise an appointment.",
    },
    "integrations": {"calendar": "google", "workspace_apps": ["slack"], "crm": "none"},
    "plan": {"plan": "pro", "seats": "3"},
}


class Person:
    """Somebody with a session, on a connection that is kept."""

    def __init__(self, port: int, cookies: dict[str, str]) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        self.cookies = cookies

    def ask(self, method: str, path: str, fields: dict | None = None) -> tuple[int, str, str]:
        """Status, Location and text."""
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()), "Host": "127.0.0.1"}
        body = None
        if fields is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            body = urlencode({**fields, "csrfmiddlewaretoken": self.cookies["csrftoken"]}, doseq=True)
        self._connection.request(method, path, body, headers)
        answer = self._connection.getresponse()
        for line in answer.headers.get_all("Set-Cookie") or []:
            self.cookies |= {name: one.value for name, one in SimpleCookie(line).items()}
        return answer.status, answer.headers.get("Location", ""), answer.read().decode()

    def save(self, path: str, fields: dict) -> float:
        """Post a form and open the page that it leads to; how long that took, in milliseconds."""
        started_at = time.perf_counter()
        status, location, _text = self.ask("POST", path, fields)
        if status != 302:
            raise Wrong(f"POST {path}: {status}")
        status, _location, _text = self.ask("GET", location)
        if status != 200:
            raise Wrong(f"GET {location}: {status}")
        return (time.perf_counter() - started_at) * 1000


@dataclass
class Contender:
    """Who is measured: a turn of each of its people saves every form once."""

    name: str
    people: list[Person]
    turn: Callable[[Person, int], list[float]]
    rounds: list[float] = field(default_factory=list)

    def run(self, seconds: float) -> None:
        """One turn under load: the median time of a form, saved and followed."""
        times: list[float] = []
        faults: list[Exception] = []
        until = time.monotonic() + seconds

        def work(person: Person) -> None:
            number = 0
            try:
                while time.monotonic() < until:
                    number += 1
                    times.extend(self.turn(person, number))
            except (Wrong, OSError, http.client.HTTPException) as fault:
                faults.append(fault)

        threads = [threading.Thread(target=work, args=[person]) for person in self.people]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if faults:
            raise Wrong(f"{self.name}: {faults[0]!r}")
        self.rounds.append(median(times))


def fill_bare(person: Person, number: int) -> list[float]:
    return [person.save("/form", {**BARE_FIELDS, "full_name": f"Alice {number}"}) for _ in STEPS]


def fill_wizard(person: Person, number: int) -> list[float]:
    """Every value of a step is new to it in each turn, or said again: the dearest way to save."""
    times = []
    for step, values in STEPS.items():
        changed = {
            name: f"{value} {number}" if name in {"full_name", "guidelines"} else value
            for name, value in values.items()
        }
        times.append(person.save(f"/en/onboarding/{step}/", {"fields": list(values), **changed}))
    return times


def run(rounds: int, seconds: float) -> bool:
    """Measure, print; whether the goal was met. Raises Wrong when a page does not answer as it must."""
    with _start() as contenders:
        print(f"\nA form saved and the next page shown; {rounds} rounds of {seconds:g} s, in turns")
        for contender in contenders:
            contender.run(1)
            contender.rounds.clear()
        for number in range(rounds):
            for contender in contenders if number % 2 else reversed(contenders):
                contender.run(seconds)
    bare, wizard = contenders
    for contender in contenders:
        spread = f"{median(contender.rounds):.1f} ({min(contender.rounds):.1f}-{max(contender.rounds):.1f})"
        print(f"{contender.name:<14}{spread:>28} ms median")
    ratio = median(mine / theirs for mine, theirs in zip(wizard.rounds, bare.rounds, strict=True))
    is_met = ratio <= MOST_TO_BARE
    print(f"{'met   ' if is_met else 'MISSED'}  wizard / bare form {ratio:.2f} (goal: at most {MOST_TO_BARE})")
    return is_met


@contextmanager
def _start() -> Iterator[list[Contender]]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True)))
        database, broker = stack.enter_context(start_postgres()), stack.enter_context(valkey.start())
        with psycopg.connect(database.url, autocommit=True) as connection:
            connection.execute("CREATE DATABASE form")
        form_url = re.sub(r"/[^/]*$", "/form", database.url)
        os.environ.update(environment(database.url, broker.url, folder) | {"FORM_DATABASE_URL": form_url})
        form_env = {**os.environ, "DJANGO_SETTINGS_MODULE": "benchmarks.contenders.form_settings"}

        def serve(name: str, app: str, env: dict[str, str]) -> int:
            port = free_port()
            command = [sys.executable, *SERVER.format(app=app, port=port).split()]
            process = Process(name, command, folder / f"{name}.log", lambda _: answers(port), cwd=ROOT, env=env)
            stack.callback(process.terminate)
            process.wait_ready()
            return port

        _make_form_tables(form_env)
        bare_port = serve("form", "benchmarks.contenders.form", form_env)
        django.setup()
        call_command("migrate", verbosity=0)
        call_command("createcachetable", verbosity=0)
        call_command("collectstatic", verbosity=0, interactive=False)
        ava_port = serve("ava", "ava.asgi", dict(os.environ))
        yield [
            Contender("bare form", [_enter_form(bare_port) for _ in range(PEOPLE)], fill_bare),
            Contender("wizard", [_enter_wizard(ava_port, number) for number in range(PEOPLE)], fill_wizard),
        ]


def _make_form_tables(env: dict[str, str]) -> None:
    make = "from benchmarks.contenders import form; from django.core.management import call_command as call; "
    make += "call('migrate', verbosity=0); form.make_table()"
    subprocess.run([sys.executable, "-c", make], env=env, check=True, cwd=ROOT)


def _enter_form(port: int) -> Person:
    person = Person(port, {})
    person.ask("GET", "/enter")
    person.ask("GET", "/form")
    return person


def _enter_wizard(port: int, number: int) -> Person:
    """An owner who has signed in, with a session as Django makes it."""
    make = apps.get_model("accounts.User").objects.create_user
    user = make(f"person{number}@bench.example", None, full_name="Alice", timezone="Europe/Paris")
    user.emailaddress_set.create(email=user.email, verified=True, primary=True)
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    person = Person(port, {name: morsel.value for name, morsel in client.cookies.items()})
    for _ in range(3):
        person.ask("GET", "/en/onboarding/profile/")
    return person
