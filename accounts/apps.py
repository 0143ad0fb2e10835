"""The app's name to Django."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"
