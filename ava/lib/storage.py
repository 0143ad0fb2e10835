"""Where recordings lie: on this machine's disk or in a GCS bucket; reached by short-lived links only."""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import lru_cache
from typing import IO, Any, BinaryIO

from django.conf import settings
from django.core import signing
from django.core.files.base import File
from django.core.files.storage import FileSystemStorage, Storage
from django.utils.translation import gettext_noop
from google.api_core.exceptions import ClientError, GoogleAPIError, NotFound
from google.auth.exceptions import GoogleAuthError
from google.cloud.exceptions import GoogleCloudError
from google.oauth2 import service_account
from storages.backends.gcloud import GoogleCloudStorage

_SALT = "recording-link"
_PERMANENT = {400, 401, 403, 404}


class StorageRefused(Exception):
    """The storage says no, and will until the operator changes its settings."""


class StorageUnreachable(Exception):
    """The storage does not answer, or the disk is full; worth another try."""


def disk() -> Storage:
    """The folder of recordings under `DATA_DIR`; saving a name again replaces the file."""
    return FileSystemStorage(location=settings.DATA_DIR / "recordings", allow_overwrite=True)


@lru_cache(maxsize=4)
def bucket(name: str, credentials_json: str) -> Storage:
    """A GCS bucket opened with a service account's JSON. Raises StorageRefused when that cannot be one."""
    try:
        info = json.loads(credentials_json)
        credentials = service_account.Credentials.from_service_account_info(info)
    except (ValueError, KeyError, TypeError, AttributeError, GoogleAuthError):
        raise StorageRefused(gettext_noop("The service-account JSON is not one")) from None
    return GoogleCloudStorage(
        bucket_name=name,
        project_id=info.get("project_id"),
        credentials=credentials,
        querystring_auth=True,
        expiration=timedelta(seconds=settings.RECORDING_LINK_SECONDS),
        file_overwrite=True,
        default_acl=None,
    )


def save(storage: Storage, name: str, content: BinaryIO) -> None:
    """Store a file under exactly this name; repeating it leaves one. Raises StorageRefused, StorageUnreachable."""
    with _in_plain_words():
        storage.save(name, File(content, name=name))


def copy(storage: Storage, name: str, to: IO[bytes]) -> bool:
    """Write a stored file into another; False when it is not there. Raises StorageRefused, StorageUnreachable."""
    with _in_plain_words():
        try:
            with storage.open(name) as stored:
                for chunk in stored.chunks():
                    to.write(chunk)
        except (FileNotFoundError, NotFound):
            return False
    return True


def delete(storage: Storage, name: str) -> None:
    """Forget a stored file, also one that is gone already. Raises StorageRefused, StorageUnreachable."""
    with _in_plain_words(), suppress(FileNotFoundError, NotFound):
        storage.delete(name)


@contextmanager
def _in_plain_words() -> Iterator[None]:
    try:
        yield
    except (ClientError, GoogleCloudError) as error:
        if getattr(error, "code", None) in _PERMANENT:
            raise StorageRefused(gettext_noop("The storage refused the file") + f" ({error.code})") from None
        raise StorageUnreachable(gettext_noop("The storage did not take the file") + f" ({error.code})") from None
    except (GoogleAPIError, GoogleAuthError) as error:
        refused = gettext_noop("The storage refused the service account")
        raise StorageRefused(f"{refused} ({type(error).__name__})") from None
    except OSError as error:  # disk full, network gone
        raise StorageUnreachable(gettext_noop("The file could not be written") + f" ({type(error).__name__})") from None


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
