"""The copy of a payload that people may see: no tokens, no signed links, no prompts.

Vapi's payloads echo the Twilio token, server headers and the system prompt, in several places each.
"""

import math
import re
from typing import Any
from urllib.parse import urlsplit

from calls.webhooks.values import clean

REDACTED = "[redacted]"
PROMPT = "[prompt]"
_SECRET_KEY = re.compile(
    r"(?i)(token|secret|password|api_?key|credential(s|json)?$|authorization|headers|private_?key|controlurl|listenurl)"
)
_PROMPT_KEY = re.compile(r"(?i)system_?prompt$")
_NOT_SECRET = re.compile(r"(?i)(tokens|maxtokens|credentialid|credentialids)$")
_MOST_DIGITS = 300


def redact(value: Any, key: str = "") -> Any:
    """A copy of JSON `value`, safe to store and to show. Dotted keys (`phoneNumber.twilioAuthToken`) count too."""
    if _is_secret(key) and value not in (None, "", [], {}):
        return REDACTED
    if _PROMPT_KEY.search(key) and value:
        return PROMPT
    if isinstance(value, dict):
        return _redact_object(value)
    if isinstance(value, list):
        return [redact(item) for item in value]
    if isinstance(value, str):
        return _redact_text(clean(value))
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > _MOST_DIGITS:
        return None
    return value


def _is_secret(key: str) -> bool:
    last = key.rsplit(".", 1)[-1]
    return bool(_SECRET_KEY.search(last)) and not _NOT_SECRET.search(last)


def _redact_object(value: dict[str, Any]) -> dict[str, Any]:
    is_prompt = value.get("role") == "system"
    return {
        clean(str(key)): PROMPT if is_prompt and key in ("message", "content") else redact(item, str(key))
        for key, item in value.items()
    }


def _redact_text(value: str) -> str:
    """A link loses its query: that is where a presigned one keeps its signature."""
    if "://" in value[:12] and "?" in value:
        try:
            return urlsplit(value)._replace(query=REDACTED, fragment="").geturl()
        except ValueError:
            return REDACTED
    return value
