"""Everything an organization has, as one archive: its tables as JSON, its calls as CSV too, its recordings."""

import csv
import io
import json
import logging
import secrets
import tempfile
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from typing import IO, Any
from urllib.parse import urlsplit

from celery import current_app
from django.apps import apps
from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import IntegrityError, models, transaction
from django.utils import timezone, translation

from accounts.models import (
    DataExport,
    FileToDelete,
    Organization,
    PlatformSettings,
    TenantModel,
    TwilioCredential,
    User,
    VapiCredential,
    WebhookEndpoint,
)
from accounts.models.exports import ExportState
from accounts.views import section_url
from ava.lib import csv_files, mail, storage
from ava.lib.crypto import encrypted_fields
from ava.lib.doorbell import Messenger
from calls.models import Call
from telephony.models import TwilioSubaccount

logger = logging.getLogger(__name__)

GOOD_FOR = timedelta(hours=24)
TIME_LIMIT_SECONDS = 840  # below the broker's visibility timeout
LEASE = timedelta(seconds=TIME_LIMIT_SECONDS + 60)
MOST_ATTEMPTS = 4
PAUSE = timedelta(minutes=2)
# Keys and signed addresses are nobody's to take along; an archive is not in an archive.
LEFT_OUT = {DataExport, TwilioCredential, TwilioSubaccount, VapiCredential, WebhookEndpoint}
COLUMNS = (
    *("id", "started_at", "ended_at", "direction", "caller_number", "number", "status", "ended_reason"),
    *("duration_seconds", "summary", "cost", "currency"),
)


def _publish(export_id: int) -> None:
    current_app.send_task("onboarding.tasks.build_export", args=[export_id])


_messenger = Messenger(_publish, rest_seconds=5)


def request_export(*, organization: Organization, user: User) -> DataExport:
    """Have an archive put together; the one under way, or just ready, if there is one."""
    try:
        with transaction.atomic():
            export = organization.exports.create(requested_by=user)
    except IntegrityError:
        return organization.exports.latest("pk")
    transaction.on_commit(lambda: _messenger.send(export.pk))
    return export


def latest(organization: Organization) -> DataExport | None:
    """The archive that the page shows."""
    return organization.exports.select_related("requested_by").order_by("-pk").first()


def sweep() -> None:
    """Ring for what is due, and forget what is over."""
    now = timezone.now()
    due = DataExport.objects.unscoped().filter(state=ExportState.PENDING, due_at__lte=now)
    for export_id in due.values_list("pk", flat=True):
        _messenger.send(export_id)
    for export in DataExport.objects.unscoped().filter(expires_at__lte=now):
        try:
            storage.delete(PlatformSettings.load().place(export.file_provider), export.file_name)
        except (storage.StorageRefused, storage.StorageUnreachable) as error:
            logger.warning("Export %s could not be deleted: %s", export.pk, error)
        else:
            export.delete()


# --- Building ---------------------------------------------------------------------------------------------------------


def build(export_id: int) -> None:
    """Put the archive together, store it, tell who asked for it. Nothing to do when another has it."""
    now = timezone.now()
    due = DataExport.objects.unscoped().filter(pk=export_id, state=ExportState.PENDING, due_at__lte=now)
    if not due.update(due_at=now + LEASE, attempts=models.F("attempts") + 1):
        return
    export = DataExport.objects.unscoped().select_related("organization", "requested_by").get(pk=export_id)
    if export.attempts > MOST_ATTEMPTS:
        _note(export, state=ExportState.FAILED)
        return
    try:
        _build(export)
    except (storage.StorageRefused, storage.StorageUnreachable) as error:
        logger.warning("Export %s has to wait: %s", export.pk, error)
        is_over = export.attempts >= MOST_ATTEMPTS
        _note(export, state=ExportState.FAILED if is_over else ExportState.PENDING, due_at=timezone.now() + PAUSE)
    else:
        _tell(export)


def _build(export: DataExport) -> None:
    with tempfile.TemporaryFile() as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, allowZip64=True) as archive:
            _write_tables(archive, export.organization)
            _write_calls_csv(archive, export.organization)
            _write_recordings(archive, export)
        size_bytes = file.tell()
        file.seek(0)
        chosen = PlatformSettings.load()
        name = f"org/{export.organization_id}/exports/{secrets.token_urlsafe(24)}.zip"
        storage.save(chosen.place(chosen.storage_provider), name, file)
    values = {"file_name": name, "file_provider": chosen.storage_provider, "size_bytes": size_bytes}
    if not _note(export, state=ExportState.READY, expires_at=timezone.now() + GOOD_FOR, **values):
        FileToDelete.objects.create(name=name, provider=chosen.storage_provider)  # the account was closed meanwhile
    # One archive per organization: who asks again and again does not fill the storage.
    organization_archives = export.organization.exports.filter(pk__lt=export.pk, state=ExportState.READY)
    organization_archives.update(expires_at=timezone.now())


def _note(export: DataExport, **values: Any) -> int:
    return export.organization.exports.filter(pk=export.pk).update(**values)


def _write_tables(archive: zipfile.ZipFile, organization: Organization) -> None:
    own = {field.name: field.value_from_object(organization) for field in organization._meta.concrete_fields}
    archive.writestr("organization.json", _json({**own, "keys": _previews(organization)}))
    members = organization.memberships.select_related("user").order_by("pk")
    people = [
        {"email": one.user.email, "full_name": one.user.full_name, "locale": one.user.locale, "role": one.role}
        for one in members
    ]
    archive.writestr("members.json", _json(people))
    for name, rows in sorted(_tables(organization)):
        with archive.open(f"{name}.json", "w") as file:
            _write_rows(file, rows)


def _tables(organization: Organization) -> Iterator[tuple[str, models.QuerySet[Any]]]:
    """Each table of the tenant's, by the name under which the organization knows it."""
    for model in apps.get_models():
        if issubclass(model, TenantModel) and model not in LEFT_OUT:
            name = model._meta.get_field("organization").remote_field.get_accessor_name()
            yield str(name), model.objects.for_organization(organization)


def _write_rows(file: IO[bytes], rows: models.QuerySet[Any]) -> None:
    secret = {field.name for field in encrypted_fields(rows.model)} | {"organization"}
    fields = [field for field in rows.model._meta.concrete_fields if field.name not in secret]
    file.write(b"[")
    for number, row in enumerate(rows.order_by("pk").iterator(chunk_size=500)):
        values = {field.name: field.value_from_object(row) for field in fields}
        file.write((",\n" if number else "\n").encode() + _json(values).encode())
    file.write(b"\n]\n")


def _json(value: Any) -> str:
    return json.dumps(value, cls=DjangoJSONEncoder, ensure_ascii=False, indent=1)


def _previews(organization: Organization) -> dict[str, str]:
    vapi = VapiCredential.objects.for_organization(organization).defer("api_key").first()
    twilio = TwilioCredential.objects.for_organization(organization).defer("auth_token").first()
    return {name: row.preview for name, row in (("vapi", vapi), ("twilio", twilio)) if row}


def _write_calls_csv(archive: zipfile.ZipFile, organization: Organization) -> None:
    with archive.open("calls.csv", "w") as file, io.TextIOWrapper(file, "utf-8-sig", newline="") as text:
        writer = csv.writer(text)
        writer.writerow([*COLUMNS, "transcript"])
        for call in organization.calls.order_by("started_at", "pk").iterator(chunk_size=500):
            said = "\n".join(f"{line.get('role', '')}: {line.get('text', '')}" for line in call.transcript)
            writer.writerow([csv_files.cell(getattr(call, name)) for name in COLUMNS] + [csv_files.cell(said)])


def _write_recordings(archive: zipfile.ZipFile, export: DataExport) -> None:
    kept = export.organization.calls.exclude(recording_name="").order_by("started_at", "pk")
    _note(export, recordings_in_all=kept.count(), recordings_done=0)
    platform, missing = PlatformSettings.load(), []
    for done, call in enumerate(kept.defer("transcript").iterator(chunk_size=100), start=1):
        entry = zipfile.ZipInfo(_file_of(call), date_time=timezone.localtime(call.started_at).timetuple()[:6])
        with archive.open(entry, "w", force_zip64=True) as file:  # sound is packed already
            if not storage.copy(platform.place(call.recording_provider), call.recording_name, to=file):
                missing.append(str(call.pk))
        _note(export, recordings_done=done)
    if missing:
        archive.writestr("recordings/missing.txt", "\n".join(missing))


def _file_of(call: Call) -> str:
    extension = call.recording_name.rsplit(".", 1)[-1]
    return f"recordings/{call.started_at:%Y-%m-%d-%H%M%S}-{call.pk}.{extension}"


def _tell(export: DataExport) -> None:
    """A mail with the way to the page; whether it arrives changes nothing, the page has the archive."""
    person = export.requested_by
    if person is None or not person.is_active:
        return
    host = urlsplit(settings.PUBLIC_URL).hostname or "localhost"
    with translation.override(person.locale), timezone.override(person.timezone):
        context = {
            "url": settings.PUBLIC_URL + section_url("data"),
            "organization": export.organization,
            "until": timezone.now() + GOOD_FOR,
        }
        try:
            mail.send(
                to=person.email,
                template="export",
                language=person.locale,
                context=context,
                message_id=f"<export-{export.pk}@{host}>",
            )
        except (mail.MailRefused, mail.MailUnreachable) as error:
            logger.warning("Nobody could be told of export %s: %s", export.pk, error)
