"""`manage.py rotate_keys`: re-encrypt every secret under the newest of FIELD_ENCRYPTION_KEYS, while Ava runs."""

from collections.abc import Callable
from functools import partial
from typing import Any

from allauth.mfa.models import Authenticator
from django.apps import apps
from django.core.management.base import BaseCommand, CommandError

from accounts import mfa
from ava.lib.crypto import InvalidToken, encrypted_fields, rotate


class Command(BaseCommand):
    help = (
        "Re-encrypt all secrets under the first of FIELD_ENCRYPTION_KEYS. Order: put the new key first, deploy, run "
        "this, then drop the old key. It may be stopped and run again."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        for model in apps.get_models():
            if encrypted_fields(model):
                self._rotate(model._meta.label, partial(rotate, model))
        self._rotate(Authenticator._meta.label, mfa.rotate)

    def _rotate(self, label: str, rotate_all: Callable[[], int]) -> None:
        try:
            written = rotate_all()
        except InvalidToken:
            raise CommandError(f"{label}: a secret opens with none of FIELD_ENCRYPTION_KEYS. Add its key.") from None
        self.stdout.write(f"{label}: {written} re-encrypted")
