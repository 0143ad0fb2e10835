"""The organizations of a person: which to name in X-Organization."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from accounts.api.base import OrganizationRequest, OrganizationView
from accounts.models.organizations import Plan, Role
from ava.lib.api.schema import shown_as


@shown_as({"id": 7, "name": "Cabinet Delmas", "role": "owner", "plan": "pro", "is_current": True})
class OrganizationSerializer(serializers.Serializer):
    id = serializers.IntegerField(source="organization_id")
    name = serializers.CharField(source="organization.name")
    role = serializers.ChoiceField(Role.choices)
    plan = serializers.ChoiceField(Plan.choices, source="organization.plan")
    is_current = serializers.SerializerMethodField(help_text="Whether this request worked for it")

    def get_is_current(self, membership: Any) -> bool:
        """The one that the request named, or the first."""
        return membership.pk == self.context["membership"].pk


class OrganizationsView(OrganizationView):
    @extend_schema(summary="Your organizations", tags=["Organizations"], responses=OrganizationSerializer(many=True))
    def get(self, request: OrganizationRequest) -> Response:
        """Everything you belong to, with your role; name one in X-Organization to work for it."""
        memberships = request.user.memberships.select_related("organization").order_by("pk")
        context = {"membership": request.membership}
        return Response(OrganizationSerializer(memberships, many=True, context=context).data)
