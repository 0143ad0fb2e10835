"""A GCS bucket. Only where there is one is this imported: Google's libraries are a sixth of a process's start."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.conf import settings
from django.utils.translation import gettext_noop
from google.api_core.exceptions import ClientError, GoogleAPIError
from google.auth.exceptions import GoogleAuthError
from google.cloud.exceptions import GoogleCloudError
from google.oauth2 import service_account
from storages.backends.gcloud import GoogleCloudStorage

from ava.lib.storage_errors import StorageRefused, StorageUnreachable

_PERMANENT = {400, 401, 403, 404}


def bucket(name: str, credentials_json: str) -> GoogleCloudStorage:
    """Open a bucket with a service account's JSON. Raises StorageRefused when that cannot be one."""
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


@contextmanager
def in_plain_words() -> Iterator[None]:
    """What Google's libraries raise becomes StorageRefused or StorageUnreachable."""
    try:
        yield
    except (ClientError, GoogleCloudError) as error:
        if getattr(error, "code", None) in _PERMANENT:
            raise StorageRefused(gettext_noop("The storage refused the file") + f" ({error.code})") from None
        raise StorageUnreachable(gettext_noop("The storage did not take the file") + f" ({error.code})") from None
    except (GoogleAPIError, GoogleAuthError) as error:
        refused = gettext_noop("The storage refused the service account")
        raise StorageRefused(f"{refused} ({type(error).__name__})") from None
