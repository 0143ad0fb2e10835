"""The app's name to Django."""

from django.apps import AppConfig


class OnboardingConfig(AppConfig):
    name = "onboarding"
