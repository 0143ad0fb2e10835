"""Webhooks out over the API: receivers, what was sent to them, and examples of what is sent."""

from datetime import datetime
from typing import Any

from django.shortcuts import get_object_or_404
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.response import Response

from accounts.api.base import OrganizationRequest, OrganizationView, VersionedView
from ava.lib.api.pages import page_url
from ava.lib.api.problems import Problem
from ava.lib.api.schema import problem, shown_as
from ava.lib.api.serializers import DescribedField, MomentField, QuerySerializer, StrictSerializer, take_nothing
from calls.api.calls import EXAMPLE as CALL
from calls.hooks import delivery, endpoints, samples
from calls.hooks.messages import send_test
from calls.models import (
    LONGEST_HOOK_URL,
    CallStatus,
    DeliveryState,
    Direction,
    DisabledReason,
    HookDelivery,
    HookEndpoint,
    HookType,
)
from calls.recordings import RecordingState

TAGS = ["Webhooks"]
PAGE_SIZE, LARGEST_PAGE = 50, 100
LARGEST_ID = 2**63 - 1
EXAMPLE = {"url": "https://hooks.zapier.com/hooks/standard/1/abc/", "types": ["call.completed", "call.missed"]}
OFF = problem("The receiver is switched off (`endpoint_disabled`)")
MANY = problem(f"There are {endpoints.MOST_ENDPOINTS} receivers already (`too_many_endpoints`)")
ANSWER = {
    **EXAMPLE,
    "id": 5,
    "description": "Appointments",
    "header_name": "",
    "is_enabled": True,
    "disabled_reason": None,
    "disabled_at": None,
    "created_at": "2026-10-05T09:00:00Z",
}
# Of a call, what is sent is what the API shows of it but the cost, and where its page is.
SAMPLE = {
    "type": "call.completed",
    "timestamp": CALL["ended_at"],
    "data": {
        **{name: value for name, value in CALL.items() if name not in {"cost", "currency"}},
        "url": f"https://ava.example/calls/{CALL['id']}/",
    },
}
DELIVERY = {
    "id": 81,
    "endpoint": 5,
    "message_id": "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W",
    "type": "call.completed",
    "call": "5c1b9a56-0f3c-4c56-9a0d-0c5f3a3a8f11",
    "created_at": "2026-10-06T08:16:09Z",
    "state": "delivered",
    "attempts": 1,
    "next_try_at": None,
    "delivered_at": "2026-10-06T08:16:10Z",
    "status_code": 200,
    "answer": "ok",
    "error": "",
}


class NewHookSerializer(StrictSerializer):
    url = DescribedField(
        described={"pattern": "^https://"},
        max_length=LONGEST_HOOK_URL,
        help_text="A public address that begins with https://",
    )
    description = serializers.CharField(max_length=200, required=False, allow_blank=True)
    types = serializers.ListField(
        child=serializers.ChoiceField(endpoints.CHOOSABLE),
        required=False,
        max_length=len(endpoints.CHOOSABLE),
        help_text="What it is told of; none means all",
    )
    header_name = serializers.CharField(
        max_length=100, required=False, allow_blank=True, help_text="For receivers that check no signatures"
    )
    header_value = serializers.CharField(
        max_length=500, required=False, allow_blank=True, write_only=True, help_text="Never shown again"
    )


class HookChangeSerializer(NewHookSerializer):
    is_enabled = serializers.BooleanField(required=False)


@shown_as(ANSWER)
class HookSerializer(serializers.Serializer):
    id = serializers.IntegerField()
    url = serializers.CharField()
    description = serializers.CharField()
    types = serializers.ListField(child=serializers.ChoiceField(endpoints.CHOOSABLE), help_text="None means all")
    header_name = serializers.CharField(help_text="Empty when there is none")
    is_enabled = serializers.BooleanField()
    disabled_reason = serializers.SerializerMethodField()
    disabled_at = MomentField(allow_null=True)
    created_at = MomentField()

    @extend_schema_field(serializers.ChoiceField(DisabledReason.choices, allow_null=True))
    def get_disabled_reason(self, endpoint: HookEndpoint) -> str | None:
        """Nothing while it is on."""
        return endpoint.disabled_reason or None


@shown_as({**ANSWER, "secret": "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"})
class HookSecretSerializer(HookSerializer):
    secret = serializers.CharField(help_text="What messages are signed with; shown in this answer and never again")


@shown_as(DELIVERY)
class DeliverySerializer(serializers.Serializer):
    id = serializers.IntegerField()
    endpoint = serializers.IntegerField(source="endpoint_id")
    message_id = serializers.CharField(source="message.public_id", help_text="What was sent as webhook-id")
    type = serializers.ChoiceField(HookType.choices, source="message.type")
    call = serializers.UUIDField(source="message.call_id", allow_null=True)
    created_at = MomentField(source="message.created_at")
    state = serializers.ChoiceField(DeliveryState.choices)
    attempts = serializers.IntegerField()
    next_try_at = serializers.SerializerMethodField()
    delivered_at = MomentField(allow_null=True)
    status_code = serializers.IntegerField(allow_null=True, help_text="What the receiver answered last")
    answer = serializers.CharField(help_text="The beginning of its answer")
    error = serializers.SerializerMethodField(help_text="What went wrong, in a sentence; empty when nothing did")

    @extend_schema_field(MomentField(allow_null=True))
    def get_next_try_at(self, row: HookDelivery) -> datetime | None:
        """Only what waits is tried again."""
        return row.due_at if row.state == DeliveryState.PENDING else None

    def get_error(self, row: HookDelivery) -> str:
        """In the reader's language."""
        return _(row.error) if row.error else ""


@shown_as({"results": [DELIVERY], "next": "https://ava.example/api/v1/webhooks/deliveries?cursor=81"})
class DeliveryPageSerializer(serializers.Serializer):
    results = DeliverySerializer(many=True)
    next = serializers.URLField(allow_null=True, help_text="The page of older ones")


class DeliveriesQuerySerializer(QuerySerializer):
    endpoint = serializers.IntegerField(min_value=1, max_value=LARGEST_ID, required=False)
    state = serializers.ChoiceField(DeliveryState.choices, required=False)
    cursor = serializers.IntegerField(min_value=1, max_value=LARGEST_ID, required=False, help_text="From next")
    page_size = serializers.IntegerField(min_value=1, max_value=LARGEST_PAGE, default=PAGE_SIZE)


class SampleQuerySerializer(QuerySerializer):
    type = serializers.ChoiceField(endpoints.CHOOSABLE, default=HookType.COMPLETED.value)


class ToldCallSerializer(serializers.Serializer):
    """What an event tells of its call (`hooks.messages.data_of`)."""

    id = serializers.UUIDField()
    vapi_call_id = serializers.CharField()
    direction = serializers.ChoiceField(Direction.choices)
    caller_number = serializers.CharField()
    number = serializers.CharField()
    started_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)
    duration_seconds = serializers.IntegerField(allow_null=True)
    status = serializers.ChoiceField(CallStatus.choices)
    ended_reason = serializers.CharField()
    summary = serializers.CharField()
    recording = serializers.ChoiceField(RecordingState.choices)
    url = serializers.URLField()


@shown_as(SAMPLE)
class EventSampleSerializer(serializers.Serializer):
    type = serializers.ChoiceField(endpoints.CHOOSABLE)
    timestamp = serializers.DateTimeField()
    data = ToldCallSerializer()  # type: ignore[assignment]  # a field called as an attribute of serializers


class HooksView(OrganizationView):
    """Where calls are told outside is the managers' matter, as on the settings' page."""

    managers_only = True

    def handle_exception(self, exc: Exception) -> Response:
        """What cannot be done as things stand."""
        if isinstance(exc, endpoints.NotPossible):
            exc = Problem(409, exc.code, str(exc))
        return super().handle_exception(exc)


@method_decorator(sensitive_variables(), name="post")
class EndpointsView(HooksView):
    @extend_schema(summary="The receivers", tags=TAGS, responses=HookSerializer(many=True))
    def get(self, request: OrganizationRequest) -> Response:
        """The addresses that are told of calls, without their secrets."""
        rows = endpoints.of(request.organization).order_by("pk")
        return Response(HookSerializer(rows, many=True).data)

    @extend_schema(
        summary="Add a receiver",
        tags=TAGS,
        request=NewHookSerializer,
        responses={201: HookSecretSerializer, 409: MANY},
        examples=[OpenApiExample("A hook of Zapier", EXAMPLE, request_only=True)],
    )
    def post(self, request: OrganizationRequest) -> Response:
        """An `url` is enough. The secret is in this answer and is never shown again."""
        given = NewHookSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        endpoint = endpoints.add_endpoint(organization=request.organization, **given.validated_data)
        return Response(HookSecretSerializer(endpoint).data, status=201)


@method_decorator(sensitive_variables(), name="patch")
class EndpointView(HooksView, VersionedView):
    @extend_schema(summary="A receiver", tags=TAGS, responses=HookSerializer)
    def get(self, request: OrganizationRequest, pk: int) -> Response:
        """Without its secrets."""
        return self.show(request)

    @extend_schema(
        summary="Change a receiver",
        tags=TAGS,
        request=HookChangeSerializer,
        responses=HookSerializer,
        examples=[OpenApiExample("Switched off", {"is_enabled": False}, request_only=True)],
    )
    def patch(self, request: OrganizationRequest, pk: int) -> Response:
        """What is left out stays. Switched off, it gets nothing, also not what waits; on again, it gets what comes.

        A header's value stays while its name does; an empty name removes both.
        """
        endpoint = _endpoint(request, pk)
        given = HookChangeSerializer(data=request.data, partial=True)
        given.is_valid(raise_exception=True)
        is_enabled = given.validated_data.pop("is_enabled", None)
        values = endpoints.clean_change(endpoint, **given.validated_data)
        return self.change(request, lambda: _keep(_endpoint(request, pk), values, is_enabled))

    @extend_schema(summary="Remove a receiver", tags=TAGS, responses={204: None})
    def delete(self, request: OrganizationRequest, pk: int) -> Response:
        """And what was still to be sent to it."""
        endpoints.remove_endpoint(_endpoint(request, pk))
        return Response(status=204)

    def represent(self, request: OrganizationRequest) -> Any:
        """As it stands in the database now."""
        return HookSerializer(_endpoint(request, self.kwargs["pk"])).data


@method_decorator(sensitive_variables(), name="post")
class RotateView(HooksView):
    @extend_schema(
        summary="Give a receiver a new secret", tags=TAGS, request=None, responses={200: HookSecretSerializer}
    )
    def post(self, request: OrganizationRequest, pk: int) -> Response:
        """It is in this answer and is never shown again. For 24 hours messages are signed with the old one, too."""
        take_nothing(request.data)
        endpoint = _endpoint(request, pk)
        secret = endpoints.rotate_secret(endpoint)
        return Response({**HookSerializer(endpoint).data, "secret": secret})


class SendTestView(HooksView):
    @extend_schema(summary="Send a test event", tags=TAGS, request=None, responses={200: DeliverySerializer, 409: OFF})
    def post(self, request: OrganizationRequest, pk: int) -> Response:
        """Sent in the background: what became of it is among the deliveries."""
        take_nothing(request.data)
        return Response(DeliverySerializer(send_test(_endpoint(request, pk))).data)


class DeliveriesView(HooksView):
    @extend_schema(
        summary="What was sent",
        tags=TAGS,
        parameters=[DeliveriesQuerySerializer],
        responses={200: DeliveryPageSerializer, 400: problem("A parameter is not right; `errors` names it")},
    )
    def get(self, request: OrganizationRequest) -> Response:
        """The newest first, for 30 days. Follow `next` to the older ones."""
        query = DeliveriesQuerySerializer(data=request.query_params)
        query.is_valid(raise_exception=True)
        asked, size = query.validated_data, query.validated_data["page_size"]
        columns = {"endpoint": "endpoint_id", "state": "state", "cursor": "pk__lt"}
        wanted = {column: asked[name] for name, column in columns.items() if name in asked}
        found = list(delivery.of(request.organization).filter(**wanted)[: size + 1])
        cursor = str(found[size - 1].pk) if len(found) > size else ""
        page = {"results": found[:size], "next": page_url(request, cursor)}
        return Response(DeliveryPageSerializer(page).data)


class ResendView(HooksView):
    @extend_schema(
        summary="Send an event again",
        tags=TAGS,
        request=None,
        responses={
            200: DeliverySerializer,
            409: problem("Its receiver is switched off (`endpoint_disabled`), or it is under way (`delivery_running`)"),
        },
    )
    def post(self, request: OrganizationRequest, pk: int) -> Response:
        """Under the same `message_id`, with all its tries."""
        take_nothing(request.data)
        rows = delivery.of(request.organization)
        delivery.resend(get_object_or_404(rows, pk=pk))
        return Response(DeliverySerializer(get_object_or_404(rows, pk=pk)).data)


class SampleView(HooksView):
    @extend_schema(
        summary="An example of an event",
        tags=TAGS,
        parameters=[SampleQuerySerializer],
        responses={200: EventSampleSerializer(many=True), 400: problem("There is no such type")},
    )
    def get(self, request: OrganizationRequest) -> Response:
        """A list of one, as Zapier asks for it when a trigger is set up. The call in it never was."""
        asked = SampleQuerySerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        return Response([samples.sample_of(HookType(asked.validated_data["type"]))])


def _endpoint(request: OrganizationRequest, pk: int) -> HookEndpoint:
    return get_object_or_404(endpoints.of(request.organization), pk=pk)


def _keep(endpoint: HookEndpoint, values: dict[str, Any], is_enabled: bool | None) -> None:
    endpoints.change_endpoint(endpoint, values)
    if is_enabled is not None and is_enabled != endpoint.is_enabled:
        (endpoints.enable if is_enabled else endpoints.disable)(endpoint)
