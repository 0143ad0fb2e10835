"""The studio over the API: every setting, and bringing it to Vapi."""

from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from accounts.api.base import OrganizationRequest, OrganizationView, VersionedView
from assistants import activation, checking, studio, sync
from assistants.api.syncing import LATEST, REFUSALS, SyncSerializer, send_saved, sync_of, told
from assistants.forms import LONGEST_GREETING, LONGEST_TEXT
from assistants.models import Calendar, Crm, Persona, Studio, WorkspaceApp
from ava.lib.api import etags
from ava.lib.api.schema import shown_as
from ava.lib.api.serializers import DescribedField, StrictSerializer, take_nothing

TAGS = ["Studio"]
VAPI_ID = "5a4d0000-7b6e-4f00-8a00-00000000a11c"
EXAMPLE = {
    "name": "Ava",
    "persona": "secretary",
    "jobToBeDone": "Take appointments and note urgent cases.",
    "tone": "professional",
    "languages": ["fr", "en"],
    "firstMessage": "Cabinet Delmas, bonjour.",
    "systemPrompt": "",
    "guidelines": "",
    "endCallMessage": "",
    "consentNotice": "",
    "voiceProvider": "11labs",
    "voiceId": "sarah",
    "voiceSpeed": 1.0,
    "aiProvider": "openai",
    "aiModel": "gpt-4o-mini",
    "aiTemperature": 0.7,
    "aiMaxTokens": 250,
    "transcriberProvider": "deepgram",
    "transcriberModel": "",
    "recordingEnabled": True,
    "maxDurationSeconds": 600,
    "calendar": "google",
    "workspaceApps": ["slack"],
    "crm": "none",
    "sync": LATEST,
    "vapiId": VAPI_ID,
    "isActive": True,
    "version": 4,
}


class HundredthsField(serializers.FloatField):
    """A number to two places: a phone's slider says 1.2000000476837158 for 1.2."""

    def to_internal_value(self, data: Any) -> float:
        """Rounded. Raises ValidationError for what is no number."""
        return round(super().to_internal_value(data), 2)


@shown_as(EXAMPLE)
class StudioConfigSerializer(StrictSerializer):
    """Every setting of the assistant. Bounds and what goes together are the studio page's own rules."""

    name = DescribedField(described={"maxLength": 40})
    persona = serializers.ChoiceField(Persona.choices)
    jobToBeDone = DescribedField(source="job_to_be_done", allow_blank=True, described={"maxLength": LONGEST_TEXT})
    tone = DescribedField(
        described={"maxLength": 60},
        help_text="professional, warm, friendly, formal, cheerful, calm, or words of your own",
    )
    languages = serializers.ListField(
        child=serializers.ChoiceField(settings.LANGUAGES), help_text="The assistant begins in the first one"
    )
    firstMessage = DescribedField(
        source="first_message",
        allow_blank=True,
        described={"maxLength": LONGEST_GREETING},
        help_text="Empty: a greeting with your organization's name",
    )
    systemPrompt = DescribedField(source="system_prompt", allow_blank=True, described={"maxLength": LONGEST_TEXT})
    guidelines = DescribedField(allow_blank=True, described={"maxLength": LONGEST_TEXT})
    endCallMessage = DescribedField(source="end_call_message", allow_blank=True, described={"maxLength": 1000})
    consentNotice = DescribedField(source="consent_notice", allow_blank=True, described={"maxLength": 500})
    voiceProvider = serializers.CharField(source="voice_provider", help_text="11labs, azure, openai or vapi")
    voiceId = serializers.CharField(source="voice_id", help_text="A listed voice, or one of your own at the provider")
    voiceSpeed = HundredthsField(source="voice_speed", help_text="1 is usual; each provider has its bounds")
    aiProvider = serializers.CharField(source="model_provider", help_text="openai, anthropic or google")
    aiModel = serializers.CharField(source="model_name")
    aiTemperature = HundredthsField(source="temperature", min_value=0, max_value=2)
    aiMaxTokens = serializers.IntegerField(source="max_tokens", min_value=50, max_value=10_000)
    transcriberProvider = serializers.CharField(source="transcriber_provider")
    transcriberModel = serializers.CharField(
        source="transcriber_model", allow_blank=True, help_text="Empty: the provider's own choice"
    )
    recordingEnabled = serializers.BooleanField(source="recording_enabled")
    maxDurationSeconds = serializers.IntegerField(source="max_duration_seconds", min_value=10, max_value=43_200)
    calendar = serializers.ChoiceField(Calendar.choices)
    workspaceApps = serializers.ListField(source="workspace_apps", child=serializers.ChoiceField(WorkspaceApp.choices))
    crm = serializers.ChoiceField(Crm.choices)

    sync = SyncSerializer(read_only=True)
    vapiId = serializers.CharField(source="vapi_id", allow_null=True, read_only=True)
    isActive = serializers.BooleanField(source="is_active", read_only=True, help_text="Whether Ava is on the phone")
    version = serializers.IntegerField(read_only=True, help_text="Of the history; 0 while nothing was changed")


@shown_as({**LATEST, "vapiId": VAPI_ID})
class SyncedSerializer(SyncSerializer):
    vapiId = serializers.CharField(source="vapi_id", allow_null=True)


class ConfigView(VersionedView):
    @extend_schema(summary="The studio's settings", tags=TAGS, responses=StudioConfigSerializer)
    def get(self, request: OrganizationRequest) -> Response:
        """Everything the assistant is, and whether Vapi has it."""
        return self.show(request)

    @extend_schema(
        summary="Change settings of the studio",
        tags=TAGS,
        request=StudioConfigSerializer,
        responses=StudioConfigSerializer,
        examples=[OpenApiExample("Speak faster", {"voiceSpeed": 1.2, "aiTemperature": 0.8}, request_only=True)],
    )
    def patch(self, request: OrganizationRequest) -> Response:
        """What is left out stays. Each change is a version, and Vapi gets it where there is a key.

        If Vapi does not take it, it is saved all the same, and `sync` says why.
        """
        row = sync.studio_of(request.organization)
        values = cleaned(StudioConfigSerializer(data=request.data, partial=True), row)
        self.change(request, lambda: studio.save(studio=row, values=values, user=request.user))
        send_saved(row)
        return etags.answer(request, self.represent(request))

    def represent(self, request: OrganizationRequest) -> Any:
        """The settings, and what Vapi has of them."""
        row = sync.studio_of(request.organization)
        latest = studio.latest_version(row)
        values = {name: getattr(row, name) for name in (*studio.SETTINGS, "is_active")}
        more = {"sync": sync_of(row), "vapi_id": row.vapi_id or None, "version": latest.number if latest else 0}
        return StudioConfigSerializer(values | more).data


class SyncVapiView(OrganizationView):
    @extend_schema(
        summary="Bring the studio to Vapi", tags=TAGS, request=None, responses={200: SyncedSerializer, **REFUSALS}
    )
    def post(self, request: OrganizationRequest) -> Response:
        """Creates the assistant at Vapi, or brings it up to date. Safe to repeat."""
        take_nothing(request.data)
        row = sync.studio_of(request.organization)
        with told():
            activation.send(studio=row)
        return Response(SyncedSerializer({**sync_of(row), "vapi_id": row.vapi_id}).data)


def cleaned(given: serializers.Serializer, row: Studio) -> dict[str, Any]:
    """The settings that a request gives, by their names in the studio. Raises ValidationError by its own names."""
    given.is_valid(raise_exception=True)
    values = {name: value for name, value in given.validated_data.items() if name in studio.SETTINGS}
    try:
        return checking.check(studio=row, values=values)
    except ValidationError as error:
        names = dict(_places(given))
        raise ValidationError({names.get(name, name): found for name, found in error.error_dict.items()}) from None


def _places(serializer: serializers.Serializer, before: str = "") -> list[tuple[str, str]]:
    """Each setting and the way to it in the request, as in `voice.provider`."""
    found = []
    for name, field in serializer.fields.items():
        if isinstance(field, serializers.Serializer):
            found += _places(field, f"{before}{name}.")
        else:
            found.append((str(field.source), f"{before}{name}"))
    return found
