"""The settings' section about signing in: what protects the account, and where it is open."""

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.http import HttpResponse
from django.shortcuts import render

from accounts.tenancy import TenantRequest, organization_required


@organization_required
def security_section(request: TenantRequest) -> HttpResponse:
    """The state of password, second step, passkeys and sessions, with the way to each."""
    kinds = list(Authenticator.objects.filter(user=request.user).values_list("type", flat=True))
    context = {
        "has_password": request.user.has_usable_password(),
        "password_changed_at": request.user.password_changed_at or request.user.date_joined,
        "has_app": Authenticator.Type.TOTP in kinds,
        "has_recovery_codes": Authenticator.Type.RECOVERY_CODES in kinds,
        "passkey_count": kinds.count(Authenticator.Type.WEBAUTHN),
        "session_count": UserSession.objects.filter(user=request.user).count(),
        "addresses": list(EmailAddress.objects.filter(user=request.user).order_by("-primary", "pk")),
        "section": "security",
    }
    return render(request, "settings/security.html", context)
