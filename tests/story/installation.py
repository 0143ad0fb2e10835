"""A whole `make run` in a folder of its own, on the embedded defaults: SQLite, embedded broker, files on disk."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

from tests.servers.processes import eventually, free_port

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

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder, self.port = folder, free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        kept = {name: value for name, value in os.environ.items() if name not in NOT_EMBEDDED}
        own = {"DATA_DIR": str(folder / "data"), "PORT": str(self.port), "DEMO_PASSWORD": PASSWORD}
        self.environment = {**kept, **own, **environment}

    def __enter__(self) -> "RunningAva":
        self.output = (self.folder / f"run-{self.port}.out").open("w+b")
        command = [sys.executable, "manage.py", "runall"]
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=self.environment, stdout=self.output, stderr=self.output, start_new_session=True
        )
        eventually(self._is_up, timeout=60)
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()
        self.output.close()

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Stop it and return the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        return self.process.wait(40)

    def said(self) -> str:
        return Path(self.output.name).read_text()

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
        code = "from telephony.models import TenantNumber as T; print(T.objects.unscoped().first().number)"
        return self.manage("shell", "-v0", "-c", code).stdout.strip()

    def _is_up(self) -> bool:
        assert self.process.poll() is None, self.said()
        return "Ava is running" in self.said()
