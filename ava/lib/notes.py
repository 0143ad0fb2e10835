"""Notes of what happened: kept in English, as in the logs, and read in the reader's language.

Their sentences are marked with `gettext_noop` where they are written.
"""

import re

from django.utils.translation import gettext

from ava.lib.bidi import isolate

# "openai: no answer in time (504)": who said it, what, and details that are the same in every language.
_NOTE = re.compile(r"\A((?P<who>\S+): )?(?P<what>.*?)( \((?P<details>[^()]*)\))?\Z", re.DOTALL)


def in_words(note: str) -> str:
    """The note with its sentence translated; what others wrote stays as it came."""
    return _NOTE.sub(_translated, note)


def _translated(found: re.Match[str]) -> str:
    who = f"{isolate(found['who'])}: " if found["who"] else ""
    details = f" ({isolate(found['details'])})" if found["details"] else ""
    return who + gettext(found["what"]) + details
