"""A page of the wizard as a browser posts it, and a second one beside it."""

import re
from typing import Any

import pytest
from django.test import Client

from accounts.models import AnalyticsEvent, Organization, User
from onboarding.models import Draft, Onboarding

HIDDEN = re.compile(r'name="base-([\w-]+)" id="[\w-]+" value="(\w+)"')


class Browser:
    """A signed-in browser: `open` a step, `save` single fields as the script does, `post` a step as its button does."""

    def __init__(self, person: User) -> None:
        self.client = Client()
        self.client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
        self.bases: dict[str, str] = {}
        self.html = ""

    def open(self, step: str, language: str = "en") -> str:
        answer = self.client.get(f"/{language}/onboarding/{step}/")
        assert answer.status_code == 200
        return self.read(answer)

    def read(self, answer: Any) -> str:
        self.html = answer.content.decode()
        self.bases |= dict(HIDDEN.findall(self.html))
        return self.html

    def save(self, step: str, *, writer: str = "", sequence: int = 0, **typed: Any) -> Any:
        """What the script sends: only what changed."""
        answer = self.client.post(
            f"/en/onboarding/{step}/save/", self._posted(typed) | {"writer": writer, "sequence": sequence}
        )
        self.read(answer)
        return answer

    def post(self, step: str, door: str = "", *, extra: dict[str, Any] | None = None, **typed: Any) -> Any:
        """What the page sends without a script: everything it shows, changed here and there."""
        data = self._posted(typed) | (extra or {})
        return self.client.post(f"/en/onboarding/{step}/{door}", data)

    def _posted(self, typed: dict[str, Any]) -> dict[str, Any]:
        values = {name.replace("__", "-"): value for name, value in typed.items()}
        bases = {f"base-{name}": self.bases[name] for name in values if name in self.bases}
        return {"fields": list(values), **bases, **{name: value for name, value in values.items() if value != []}}


@pytest.fixture
def browser(alice: User) -> Browser:
    return Browser(alice)


@pytest.fixture
def way(organization: Organization) -> Onboarding:
    """Alice's way through the wizard, not begun yet."""
    Draft.objects.for_organization(organization).create(organization=organization)
    return Onboarding.objects.for_organization(organization).create(organization=organization)


def events_of(organization: Organization) -> list[tuple[str, dict[str, Any]]]:
    rows = AnalyticsEvent.objects.for_organization(organization).order_by("pk")
    return list(rows.values_list("name", "properties"))
