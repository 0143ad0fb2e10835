"""The calls' pages: list, one call, its recording."""

import logging
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import BinaryIO

from django.core.files.storage import Storage
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.tenancy import TenantRequest, organization_required
from ava.lib import storage
from calls import exports, recordings, search
from calls.forms import CallFilterForm
from calls.models import Call, ProcessingStep, StepState

logger = logging.getLogger(__name__)

CHUNK_BYTES = 64 * 1024
# An end may be told of before the report.
REPORT_COMES_WITHIN = timedelta(minutes=5)
LONGEST_SEARCH = 100
AUDIO_TYPES = {
    "flac": "audio/flac",
    "m4a": "audio/mp4",
    "mp3": "audio/mpeg",
    "ogg": "audio/ogg",
    "wav": "audio/wav",
    "webm": "audio/webm",
}
_RANGE = re.compile(r"bytes=([0-9]{0,15})-([0-9]{0,15})")


@require_safe
@organization_required
def call_list(request: TenantRequest) -> HttpResponse:
    """All calls, newest first, or those that are searched for."""
    words, form, cursor = _words(request), CallFilterForm(request.GET), request.GET.get("cursor", "")
    try:
        page = search.find_calls(request.organization, words=words, cursor=cursor, filters=form.filters)
    except search.BadCursor:
        cursor = ""
        page = search.find_calls(request.organization, words=words, filters=form.filters)
    context = {"page": page, "words": words, "form": form, "query": form.query(words), "is_first": not cursor}
    return render(request, "calls/list.html", context)


@require_safe
@organization_required
def export(request: TenantRequest) -> StreamingHttpResponse:
    """The same calls as the list's, all of them, for a spreadsheet."""
    text = exports.csv_of(request.organization, words=_words(request), filters=CallFilterForm(request.GET).filters)
    response = StreamingHttpResponse(text, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="calls-{timezone.localdate():%Y-%m-%d}.csv"'
    return response


def _words(request: TenantRequest) -> str:
    return request.GET.get("q", "").replace("\x00", "").strip()[:LONGEST_SEARCH]


@require_safe
@organization_required
def detail(request: TenantRequest, pk: str) -> HttpResponse:
    """One call: player, conversation, summary, cost, and what became of each part."""
    # The parts are read before the call: one that ends in between is then shown as busy, and the page comes again.
    steps = list(ProcessingStep.objects.filter(call__organization=request.organization, call_id=pk))
    call = get_object_or_404(request.organization.calls, pk=pk)
    return render(request, "calls/detail.html", {"call": call, "steps": steps, "refreshes": _is_going_on(call, steps)})


def _is_going_on(call: Call, steps: list[ProcessingStep]) -> bool:
    """Whether more of the call is to come: its end, its report (with which its parts begin), or the end of a part."""
    if not call.has_ended or any(step.state in {StepState.PENDING, StepState.RUNNING} for step in steps):
        return True
    return not steps and (call.ended_at or call.created_at) > timezone.now() - REPORT_COMES_WITHIN


@require_safe
@organization_required
def ringing(request: TenantRequest, vapi_call_id: str) -> HttpResponse:
    """Wait for a call that has just been placed, then show it."""
    call = request.organization.calls.filter(vapi_call_id=vapi_call_id).first()
    if call and call.has_ended:
        return redirect(call)
    return render(request, "calls/ringing.html", {"call": call, "refreshes": True})


@require_safe
@organization_required
def recording(request: TenantRequest, pk: str) -> HttpResponse:
    """The way to a call's recording: a link that lives a few minutes, only for the call's own people."""
    call = get_object_or_404(request.organization.calls, pk=pk)
    if not call.recording_name:
        raise Http404
    try:
        response = redirect(recordings.link(call))
    except storage.StorageRefused as error:  # the operator has taken the bucket's key away
        logger.error("The recording of call %s cannot be opened: %s", call.pk, error)
        raise Http404 from None
    response["Cache-Control"] = "private, no-store"
    return response


@require_safe
def recording_file(request: HttpRequest, token: str) -> HttpResponseBase:
    """A recording on this machine's disk for whoever holds a fresh signed link; in ranges too, so players can seek."""
    name, disk = storage.unsign(token), storage.disk()
    if name is None or not disk.exists(name):
        raise Http404
    size = disk.size(name)
    span = _span(request.headers.get("Range", ""), size)
    response = _partial(disk, name, span, size) if span else FileResponse(disk.open(name))
    response["Content-Type"] = AUDIO_TYPES.get(name.rsplit(".", 1)[-1], "application/octet-stream")
    response["Accept-Ranges"] = "bytes"
    response["Cache-Control"] = "private, no-store"
    response["X-Content-Type-Options"] = "nosniff"
    return response


def _span(header: str, size: int) -> tuple[int, int] | None:
    """First and last byte of a single satisfiable range, else None: then the whole file is sent."""
    match = _RANGE.fullmatch(header.strip())
    if match is None or not any(match.groups()):
        return None
    first, last = match.groups()
    if not first:  # the last so many bytes
        start, end = max(0, size - int(last)), size - 1
    else:
        start, end = int(first), min(int(last), size - 1) if last else size - 1
    return (start, end) if start <= end else None


def _partial(disk: Storage, name: str, span: tuple[int, int], size: int) -> StreamingHttpResponse:
    start, end = span
    file = disk.open(name)
    file.seek(start)
    response = StreamingHttpResponse(_chunks(file, end - start + 1), status=206)  # type: ignore[arg-type]
    response["Content-Range"] = f"bytes {start}-{end}/{size}"
    response["Content-Length"] = str(end - start + 1)
    return response


def _chunks(file: BinaryIO, left: int) -> Iterator[bytes]:
    with file:
        while left > 0 and (chunk := file.read(min(CHUNK_BYTES, left))):
            left -= len(chunk)
            yield chunk
