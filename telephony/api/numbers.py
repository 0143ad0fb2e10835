"""The organization's numbers: its own from Twilio, or one lent from the pool."""

from typing import Any

from django.core.exceptions import ValidationError
from django.http import Http404
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from accounts.api.base import OrganizationRequest, OrganizationView
from accounts.models import Organization
from ava.lib.api.problems import Problem, naming
from ava.lib.api.schema import problem, shown_as
from ava.lib.api.serializers import MomentField, StrictSerializer
from ava.lib.phones import country_of
from telephony import numbers, pool, routing
from telephony.models import TenantNumber

TAGS = ["Numbers"]
UNNAMED_COUNTRY = _("Name the country by its two letters, such as FR.")
AWAY = {
    409: problem("Not possible as things are; `code` and `detail` say why"),
    503: problem("Twilio or Vapi cannot be reached; repeating the request goes on from there"),
}
EXAMPLE = {
    "id": 9,
    "number": "+33199004512",
    "source": "own",
    "country": "FR",
    "active": True,
    "attached_at": "2026-10-05T09:00:00Z",
}


@shown_as(EXAMPLE)
class PhoneNumberSerializer(serializers.Serializer):
    id = serializers.IntegerField()
    number = serializers.CharField(help_text="E.164")
    source = serializers.ChoiceField(  # type: ignore[assignment]  # a field called as an attribute of fields
        TenantNumber.Source.choices, help_text="Your own Twilio account's, or lent from the pool"
    )
    country = serializers.SerializerMethodField(help_text="ISO code; null where a number has none")
    active = serializers.SerializerMethodField(help_text="Whether it leads to the assistant")
    attached_at = MomentField()

    def get_country(self, number: TenantNumber) -> str | None:
        """Told by the number itself."""
        return country_of(number.number) or None

    def get_active(self, number: TenantNumber) -> bool:
        """Routed, by what was done last."""
        return bool(number.routed_to)


class AttachNumberSerializer(StrictSerializer):
    number = serializers.CharField(max_length=40, help_text="A number of your Twilio account")


class AssignNumberSerializer(StrictSerializer):
    country = serializers.RegexField(
        r"^[A-Za-z]{2}$",
        required=False,
        help_text="The ISO code of the country; without it, your organization's",
        error_messages={"invalid": UNNAMED_COUNTRY},
    )
    phone = serializers.CharField(
        required=False, max_length=40, help_text="Your own phone number: you get a virtual number of its country"
    )

    def validate_country(self, value: str) -> str:
        """As the pool has it."""
        return value.upper()

    def validate_phone(self, value: str) -> str:
        """Its country."""
        return pool.country_for(value)


class NumbersView(OrganizationView):
    @extend_schema(summary="Your numbers", tags=TAGS, responses=PhoneNumberSerializer(many=True))
    def get(self, request: OrganizationRequest) -> Response:
        """The numbers that Ava answers, or will once she is activated."""
        return Response(PhoneNumberSerializer(request.organization.numbers.order_by("pk"), many=True).data)


class AttachView(OrganizationView):
    @extend_schema(
        summary="Attach a number of your own",
        tags=TAGS,
        request=AttachNumberSerializer,
        responses={201: PhoneNumberSerializer, **AWAY},
        examples=[OpenApiExample("A number", {"number": "+14155550199"}, request_only=True)],
    )
    def post(self, request: OrganizationRequest) -> Response:
        """The number must be one of your Twilio account. It leads to the assistant once this is activated."""
        given = AttachNumberSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        number = numbers.attach_own_number(organization=request.organization, **given.validated_data)
        return Response(PhoneNumberSerializer(number).data, status=201)


class AssignView(OrganizationView):
    @extend_schema(
        summary="Get a number from the pool",
        tags=TAGS,
        request=AssignNumberSerializer,
        responses={201: PhoneNumberSerializer, **AWAY},
        examples=[OpenApiExample("By country", {"country": "FR"}, request_only=True)],
    )
    def post(self, request: OrganizationRequest) -> Response:
        """One number per organization: who has one gets the same. `no_number_left` when the country has none."""
        given = AssignNumberSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        country = _country(request.organization, given.validated_data)
        try:
            number = numbers.assign_pool_number(organization=request.organization, country=country)
        except pool.NoNumberLeft as error:
            raise Problem(409, "no_number_left", str(error)) from error
        except ValidationError as error:  # the operator's pool and the operator's Twilio account differ
            raise Problem(409, "number_not_available", error.messages[0]) from error
        return Response(PhoneNumberSerializer(number).data, status=201)


class NumberView(OrganizationView):
    @extend_schema(summary="A number", tags=TAGS, responses=PhoneNumberSerializer)
    def get(self, request: OrganizationRequest, pk: int) -> Response:
        """One of your numbers."""
        return Response(PhoneNumberSerializer(_number(request.organization, pk)).data)

    @extend_schema(summary="Detach or release a number", tags=TAGS, responses={204: None, **AWAY})
    def delete(self, request: OrganizationRequest, pk: int) -> Response:
        """What answered the number before answers again; a lent one goes back into the pool.

        If that breaks off, repeat it: it goes on from there.
        """
        routing.detach(_number(request.organization, pk))
        return Response(status=204)


def _number(organization: Organization, pk: int) -> TenantNumber:
    number = organization.numbers.filter(pk=pk).first()
    if number is None:
        raise Http404
    return number


def _country(organization: Organization, given: dict[str, Any]) -> str:
    """The one that is named, else that of the person's own number, else the organization's."""
    country = given.get("country") or given.get("phone") or organization.country
    if not country:
        with naming("country"):
            raise ValidationError(UNNAMED_COUNTRY)
    return country
