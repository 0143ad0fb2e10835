"""The second step's secrets: allauth keeps them, sealed under FIELD_ENCRYPTION_KEYS."""

from contextlib import suppress
from typing import Any

from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.mfa.totp import forms
from allauth.mfa.totp.internal.auth import SECRET_SESSION_KEY
from django.db import transaction

from ava.lib import crypto

SECRETS = ("secret", "seed", "migrated_codes")


class MFAAdapter(DefaultMFAAdapter):
    def encrypt(self, text: str) -> str:
        """What stands in the table."""
        return crypto.seal(text)

    def decrypt(self, encrypted_text: str) -> str:
        """In clear; so is what was kept before secrets were sealed."""
        return crypto.unseal(encrypted_text)


class ActivateTOTPForm(forms.ActivateTOTPForm):
    """allauth keeps the secret of an app that is being set up in the session: it is sealed there too."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        session = context.request.session
        if kept := session.pop(SECRET_SESSION_KEY, ""):
            with suppress(crypto.InvalidToken):  # its key is gone: the app is set up from the beginning
                session[SECRET_SESSION_KEY] = crypto.unseal(kept)
        super().__init__(*args, **kwargs)
        session[SECRET_SESSION_KEY] = crypto.seal(self.secret)


def rotate() -> int:
    """Seal every secret of the second step under the newest key; return how many people's rows were written.

    May run while people sign in, and again. Raises InvalidToken when a secret's key is no longer known.
    """
    kept = Authenticator.objects.exclude(type=Authenticator.Type.WEBAUTHN).order_by("pk")
    return sum(_rotate(key) for key in list(kept.values_list("pk", flat=True)))


@transaction.atomic
def _rotate(key: int) -> int:
    row = Authenticator.objects.select_for_update().filter(pk=key).first()
    if row is None:
        return 0
    for name in SECRETS:
        if isinstance(value := row.data.get(name), list):
            row.data[name] = [crypto.reseal(one) for one in value]
        elif value:
            row.data[name] = crypto.reseal(value)
    row.save(update_fields=["data"])
    return 1
