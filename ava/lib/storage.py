"""Where recordings lie: on this machine's disk or in a GCS bucket; reached by short-lived links only."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from functools import lru_cache
from typing import IO, Any, BinaryIO

from django.conf import settings
from django.core import signing
from django.core.files.base import File
from django.core.files.storage import FileSystemStorage, Storage
from django.utils.translation import gettext_noop

from ava.lib.storage_errors import StorageRefused, StorageUnreachable

__all__ = ["StorageRefused", "StorageUnreachable", "bucket", "copy", "delete", "disk", "save", "sign", "unsign"]

_SALT = "recording-link"


def disk() -> Storage:
    """The folder of recordings under `DATA_DIR`; saving a name again replaces the file."""
    return FileSystemStorage(location=settings.DATA_DIR / "recordings", allow_overwrite=True)


@lru_cache(maxsize=4)
def bucket(name: str, credentials_json: str) -> Storage:
    """A GCS bucket opened with a service account's JSON. Raises StorageRefused when that cannot be one."""
    from ava.lib import gcs  # noqa: PLC0415  see there

    return gcs.bucket(name, credentials_json)


def save(storage: Storage, name: str, content: BinaryIO) -> None:
    """Store a file under exactly this name; repeating it leaves one. Raises StorageRefused, StorageUnreachable."""
    with _in_plain_words(storage):
        storage.save(name, File(content, name=name))


def copy(storage: Storage, name: str, to: IO[bytes]) -> bool:
    """Write a stored file into another; False when it is not there. Raises StorageRefused, StorageUnreachable."""
    with _in_plain_words(storage):
        try:
            with storage.open(name) as stored:
                for chunk in stored.chunks():
                    to.write(chunk)
        except FileNotFoundError:
            return False
    return True


def delete(storage: Storage, name: str) -> None:
    """Forget a stored file, also one that is gone already. Raises StorageRefused, StorageUnreachable."""
    with _in_plain_words(storage), suppress(FileNotFoundError):
        storage.delete(name)


@contextmanager
def _in_plain_words(storage: Storage) -> Iterator[None]:
    try:
        with nullcontext() if isinstance(storage, FileSystemStorage) else _google_in_plain_words():
            yield
    except OSError as error:  # disk full, network gone
        raise StorageUnreachable(gettext_noop("The file could not be written") + f" ({type(error).__name__})") from None


def _google_in_plain_words() -> AbstractContextManager[None]:
    from ava.lib import gcs  # noqa: PLC0415  see there

    return gcs.in_plain_words()


def sign(name: str) -> str:
    """A token that opens one file on disk for `RECORDING_LINK_SECONDS`."""
    return signing.dumps(name, salt=_SALT, compress=False)


def unsign(token: str) -> str | None:
    """The file a token opens, or None when it is forged or too old."""
    try:
        name: Any = signing.loads(token, salt=_SALT, max_age=settings.RECORDING_LINK_SECONDS)
    except signing.BadSignature:
        return None
    return name if isinstance(name, str) else None
