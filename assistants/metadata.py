"""What a client of the API keeps with its assistant: a JSON object that Ava only carries to Vapi."""

import json
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

LARGEST_BYTES = 16 * 1024
DEEPEST = 5
# JSON's readers agree on whole numbers up to here. https://www.rfc-editor.org/rfc/rfc8259#section-6
LARGEST_NUMBER = 2**53 - 1


def clean(value: Any) -> dict[str, Any]:
    """The object, if the database and Vapi give it back as it is. Raises ValidationError."""
    if not isinstance(value, dict):
        raise ValidationError(_("Metadata is a JSON object."))
    _check(value)
    if len(json.dumps(value, ensure_ascii=False).encode()) > LARGEST_BYTES:
        raise ValidationError(_("At most %(most)s bytes, please.") % {"most": LARGEST_BYTES})
    return value


def _check(value: Any, depth: int = 1) -> None:
    if isinstance(value, dict | list):
        if depth > DEEPEST:
            raise ValidationError(_("At most %(most)s levels, please.") % {"most": DEEPEST})
        for one in [*value, *value.values()] if isinstance(value, dict) else value:
            _check(one, depth + 1)
    elif isinstance(value, str) and not _is_writable(value):
        raise ValidationError(_("Letters that cannot be kept are among the texts."))
    elif isinstance(value, int | float) and not abs(value) <= LARGEST_NUMBER:
        raise ValidationError(_("Numbers to %(most)s at most, please.") % {"most": LARGEST_NUMBER})


def _is_writable(text: str) -> bool:
    """PostgreSQL keeps neither NUL nor half a letter."""
    return "\0" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)
