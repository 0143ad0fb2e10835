"""A bucket for Ava's processes: the storage emulator behind its scripted door, opened with a service account."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.servers.gcs import Gcs, ScriptedGcs
from tests.servers.scripted_http import always, as_json, serve


def new_private_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    kind = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, kind, serialization.NoEncryption()).decode()


def service_account(private_key: str, token_url: str) -> str:
    """The JSON that Google would give out."""
    return json.dumps(
        {
            "type": "service_account",
            "project_id": "test",
            "client_email": "ava@test.example",
            "private_key": private_key,
            "token_uri": token_url,
        }
    )


@contextmanager
def open_door(gcs: Gcs) -> Iterator[tuple[ScriptedGcs, str]]:
    """The door before an empty bucket, and the address where Google would give out tokens for it."""
    gcs.wipe()
    token = as_json({"access_token": "token", "expires_in": 3600, "token_type": "Bearer"})
    with serve(always(token)) as google, ScriptedGcs(gcs) as door:
        yield door, google.url
