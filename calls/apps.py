"""The app's name to Django."""

from django.apps import AppConfig


class CallsConfig(AppConfig):
    name = "calls"
