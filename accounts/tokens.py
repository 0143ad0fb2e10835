"""Tokens of the mobile clients: short ones to ask with, long ones to refresh them, each of these good for one use."""

from typing import Any

from allauth.headless.tokens.strategies.jwt import internal
from allauth.headless.tokens.strategies.jwt.strategy import JWTTokenStrategy
from django.contrib.sessions.models import Session
from django.db import transaction


class TokenStrategy(JWTTokenStrategy):
    """allauth's, and a refresh token that comes twice ends its session: one of the two senders has stolen it.

    https://datatracker.ietf.org/doc/html/rfc9700#section-4.14.2
    """

    @transaction.atomic
    def refresh_token(self, refresh_token: str) -> tuple[str, str] | None:
        """A new pair, or None when the token is not good (any more)."""
        payload = internal.decode_token(refresh_token, "refresh")
        session_key = internal.session_key_from_sid(payload["sid"]) if payload else None
        if payload is None or session_key is None:
            return None
        # Two that come at once: the second one sees what the first has used up.
        list(Session.objects.select_for_update().filter(session_key=session_key))
        if self._is_used_up(payload):
            Session.objects.filter(session_key=session_key).delete()
            return None
        return super().refresh_token(refresh_token)

    @staticmethod
    def _is_used_up(payload: dict[str, Any]) -> bool:
        session = internal.get_token_session(payload)
        return session is not None and payload["jti"] not in internal.get_refresh_token_state(session)
