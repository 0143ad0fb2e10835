"""Text of two directions in one line: which way a text runs, and the invisible marks that keep its parts whole."""

import unicodedata

from django.utils.translation import get_language_bidi

_RIGHT_TO_LEFT = {"R", "AL"}
_LEFT_TO_RIGHT_MARK, _RIGHT_TO_LEFT_MARK = "\u200e", "\u200f"


def direction(text: str) -> str:
    """ "rtl" or "ltr", by most of a text's letters: a Hebrew sentence may well begin with a Latin name."""
    kinds = [unicodedata.bidirectional(letter) for letter in text]
    return "rtl" if sum(kind in _RIGHT_TO_LEFT for kind in kinds) > kinds.count("L") else "ltr"


def isolate(text: str) -> str:
    """A run that is read from left to right, for plain text; marked only where the line runs the other way."""
    return f"\u2066{text}\u2069" if get_language_bidi() else text


def plain_span(start: str, end: str) -> str:
    """From one time to another, the earlier one first in every language."""
    return isolate(f"{start}–{end}")


def opening_mark(text: str) -> str:
    """What a line of plain text begins with so that it runs as `text` does; nothing where it does so anyway."""
    if direction(text) == "rtl":
        return _RIGHT_TO_LEFT_MARK
    return _LEFT_TO_RIGHT_MARK if get_language_bidi() else ""
