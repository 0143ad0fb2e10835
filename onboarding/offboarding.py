"""Closing an account: Ava off the phone, numbers given back, then everything deleted. Pressing again goes on."""

import logging
from datetime import timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import credentials
from accounts.models import FileToDelete, Organization, PlatformSettings, User
from accounts.plans import locked
from assistants import calendars, sync
from assistants.models import Studio
from ava.clients.errors import ProviderError
from ava.lib import storage
from telephony import pool, routing

logger = logging.getLogger(__name__)

BATCH_FILES = 500
LONGEST_WAIT = timedelta(hours=6)


class NotClosed(Exception):
    """Something outside could not be undone; `str()` says what, translated. Nothing of the tenant's is deleted yet."""


def words_to_type(organization: Organization, user: User) -> str:
    """What the person types to show that they mean it: the organization's name, or their address if it has none."""
    return organization.name.strip() or user.email


def close(*, organization: Organization, anyway: bool = False) -> None:
    """Undo everything outside, then delete everything here. Raises NotClosed; what is undone stays so.

    With `anyway` a provider that refuses holds nobody back: its side is left as it is, for its owner to tidy up.
    """
    problems = [*_release_numbers(organization), *_delete_assistant(organization)]
    if problems and not anyway:
        raise NotClosed(" ".join(problems))
    for problem in problems:
        logger.warning("Organization %s is closed although: %s", organization.pk, problem)
    for connection in organization.calendar_connections.defer("access_token", "refresh_token"):
        calendars.disconnect(organization=organization, provider=connection.provider)
    _delete(organization)


def _release_numbers(organization: Organization) -> list[str]:
    problems = []
    for number in organization.numbers.order_by("pk"):
        try:
            routing.detach(number)
        except (ProviderError, credentials.MissingCredential) as error:
            what = _("The number %(number)s could not be released.") % {"number": number.number}
            problems.append(f"{what} {credentials.explain(error)}")
    if not problems:
        Studio.objects.for_organization(organization).update(is_active=False)
    return problems


def _delete_assistant(organization: Organization) -> list[str]:
    studio = Studio.objects.for_organization(organization).exclude(vapi_id="").first()
    if studio is None:
        return []
    try:
        sync.remove(studio)
    except (ProviderError, credentials.MissingCredential) as error:
        sentence = _("The assistant could not be deleted at Vapi.")  # in an f-string it would not be extracted
        return [f"{sentence} {credentials.explain(error)}"]
    return []


@transaction.atomic
def _delete(organization: Organization) -> None:
    """The tenant with all its rows, and the people who belong nowhere else. Files go soon after, by `delete_files`."""
    organization = locked(organization)
    pool.release_number(organization=organization)
    FileToDelete.objects.bulk_create(_files_of(organization), batch_size=BATCH_FILES)
    lonely = list(_only_here(organization).values_list("pk", flat=True))
    organization.delete()
    User.objects.filter(pk__in=lonely).delete()


def _files_of(organization: Organization) -> list[FileToDelete]:
    recordings = organization.calls.exclude(recording_name="").values_list("recording_provider", "recording_name")
    archives = organization.exports.exclude(file_name="").values_list("file_provider", "file_name")
    return [FileToDelete(provider=provider, name=name) for provider, name in [*recordings, *archives]]


def _only_here(organization: Organization) -> QuerySet[User]:
    elsewhere = User.objects.filter(memberships__in=_other_memberships(organization))
    return organization.members.filter(is_staff=False, is_superuser=False).exclude(pk__in=elsewhere.values("pk"))


def _other_memberships(organization: Organization) -> QuerySet:
    through = organization.memberships.model
    return through.objects.exclude(organization=organization)


def delete_files() -> int:
    """Delete what closed accounts left in the storage; returns how many files went. What fails is tried again."""
    platform, gone = PlatformSettings.load(), 0
    for file in FileToDelete.objects.filter(due_at__lte=timezone.now()).order_by("due_at")[:BATCH_FILES]:
        try:
            storage.delete(platform.place(file.provider), file.name)
        except (storage.StorageRefused, storage.StorageUnreachable) as error:
            logger.warning("A file of a closed account could not be deleted: %s", error)
            file.attempts, file.problem = file.attempts + 1, str(error)[:200]
            file.due_at = timezone.now() + min(LONGEST_WAIT, timedelta(minutes=2**file.attempts))
            file.save(update_fields=["attempts", "problem", "due_at"])
        else:
            file.delete()
            gone += 1
    return gone
