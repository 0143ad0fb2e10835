"""`manage.py place_call --to NUMBER [--report FILE.json]`: let the sandbox ring a number."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from ava.clients import sandbox
from ava.clients.errors import ProviderError
from ava.lib.phones import is_e164, normalize


class Command(BaseCommand):
    help = "Place a simulated call to a number through the sandbox of a running `make run`."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--to", required=True, metavar="NUMBER", help="the number to ring, in E.164")
        parser.add_argument(
            "--report",
            type=Path,
            metavar="FILE.json",
            help="an end-of-call report to play instead of a script",
        )

    def handle(self, *args: Any, to: str, report: Path | None, **options: Any) -> None:
        if not settings.SANDBOX_URL:
            raise CommandError("The sandbox is not running. Start it with `make run`, or set SANDBOX_URL.")
        number = normalize(to)
        if not is_e164(number):
            raise CommandError(f"--to: {to} is not a number with its country code, such as +33199001234.")
        try:
            placed = sandbox.place_call(settings.SANDBOX_URL, to=number, report=self._read(report) if report else None)
        except ProviderError as error:
            raise CommandError(f"The sandbox did not place the call: {error}") from None
        if not placed.answered:
            raise CommandError(f"{number} rang, and nobody answered. {placed.reason}")
        self.stdout.write(f"{number} answered. The call's id is {placed.call_id}.")

    def _read(self, report: Path) -> dict[str, Any]:
        try:
            payload = json.loads(report.read_bytes())
        except OSError as error:
            raise CommandError(f"--report: {report} cannot be read: {error.strerror}.") from None
        except ValueError as error:
            raise CommandError(f"--report: {report} is not JSON: {error}.") from None
        if not isinstance(payload, dict):
            raise CommandError(f"--report: {report} is not a JSON object.")
        return payload
