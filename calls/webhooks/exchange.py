"""What comes in and what goes back: a delivery whose size nobody is believed about, and the answer to it."""

import asyncio
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.conf import settings

BODY_SECONDS = 15
# All bodies that are being read at one time, in one process: senders without a signature are read, too.
MOST_BYTES_HELD = 64_000_000


@dataclass(frozen=True)
class Answer:
    """A response of a few bytes."""

    status: int
    content: bytes
    content_type: bytes = b"text/plain; charset=utf-8"
    headers: tuple[tuple[bytes, bytes], ...] = ()


RECEIVED = Answer(200, b'{"received": true}', b"application/json")
NOT_FOUND = Answer(404, b"Not found")
INVALID_SIGNATURE = Answer(401, b"Invalid signature")
TRY_AGAIN = Answer(503, b"Try again", headers=((b"retry-after", b"2"),))


class Refused(Exception):
    """The delivery is not taken; `answer` is what the sender is told."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.content.decode())
        self.answer = answer


class Delivery:
    """One request, its body unread."""

    _held = 0

    def __init__(self, scope: Any, receive: Any) -> None:
        self._scope, self._receive = scope, receive

    @cached_property
    def headers(self) -> dict[bytes, bytes]:
        """By name in lower case; of a name that is given twice, the last."""
        return dict(self._scope["headers"])

    async def read(self) -> bytes:
        """The raw bytes, at most `WEBHOOK_MAX_BYTES`. Raises Refused (400, 408, 413, 415, 503).

        A declared length over the cap is refused before a byte is read; a chunked body while it is read.
        """
        if self.headers.get(b"content-encoding", b"identity").lower() not in {b"", b"identity"}:
            raise Refused(Answer(415, b"Content-Encoding is not accepted"))
        if self._declared_length > settings.WEBHOOK_MAX_BYTES:
            raise Refused(Answer(413, b"Too large"))
        try:
            async with asyncio.timeout(BODY_SECONDS):
                return await self._read_parts()
        except TimeoutError:
            raise Refused(Answer(408, b"Too slow")) from None

    @property
    def _declared_length(self) -> int:
        declared = self.headers.get(b"content-length", b"")
        if declared and not declared.isdigit():
            raise Refused(Answer(400, b"Content-Length is not a number"))
        return int(declared or 0)

    async def _read_parts(self) -> bytes:
        parts: list[bytes] = []
        size, is_over = 0, False
        try:
            while not is_over:
                message = await self._receive()
                if message["type"] == "http.disconnect":
                    raise Refused(Answer(400, b"The body could not be read"))
                part = message.get("body", b"")
                parts.append(part)
                size += len(part)
                Delivery._held += len(part)
                if size > settings.WEBHOOK_MAX_BYTES:
                    raise Refused(Answer(413, b"Too large"))
                if Delivery._held > MOST_BYTES_HELD:
                    raise Refused(TRY_AGAIN)
                is_over = not message.get("more_body", False)
        finally:
            Delivery._held -= size
        return b"".join(parts)
