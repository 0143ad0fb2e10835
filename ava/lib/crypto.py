"""Encrypted model fields: Fernet over the keys in `FIELD_ENCRYPTION_KEYS`, the newest first.

`django-fernet-fields-v2` does the work. Its classes are repaired here (`bulk_update` would encrypt the text of the
SQL expression instead of the secret) and taught to rotate, so nothing else imports the library.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from functools import cached_property
from typing import Any

import fernet_fields
import lz4.block
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db import connection, models, transaction
from fernet_fields.hkdf import derive_fernet_key

__all__ = [
    "EncryptedBytesField",
    "EncryptedTextField",
    "InvalidToken",
    "encrypted_fields",
    "reseal",
    "rotate",
    "seal",
    "unseal",
]

ROTATION_BATCH_ROWS = 500
# What is sealed inside somebody else's column begins so; anything else there is in clear.
SEALED = "fernet:"


class _Repaired:
    """Shared by the encrypted fields: leaves SQL expressions alone and can re-encrypt a stored token."""

    fernet: Any
    fernet_keys: list[bytes]

    def get_db_prep_save(self, value: Any, connection: Any) -> Any:
        if hasattr(value, "as_sql"):  # from bulk_update() or update(F(...))
            return value
        return super().get_db_prep_save(value, connection)  # type: ignore[misc]

    @cached_property
    def _rotator(self) -> MultiFernet:
        return MultiFernet([Fernet(key) for key in self.fernet_keys])

    def rotate(self, token: bytes) -> bytes:
        """The same secret under the newest key. Raises InvalidToken when no known key opens it."""
        return self._rotator.rotate(bytes(token))


class EncryptedTextField(_Repaired, fernet_fields.EncryptedTextField):
    """A text that is only ever in clear inside the process."""


class EncryptedBytesField(_Repaired, fernet_fields.EncryptedField, models.BinaryField):
    """Bytes, compressed and then encrypted: a webhook's raw body as it arrived."""

    def get_db_prep_save(self, value: Any, connection: Any) -> Any:
        if value is None or hasattr(value, "as_sql"):
            return value
        return connection.Database.Binary(self.seal(value))

    def from_db_value(self, value: Any, expression: Any, connection: Any, *args: Any) -> bytes | None:
        return None if value is None else lz4.block.decompress(self.fernet.decrypt(urlsafe_b64encode(value)))

    def to_python(self, value: Any) -> Any:
        return value

    def seal(self, value: bytes) -> bytes:
        """The stored form of `value`: a Fernet token, without the third that its base64 would add."""
        return urlsafe_b64decode(self.fernet.encrypt(lz4.block.compress(value)))

    def rotate(self, token: bytes) -> bytes:
        """The same bytes under the newest key."""
        return urlsafe_b64decode(super().rotate(urlsafe_b64encode(token)))


def seal(text: str) -> str:
    """`text` under the newest key, for a place that is no field of ours, such as a library's JSON."""
    return SEALED + _cipher().encrypt(text.encode()).decode()


def unseal(kept: str) -> str:
    """What was sealed; a text that never was is given back. Raises InvalidToken when no known key opens it."""
    return _cipher().decrypt(kept.removeprefix(SEALED)).decode() if kept.startswith(SEALED) else kept


def reseal(kept: str) -> str:
    """The same text under the newest key, whether it was sealed or in clear. Raises InvalidToken."""
    return seal(unseal(kept))


def _cipher() -> MultiFernet:
    return MultiFernet([Fernet(derive_fernet_key(key)) for key in settings.FERNET_KEYS])


def encrypted_fields(model: type[models.Model]) -> list[Any]:
    """The encrypted fields of a model, as they stand in its own table."""
    return [field for field in model._meta.local_fields if isinstance(field, _Repaired)]


def rotate(model: type[models.Model]) -> int:
    """Re-encrypt every secret of a model under the newest key; return how many were written.

    Runs while the system runs and may be stopped and run again: a row is only replaced if nobody changed it since it
    was read, and each batch is its own transaction. Raises InvalidToken when a row's key is no longer known.
    """
    return sum(_rotate_field(model, field) for field in encrypted_fields(model))


def _rotate_field(model: type[models.Model], field: Any) -> int:
    quote = connection.ops.quote_name
    table, key, column = quote(model._meta.db_table), quote(model._meta.pk.column), quote(field.column)
    written, last_key = 0, None
    while True:
        after = "" if last_key is None else f"AND {key} > %s"
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(  # only quoted identifiers are put into the text
                f"SELECT {key}, {column} FROM {table} WHERE {column} IS NOT NULL {after} "  # noqa: S608
                f"ORDER BY {key} LIMIT {ROTATION_BATCH_ROWS}",
                [] if last_key is None else [last_key],
            )
            rows = cursor.fetchall()
            for row_key, token in rows:
                cursor.execute(
                    f"UPDATE {table} SET {column} = %s WHERE {key} = %s AND {column} = %s",  # noqa: S608
                    [field.rotate(token), row_key, token],
                )
                written += cursor.rowcount
        if len(rows) < ROTATION_BATCH_ROWS:
            return written
        last_key = rows[-1][0]
