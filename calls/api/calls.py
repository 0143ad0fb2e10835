"""A tenant's calls: page by page, one with all that was said, and its recording."""

import logging
import zoneinfo
from datetime import date, datetime, time, timedelta
from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import exceptions, serializers
from rest_framework.response import Response

from accounts.api.base import OrganizationRequest, OrganizationView
from ava.lib import storage
from ava.lib.api.pages import page_url
from ava.lib.api.problems import Problem
from ava.lib.api.schema import problem, shown_as
from ava.lib.api.serializers import MomentField, QuerySerializer
from calls import recordings, search
from calls.forms import FIRST_DAY, LAST_DAY
from calls.models import CallStatus, Direction, StepKind, StepState
from calls.recordings import RecordingState
from calls.search import Filters
from calls.views import LONGEST_SEARCH

logger = logging.getLogger(__name__)

TAGS = ["Calls"]
PAGE_SIZE, LARGEST_PAGE = 50, 100
SPEAKERS = [("assistant", "assistant"), ("user", "user")]
WITH_RECORDING_STEP = {"recording_step": recordings.STEP}
EXAMPLE = {
    "id": "5c1b9a56-0f3c-4c56-9a0d-0c5f3a3a8f11",
    "vapi_call_id": "01a11046-dd86-77ed-9b36-0f06acaef2cc",
    "direction": "inbound",
    "caller_number": "+33639980017",
    "number": "+33199004512",
    "started_at": "2026-10-06T08:14:36Z",
    "ended_at": "2026-10-06T08:16:01Z",
    "duration_seconds": 85,
    "status": "completed",
    "ended_reason": "customer-ended-call",
    "summary": "Nadia Ferrand moves her appointment to Thursday at ten.",
    "cost": 0.0871,
    "currency": "USD",
    "recording": "ready",
}
WHOLE_EXAMPLE = {
    **EXAMPLE,
    "transcript": [
        {"role": "assistant", "text": "Cabinet Delmas, bonjour.", "seconds": 1.4},
        {"role": "user", "text": "Je voudrais déplacer mon rendez-vous.", "seconds": 4.9},
    ],
    "processing": [{"kind": "recording", "state": "done"}, {"kind": "email", "state": "done"}],
}


class CallsQuerySerializer(QuerySerializer):
    status = serializers.ListField(
        child=serializers.ChoiceField(CallStatus.choices),
        required=False,
        max_length=len(CallStatus),
        help_text="One or several of them: status=missed&status=voicemail",
    )
    direction = serializers.ChoiceField(Direction.choices, required=False)
    number = serializers.CharField(max_length=64, required=False, trim_whitespace=False, help_text="What was dialled")
    caller = serializers.CharField(max_length=64, required=False, trim_whitespace=False, help_text="Who called")
    has_recording = serializers.BooleanField(required=False)
    search = serializers.CharField(
        max_length=LONGEST_SEARCH,
        required=False,
        allow_blank=True,
        help_text="Words that were said, or stand in the summary, or in the caller's number",
    )
    cursor = serializers.CharField(
        max_length=300, required=False, help_text="From next or previous; goes with the same other parameters"
    )
    page_size = serializers.IntegerField(min_value=1, max_value=LARGEST_PAGE, default=PAGE_SIZE)

    def get_fields(self) -> dict[str, serializers.Field]:
        """`from` is a word of Python's, so the two days are named here."""
        days = [MinValueValidator(FIRST_DAY), MaxValueValidator(LAST_DAY)]
        words = "The %s day, in your time zone"
        return {
            **super().get_fields(),
            "from": serializers.DateField(required=False, validators=days, help_text=words % "first"),
            "to": serializers.DateField(required=False, validators=days, help_text=words % "last"),
        }

    def filters(self, timezone: str) -> Filters:
        """What is asked for, by the days of a time zone."""
        asked, zone = self.validated_data, zoneinfo.ZoneInfo(timezone)
        return Filters(
            statuses=asked.get("status", ()),
            direction=asked.get("direction", ""),
            number=_dialled(asked.get("number", "")),
            caller=_dialled(asked.get("caller", "")),
            since=_midnight(asked["from"], zone) if "from" in asked else None,
            until=_midnight(asked["to"] + timedelta(days=1), zone) if "to" in asked else None,
            has_recording=asked.get("has_recording"),
        )


class CallSerializer(serializers.Serializer):
    """Of a call with its `recording_step`."""

    id = serializers.UUIDField()
    vapi_call_id = serializers.CharField()
    direction = serializers.ChoiceField(Direction.choices)
    caller_number = serializers.CharField(help_text="Empty when it was hidden")
    number = serializers.CharField(help_text="What was dialled")
    started_at = MomentField()
    ended_at = MomentField(allow_null=True)
    duration_seconds = serializers.IntegerField(allow_null=True)
    status = serializers.ChoiceField(CallStatus.choices)
    ended_reason = serializers.CharField(help_text="As Vapi calls it")
    summary = serializers.CharField()
    cost = serializers.FloatField(allow_null=True)
    currency = serializers.CharField()
    recording = serializers.SerializerMethodField()

    @extend_schema_field(serializers.ChoiceField(RecordingState.choices))
    def get_recording(self, call: Any) -> str:
        return recordings.state_of(call, step=call.recording_step).value


class LineSerializer(serializers.Serializer):
    role = serializers.ChoiceField(SPEAKERS)
    text = serializers.CharField()
    seconds = serializers.FloatField(allow_null=True, help_text="Since the call began; null when nobody said")


class ProcessingSerializer(serializers.Serializer):
    kind = serializers.ChoiceField(StepKind.choices)
    state = serializers.ChoiceField(StepState.choices)


@shown_as(WHOLE_EXAMPLE)
class WholeCallSerializer(CallSerializer):
    transcript = LineSerializer(many=True)
    processing = ProcessingSerializer(many=True, source="steps", help_text="What is done after the call")


@shown_as({"results": [EXAMPLE], "next": "https://ava.example/api/v1/calls?cursor=b.MTI", "previous": None})
class CallPageSerializer(serializers.Serializer):
    results = CallSerializer(many=True)
    next = serializers.URLField(allow_null=True, help_text="The page of older calls")
    previous = serializers.URLField(allow_null=True, help_text="The page of newer calls")


@shown_as({"url": "https://ava.example/recordings/eyJjYWxs", "expires_at": "2026-10-06T09:05:00Z"})
class LinkSerializer(serializers.Serializer):
    url = serializers.URLField(help_text="Whoever has it can listen; it takes Range requests")
    expires_at = MomentField()


class CallsView(OrganizationView):
    @extend_schema(
        summary="Your calls",
        tags=TAGS,
        parameters=[CallsQuerySerializer],
        responses={200: CallPageSerializer, 400: problem("A parameter is not right; `errors` names it")},
    )
    def get(self, request: OrganizationRequest) -> Response:
        """The newest first, without what was said. Follow `next` to the older ones."""
        asked = CallsQuerySerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        try:
            page = search.find_calls(
                request.organization,
                words=asked.validated_data.get("search", ""),
                cursor=asked.validated_data.get("cursor", ""),
                size=asked.validated_data["page_size"],
                filters=asked.filters(request.user.timezone),
                extra=WITH_RECORDING_STEP,
            )
        except search.BadCursor:
            error = exceptions.ErrorDetail(_("This cursor is of no page. Begin without one."), "invalid_cursor")
            raise exceptions.ValidationError({"cursor": [error]}) from None
        answer = {
            "results": page.calls,
            "next": page_url(request, page.next_cursor),
            "previous": page_url(request, page.previous_cursor),
        }
        return Response(CallPageSerializer(answer).data)


class CallView(OrganizationView):
    @extend_schema(summary="One call", tags=TAGS, responses=WholeCallSerializer)
    def get(self, request: OrganizationRequest, pk: str) -> Response:
        """With the conversation, and what became of each part of the work after it."""
        calls = request.organization.calls.annotate(**WITH_RECORDING_STEP).prefetch_related("steps")
        return Response(WholeCallSerializer(get_object_or_404(calls, pk=pk)).data)


class RecordingView(OrganizationView):
    @extend_schema(
        summary="A link to a call's recording",
        tags=TAGS,
        responses={
            200: LinkSerializer,
            404: problem("No such call, or none recorded (`no_recording`)"),
            503: problem("The storage does not open it (`storage_refused`)"),
        },
    )
    def get(self, request: OrganizationRequest, pk: str) -> Response:
        """The link is good for a few minutes: ask for it when somebody wants to listen, and keep it nowhere."""
        call = get_object_or_404(request.organization.calls, pk=pk)
        if not call.recording_name:
            raise Problem(404, "no_recording", _("There is no recording of this call."))
        try:
            link = recordings.link_outside(call)
        except storage.StorageRefused as error:
            logger.error("The recording of call %s cannot be opened: %s", call.pk, error)
            words = _("The recording cannot be opened at the moment. Its storage needs the operator's care.")
            raise Problem(503, "storage_refused", words) from None
        return Response(LinkSerializer(link).data)


def _dialled(typed: str) -> str:
    """A plus sign that nobody encoded arrives as a space."""
    return f"+{typed.strip()}" if typed.startswith(" ") else typed.strip()


def _midnight(day: date, zone: zoneinfo.ZoneInfo) -> datetime:
    return datetime.combine(day, time.min, zone)
