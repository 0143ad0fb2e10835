"""`manage.py demo`: a demo tenant on the sandbox, ready to take a call. Running it again changes nothing."""

import os
import secrets
from decimal import Decimal
from typing import Any

from allauth.account.models import EmailAddress
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from accounts import credentials
from accounts.models import Device, Organization, User
from accounts.tenancy import found_organization
from assistants import activation, sync
from assistants.models import GlobalPrompt, Studio
from assistants.prompts import DEFAULT_PROMPT
from ava.lib.environment import embedded_secret
from ava.lib.phones import country_of
from onboarding.models import Onboarding
from telephony import numbers
from telephony.models import PoolNumber

EMAIL = "demo@ava.example"
# Accounts of the sandbox: any UUID is a Vapi key there, any SID with a token of the right shape a Twilio account.
VAPI_KEY = "5a4d0000-7b6e-4f00-8a00-0000000de300"
TWILIO_ACCOUNT = ("AC" + "5a4d" * 8, "d" * 32)


class Command(BaseCommand):
    help = "Fill a demo tenant and the operator's pool from the sandbox, and print the login."

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.SANDBOX_URL:
            raise CommandError("The demo tenant lives on the sandbox: use `make run`, or set SANDBOX_URL.")
        password = os.environ.get("DEMO_PASSWORD") or self._kept_password()
        user = User.objects.filter(email=EMAIL).first()
        if user is None:
            user = self._make_user(password)
        elif os.environ.get("DEMO_PASSWORD") and not user.check_password(password):
            user.set_password(password)
            user.save(update_fields=["password"])
        self._fill(user.organizations.order_by("pk").first() or self._make_organization(user))
        self._bring_up_to_date()
        self._fill_pool()
        if not GlobalPrompt.objects.exists():
            GlobalPrompt.objects.create(version=1, text=DEFAULT_PROMPT)
        self.stdout.write(f"{EMAIL} {password}")

    def _kept_password(self) -> str:
        return embedded_secret(settings.DATA_DIR / "keys", "demo_password")[:16]

    def _make_user(self, password: str) -> User:
        user = User.objects.create_superuser(
            EMAIL, password, full_name="Camille Delmas", locale="fr", timezone="Europe/Paris"
        )
        user.accept_terms()
        user.save(update_fields=["terms_accepted_at", "terms_version"])
        EmailAddress.objects.create(user=user, email=EMAIL, verified=True, primary=True)
        Device.objects.create(user=user, expo_token=f"ExponentPushToken[{secrets.token_hex(11)}]")
        return user

    def _make_organization(self, user: User) -> Organization:
        organization = found_organization(owner=user, name="Cabinet Delmas")
        organization.industry, organization.profession, organization.country = (
            "Santé",
            "Kinésithérapeute",
            "FR",
        )
        organization.save(update_fields=["industry", "profession", "country"])
        self._mark_onboarded(organization)
        return organization

    def _mark_onboarded(self, organization: Organization) -> None:
        """The demo tenant is set up already: nobody is sent through the wizard."""
        rows = Onboarding.objects.for_organization(organization)
        onboarding, _created = rows.get_or_create(defaults={"organization": organization, "step": "done"})
        onboarding.mark_launched()

    def _fill(self, organization: Organization) -> None:
        """Keys, number and an active assistant, unless somebody has set others meanwhile."""
        if organization.numbers.exists() or credentials.has_twilio_account(organization):
            return
        if not credentials.has_vapi_key(organization):
            credentials.save_vapi_key(organization=organization, typed=VAPI_KEY)
        sid, token = TWILIO_ACCOUNT
        credentials.save_twilio_account(organization=organization, account_sid=sid, auth_token=token)
        french = [one for one in numbers.available_numbers(organization) if country_of(one.number) == "FR"]
        numbers.attach_own_number(organization=organization, number=french[0].number)
        studio = sync.studio_of(organization)
        studio.first_message = (
            "Cabinet Delmas bonjour, je suis Ava, l'assistante du cabinet. Comment puis-je vous aider ?"
        )
        studio.end_call_message = "Merci de votre appel, bonne journée."
        studio.save(update_fields=["first_message", "end_call_message"])
        activation.activate(organization=organization)

    def _bring_up_to_date(self) -> None:
        """After a start on another port, events must go to the new address."""
        for studio in Studio.objects.unscoped().filter(is_active=True).select_related("organization"):
            if not sync.is_current(studio):
                activation.activate(organization=studio.organization)

    def _fill_pool(self) -> None:
        """The pool is what the operator's Twilio account has."""
        if PoolNumber.objects.exists() or not settings.TWILIO_ACCOUNT_SID:
            return
        client = credentials.twilio_client(credentials.platform_twilio_account())
        for incoming in client.list_numbers():
            PoolNumber.objects.create(
                number=incoming.number, country=country_of(incoming.number), monthly_cost=Decimal("1.15")
            )
