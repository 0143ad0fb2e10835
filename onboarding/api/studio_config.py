"""What Ava is and when she answers: the fields of the steps 3, 5, 6 and 8 as one thing."""

from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.response import Response

from accounts.api.base import OrganizationRequest
from accounts.models.organizations import Plan
from assistants.models import Calendar, Crm, Persona, WorkspaceApp
from ava.lib.api import etags
from ava.lib.api.schema import shown_as
from ava.lib.api.serializers import StrictSerializer
from ava.lib.phones import is_e164, normalize
from onboarding import flow, saving, values
from onboarding.api.base import WizardView, renamed
from onboarding.api.profile import TAGS
from onboarding.models import NumberStrategy
from onboarding.situation import Situation, hold, look, read
from onboarding.steps import BY_NAME
from telephony import hours, numbers, weeks

STRATEGIES = {"attach": NumberStrategy.OWN, "pool": NumberStrategy.POOL, "purchase": NumberStrategy.POOL}
# Which step has which field, where the step's own name for it is another.
FIELDS: dict[str, dict[str, str]] = {
    "ava": {name: name for name in values.AVA_FIELDS},
    "telephony": {
        "strategy": "number_strategy",
        "business_hours": "weekly",
        "business_hours_timezone": "timezone",
        "fallback_email": "fallback_email",
    },
    "integrations": {name: name for name in values.INTEGRATION_FIELDS},
    "plan": {"plan": "plan", "seats": "seats"},
}
# Right as the serializer leaves them, and nothing that boxes and grids can say: an order, and any number of intervals.
JUDGED = {"languages", "weekly"}
WEEK = {
    "type": "object",
    "description": "Opening and closing times by day, from 0 for Monday to 6 for Sunday",
    "properties": {
        str(day): {
            "type": "array",
            "maxItems": hours.MOST_INTERVALS,
            "items": {"type": "array", "items": {"type": "string"}, "minItems": 2, "maxItems": 2},
        }
        for day in hours.DAYS
    },
    "additionalProperties": False,
}
EXAMPLE = {
    "persona": "secretary",
    "job_to_be_done": "Take appointments and note urgent cases.",
    "languages": ["fr", "en"],
    "tone": "professional",
    "strategy": "attach",
    "business_hours": "Mon-Fri 9-12, 14-18; Sat 10-14",
    "fallback_email": "office@practice.example",
    "calendar": "google",
    "workspace_apps": ["slack", "notion"],
    "crm": "hubspot",
    "plan": "free",
    "seats": 2,
}
ANSWER = {
    **EXAMPLE,
    "guidelines": "",
    "number": "+33199004512",
    "business_hours": {"0": [["09:00", "12:00"], ["14:00", "18:00"]], "5": [["10:00", "14:00"]]},
    "business_hours_text": "Mon 09:00-12:00, 14:00-18:00; Sat 10:00-14:00",
    "business_hours_timezone": "Europe/Paris",
}


@extend_schema_field(WEEK)
class WeekField(serializers.JSONField):
    """A week as it is kept; null while nobody has said when the business is open."""


@extend_schema_field({"oneOf": [WEEK, {"type": "string", "maxLength": weeks.LONGEST_TEXT}]})
class TypedWeekField(serializers.Field):
    """A week as an object, or as people write it: Mon-Fri 9-18."""

    def to_internal_value(self, data: Any) -> hours.Weekly:
        """The week with all its days. Raises ValidationError."""
        if isinstance(data, str):
            text = serializers.CharField(max_length=weeks.LONGEST_TEXT).run_validation(data)
            return self._in_words(weeks.read_week, text)
        return self._in_words(hours.clean_weekly, data)

    def _in_words(self, read: Any, data: Any) -> hours.Weekly:
        try:
            return read(data)
        except ValidationError as error:
            raise serializers.ValidationError(error.messages) from None


@shown_as(ANSWER)
class UserStudioConfigSerializer(serializers.Serializer):
    persona = serializers.ChoiceField(Persona.choices)
    job_to_be_done = serializers.CharField()
    languages = serializers.ListField(
        child=serializers.ChoiceField(settings.LANGUAGES), help_text="She begins in the first of them"
    )
    tone = serializers.CharField()
    guidelines = serializers.CharField()
    strategy = serializers.ChoiceField(["attach", "pool"], help_text="A number of your own, or one lent to you")
    number = serializers.CharField(allow_null=True, help_text="The number that was attached last, in E.164")
    business_hours = WeekField(allow_null=True)
    business_hours_text = serializers.CharField(allow_null=True, help_text="The same in a line, in your language")
    business_hours_timezone = serializers.CharField(allow_null=True)
    fallback_email = serializers.CharField(help_text="Who is told when nobody could answer; may be empty")
    calendar = serializers.ChoiceField(Calendar.choices)
    workspace_apps = serializers.ListField(child=serializers.ChoiceField(WorkspaceApp.choices))
    crm = serializers.ChoiceField(Crm.choices)
    plan = serializers.ChoiceField(Plan.choices)
    seats = serializers.IntegerField()


class UserStudioConfigChangeSerializer(StrictSerializer):
    """Names and types; the wizard's own forms judge the rest."""

    persona = serializers.ChoiceField(Persona.choices, required=False)
    job_to_be_done = serializers.CharField(max_length=4000, required=False, allow_blank=True)
    languages = serializers.ListField(
        child=serializers.ChoiceField(settings.LANGUAGES), required=False, allow_empty=False, max_length=20
    )
    tone = serializers.CharField(max_length=60, required=False, allow_blank=True)
    guidelines = serializers.CharField(max_length=20_000, required=False, allow_blank=True)
    strategy = serializers.ChoiceField(list(STRATEGIES), required=False, help_text="purchase is another name of pool")
    number = serializers.CharField(
        max_length=40, required=False, allow_blank=True, help_text="One of your Twilio account; it is attached"
    )
    business_hours = TypedWeekField(required=False)
    business_hours_timezone = serializers.CharField(max_length=64, required=False, allow_blank=True)
    fallback_email = serializers.CharField(max_length=254, required=False, allow_blank=True)
    calendar = serializers.ChoiceField(Calendar.choices, required=False)
    workspace_apps = serializers.ListField(
        child=serializers.ChoiceField(WorkspaceApp.choices), required=False, max_length=20
    )
    crm = serializers.ChoiceField(Crm.choices, required=False)
    plan = serializers.ChoiceField(Plan.choices, required=False)
    seats = serializers.IntegerField(required=False, min_value=1, max_value=10_000)

    def validate_languages(self, value: list[str]) -> list[str]:
        """Each once, the first one first."""
        return list(dict.fromkeys(value))

    validate_workspace_apps = validate_languages

    def validate_strategy(self, value: str) -> str:
        """As the wizard calls it."""
        return STRATEGIES[value].value

    def validate_number(self, value: str) -> str:
        """E.164, or nothing."""
        number = normalize(value)
        if number and not is_e164(number):
            raise serializers.ValidationError(_("Enter the number with its country code, such as +33 1 99 00 12 34."))
        return number


class StudioConfigView(WizardView):
    def represent(self, request: OrganizationRequest) -> Any:
        """All choices as they are now; looking at them makes none."""
        return UserStudioConfigSerializer(_config(look(request.organization, request.user))).data

    @extend_schema(summary="What Ava is and when she answers", tags=TAGS, responses=UserStudioConfigSerializer)
    def get(self, request: OrganizationRequest) -> Response:
        """The choices of the wizard's steps 3, 5, 6 and 8."""
        return self.show(request)

    @extend_schema(
        summary="Change what Ava is and when she answers",
        tags=TAGS,
        request=UserStudioConfigChangeSerializer,
        responses=UserStudioConfigSerializer,
        examples=[OpenApiExample("A practice", EXAMPLE, request_only=True)],
    )
    def patch(self, request: OrganizationRequest) -> Response:
        """Only what you send is changed, all of it or nothing. A new number is looked for in your Twilio account."""
        given = UserStudioConfigChangeSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        wanted: dict[str, Any] = dict(given.validated_data)
        if "number" in wanted:
            self._attach(request, wanted.pop("number"), wanted)
        return self.change_in_wizard(request, lambda situation: _save(situation, wanted))

    def _attach(self, request: OrganizationRequest, number: str, wanted: dict[str, Any]) -> None:
        """Answer on one more number. Whatever else is wrong with the request is told before Twilio is asked."""
        with transaction.atomic():
            hold(request.organization)
            etags.need_match(request, self.represent(request))
            situation = read(request.organization, request.user)
            _save(situation, wanted)
            transaction.set_rollback(True)
        held = [one.number for one in situation.numbers]
        if number in held or not (number or held):
            return
        if not number:
            raise ValidationError({"number": _("A number is given up on the numbers page.")})
        if situation.onboarding.number_strategy == NumberStrategy.POOL:
            raise ValidationError({"number": _("A number that is lent to you cannot be named. Leave it out.")})
        numbers.attach_own_number(organization=request.organization, number=number)


def _config(situation: Situation) -> dict[str, Any]:
    studio, organization, opening = situation.studio, situation.organization, situation.hours
    is_pool = situation.onboarding.number_strategy == NumberStrategy.POOL
    return {
        **{name: getattr(studio, name) for name in (*values.AVA_FIELDS, *values.INTEGRATION_FIELDS)},
        "strategy": "pool" if is_pool else "attach",
        "number": situation.numbers[-1].number if situation.numbers else None,
        "business_hours": opening.weekly if opening else None,
        "business_hours_text": weeks.write_week(opening.weekly) if opening else None,
        "business_hours_timezone": opening.timezone if opening else None,
        "fallback_email": opening.fallback_email if opening else "",
        "plan": organization.plan,
        "seats": organization.seats,
    }


def _save(situation: Situation, wanted: dict[str, Any]) -> None:
    """Each step's fields by the step's own rules. Raises ValidationError with all that is wrong, by field."""
    flow.begin(situation)
    wrong: dict[str, Any] = {}
    for step, names in FIELDS.items():
        given = {names[name]: value for name, value in wanted.items() if name in names}
        try:
            if given:
                _save_step(situation, step, given)
        except ValidationError as error:
            wrong |= renamed(error, {inner: name for name, inner in names.items()})
    if wrong:
        raise ValidationError(wrong)


def _save_step(situation: Situation, name: str, given: dict[str, Any]) -> None:
    judged = {field: value for field, value in given.items() if field in JUDGED}
    typed = {field: values.as_typed(value) for field, value in given.items() if field not in JUDGED}
    saving.save_right(situation=situation, step=BY_NAME[name], typed=typed, judged=judged)
    flow.filled(situation, BY_NAME[name])
