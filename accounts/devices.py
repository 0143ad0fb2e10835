"""The phones of a person, by the token that Expo knows them under."""

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts.models import Device, User
from ava.clients import expo

MOST_DEVICES = 20


def clean_token(typed: str) -> str:
    """The token in what was given. Raises ValidationError."""
    token = typed.strip()
    if not expo.is_expo_token(token):
        raise ValidationError(_("An Expo push token looks like ExponentPushToken[…]."), code="invalid_token")
    return token


@transaction.atomic
def register(*, user: User, expo_token: str, locale: str = "") -> Device:
    """Let the phone ring for this person from now on, whoever was signed in on it before. Raises ValidationError."""
    token = clean_token(expo_token)
    device, _created = Device.objects.update_or_create(expo_token=token, defaults={"user": user, "locale": locale})
    oldest = user.devices.order_by("-pk").values_list("pk", flat=True)[MOST_DEVICES:]
    user.devices.filter(pk__in=list(oldest)).delete()
    return device


def forget(*, user: User, expo_token: str) -> bool:
    """No longer ring this phone of the person's; whether it was one."""
    deleted, _rows = user.devices.filter(expo_token=expo_token.strip()).delete()
    return bool(deleted)
