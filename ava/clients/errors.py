"""What can go wrong with an outside service, told apart by what the caller can do about it."""

from __future__ import annotations


class ProviderError(Exception):
    """A provider did not do what was asked.

    `provider` is a short name ("vapi"), `status` the HTTP status or None when there was no answer, `code` the
    provider's own error code or "", `message` its words with every secret already taken out.
    """

    retryable = False

    def __init__(self, provider: str, message: str, status: int | None = None, code: str = "") -> None:
        super().__init__(provider, message, status, code)
        self.provider = provider
        self.message = message
        self.status = status
        self.code = code

    def __str__(self) -> str:
        details = " ".join(str(part) for part in (self.status, self.code) if part)
        return f"{self.provider}: {self.message}" + (f" ({details})" if details else "")


class Refused(ProviderError):
    """The key is not accepted (401, 403). Nothing helps but another key."""


class GrantEnded(Refused):
    """The person took back what they had allowed, or it has run out. Nothing helps but asking them again."""


class Misconfigured(ProviderError):
    """The provider says our request or object is wrong (other 4xx). Repeating it changes nothing."""


class NotFound(Misconfigured):
    """The object does not exist, or not any more (404)."""


class Unreachable(ProviderError):
    """No usable answer: time-out, broken connection, 429, 5xx, or not what was promised. Try again later."""

    retryable = True


def error_for_status(status: int) -> type[ProviderError]:
    """Which error an HTTP status of 300 or more means, for every provider alike."""
    if status in (401, 403):
        return Refused
    if status == 404:
        return NotFound
    # 408 and 425 say "not now"; a redirect of an API is never an answer.
    if status < 400 or status in (408, 425, 429) or status >= 500:
        return Unreachable
    return Misconfigured
