"""Signing up: what allauth does, and what an organization needs besides."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone, translation

from accounts import invitations
from accounts.models import User
from accounts.tenancy import found_organization


class AccountAdapter(DefaultAccountAdapter):
    def save_user(self, request: HttpRequest, user: User, form: Any, commit: bool = True) -> User:
        """A person who signs up gets the language of the page and, unless one waits for them, an organization."""
        language = translation.get_language() or settings.LANGUAGE_CODE
        user.locale = language if language in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE
        super().save_user(request, user, form, commit=commit)
        if commit and not invitations.is_awaited(user.email):
            found_organization(owner=user)
        return user

    def set_password(self, user: User, password: str) -> None:
        """Keep when, for the security page."""
        user.password_changed_at = timezone.now()
        super().set_password(user, password)
