"""The signed-in person and what their organization does: the first step, and the settings' section of that name."""

from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from accounts.api.base import OrganizationRequest
from accounts.models import Membership
from accounts.models.organizations import Role
from ava.lib.api.problems import Problem
from ava.lib.api.schema import shown_as
from ava.lib.api.serializers import MomentField, StrictSerializer
from onboarding import flow, saving, values
from onboarding.api.base import WizardView, renamed
from onboarding.models import Onboarding
from onboarding.situation import Situation
from onboarding.steps import BY_NAME

TAGS = ["Profile and onboarding"]
STEP = BY_NAME["profile"]
EXAMPLE = {
    "full_name": "Alice Delmas",
    "organization_name": "Cabinet Delmas",
    "industry": "health",
    "company_size": "2-10",
    "profession": "physiotherapist",
    "country": "FR",
    "timezone": "Europe/Paris",
    "locale": "fr",
    "marketing_opt_in": False,
    "accept_terms": True,
}
ANSWER = {
    **EXAMPLE,
    "id": 3,
    "email": "alice@practice.example",
    "name": "Alice Delmas",
    "terms_accepted_at": "2026-10-05T09:00:00Z",
    "organization_id": 7,
    "role": "owner",
    "onboarding_completed": False,
    "onboarding_step": 2,
}


@shown_as(ANSWER)
class ProfileSerializer(serializers.Serializer):
    """Of a membership: the person, and the organization that the request works for."""

    id = serializers.IntegerField(source="user_id")
    email = serializers.EmailField(source="user.email")
    name = serializers.CharField(source="user.full_name", help_text="The same as full_name")
    full_name = serializers.CharField(source="user.full_name")
    locale = serializers.ChoiceField(settings.LANGUAGES, source="user.locale")
    timezone = serializers.CharField(source="user.timezone", help_text="As in the IANA time zone database")
    marketing_opt_in = serializers.BooleanField(source="user.marketing_opt_in")
    accept_terms = serializers.SerializerMethodField(help_text="Whether you have accepted the terms of use")
    terms_accepted_at = MomentField(source="user.terms_accepted_at", allow_null=True)
    organization_id = serializers.IntegerField()
    organization_name = serializers.CharField(source="organization.name")
    industry = serializers.CharField(source="organization.industry")
    company_size = serializers.CharField(source="organization.company_size")
    profession = serializers.CharField(source="organization.profession")
    country = serializers.CharField(source="organization.country", help_text="ISO 3166-1, two letters; may be empty")
    role = serializers.ChoiceField(Role.choices)
    onboarding_completed = serializers.SerializerMethodField(help_text="Whether Ava was launched")
    onboarding_step = serializers.SerializerMethodField(help_text="Which of the nine steps is open, from 1 to 9")

    def get_accept_terms(self, membership: Membership) -> bool:
        return membership.user.terms_accepted_at is not None

    def get_onboarding_completed(self, membership: Membership) -> bool:
        return _way(membership).is_launched

    def get_onboarding_step(self, membership: Membership) -> int:
        return BY_NAME[_way(membership).step].number


class ProfileChangeSerializer(StrictSerializer):
    """Names and types; the wizard's own form judges the rest."""

    full_name = serializers.CharField(max_length=150, required=False, allow_blank=True)
    name = serializers.CharField(
        max_length=150, required=False, allow_blank=True, help_text="Another name of full_name"
    )
    organization_name = serializers.CharField(max_length=150, required=False, allow_blank=True)
    industry = serializers.CharField(max_length=100, required=False, allow_blank=True)
    company_size = serializers.RegexField(
        r"^([0-9]{1,6}(-[0-9]{1,6}|\+)?)?\Z",
        max_length=30,
        required=False,
        allow_blank=True,
        help_text="How many people work there: 1, 2-10, 11-50, 51-200, 201+, or another range",
    )
    profession = serializers.CharField(max_length=100, required=False, allow_blank=True)
    country = serializers.CharField(max_length=2, required=False, allow_blank=True, help_text="ISO 3166-1, two letters")
    timezone = serializers.CharField(
        max_length=64, required=False, allow_blank=True, help_text="As in the IANA time zone database"
    )
    locale = serializers.ChoiceField(settings.LANGUAGES, required=False)
    marketing_opt_in = serializers.BooleanField(required=False)
    accept_terms = serializers.BooleanField(required=False, help_text="Accepted once, they stay accepted")

    def validate_accept_terms(self, value: bool) -> bool:
        """What was accepted is not taken back by unticking a box."""
        if not value and self.context["user"].terms_accepted_at:
            raise serializers.ValidationError(_("You have accepted the terms; that cannot be taken back here."))
        return value

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Both names of a field may be sent, when they say the same."""
        if "name" in attrs and attrs.setdefault("full_name", attrs["name"]) != attrs.pop("name"):
            raise serializers.ValidationError({"name": _("This says something else than full_name.")})
        return attrs


class ProfileView(WizardView):
    members_may_change = True  # of themselves

    def represent(self, request: OrganizationRequest) -> Any:
        """The person, the role and the organization as they are in the database now."""
        rows = request.user.memberships.select_related("user", "organization__onboarding")
        return ProfileSerializer(rows.get(pk=request.membership.pk)).data

    @extend_schema(summary="Your profile", tags=TAGS, responses=ProfileSerializer)
    def get(self, request: OrganizationRequest) -> Response:
        """You, your organization, and how far its set-up is."""
        return self.show(request)

    @extend_schema(
        summary="Change your profile",
        tags=TAGS,
        request=ProfileChangeSerializer,
        responses=ProfileSerializer,
        examples=[OpenApiExample("The first step", EXAMPLE, request_only=True)],
    )
    def patch(self, request: OrganizationRequest) -> Response:
        """Only what you send is changed, all of it or nothing. What the organization is, owners and admins change."""
        given = ProfileChangeSerializer(data=request.data, context={"user": request.user})
        given.is_valid(raise_exception=True)
        wanted: dict[str, Any] = dict(given.validated_data)
        _need_right(request, wanted)
        names = {"full_name": "name"} if "full_name" not in request.data else {}
        return self.change_in_wizard(request, lambda situation: _save(request, situation, wanted, names))


def _way(membership: Membership) -> Onboarding:
    """The organization's way; one that never opened the wizard stands at its beginning."""
    return getattr(membership.organization, "onboarding", None) or Onboarding()


def _need_right(request: OrganizationRequest, wanted: dict[str, Any]) -> None:
    fields = sorted(values.ORGANIZATION_FIELDS.keys() & wanted.keys())
    if fields and not request.membership.may_manage:
        words = _("Only owners and admins can change these: %(fields)s.") % {"fields": ", ".join(fields)}
        raise Problem(403, "managers_only", words)


def _save(request: OrganizationRequest, situation: Situation, wanted: dict[str, Any], names: dict[str, str]) -> None:
    situation.user.refresh_from_db()  # read again now that the wizard is held
    judged = {name: value for name, value in wanted.items() if name == "company_size"}  # any range, not only ours
    typed = {name: values.as_typed(value) for name, value in wanted.items() if name not in judged}
    if wanted.get("accept_terms") is False:
        del typed["accept_terms"]  # not accepted yet, and still not
    try:
        saving.save_right(situation=situation, step=STEP, typed=typed, judged=judged)
    except ValidationError as error:
        raise ValidationError(renamed(error, names)) from None
    if request.membership.may_manage:
        flow.begin(situation)
        flow.filled(situation, STEP)
