"""Reading the environment: `_FILE` variants, and the secrets an embedded installation makes for itself."""

import os
import secrets
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

SECRETS = (
    "DATABASE_URL",
    "EMAIL_URL",
    "EXPO_ACCESS_TOKEN",
    "FIELD_ENCRYPTION_KEYS",
    "GCS_CREDENTIALS_JSON",
    "OPENAI_API_KEY",
    "REDIS_URL",
    "SECRET_KEY",
    "TWILIO_AUTH_TOKEN",
    "VAPI_API_KEY",
    "VAPI_WEBHOOK_SECRET",
)


def read_secret_files(environ: dict[str, str] | os._Environ[str]) -> None:
    """Take a secret `NAME` from the file that `NAME_FILE` points to, as container platforms mount them."""
    for name in SECRETS:
        path = environ.get(f"{name}_FILE")
        if name in environ or not path:
            continue
        try:
            environ[name] = Path(path).read_text().strip()
        except OSError as error:
            raise ImproperlyConfigured(f"{name}_FILE cannot be read: {error.strerror}.") from None


def read_run_file(path: Path, environ: dict[str, str] | os._Environ[str]) -> None:
    """Take what the running `make run` says of itself (ports, addresses), unless the environment says it."""
    if not path.exists():
        return
    for line in path.read_text().splitlines():
        name, _, value = line.partition("=")
        environ.setdefault(name, value)


def embedded_secret(folder: Path, name: str) -> str:
    """A secret that this installation made for itself and keeps in `folder` (mode 0600)."""
    path = folder / name
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text()
    with os.fdopen(descriptor, "w") as file:
        file.write(value := secrets.token_urlsafe(48))
    return value
