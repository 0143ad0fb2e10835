"""The app's name to Django."""

from django.apps import AppConfig


class TelephonyConfig(AppConfig):
    name = "telephony"
