"""The organization's calendars: which are connected, what stands in them, and new events."""

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.response import Response

from accounts.api.base import OrganizationRequest, OrganizationView
from accounts.views.sections import section_url
from assistants import calendars
from assistants.calendar_views import known_provider
from assistants.calendars import CalendarState
from assistants.models import CalendarProvider, ConnectionStatus
from ava.lib.api.problems import Problem
from ava.lib.api.schema import problem, shown_as
from ava.lib.api.serializers import MomentField, QuerySerializer, StrictSerializer

TAGS = ["Calendars"]
NOT_CONNECTED = "not_connected"
STATUSES = [*ConnectionStatus.choices, (NOT_CONNECTED, gettext_lazy("not connected"))]
PROVIDER = OpenApiParameter("provider", location=OpenApiParameter.PATH, enum=CalendarProvider.values)
USUAL_WINDOW, LONGEST_WINDOW = timedelta(days=7), timedelta(days=92)
FIRST_YEAR, LAST_YEAR = 1970, 9998
MOST_ATTENDEES = 50
WALL_CLOCK = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:[0-9]{2})?$"
REFUSALS = {
    calendars.NotOffered: "calendar_not_offered",
    calendars.NotConnected: "calendar_not_connected",
    calendars.NeedsReconnect: "calendar_reconnect",
}
AWAY = {
    409: problem("Not connected, to be connected again, or not offered here; or the provider refuses: see `code`"),
    503: problem("The provider cannot be reached; repeat the request later"),
}
EXAMPLE = {
    "title": "Nadia Ferrand, first visit",
    "starts_at": "2026-10-08T10:00:00",
    "ends_at": "2026-10-08T10:30:00",
    "timezone": "Europe/Paris",
    "attendees": ["nadia@example.com"],
}
EVENT = {
    "id": "k3v9o0c2",
    "title": "Nadia Ferrand, first visit",
    "starts_at": "2026-10-08T08:00:00Z",
    "ends_at": "2026-10-08T08:30:00Z",
    "all_day": False,
    "location": "",
    "description": "",
    "url": "https://www.google.com/calendar/event?eid=azN2OW8wYzI",
    "busy": True,
}
CALENDAR = {
    "provider": "google",
    "is_offered": True,
    "status": "connected",
    "account_email": "alice@practice.example",
    "connect_url": "https://ava.example/settings?section=integrations",
}


def check_year(moment: datetime) -> None:
    """What every clock and provider can count with. Raises ValidationError."""
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise serializers.ValidationError(_("Choose another year."))


@extend_schema_field({"type": "string", "pattern": WALL_CLOCK, "maxLength": 40})
class WallClockField(serializers.DateTimeField):
    """A moment with its offset, or what the clock shows in the time zone that is named beside it."""

    def enforce_timezone(self, value: datetime) -> datetime:
        """As it was written."""
        return value


@shown_as(CALENDAR)
class CalendarSerializer(serializers.Serializer):
    provider = serializers.ChoiceField(CalendarProvider.choices)
    is_offered = serializers.BooleanField(help_text="Whether it can be connected at this Ava")
    status = serializers.ChoiceField(STATUSES)
    account_email = serializers.EmailField(allow_null=True)
    connect_url = serializers.URLField(help_text="The page on which owners and admins connect it, in a browser")


class WindowSerializer(QuerySerializer):
    """Which time is asked for."""

    def get_fields(self) -> dict[str, serializers.Field]:
        """`from` is a word of Python's, so both are named here."""
        first = MomentField(required=False, validators=[check_year], help_text="Without it, from now on")
        last = MomentField(
            required=False, validators=[check_year], help_text="Without it, for 7 days; at most 92 days after `from`"
        )
        return {**super().get_fields(), "from": first, "to": last}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """The window, in the domain's words."""
        starts_at = attrs.get("from") or timezone.now()
        ends_at = attrs.get("to") or starts_at + USUAL_WINDOW
        if ends_at <= starts_at:
            raise serializers.ValidationError({"to": _("Choose a time after the first one.")})
        if ends_at - starts_at > LONGEST_WINDOW:
            raise serializers.ValidationError({"to": _("Ask for 92 days at most.")})
        return {"starts_at": starts_at, "ends_at": ends_at}


@shown_as(EVENT)
class EventSerializer(serializers.Serializer):
    id = serializers.CharField(help_text="The provider's")
    title = serializers.CharField()
    starts_at = MomentField()
    ends_at = MomentField(help_text="The first moment after it")
    all_day = serializers.BooleanField(help_text="From midnight to midnight in the calendar's own time zone")
    location = serializers.CharField()
    description = serializers.CharField()
    url = serializers.CharField(help_text="Opens it at the provider; may be empty")
    busy = serializers.BooleanField(help_text="Whether nobody else can be booked meanwhile")


@shown_as({"results": [EVENT]})
class EventsSerializer(serializers.Serializer):
    results = EventSerializer(many=True)


class NewEventSerializer(StrictSerializer):
    title = serializers.CharField(max_length=255)
    starts_at = WallClockField(
        validators=[check_year], help_text="With an offset, or without: then it is the clock's in `timezone`"
    )
    ends_at = WallClockField(validators=[check_year])
    timezone = serializers.CharField(max_length=64, help_text="A name such as Europe/Paris")
    description = serializers.CharField(max_length=8000, required=False, allow_blank=True)
    location = serializers.CharField(max_length=500, required=False, allow_blank=True)
    attendees = serializers.ListField(
        child=serializers.EmailField(max_length=254),
        required=False,
        max_length=MOST_ATTENDEES,
        help_text="The provider invites them by mail",
    )


class CalendarsView(OrganizationView):
    @extend_schema(summary="The calendars", tags=TAGS, responses=CalendarSerializer(many=True))
    def get(self, request: OrganizationRequest) -> Response:
        """Google's and Outlook's, connected or not.

        Connecting needs a browser that is signed in at Ava: open `connect_url`, and ask again when the person is back.
        """
        shown = [_shown(state) for state in calendars.states(request.organization)]
        return Response(CalendarSerializer(shown, many=True).data)


class CalendarView(OrganizationView):
    @extend_schema(summary="Disconnect a calendar", tags=TAGS, parameters=[PROVIDER], responses={204: None})
    def delete(self, request: OrganizationRequest, provider: str) -> Response:
        """Forgets the access to it; its events stay. Safe to repeat."""
        calendars.disconnect(organization=request.organization, provider=known_provider(provider))
        return Response(status=204)


class EventsView(OrganizationView):
    members_may_change = True

    def handle_exception(self, exc: Exception) -> Response:
        """What the calendar has to be for this."""
        code = REFUSALS.get(type(exc))
        return super().handle_exception(Problem(409, code, str(exc)) if code else exc)

    @extend_schema(
        summary="The events of a calendar",
        tags=TAGS,
        parameters=[PROVIDER, WindowSerializer],
        responses={200: EventsSerializer, 400: problem("A parameter is not right; `errors` names it"), **AWAY},
    )
    def get(self, request: OrganizationRequest, provider: str) -> Response:
        """What touches the time asked for, in order; each of an event that repeats."""
        known = known_provider(provider)
        window = WindowSerializer(data=request.query_params)
        window.is_valid(raise_exception=True)
        calendars.need_offered(known)
        found = calendars.events(organization=request.organization, provider=known, **window.validated_data)
        return Response(EventsSerializer({"results": found}).data)

    @extend_schema(
        summary="Create an event",
        tags=TAGS,
        parameters=[PROVIDER],
        request=NewEventSerializer,
        responses={201: EventSerializer, **AWAY},
        examples=[OpenApiExample("An appointment", EXAMPLE, request_only=True)],
    )
    def post(self, request: OrganizationRequest, provider: str) -> Response:
        """Members may, too. Under one `Idempotency-Key` an event is made once, also when an answer was lost on the way
        from the provider to Ava; without a key, two equal requests make two events.
        """
        known = known_provider(provider)
        given = NewEventSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        calendars.need_offered(known)
        made = calendars.create_event(
            organization=request.organization, provider=known, key=self._event_key(), **given.validated_data
        )
        return Response(EventSerializer(made).data, status=201)

    def _event_key(self) -> str:
        """The person's own for this very request; without one, equal events may well be wanted twice."""
        held = self._held
        return f"api/{held.user_id}/{held.key}/{held.digest}" if held else f"api/{uuid4()}"


def _shown(state: CalendarState) -> dict[str, Any]:
    row = state.connection
    return {
        "provider": state.provider,
        "is_offered": state.is_offered,
        "status": row.status if row else NOT_CONNECTED,
        "account_email": row.account_email if row else None,
        "connect_url": settings.PUBLIC_URL + section_url("integrations"),
    }
