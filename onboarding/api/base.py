"""What the wizard's endpoints share."""

from collections.abc import Callable, Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from rest_framework.response import Response

from accounts.api.base import OrganizationRequest, VersionedView
from onboarding.situation import Situation, hold, read


class WizardView(VersionedView):
    """Something that the wizard's pages write too."""

    def change_in_wizard(self, request: OrganizationRequest, write: Callable[[Situation], Any]) -> Response:
        """Call `write(situation)` while no page saves; whatever it raises undoes all of it. Raises Problem (412)."""
        with transaction.atomic():
            hold(request.organization)
            return self.change(request, lambda: write(read(request.organization, request.user)))


def renamed(error: ValidationError, names: Mapping[str, str]) -> dict[str, Any]:
    """A step's errors under the names that the request has for its fields."""
    return {names.get(name, name): errors for name, errors in error.error_dict.items()}
