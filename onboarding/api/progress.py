"""How far the set-up is, and its end: the launch."""

from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.response import Response

from accounts.api.base import OrganizationRequest, OrganizationView
from ava.lib.api.problems import Problem
from ava.lib.api.schema import problem, shown_as
from ava.lib.api.serializers import MomentField, StrictSerializer, take_nothing
from onboarding import flow, launch
from onboarding.api.base import WizardView
from onboarding.api.profile import TAGS
from onboarding.models import StepState
from onboarding.situation import Situation, look, read
from onboarding.steps import BY_NAME, DONE, INCOMPLETE, OPEN, SKIPPED, STEPS

DASHBOARD = "/dashboard"  # leads on to the page in the reader's language
EXAMPLE = {"onboarding_vapi_skipped": True, "onboarding_twilio_skipped": False}
SKIPPABLE = {"onboarding_vapi_skipped": "vapi", "onboarding_twilio_skipped": "twilio"}
ANSWER = {
    **EXAMPLE,
    "onboarding_assistant_created": False,
    "step": 3,
    "completed": False,
    "completed_at": None,
    "steps": [
        {"number": 1, "name": "profile", "state": "done"},
        {"number": 2, "name": "vapi", "state": "skipped"},
        {"number": 3, "name": "ava", "state": "open"},
    ],
}


class StepSerializer(serializers.Serializer):
    number = serializers.IntegerField(min_value=1, max_value=9)
    name = serializers.ChoiceField([step.name for step in STEPS])
    state = serializers.ChoiceField([DONE, SKIPPED, INCOMPLETE, OPEN])


@shown_as(ANSWER)
class OnboardingSerializer(serializers.Serializer):
    """Of an organization's situation."""

    onboarding_vapi_skipped = serializers.BooleanField(source="onboarding.vapi_skipped")
    onboarding_twilio_skipped = serializers.BooleanField(source="onboarding.twilio_skipped")
    onboarding_assistant_created = serializers.BooleanField(source="onboarding.assistant_created")
    step = serializers.SerializerMethodField(help_text="Which of the nine steps is open, from 1 to 9")
    completed = serializers.BooleanField(source="onboarding.is_launched")
    completed_at = MomentField(source="onboarding.completed_at", allow_null=True)
    steps = serializers.SerializerMethodField()

    def get_step(self, situation: Situation) -> int:
        return BY_NAME[situation.onboarding.step].number

    @extend_schema_field(StepSerializer(many=True))
    def get_steps(self, situation: Situation) -> list[dict[str, Any]]:
        return [{"number": step.number, "name": step.name, "state": step.state(situation)} for step in STEPS]


class OnboardingChangeSerializer(StrictSerializer):
    onboarding_vapi_skipped = serializers.BooleanField(required=False)
    onboarding_twilio_skipped = serializers.BooleanField(required=False)
    onboarding_assistant_created = serializers.BooleanField(
        required=False, help_text="Only what is so: true once the assistant exists at Vapi"
    )


@shown_as({"success": True, "onboarding_completed": True, "redirect_url": DASHBOARD, "problem": None})
class CompletedSerializer(serializers.Serializer):
    success = serializers.BooleanField()
    onboarding_completed = serializers.BooleanField()
    redirect_url = serializers.CharField()
    problem = serializers.CharField(allow_null=True, help_text="Why Ava does not answer the phone yet, in words")


class OnboardingView(WizardView):
    def represent(self, request: OrganizationRequest) -> Any:
        """The way as it is now; looking at it does not begin it."""
        return OnboardingSerializer(look(request.organization, request.user)).data

    @extend_schema(summary="How far the set-up is", tags=TAGS, responses=OnboardingSerializer)
    def get(self, request: OrganizationRequest) -> Response:
        """What was skipped, and the state of each of the nine steps."""
        return self.show(request)

    @extend_schema(
        summary="Skip a step, or take it up again",
        tags=TAGS,
        request=OnboardingChangeSerializer,
        responses={200: OnboardingSerializer, 409: problem("What is said of the assistant is not so")},
        examples=[OpenApiExample("Skip the Vapi key", EXAMPLE, request_only=True)],
    )
    def patch(self, request: OrganizationRequest) -> Response:
        """All of it or nothing. Skipping hides nothing: the step can be done at any time."""
        given = OnboardingChangeSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        wanted: dict[str, bool] = dict(given.validated_data)
        return self.change_in_wizard(request, lambda situation: _save(situation, wanted))


class CompleteOnboardingView(OrganizationView):
    @extend_schema(
        summary="Launch Ava",
        tags=TAGS,
        request=None,
        responses={200: CompletedSerializer, 409: problem("The terms are not accepted yet (`terms_missing`)")},
    )
    def post(self, request: OrganizationRequest) -> Response:
        """Needs the accepted terms and nothing else; safe to repeat.

        With a key and a number Ava is put on the phone too. When that fails she is launched all the same, and
        `problem` says what happened.
        """
        take_nothing(request.data)
        situation = read(request.organization, request.user)
        flow.begin(situation)
        try:
            problem = launch.launch(situation)
        except launch.TermsMissing:
            raise Problem(409, "terms_missing", _("Accept the terms of use first.")) from None
        flow.leave(situation, BY_NAME["done"], StepState.COMPLETED)
        situation.onboarding.go_to("done")
        answer = {"success": True, "onboarding_completed": True, "redirect_url": DASHBOARD, "problem": problem or None}
        return Response(CompletedSerializer(answer).data)


def _save(situation: Situation, wanted: dict[str, bool]) -> None:
    flow.begin(situation)
    for name, step in SKIPPABLE.items():
        if wanted.get(name):
            flow.leave(situation, BY_NAME[step], StepState.SKIPPED)
        elif name in wanted:
            flow.take_up(situation, BY_NAME[step])
    if "onboarding_assistant_created" in wanted:
        _tell_of_assistant(situation, wanted["onboarding_assistant_created"])


def _tell_of_assistant(situation: Situation, is_created: bool) -> None:
    """Nobody says of the assistant what is not so."""
    if is_created and not situation.studio.vapi_id:
        raise Problem(409, "assistant_missing", _("The assistant does not exist at Vapi yet."))
    if not is_created and situation.onboarding.assistant_created:
        raise Problem(409, "assistant_exists", _("The assistant was created already."))
    if is_created:
        flow.assistant_created(situation)
