"""Reading a webhook's body without trusting what is said of its size."""

from django.conf import settings
from django.http import HttpRequest
from django.http.request import RawPostDataException, UnreadablePostError


class BodyRefused(Exception):
    """The body is not taken; `status` and `reason` are what the sender is told."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason


def read(request: HttpRequest) -> bytes:
    """The raw bytes, at most `WEBHOOK_MAX_BYTES`. Raises BodyRefused (400, 413, 415).

    A declared length over the cap is refused before a byte is read; a chunked body while it is read.
    """
    if request.META.get("HTTP_CONTENT_ENCODING", "identity").lower() not in {"", "identity"}:
        raise BodyRefused(415, "Content-Encoding is not accepted")
    limit = settings.WEBHOOK_MAX_BYTES
    chunked = "chunked" in request.META.get("HTTP_TRANSFER_ENCODING", "").lower()
    if _declared_length(request) > limit:
        raise BodyRefused(413, "Too large")
    try:
        # Django takes a body without a declared length for empty; the server has undone the chunks.
        body = request.META["wsgi.input"].read(limit + 1) if chunked else request.read(limit + 1)
    except (UnreadablePostError, RawPostDataException, OSError):
        raise BodyRefused(400, "The body could not be read") from None
    if len(body) > limit:
        raise BodyRefused(413, "Too large")
    return body


def _declared_length(request: HttpRequest) -> int:
    try:
        return int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        raise BodyRefused(400, "Content-Length is not a number") from None
