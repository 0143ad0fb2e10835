"""The tenant's keys over the API: set, looked at as previews, deleted."""

from typing import Any

from django.utils.decorators import method_decorator
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_variables
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from accounts import credentials
from accounts.analytics import track
from accounts.api.base import OrganizationRequest, OrganizationView
from accounts.models import Organization, TwilioCredential, VapiCredential
from accounts.models.credentials import Status
from ava.lib.api.problems import naming
from ava.lib.api.schema import shown_as
from ava.lib.api.serializers import DescribedField, MomentField, StrictSerializer
from ava.lib.phones import is_e164, normalize

TAGS = ["Keys"]
CHECKED = {"status": "works", "checked_at": "2026-10-05T09:00:00Z"}


@shown_as({"has_vapi_key": True, "vapi_api_key_preview": "****a11c", **CHECKED})
class VapiSettingsSerializer(serializers.Serializer):
    has_vapi_key = serializers.BooleanField(help_text="Whether a key resolves: your own, or the platform's")
    vapi_api_key_preview = serializers.CharField(allow_null=True, help_text="The last four characters of your own key")
    status = serializers.ChoiceField(Status.choices, allow_null=True, help_text="What Vapi said when it was checked")
    checked_at = MomentField(allow_null=True)


class VapiKeySerializer(StrictSerializer):
    vapi_api_key = DescribedField(
        described={"pattern": "^[!-~]{20,4096}$"}, max_length=5000, trim_whitespace=False, write_only=True
    )


@shown_as({"has_credentials": True, "account_sid_preview": "AC****a11c", "phone_number": "+33199004512", **CHECKED})
class TwilioSettingsSerializer(serializers.Serializer):
    has_credentials = serializers.BooleanField()
    account_sid_preview = serializers.CharField(allow_null=True)
    phone_number = serializers.CharField(allow_null=True)
    status = serializers.ChoiceField(Status.choices, allow_null=True, help_text="What Twilio said when it was checked")
    checked_at = MomentField(allow_null=True)


class TwilioAccountSerializer(StrictSerializer):
    account_sid = DescribedField(described={"pattern": "^AC[0-9a-fA-F]{32}$"}, max_length=100)
    auth_token = DescribedField(described={"pattern": "^[0-9a-zA-Z]{20,64}$"}, max_length=200, write_only=True)
    phone_number = serializers.CharField(max_length=40, required=False, allow_blank=True, allow_null=True)

    def validate_account_sid(self, value: str) -> str:
        """AC and 32 hex digits."""
        return credentials.clean_account_sid(value)

    def validate_auth_token(self, value: str) -> str:
        """Digits and letters."""
        return credentials.clean_auth_token(value)

    def validate_phone_number(self, value: str | None) -> str:
        """E.164, or nothing."""
        number = normalize(value or "")
        if number and not is_e164(number):
            raise serializers.ValidationError(_("Enter the number with its country code, such as +33 1 99 00 12 34."))
        return number


@method_decorator(sensitive_variables(), name="post")
class VapiSettingsView(OrganizationView):
    @extend_schema(summary="Whether there is a Vapi key", tags=TAGS, responses=VapiSettingsSerializer)
    def get(self, request: OrganizationRequest) -> Response:
        """Only the last four characters of a key are ever shown."""
        return Response(_vapi(request.organization))

    @extend_schema(
        summary="Set or replace the Vapi key",
        tags=TAGS,
        request=VapiKeySerializer,
        responses={200: VapiSettingsSerializer},
        examples=[OpenApiExample("A key", {"vapi_api_key": "5a4d0000-7b6e-4f00-8a00-00000000a11c"}, request_only=True)],
    )
    def post(self, request: OrganizationRequest) -> Response:
        """The key is tried at Vapi first. While Vapi cannot be reached it is kept, marked as not checked."""
        given = VapiKeySerializer(data=request.data)
        given.is_valid(raise_exception=True)
        with naming("vapi_api_key"):
            credentials.save_vapi_key(organization=request.organization, typed=given.validated_data["vapi_api_key"])
        track("vapi_configured", organization=request.organization, user=request.user, method="inline")
        return Response(_vapi(request.organization))

    @extend_schema(summary="Delete the Vapi key", tags=TAGS, responses={204: None})
    def delete(self, request: OrganizationRequest) -> Response:
        """Safe to call again."""
        credentials.delete_vapi_key(request.organization)
        return Response(status=204)


@method_decorator(sensitive_variables(), name="post")
class TwilioSettingsView(OrganizationView):
    @extend_schema(summary="Whether there is a Twilio account", tags=TAGS, responses=TwilioSettingsSerializer)
    def get(self, request: OrganizationRequest) -> Response:
        """Of the account SID only the last four characters are shown, of the token nothing."""
        return Response(_twilio(request.organization))

    @extend_schema(
        summary="Set or replace the Twilio account",
        tags=TAGS,
        request=TwilioAccountSerializer,
        responses={200: TwilioSettingsSerializer},
        examples=[
            OpenApiExample(
                "An account",
                {"account_sid": f"AC{'a11c' * 8}", "auth_token": "a" * 32, "phone_number": "+14155550199"},
                request_only=True,
            )
        ],
    )
    def post(self, request: OrganizationRequest) -> Response:
        """The pair is tried at Twilio first."""
        given = TwilioAccountSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        credentials.save_twilio_account(organization=request.organization, **given.validated_data)
        return Response(_twilio(request.organization))

    @extend_schema(summary="Delete the Twilio account", tags=TAGS, responses={204: None})
    def delete(self, request: OrganizationRequest) -> Response:
        """Safe to call again."""
        credentials.delete_twilio_account(request.organization)
        return Response(status=204)


def _vapi(organization: Organization) -> dict[str, Any]:
    own = VapiCredential.objects.for_organization(organization).defer("api_key").first()
    return VapiSettingsSerializer(
        {
            "has_vapi_key": own is not None or credentials.has_vapi_key(organization),
            "vapi_api_key_preview": own.preview if own else None,
            "status": own.status if own else None,
            "checked_at": own.checked_at if own else None,
        }
    ).data


def _twilio(organization: Organization) -> dict[str, Any]:
    own = TwilioCredential.objects.for_organization(organization).defer("auth_token").first()
    return TwilioSettingsSerializer(
        {
            "has_credentials": own is not None,
            "account_sid_preview": own.preview if own else None,
            "phone_number": own.phone_number or None if own else None,
            "status": own.status if own else None,
            "checked_at": own.checked_at if own else None,
        }
    ).data
