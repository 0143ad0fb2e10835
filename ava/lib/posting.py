"""Posting to an address a stranger gave us: as carefully as `fetch` downloads, once, and following nobody."""

import http.client
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from ava.lib import fetch

CHUNK_BYTES = 16 * 1024


@dataclass(frozen=True)
class Answer:
    """What came back: the status, the beginning of the body, and how long the header Retry-After asks to wait."""

    status: int
    body: bytes
    retry_after_seconds: float


def check(url: str, *, trusted_origins: frozenset[str] = frozenset()) -> None:
    """Whether `url` can be posted to as things stand now. Raises UnsafeUrl, or FetchFailed for an unknown host."""
    target = fetch.parse(url, trusted_origins)
    fetch.addresses_of(target, trusted=target.origin in trusted_origins)


def post(
    url: str,
    *,
    body: bytes,
    headers: Mapping[str, str],
    deadline_seconds: float,
    max_answer_bytes: int,
    trusted_origins: frozenset[str] = frozenset(),
) -> Answer:
    """POST these very bytes, within `deadline_seconds` in all; redirects and refusals are answers like others.

    Only https on port 443 of public hosts, except for `trusted_origins` (see `fetch.download`). At most
    `max_answer_bytes` of the answer are read. Once the status is known, a body that breaks off changes nothing.
    Raises UnsafeUrl, FetchFailed.
    """
    deadline = fetch.Deadline(deadline_seconds)
    target = fetch.parse(url, trusted_origins)
    addresses = fetch.addresses_of(target, trusted=target.origin in trusted_origins)
    with fetch.ask(target, addresses, deadline, body=body, headers=headers) as response:
        deadline.left()  # headers that a connection cut by ourselves has ended say nothing
        read = _beginning(response, target.host, deadline, max_answer_bytes)
        return Answer(response.status, read, _seconds(response.getheader("Retry-After") or ""))


def _seconds(retry_after: str) -> float:
    """A number of seconds or a date, as seconds from now; 0 for anything else."""
    text = retry_after.strip()
    if text.isascii() and text.isdecimal():
        return float(text[:9])
    with suppress(ValueError, TypeError, OverflowError):
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    return 0.0


def _beginning(response: http.client.HTTPResponse, host: str, deadline: fetch.Deadline, most: int) -> bytes:
    read = b""
    with suppress(fetch.FetchFailed):
        while len(read) < most:
            with fetch.network_errors(host, deadline):
                chunk = response.read1(min(CHUNK_BYTES, most - len(read)))
            if not chunk:
                break
            read += chunk
    return read
