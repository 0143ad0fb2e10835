"""Words that rows are found by: folded in Python, kept as a `tsvector` by PostgreSQL and as plain text elsewhere."""

import re
import unicodedata
from collections.abc import Sequence
from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

LONGEST_WORD = 40
_WORD = re.compile(r"\w+")


def fold(text: str) -> str:
    """Without case, accents and vowel points: "Élodie" and "elodie" are one word, and so are "שָׁלוֹם" and "שלום"."""
    if text.isascii():
        return text.lower()
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return "".join(character for character in plain if not unicodedata.combining(character))


def words_in(text: str) -> list[str]:
    """The words of a text, folded, in their order; of very long ones the beginning."""
    return [word[:LONGEST_WORD] for word in _WORD.findall(fold(text))]


class WordsField(models.Field):
    """A set of words, given as a list. `words__holds=[["a", "b*"], ["c"]]` asks for (a or something in b…) and c.

    Words contain neither spaces, quotes, backslashes nor `*`. The value is for looking up and is not read back.
    """

    description = "A set of words to look up"

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        return "tsvector" if connection.vendor == "postgresql" else "text"

    def get_placeholder(self, value: Any, compiler: Any, connection: BaseDatabaseWrapper) -> str:
        """Words go in as they are: PostgreSQL's own parser of texts is left out."""
        return "array_to_tsvector(%s::text[])" if connection.vendor == "postgresql" else "%s"

    def get_db_prep_value(self, value: Any, connection: BaseDatabaseWrapper, prepared: bool = False) -> Any:
        return list(value) if connection.vendor == "postgresql" else f" {' '.join(value)} "


@WordsField.register_lookup
class Holds(models.Lookup):
    """Every one of these groups has a word in the set; a word that ends in `*` stands for all that begin so."""

    lookup_name = "holds"
    prepare_rhs = False
    rhs: Sequence[Sequence[str]]

    def as_sql(self, compiler: Any, connection: BaseDatabaseWrapper) -> tuple[str, list[Any]]:
        words, parameters = self.process_lhs(compiler, connection)
        groups, values = [], []
        for group in self.rhs:
            groups.append("(" + " OR ".join([f"instr({words}, %s) > 0"] * len(group)) + ")")
            for word in group:
                values += [*parameters, f" {word[:-1]}" if word.endswith("*") else f" {word} "]
        return " AND ".join(groups), values

    def as_postgresql(self, compiler: Any, connection: BaseDatabaseWrapper) -> tuple[str, list[Any]]:
        words, parameters = self.process_lhs(compiler, connection)
        groups = (" | ".join(_quoted(word) for word in group) for group in self.rhs)
        return f"{words} @@ %s::tsquery", [*parameters, " & ".join(f"({group})" for group in groups)]


def _quoted(word: str) -> str:
    return f"'{word[:-1]}':*" if word.endswith("*") else f"'{word}'"
