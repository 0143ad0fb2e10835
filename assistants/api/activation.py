"""On the phone, and off."""

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from accounts.api.base import OrganizationRequest, OrganizationView
from assistants import activation
from assistants.api.syncing import REFUSALS, told
from ava.lib.api.schema import shown_as
from ava.lib.api.serializers import take_nothing

TAGS = ["Assistant"]


@shown_as({"success": True})
class SuccessSerializer(serializers.Serializer):
    success = serializers.BooleanField()


class ActivateView(OrganizationView):
    @extend_schema(
        summary="Put Ava on the phone", tags=TAGS, request=None, responses={200: SuccessSerializer, **REFUSALS}
    )
    def post(self, request: OrganizationRequest) -> Response:
        """Brings the assistant to Vapi and leads your numbers to it. Safe to repeat: it goes on where it broke off."""
        take_nothing(request.data)
        with told():
            activation.activate(organization=request.organization)
        return Response({"success": True})


class DeactivateView(OrganizationView):
    @extend_schema(
        summary="Take Ava off the phone", tags=TAGS, request=None, responses={200: SuccessSerializer, **REFUSALS}
    )
    def post(self, request: OrganizationRequest) -> Response:
        """Puts back what answered your numbers before. Safe to repeat: it goes on where it broke off."""
        take_nothing(request.data)
        with told():
            activation.deactivate(organization=request.organization)
        return Response({"success": True})
