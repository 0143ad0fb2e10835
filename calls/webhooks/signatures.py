"""Is this delivery from who it says? Verified over the raw bytes, in constant time, before anything is parsed.

Vapi signs as the credential says that Ava made there (HMAC-SHA256 of the body, hex, in `x-vapi-signature`); a shared
secret in `X-Vapi-Secret` or as a bearer token is accepted too. https://docs.vapi.ai/server-url/server-authentication
"""

import hmac
import time
from collections.abc import Iterable, Mapping

TIMESTAMP_TOLERANCE_SECONDS = 300


def is_signed(body: bytes, headers: Mapping[bytes, bytes], secrets: Iterable[str]) -> bool:
    """Whether one of the tenant's `secrets` made this delivery; an empty or missing secret never matches.

    `headers` are by name, in lower case.
    """
    return any(_matches(body, headers, secret.encode()) for secret in secrets if secret)


def _matches(body: bytes, headers: Mapping[bytes, bytes], secret: bytes) -> bool:
    signature = headers.get(b"x-vapi-signature", b"").removeprefix(b"sha256=")
    if signature and _is_hmac(signature, body, headers, secret):
        return True
    bearer = headers.get(b"authorization", b"")
    shared = (
        headers.get(b"x-vapi-secret", b""),
        bearer[len(b"bearer ") :] if bearer[: len(b"bearer ")].lower() == b"bearer " else b"",
        signature,  # an older page of Vapi's put the shared secret itself here
    )
    return any(candidate and hmac.compare_digest(candidate, secret) for candidate in shared)


def _is_hmac(signature: bytes, body: bytes, headers: Mapping[bytes, bytes], secret: bytes) -> bool:
    if hmac.compare_digest(signature, hmac.digest(secret, body, "sha256").hex().encode()):
        return True
    timestamp = headers.get(b"x-vapi-timestamp", b"") or headers.get(b"x-timestamp", b"")
    if not _is_fresh(timestamp):
        return False
    stamped = hmac.digest(secret, timestamp + b"." + body, "sha256").hex().encode()
    return hmac.compare_digest(signature, stamped)


def _is_fresh(timestamp: bytes) -> bool:
    """Within five minutes of now; Vapi does not say whether it sends seconds or milliseconds."""
    if not timestamp.isdigit() or len(timestamp) > 13:
        return False
    value = int(timestamp)
    seconds = value / 1000 if len(timestamp) == 13 else value
    return abs(time.time() - seconds) <= TIMESTAMP_TOLERANCE_SECONDS
