"""A call's recording: fetched from Vapi, kept where the operator says, opened by short-lived links.

https://docs.vapi.ai/assistants/retrieve-call-artifacts
"""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import BinaryIO, cast
from urllib.parse import urljoin

from django.conf import settings
from django.db import models
from django.db.models import OuterRef, Subquery
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_noop

from accounts import credentials
from accounts.models import PlatformSettings
from accounts.models.platform_settings import StorageProvider
from ava.clients.errors import NotFound, ProviderError, Refused, Unreachable
from ava.lib import fetch, storage
from ava.lib.audio import sniff_audio
from calls.models import Call, ProcessingStep, StepKind, StepState
from calls.processing import GiveUp, Outcome, TryLater, hold, reports_of
from calls.webhooks.reports import CallReport, merge

DOWNLOAD_SECONDS = 60
SNIFFED_BYTES = 512
# About twenty minutes in all: Vapi's recordings come late, or never.
ATTEMPTS_WHILE_MISSING = 7
IN_MEMORY_BYTES = 2_000_000
# To be annotated to calls as `recording_step`: how far the step is that fetches the recording.
STEP = Subquery(ProcessingStep.objects.filter(call=OuterRef("pk"), kind=StepKind.RECORDING).values("state")[:1])


class RecordingState(models.TextChoices):
    """What there is to be heard of a call."""

    PENDING = "pending"
    READY = "ready"
    NONE = "none"
    FAILED = "failed"


@dataclass(frozen=True)
class Link:
    """A whole address, and until when it opens the recording."""

    url: str
    expires_at: datetime


def store(step: ProcessingStep) -> Outcome:
    """Fetch the recording and keep it under a name that a repeat meets again. Raises TryLater, GiveUp, ClaimLost."""
    call = step.call
    if call.recording_name:
        return Outcome(StepState.DONE)
    told = merge(reports_of(call))
    with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY_BYTES) as spooled:
        file = cast(BinaryIO, spooled)
        size_bytes = _fetch(call, told, file, attempts=step.attempts)
        if size_bytes is None:
            return Outcome(StepState.SKIPPED, gettext_noop("no recording"))
        file.seek(0)
        kind = sniff_audio(file.read(SNIFFED_BYTES))
        if kind is None:
            raise GiveUp(gettext_noop("what was sent is not audio"))
        file.seek(0)
        content_type, extension = kind
        name = f"org/{call.organization_id}/calls/{call.pk}.{extension}"
        hold(step)  # sending it on takes its time too, and its tenant may be gone
        provider = _save(name, file)
    _remember(call, name=name, provider=provider, content_type=content_type, size_bytes=size_bytes)
    return Outcome(StepState.DONE)


def _fetch(call: Call, told: CallReport, file: BinaryIO, *, attempts: int) -> int | None:
    """Write the recording into `file`; its size, or None when there is none to be had."""
    refusals = []
    for url in _links(call, told):
        file.seek(0)
        file.truncate()
        try:
            return fetch.download(
                url,
                to=file,
                max_bytes=settings.RECORDING_MAX_BYTES,
                deadline_seconds=DOWNLOAD_SECONDS,
                trusted_origins=settings.TRUSTED_FETCH_ORIGINS,
            ).size_bytes
        except fetch.TooLarge as error:
            raise GiveUp(str(error)) from None
        except fetch.FetchError as error:
            refusals.append(error)
        except OSError as error:
            raise TryLater(gettext_noop("The file could not be written") + f" ({type(error).__name__})") from None
    _nothing_came(refusals, attempts=attempts)
    return None


def _links(call: Call, told: CallReport) -> Iterator[str]:
    """Where the recording may be, the best first: the presigned link, a fresh one from the API, the plain address."""
    if told.presigned_url and not _is_over(told.presigned_until):
        yield told.presigned_url
    if told.vapi_org_id or told.assistant_id or told.phone_number_id or not told.recording_url:
        try:
            yield credentials.vapi_client(call.organization).mono_recording_location(call.vapi_call_id)
        except NotFound:
            pass  # not ready yet, or never recorded
        except Unreachable:
            raise TryLater(gettext_noop("Vapi cannot be reached")) from None
        except Refused as error:
            if not told.recording_url:
                raise GiveUp(str(error)) from None
        except (ProviderError, credentials.MissingCredential):
            pass  # the plain address is left
    if told.recording_url:
        yield told.recording_url


def _is_over(until: datetime | None) -> bool:
    return until is not None and until < timezone.now() + timedelta(seconds=5)


def _nothing_came(refusals: list[fetch.FetchError], *, attempts: int) -> None:
    """Returns when there is no recording to be had; raises TryLater or GiveUp when there may be, or should be."""
    unsafe = [refusal for refusal in refusals if isinstance(refusal, fetch.UnsafeUrl)]
    if refusals and len(unsafe) == len(refusals):
        raise GiveUp(str(refusals[-1]))
    if any(refusal.retryable for refusal in refusals):
        raise TryLater(str(refusals[-1]))
    if attempts < ATTEMPTS_WHILE_MISSING:
        raise TryLater(gettext_noop("the recording is not ready yet"))
    if refusals:
        raise GiveUp(str(refusals[-1]))


def _save(name: str, file: BinaryIO) -> str:
    """Keep the file where new recordings go; with which provider that is."""
    try:
        chosen = PlatformSettings.load()
        storage.save(chosen.place(chosen.storage_provider), name, file)
    except storage.StorageRefused as error:
        raise GiveUp(str(error)) from None
    except storage.StorageUnreachable as error:
        raise TryLater(str(error)) from None
    return chosen.storage_provider


def _remember(call: Call, *, name: str, provider: str, content_type: str, size_bytes: int) -> None:
    Call.objects.for_organization(call.organization_id).filter(pk=call.pk).update(
        recording_name=name,
        recording_provider=provider,
        recording_content_type=content_type,
        recording_size_bytes=size_bytes,
    )


def link(call: Call) -> str:
    """A signed address of the recording, good for a few minutes. Only for who may see the call: check that first."""
    if call.recording_provider == StorageProvider.GCS:
        return PlatformSettings.load().place(StorageProvider.GCS).url(call.recording_name)
    return reverse("recording-file", args=[storage.sign(call.recording_name)])


def link_outside(call: Call) -> Link:
    """The signed address for programs. Only for who may see the call. Raises StorageRefused."""
    expires_at = timezone.now() + timedelta(seconds=settings.RECORDING_LINK_SECONDS)
    return Link(urljoin(settings.PUBLIC_URL, link(call)), expires_at)


def state_of(call: Call, *, step: str | None) -> RecordingState:
    """What there is to be heard of a call whose recording's step is `step` (None: there is none)."""
    if call.recording_name:
        return RecordingState.READY
    if not call.has_ended or step in {StepState.PENDING, StepState.RUNNING}:
        return RecordingState.PENDING
    return RecordingState.FAILED if step == StepState.FAILED else RecordingState.NONE
