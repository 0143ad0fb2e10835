"""The app's name to Django."""

from django.apps import AppConfig


class AssistantsConfig(AppConfig):
    name = "assistants"
