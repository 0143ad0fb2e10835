"""When the business is open: the week, and the holidays."""

from typing import Any

from django.core.exceptions import ValidationError
from django.http import Http404
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.response import Response

from accounts.api.base import OrganizationRequest, OrganizationView, VersionedView
from ava.lib.api.problems import naming
from ava.lib.api.schema import shown_as
from ava.lib.api.serializers import MomentField, StrictSerializer
from telephony import hours, opening

TAGS = ["Business hours"]
EXAMPLE = {
    "timezone": "Europe/Paris",
    "weekly": {"0": [["09:00", "12:30"], ["14:00", "18:00"]], "1": [["09:00", "18:00"]]},
    "fallback_email": "ops@acme.example",
}
_CLOCK = {"type": "string", "example": "09:00"}
_INTERVAL = {"type": "array", "items": _CLOCK, "minItems": 2, "maxItems": 2}
_DAY = {"type": ["array", "null"], "items": _INTERVAL, "maxItems": hours.MOST_INTERVALS}
_WEEK = {
    "type": "object",
    "properties": {str(day): _DAY for day in hours.DAYS},
    "additionalProperties": False,
    "description": "Intervals by weekday, 0 is Monday. One that ends at or before its start goes on into the next day; "
    "from 00:00 to 00:00 is the whole day. A day that is left out, or null, is closed.",
}


@extend_schema_field(_WEEK)
class WeekField(serializers.Field):
    """A week, by the rules of `hours`."""

    def to_internal_value(self, data: Any) -> hours.Weekly:
        """Sorted, with all seven days. Raises ValidationError."""
        return hours.clean_weekly(data)

    def to_representation(self, value: Any) -> Any:
        """As it is kept."""
        return value


@shown_as({**EXAMPLE, "updated_at": "2026-10-05T09:00:00Z"})
class BusinessHoursSerializer(StrictSerializer):
    timezone = serializers.CharField(help_text="A name such as Europe/Paris")
    weekly = WeekField()
    fallback_email = serializers.EmailField(
        allow_blank=True,
        max_length=254,
        help_text="Who is told when a call comes outside these hours, or could not be answered",
        error_messages={"invalid": gettext_lazy("Enter the fallback e-mail as name@example.com.")},
    )
    updated_at = MomentField(
        read_only=True, allow_null=True, help_text="Null while nothing was saved: what is shown is a proposal"
    )

    def validate_timezone(self, value: str) -> str:
        """A time zone's name, new or old."""
        hours.validate_timezone(value)
        return value


@shown_as({"id": 2, "date": "2027-05-01", "name": "1er mai"})
class HolidaySerializer(StrictSerializer):
    id = serializers.IntegerField(read_only=True)
    date = serializers.DateField(error_messages={"invalid": gettext_lazy("Enter the date as 2027-01-31.")})
    name = serializers.CharField(max_length=80, required=False, allow_blank=True, default="")


class BusinessHoursView(VersionedView):
    @extend_schema(summary="The business hours", tags=TAGS, responses=BusinessHoursSerializer)
    def get(self, request: OrganizationRequest) -> Response:
        """As they are kept, or what would suit your country."""
        return self.show(request)

    @extend_schema(
        summary="Set the business hours",
        tags=TAGS,
        request=BusinessHoursSerializer,
        responses=BusinessHoursSerializer,
        examples=[OpenApiExample("A week", EXAMPLE, request_only=True)],
    )
    def put(self, request: OrganizationRequest) -> Response:
        """The whole of them."""
        return self._save(request, partial=False)

    @extend_schema(
        summary="Change the business hours",
        tags=TAGS,
        request=BusinessHoursSerializer,
        responses=BusinessHoursSerializer,
        examples=[OpenApiExample("Another time zone", {"timezone": "Asia/Jerusalem"}, request_only=True)],
    )
    def patch(self, request: OrganizationRequest) -> Response:
        """What is left out stays; a week is replaced as a whole."""
        return self._save(request, partial=True)

    def represent(self, request: OrganizationRequest) -> Any:
        """The hours, or a proposal."""
        return BusinessHoursSerializer(opening.starting_hours(request.organization, request.user)).data

    def _save(self, request: OrganizationRequest, *, partial: bool) -> Response:
        given = BusinessHoursSerializer(data=request.data, partial=partial)
        given.is_valid(raise_exception=True)
        return self.change(request, lambda: _keep(request, given.validated_data))


def _keep(request: OrganizationRequest, given: dict[str, Any]) -> None:
    before = opening.starting_hours(request.organization, request.user)
    values = {name: given.get(name, getattr(before, name)) for name in ("timezone", "weekly", "fallback_email")}
    if not values["timezone"]:
        raise ValidationError({"timezone": _("Choose your time zone.")})
    opening.save_hours(organization=request.organization, **values)


class HolidaysView(OrganizationView):
    @extend_schema(summary="The holidays", tags=TAGS, responses=HolidaySerializer(many=True))
    def get(self, request: OrganizationRequest) -> Response:
        """Days on which the business does not open, from today on."""
        return Response(HolidaySerializer(opening.coming_holidays(request.organization), many=True).data)

    @extend_schema(
        summary="Add a holiday",
        tags=TAGS,
        request=HolidaySerializer,
        responses={201: HolidaySerializer},
        examples=[OpenApiExample("A day", {"date": "2027-05-01", "name": "1er mai"}, request_only=True)],
    )
    def post(self, request: OrganizationRequest) -> Response:
        """A day on which the business does not open; no interval begins on it."""
        given = HolidaySerializer(data=request.data)
        given.is_valid(raise_exception=True)
        with naming("date"):
            opening.check_holiday(request.organization, given.validated_data["date"])
        holiday = opening.keep_holiday(organization=request.organization, **given.validated_data)
        return Response(HolidaySerializer(holiday).data, status=201)


class HolidayView(OrganizationView):
    @extend_schema(summary="Remove a holiday", tags=TAGS, responses={204: None})
    def delete(self, request: OrganizationRequest, pk: int) -> Response:
        """Open on that day after all."""
        deleted, _rows = request.organization.holidays.filter(pk=pk).delete()
        if not deleted:
            raise Http404
        return Response(status=204)
