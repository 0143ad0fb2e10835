"""The words that a call is found by, and those that somebody looks for.

A word is kept as "<organization's id>:<word>": a tenant's words are its own keys of the index, so a search costs what
that tenant's matches cost, whatever all others have said. A caller's number is kept as "#" and its digits from each
place on, so that digits are found anywhere in it by their beginning.
"""

import re
from collections.abc import Iterator
from itertools import islice

from ava.lib import fulltext
from calls.models import Call, SearchEntry

MOST_WORDS = 5000  # of one call: PostgreSQL takes a megabyte of them
MOST_TERMS = 12
FEWEST_DIGITS = 3
MOST_DIGITS = 20
# A number as people write it, in one piece or in groups, or else a word.
_TERM = re.compile(r"(?<!\w)(?P<number>[+(]*\d[\d\s().\-/]*\d(?!\w))|\w+")


def remember(call: Call) -> None:
    """Let the call be found by what it says now."""
    SearchEntry.objects.bulk_create(
        [SearchEntry(call=call, started_at=call.started_at, words=words_of(call))],
        update_conflicts=True,
        unique_fields=["call"],
        update_fields=["started_at", "words"],
    )


def words_of(call: Call) -> list[str]:
    """Those of the summary, of all that was said, and of the caller's number."""
    said = (str(line.get("text") or "") for line in call.transcript)
    words = dict.fromkeys(fulltext.words_in(" ".join([call.caller_number, call.summary, *said])))
    parts = [*_endings(call.caller_number), *islice(words, MOST_WORDS)]
    return [f"{call.organization_id}:{part}" for part in parts]


def _endings(number: str) -> Iterator[str]:
    digits = _digits(number)[:MOST_DIGITS]
    for start in range(len(digits) - FEWEST_DIGITS + 1):
        yield f"#{digits[start:]}"


def _digits(text: str) -> str:
    return "".join(character for character in text if character in "0123456789")


def asked_for(text: str, *, organization_id: int) -> list[list[str]]:
    """What to look up for a text as people type it, for `words__holds`: each word, the last one by its beginning.

    Empty when there is nothing in it that could be looked up.
    """
    terms: list[list[str]] = []
    for match in _TERM.finditer(fulltext.fold(text)):
        numbers = _numbers(match["number"] or "")
        terms += [[word, *numbers] for word in fulltext.words_in(match[0])]
    if terms := terms[:MOST_TERMS]:
        terms[-1][0] += "*"
    return [[f"{organization_id}:{word}" for word in term] for term in terms]


def _numbers(text: str) -> list[str]:
    """The digits as a part of a caller's number; at home, people write a 0 in the country code's place."""
    digits = _digits(text.replace("(0)", ""))[:MOST_DIGITS]
    written = dict.fromkeys([digits, digits.lstrip("0")])
    return [f"#{digits}*" for digits in written if len(digits) >= FEWEST_DIGITS]
