"""The assistant as Vapi has it. There is one per organization: it is made of the studio."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import Http404
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from accounts import credentials
from accounts.api.base import OrganizationRequest, OrganizationView
from accounts.models import Organization
from assistants import activation, metadata, studio, sync
from assistants.api.studio import VAPI_ID, HundredthsField, cleaned
from assistants.api.syncing import LATEST, REFUSALS, SyncSerializer, send_saved, sync_of, told
from assistants.forms import LONGEST_GREETING, LONGEST_TEXT
from assistants.models import Studio
from ava.lib.api.schema import shown_as
from ava.lib.api.serializers import DescribedField, StrictSerializer
from telephony import numbers

TAGS = ["Assistant"]
EXAMPLE = {
    "name": "Ava Assistant",
    "instructions": "Tu es une secrétaire…",
    "phoneNumber": "+14155550199",
    "firstMessage": "Bonjour !",
    "voice": {"provider": "azure", "voiceId": "en-US-JennyNeural"},
    "model": {"provider": "openai", "model": "gpt-4o-mini", "temperature": 0.7},
    "metadata": {"created_from": "onboarding"},
}


class AssistantVoiceSerializer(StrictSerializer):
    provider = serializers.CharField(source="voice_provider", required=False)
    voiceId = serializers.CharField(source="voice_id", required=False)


class AssistantModelSerializer(StrictSerializer):
    provider = serializers.CharField(source="model_provider", required=False)
    model = serializers.CharField(source="model_name", required=False)
    temperature = HundredthsField(required=False, min_value=0, max_value=2)


@shown_as({**EXAMPLE, "id": 4, "vapi_id": VAPI_ID, "sync": LATEST})
class AssistantSerializer(StrictSerializer):
    """What is left out stays as the studio has it."""

    id = serializers.IntegerField(read_only=True)
    vapi_id = serializers.CharField(read_only=True)
    name = DescribedField(required=False, described={"maxLength": 40})
    instructions = DescribedField(
        source="system_prompt",
        required=False,
        allow_blank=True,
        described={"maxLength": LONGEST_TEXT},
        help_text="They come after the operator's own",
    )
    phoneNumber = serializers.CharField(
        source="number",
        required=False,
        allow_null=True,
        allow_blank=True,
        max_length=40,
        help_text="One of your numbers, or one of your Twilio account: given, the assistant goes on the phone. "
        "Null or empty changes nothing. Read, it is the (first) number that leads to the assistant.",
    )
    firstMessage = DescribedField(
        source="first_message", required=False, allow_blank=True, described={"maxLength": LONGEST_GREETING}
    )
    voice = AssistantVoiceSerializer(source="*", required=False)
    model = AssistantModelSerializer(source="*", required=False)
    metadata = serializers.DictField(
        required=False, help_text="Your own JSON object: at most 16 KB and 5 levels; Vapi gets it too"
    )
    sync = SyncSerializer(read_only=True)

    def validate_metadata(self, value: Any) -> dict[str, Any]:
        """What the database and Vapi give back as it is."""
        return metadata.clean(value)


class AssistantsView(OrganizationView):
    @extend_schema(summary="The assistants", tags=TAGS, responses=AssistantSerializer(many=True))
    def get(self, request: OrganizationRequest) -> Response:
        """The assistant that exists at Vapi, or none."""
        row = sync.studio_of(request.organization)
        return Response([_shown(row)] if row.vapi_id else [])

    @extend_schema(
        summary="Create the assistant",
        tags=TAGS,
        request=AssistantSerializer,
        responses={201: AssistantSerializer, **REFUSALS},
        examples=[OpenApiExample("An assistant", EXAMPLE, request_only=True)],
    )
    def post(self, request: OrganizationRequest) -> Response:
        """Keeps what is given in the studio and makes the assistant at Vapi; one that is there is brought up to date.

        What was given stays kept when Vapi fails: repeat the request, or send an empty one.
        """
        row = sync.studio_of(request.organization)
        has_number = _save(request, row)
        with told():
            row = activation.activate(organization=row.organization) if has_number else activation.send(studio=row)
        return Response(_shown(row), status=201)


class AssistantView(OrganizationView):
    @extend_schema(summary="An assistant", tags=TAGS, responses=AssistantSerializer)
    def get(self, request: OrganizationRequest, pk: int) -> Response:
        """As the studio has it, with what Vapi has of that under `sync`."""
        return Response(_shown(_existing(request.organization, pk)))

    @extend_schema(
        summary="Change an assistant",
        tags=TAGS,
        request=AssistantSerializer,
        responses={200: AssistantSerializer, **REFUSALS},
        examples=[OpenApiExample("Another greeting", {"firstMessage": "Bonjour !"}, request_only=True)],
    )
    def patch(self, request: OrganizationRequest, pk: int) -> Response:
        """Saves in the studio and sends. If Vapi does not take it, it is saved all the same, and `sync` says why.

        With a `phoneNumber` the assistant goes on the phone; a failure is then an error.
        """
        row = _existing(request.organization, pk)
        if _save(request, row):
            with told():
                row = activation.activate(organization=row.organization)
        else:
            send_saved(row)
        return Response(_shown(row))

    @extend_schema(summary="Delete an assistant", tags=TAGS, responses={204: None, **REFUSALS})
    def delete(self, request: OrganizationRequest, pk: int) -> Response:
        """Takes it off your numbers and deletes it at Vapi. The studio keeps the settings. Safe to repeat."""
        if sync.studio_of(request.organization).pk != pk:
            raise Http404
        with told():
            activation.remove(organization=request.organization)
        return Response(status=204)


def _existing(organization: Organization, pk: int) -> Studio:
    row = sync.studio_of(organization)
    if row.pk != pk or not row.vapi_id:
        raise Http404
    return row


def _save(request: OrganizationRequest, row: Studio) -> bool:
    """Keep what is given, all or nothing; whether a number of the organization is to lead to the assistant now."""
    given = AssistantSerializer(data=request.data)
    values = cleaned(given, row)
    number = given.validated_data.get("number")
    if number:
        _hold(row.organization, number)
    with transaction.atomic():
        studio.save(studio=row, values=values, user=request.user)
        if "metadata" in given.validated_data:
            studio.keep_metadata(studio=row, metadata=given.validated_data["metadata"])
    return bool(number)


def _hold(organization: Organization, number: str) -> None:
    try:
        numbers.hold_number(organization=organization, number=number)
    except ValidationError as error:
        raise ValidationError({"phoneNumber": error.messages}) from None
    except credentials.MissingCredential as error:
        raise ValidationError({"phoneNumber": str(error)}) from None


def _shown(row: Studio) -> dict[str, Any]:
    routed = row.organization.numbers.filter(routed_to=row.vapi_id).order_by("pk").first()
    values = {name: getattr(row, name) for name in ("id", "vapi_id", "metadata", *studio.SETTINGS)}
    return AssistantSerializer({**values, "number": routed.number if routed else None, "sync": sync_of(row)}).data
