"""Phones that ring when a call is over."""

from django.conf import settings
from django.http import Http404
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from accounts import devices
from accounts.api.base import OrganizationRequest, OrganizationView
from accounts.models import Device
from ava.lib.api.schema import problem, shown_as
from ava.lib.api.serializers import DescribedField, MomentField, StrictSerializer

TAGS = ["Devices"]
SHAPE = r"^(Expo(nent)?PushToken\[[!-Z^-~]{1,180}\]|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$"
EXAMPLE = {"expo_token": "ExponentPushToken[xxxxxxxxxxxxxxxxxxxxxx]", "locale": "fr"}


@shown_as({"id": 12, "locale": "fr", "created_at": "2026-10-05T09:00:00Z"})
class DeviceSerializer(serializers.ModelSerializer):
    """The token itself is not shown again."""

    created_at = MomentField()

    class Meta:
        model = Device
        fields = ("id", "locale", "created_at")


class TokenSerializer(StrictSerializer):
    expo_token = DescribedField(described={"pattern": SHAPE}, max_length=200)

    def validate_expo_token(self, value: str) -> str:
        """As Expo writes them."""
        return devices.clean_token(value)


class NewDeviceSerializer(TokenSerializer):
    locale = serializers.ChoiceField(
        settings.LANGUAGES, required=False, help_text="The language of pushes to this phone; without it, your own"
    )


class DevicesView(OrganizationView):
    members_may_change = True

    @extend_schema(summary="Your phones", tags=TAGS, responses=DeviceSerializer(many=True))
    def get(self, request: OrganizationRequest) -> Response:
        """The phones that ring for you, the newest first."""
        return Response(DeviceSerializer(request.user.devices.order_by("-pk"), many=True).data)

    @extend_schema(
        summary="Register a phone",
        tags=TAGS,
        request=NewDeviceSerializer,
        responses={201: DeviceSerializer},
        examples=[OpenApiExample("A phone", EXAMPLE, request_only=True)],
    )
    def post(self, request: OrganizationRequest) -> Response:
        """Safe to call at each start of the app. A phone belongs to who signed in on it last."""
        given = NewDeviceSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        device = devices.register(user=request.user, **given.validated_data)
        return Response(DeviceSerializer(device).data, status=201)

    @extend_schema(
        summary="Forget a phone by its token",
        tags=TAGS,
        responses={204: None, 400: problem('The body is `{"expo_token": …}`')},
    )
    def delete(self, request: OrganizationRequest) -> Response:
        """For signing out on the phone itself: the body names it, as in the registration."""
        given = TokenSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        if not devices.forget(user=request.user, **given.validated_data):
            raise Http404
        return Response(status=204)


class DeviceView(OrganizationView):
    members_may_change = True

    @extend_schema(summary="Forget a phone", tags=TAGS, responses={204: None})
    def delete(self, request: OrganizationRequest, pk: int) -> Response:
        """For a phone that was lost."""
        deleted, _rows = request.user.devices.filter(pk=pk).delete()
        if not deleted:
            raise Http404
        return Response(status=204)
