"""`manage.py rotate_keys`: re-encrypt every secret under the newest of FIELD_ENCRYPTION_KEYS, while Ava runs."""

from typing import Any

from django.apps import apps
from django.core.management.base import BaseCommand, CommandError

from ava.lib.crypto import InvalidToken, encrypted_fields, rotate


class Command(BaseCommand):
    help = (
        "Re-encrypt all secrets under the first of FIELD_ENCRYPTION_KEYS. Order: put the new key first, deploy, run "
        "this, then drop the old key. It may be stopped and run again."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        for model in apps.get_models():
            if not encrypted_fields(model):
                continue
            try:
                written = rotate(model)
            except InvalidToken:
                raise CommandError(
                    f"{model._meta.label}: a secret opens with none of FIELD_ENCRYPTION_KEYS. Add its key."
                ) from None
            self.stdout.write(f"{model._meta.label}: {written} re-encrypted")
