"""Where people land after signing up and in: in the wizard, until Ava is launched."""

from typing import Any

from django.http import HttpRequest
from django.shortcuts import resolve_url

from accounts.flows import AccountAdapter
from accounts.models import Membership, User
from accounts.tenancy import current_membership
from onboarding.models import Draft, Onboarding


class OnboardingAdapter(AccountAdapter):
    def save_user(self, request: HttpRequest, user: User, form: Any, commit: bool = True) -> User:
        """A new organization has its way before it; one from before the wizard is not sent through it."""
        user = super().save_user(request, user, form, commit=commit)
        if commit:
            for membership in Membership.objects.filter(user=user).select_related("organization"):
                organization = membership.organization
                if membership.may_manage:
                    Onboarding.objects.for_organization(organization).create(organization=organization)
                    Draft.objects.for_organization(organization).create(organization=organization)
        return user

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        """To the step that was left, for who may set Ava up."""
        return resolve_url("onboarding:resume") if _has_way_to_go(request) else super().get_login_redirect_url(request)

    def get_signup_redirect_url(self, request: HttpRequest) -> str:
        """As after signing in."""
        return self.get_login_redirect_url(request)


def _has_way_to_go(request: HttpRequest) -> bool:
    membership = current_membership(request)
    if membership is None or not membership.may_manage:
        return False
    rows = Onboarding.objects.for_organization(membership.organization)
    return rows.filter(completed_at__isnull=True).exists()
