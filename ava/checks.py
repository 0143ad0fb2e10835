"""What must be right before Ava starts."""

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register


@register(Tags.security)
def settings_are_sound(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Refuse a start that could not work, or that would not be safe."""
    return [*_public_url(), *_secrets(), *_choices(), *_calendar_clients()]


def _public_url() -> list[CheckMessage]:
    parts = urlsplit(settings.PUBLIC_URL)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path or parts.query:
        return [Error("PUBLIC_URL must be like https://ava.example.com, without a path.", id="ava.E001")]
    if parts.scheme == "http" and not settings.EMBEDDED and not settings.SANDBOX_URL:
        return [Warning("PUBLIC_URL is not https: Vapi will not deliver events to it.", id="ava.W001")]
    return []


def _secrets() -> list[CheckMessage]:
    found: list[CheckMessage] = []
    if len(settings.SECRET_KEY) < 32:
        found.append(Error("SECRET_KEY must have at least 32 characters.", id="ava.E002"))
    if not settings.FERNET_KEYS or any(len(key) < 32 for key in settings.FERNET_KEYS):
        found.append(Error("Each of FIELD_ENCRYPTION_KEYS must have at least 32 characters.", id="ava.E003"))
    if settings.SECRET_KEY in settings.FERNET_KEYS:
        found.append(Error("FIELD_ENCRYPTION_KEYS must not contain SECRET_KEY.", id="ava.E004"))
    return found


def _choices() -> list[CheckMessage]:
    found: list[CheckMessage] = []
    if settings.STORAGE_PROVIDER not in {"local", "gcs"}:
        found.append(Error("STORAGE_PROVIDER must be local or gcs.", id="ava.E005"))
    if settings.VAPI_REGION not in settings.VAPI_BASE_URLS:
        found.append(Error("VAPI_REGION must be us or eu.", id="ava.E006"))
    return found


def _calendar_clients() -> list[CheckMessage]:
    clients = {
        "GOOGLE": (settings.GOOGLE_CLIENT_ID, settings.GOOGLE_CLIENT_SECRET),
        "MICROSOFT": (settings.MICROSOFT_CLIENT_ID, settings.MICROSOFT_CLIENT_SECRET),
    }
    return [
        Error(f"{name}_CLIENT_ID and {name}_CLIENT_SECRET must be set together.", id="ava.E010")
        for name, (client_id, secret) in clients.items()
        if bool(client_id) != bool(secret)
    ]
