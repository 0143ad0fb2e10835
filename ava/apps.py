"""Ava as an app: start-up checks, commands, template tags."""

import gc

from django.apps import AppConfig


class AvaConfig(AppConfig):
    name = "ava"

    def ready(self) -> None:
        from ava import checks  # noqa: F401, PLC0415  registering needs the apps loaded

        gc.freeze()  # what is loaded by now stays; forked processes share its memory
        gc.enable()
