"""The settings and the page that lists them say the same, and a production start with bad values is refused."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.fault
ROOT = Path(__file__).parent.parent
READS = re.compile(r"""(?:env\.\w+\(|_secret\(|environ\.get\()\s*["'](\w+)["']|\$\{(\w+):-""")
SECRET = "a-long-random-value-0123456789-abcdefghijklmnopqrstuvwxyz"
GOOD = {
    "PATH": os.environ["PATH"],
    "DATABASE_URL": "postgres://ava@127.0.0.1:1/ava",
    "SECRET_KEY": SECRET,
    "FIELD_ENCRYPTION_KEYS": "f" * 50,
    "PUBLIC_URL": "https://ava.example.com",
    "REDIS_URL": "redis://127.0.0.1:1/0",
}


def names_read() -> set[str]:
    sources = [ROOT / "ava/settings.py", ROOT / "Procfile", *(ROOT / "ava/management/commands").glob("*.py")]
    found = [match for source in sources for match in READS.findall(source.read_text())]
    return {first or second for first, second in found}


def names_listed() -> set[str]:
    return set(re.findall(r"^(\w+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))


def check(*options: str, **environment: str | None) -> subprocess.CompletedProcess[str]:
    values = {name: value for name, value in {**GOOD, **environment}.items() if value is not None}
    command = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING", *options]
    return subprocess.run(command, cwd=ROOT, env=values, capture_output=True, text=True, check=False)


def test_every_setting_is_listed_in_the_example_and_nothing_else_is():
    assert names_read() == names_listed()


def test_a_production_environment_passes_djangos_deployment_checks():
    done = check()
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("environment", "complaint"),
    [
        ({"SECRET_KEY": None}, "SECRET_KEY must be set"),
        ({"FIELD_ENCRYPTION_KEYS": None}, "FIELD_ENCRYPTION_KEYS must be set"),
        ({"SECRET_KEY": "short"}, "SECRET_KEY must have at least 32 characters"),
        ({"FIELD_ENCRYPTION_KEYS": SECRET}, "must not contain SECRET_KEY"),
        ({"PUBLIC_URL": "ava.example.com"}, "PUBLIC_URL must be like"),
        ({"PUBLIC_URL": "http://ava.example.com"}, "PUBLIC_URL is not https"),
        ({"STORAGE_PROVIDER": "tape"}, "STORAGE_PROVIDER must be local or gcs"),
        ({"VAPI_REGION": "mars"}, "VAPI_REGION must be us or eu"),
        ({"GOOGLE_CLIENT_ID": "x"}, "GOOGLE_CLIENT_ID and GOOGLE_CLIENT_SECRET must be set together"),
        ({"SECRET_KEY": None, "SECRET_KEY_FILE": "nowhere"}, "SECRET_KEY_FILE cannot be read"),
    ],
)
def test_a_bad_value_refuses_to_start_and_names_the_setting(environment, complaint):
    done = check("--tag", "security", **environment)  # ours among them; the others take as long again
    assert done.returncode != 0
    assert complaint in done.stderr


def test_a_secret_may_come_from_a_file(tmp_path):
    (tmp_path / "key").write_text(SECRET + "\n")
    assert check(SECRET_KEY=None, SECRET_KEY_FILE=str(tmp_path / "key")).returncode == 0
