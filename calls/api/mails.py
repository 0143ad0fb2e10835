"""Trying out whether mails arrive."""

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from accounts.api.base import OrganizationRequest, OrganizationView
from ava.lib import mail
from ava.lib.api.problems import Problem
from ava.lib.api.schema import problem
from ava.lib.api.serializers import StrictSerializer
from calls import trial_mails


class TrialSerializer(StrictSerializer):
    to = serializers.EmailField(
        max_length=254, required=False, help_text="A member's address; without it, the mail goes to you"
    )


class SentSerializer(serializers.Serializer):
    success = serializers.BooleanField()
    to = serializers.EmailField()
    message_id = serializers.CharField()


class TestMailView(OrganizationView):
    @extend_schema(
        summary="Send a mail to see whether mails arrive",
        tags=["Integrations"],
        request=TrialSerializer,
        responses={
            200: SentSerializer,
            409: problem("The mail server refuses the mail (`mail_refused`)"),
            503: problem("The mail server cannot be reached, or asks to try later (`mail_unreachable`)"),
        },
        examples=[OpenApiExample("To a colleague", {"to": "bob@practice.example"}, request_only=True)],
    )
    def post(self, request: OrganizationRequest) -> Response:
        """Sent at once, five an hour at most for each person."""
        given = TrialSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        try:
            sent = trial_mails.send(organization=request.organization, sender=request.user, **given.validated_data)
        except trial_mails.TooManyMails as error:
            words = _("You have sent several of these mails within an hour. Try again later.")
            raise Problem(429, "throttled", words, {"Retry-After": str(error.retry_after_seconds)}) from None
        except mail.MailRefused as error:
            raise Problem(409, "mail_refused", trial_mails.reason(error)) from None
        except mail.MailUnreachable as error:
            raise Problem(503, "mail_unreachable", trial_mails.reason(error)) from None
        return Response(SentSerializer({"success": True, "to": sent.to, "message_id": sent.message_id}).data)
