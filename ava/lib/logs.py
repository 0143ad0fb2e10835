"""Keep secrets out of the logs, whoever writes them."""

import logging
import re

_PATTERNS = [
    re.compile(r"(?i)(bearer|basic)\s+[\w.~+/=-]{8,}"),
    re.compile(r"\bsk_\w{8,}"),
    re.compile(r"\bya29\.[\w-]{8,}"),
    re.compile(r"\bwhsec_[\w+/=-]{8,}"),
    re.compile(r"(?i)(?<=/webhooks/vapi/)(?!call-completed)[\w-]{8,}"),
    re.compile(r"(?i)\b(?:x-amz-signature|x-goog-signature|x-amz-security-token|signature)=[\w%./+-]+"),
    re.compile(
        r"(?i)(?:(?:auth|access|refresh)_?token|code_verifier|api_?key|secret|password)[\"']?\s*[=:]\s*[\"']?[^\s\"',}]{4,}"
    ),
]


def redact(text: str) -> str:
    """The text without what looks like a secret."""
    for pattern in _PATTERNS:
        text = pattern.sub("[redacted]", text)
    return text


class RedactingFilter(logging.Filter):
    """Redacts a record's message and its traceback before they are written."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = redact(record.getMessage()), None
        if record.exc_info and not record.exc_text:
            record.exc_text = redact(logging.Formatter().formatException(record.exc_info))
        return True
