"""All that the wizard knows of an organization, read at once."""

from dataclasses import dataclass
from typing import Any, cast

from django.conf import settings
from django.utils.functional import cached_property

from accounts.models import Organization, TwilioCredential, User, VapiCredential
from assistants import sync
from assistants.models import Studio
from onboarding.models import Draft, Onboarding
from telephony import hours
from telephony.models import BusinessHours, TenantNumber

RELATED = ("onboarding", "onboarding_draft", "studio", "business_hours", "vapicredential", "twiliocredential")
SECRETS = ("vapicredential__api_key", "twiliocredential__auth_token")


@dataclass
class Situation:
    """An organization's rows, and the person before the screen."""

    organization: Organization
    user: User

    @cached_property
    def numbers(self) -> list[TenantNumber]:
        """What callers dial, the oldest first; read when it is asked for."""
        return list(self.organization.numbers.order_by("pk"))

    @property
    def onboarding(self) -> Onboarding:
        return cast(Onboarding, self._related("onboarding"))

    @property
    def draft(self) -> Draft:
        return cast(Draft, self._related("onboarding_draft"))

    @property
    def studio(self) -> Studio:
        return cast(Studio, self._related("studio"))

    @property
    def hours(self) -> BusinessHours | None:
        return self._related("business_hours")

    @property
    def starting_hours(self) -> BusinessHours:
        """The saved hours, else what suits the country; not saved then."""
        if self.hours:
            return self.hours
        organization = self.organization  # named by its id: the row itself would take these hours for its own
        return BusinessHours(
            organization_id=organization.pk,
            timezone=self.user.timezone,
            weekly=hours.usual_week(organization.country),
        )

    @property
    def vapi(self) -> VapiCredential | None:
        return self._related("vapicredential")

    @property
    def twilio(self) -> TwilioCredential | None:
        return self._related("twiliocredential")

    @property
    def has_vapi_key(self) -> bool:
        """Whether a key resolves: the organization's own, or the platform's."""
        return bool(self.vapi or settings.VAPI_API_KEY)

    @property
    def languages(self) -> list[str]:
        """What the assistant speaks, the language she begins in first."""
        return self.studio.languages or [self.user.locale]

    def _related(self, name: str) -> Any:
        return getattr(self.organization, name, None)


def read(organization: Organization, user: User) -> Situation:
    """The organization's situation; its wizard begins when it was never opened before."""
    found = _read(organization, user)
    if found.onboarding is None or found.draft is None or found.studio is None:
        _begin(organization)
        found = _read(organization, user)
    return found


def look(organization: Organization, user: User) -> Situation:
    """As `read`, for who only looks: what is missing stands there as it would begin, and is not saved."""
    found = _read(organization, user)
    if found.onboarding is None:
        Onboarding(organization=found.organization)
    if found.draft is None:
        Draft(organization=found.organization)
    if found.studio is None:
        Studio(**sync.beginning_of(found.organization))
    return found


def hold(organization: Organization) -> None:
    """Let nobody else save in this wizard until the transaction ends; who holds more rows holds this one first."""
    draft = Draft.objects.for_organization(organization).select_for_update().only("pk")
    if draft.first() is None:
        _begin(organization)
        draft.first()


def read_for_update(organization: Organization, user: User) -> Situation:
    """As `read`, while nobody else saves in this wizard: for a transaction."""
    hold(organization)
    return read(organization, user)


def _begin(organization: Organization) -> None:
    Onboarding.objects.for_organization(organization).get_or_create(defaults={"organization": organization})
    Draft.objects.for_organization(organization).get_or_create(defaults={"organization": organization})
    sync.studio_of(organization)


def _read(organization: Organization, user: User) -> Situation:
    rows = Organization.objects.select_related(*RELATED).defer(*SECRETS)
    whole = rows.get(pk=organization.pk)
    for name in RELATED:
        if (row := getattr(whole, name, None)) is not None:
            row.organization = whole
    return Situation(whole, user)
