"""The tenant's own Twilio account: whether it works, and which numbers it has."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from accounts import credentials
from accounts.api.base import OrganizationRequest, OrganizationView
from accounts.models import Organization, TwilioCredential
from accounts.models.credentials import Status
from ava.lib.api.schema import problem, shown_as
from ava.lib.api.serializers import MomentField
from ava.lib.phones import country_of
from telephony import numbers
from telephony.api.numbers import AWAY
from telephony.models import TenantNumber

TAGS = ["Numbers"]
STATUS = {
    "configured": True,
    "status": "works",
    "checked_at": "2026-10-05T09:00:00Z",
    "account_sid_preview": "AC****a11c",
    "phone_number": "+33199004512",
    "numbers_attached": 1,
}


@shown_as({"number": "+33199004512", "friendly_name": "Front desk", "country": "FR", "attached": True, "id": 9})
class TwilioNumberSerializer(serializers.Serializer):
    number = serializers.CharField(help_text="E.164")
    friendly_name = serializers.CharField()
    country = serializers.CharField(allow_null=True, help_text="ISO code")
    attached = serializers.BooleanField(help_text="Whether it is one of your numbers here")
    id = serializers.IntegerField(allow_null=True, help_text="Its id under phone-numbers, once it is attached")


@shown_as(STATUS)
class TwilioStatusSerializer(serializers.Serializer):
    configured = serializers.BooleanField()
    status = serializers.ChoiceField(Status.choices, allow_null=True, help_text="What Twilio said when it was checked")
    checked_at = MomentField(allow_null=True)
    account_sid_preview = serializers.CharField(allow_null=True)
    phone_number = serializers.CharField(allow_null=True)
    numbers_attached = serializers.IntegerField(help_text="How many of your numbers are of this account")


class CheckSerializer(serializers.Serializer):
    check = serializers.BooleanField(default=False)


class TwilioNumbersView(OrganizationView):
    @extend_schema(
        summary="The numbers of your Twilio account",
        tags=TAGS,
        responses={200: TwilioNumberSerializer(many=True), **AWAY},
    )
    def get(self, request: OrganizationRequest) -> Response:
        """Those that take calls, asked for at Twilio now."""
        found = numbers.available_numbers(request.organization)
        held = dict(request.organization.numbers.values_list("number", "pk"))
        rows = [
            {
                "number": one.number,
                "friendly_name": one.friendly_name,
                "country": country_of(one.number) or None,
                "attached": one.number in held,
                "id": held.get(one.number),
            }
            for one in found
        ]
        return Response(TwilioNumberSerializer(rows, many=True).data)


class TwilioStatusView(OrganizationView):
    @extend_schema(
        summary="Whether your Twilio account works",
        tags=TAGS,
        parameters=[
            OpenApiParameter("check", bool, description="Ask Twilio now, instead of telling what it said last")
        ],
        responses={200: TwilioStatusSerializer, 400: problem("`check` is true or false"), **AWAY},
    )
    def get(self, request: OrganizationRequest) -> Response:
        """As it was when it was checked last."""
        given = CheckSerializer(data=request.query_params)
        given.is_valid(raise_exception=True)
        organization = request.organization
        if given.validated_data["check"] and credentials.has_twilio_account(organization):
            credentials.recheck_twilio_account(organization)
        return Response(TwilioStatusSerializer(_status(organization)).data)


def _status(organization: Organization) -> dict[str, Any]:
    own = TwilioCredential.objects.for_organization(organization).defer("auth_token").first()
    return {
        "configured": own is not None,
        "status": own.status if own else None,
        "checked_at": own.checked_at if own else None,
        "account_sid_preview": own.preview if own else None,
        "phone_number": own.phone_number or None if own else None,
        "numbers_attached": organization.numbers.filter(source=TenantNumber.Source.OWN).count(),
    }
