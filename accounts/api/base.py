"""Who asks, for which organization, and what they may do: what every endpoint begins with."""

from abc import abstractmethod
from collections.abc import Callable
from datetime import UTC
from typing import Any, ClassVar, cast

from django.db import transaction
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import credentials, plans
from accounts.api import limits, repeats
from accounts.models import Membership, Organization, RepeatableRequest, User
from accounts.tenancy import SESSION_KEY
from ava.clients.errors import ProviderError, Unreachable
from ava.lib.api import etags
from ava.lib.api.problems import Problem

ORGANIZATION_HEADER = "X-Organization"


class OrganizationRequest(Request):
    """A request of somebody who is in an organization (for type checkers)."""

    user: User
    membership: Membership
    organization: Organization


class OrganizationView(APIView):
    """For people in an organization. Reading is for all of them, changing for owners and admins.

    An endpoint where members change something of their own says so with `members_may_change`; one of which they see
    nothing, with `managers_only`.
    """

    members_may_change: ClassVar[bool] = False
    managers_only: ClassVar[bool] = False
    _held: RepeatableRequest | None = None
    _allowance: limits.Allowance | None = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Sign-in, organization, limit and right, in this order; then whether the request was made before."""
        timezone.activate(UTC)
        super().initial(request, *args, **kwargs)
        request = cast(OrganizationRequest, request)
        if "Accept-Language" not in request.headers:
            translation.activate(request.user.locale)
        memberships = list(request.user.memberships.select_related("organization").order_by("pk"))
        membership = chosen_membership(request, memberships)
        organization_id = membership.organization_id if membership else None
        self._allowance = limits.count(user_id=request.user.pk, organization_id=organization_id)
        if membership is None:
            raise _no_organization(request)
        request.membership, request.organization = membership, membership.organization
        if not (membership.may_manage or self._is_for_members(request)):
            raise Problem(403, "managers_only", _("Only owners and admins can do that."))
        self._held = repeats.begin(request, user=request.user, organization_id=organization_id)

    def _is_for_members(self, request: Request) -> bool:
        return self.members_may_change or (request.method in SAFE_METHODS and not self.managers_only)

    def handle_exception(self, exc: Exception) -> Response:
        """Failures that any endpoint may meet, as problems."""
        if isinstance(exc, repeats.Answered):
            return exc.response
        if isinstance(exc, credentials.MissingCredential):
            exc = Problem(409, "credential_missing", str(exc))
        elif isinstance(exc, ProviderError):
            away = isinstance(exc, Unreachable)
            status, code = (503, "provider_unreachable") if away else (409, "provider_refused")
            exc = Problem(status, code, credentials.explain(exc))
        try:
            return super().handle_exception(exc)
        except Exception:  # a fault of ours: it is no answer, so the request may be repeated
            if self._held is not None:
                self._held.delete()
            raise

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Every answer says how many requests are left, and is kept by no cache."""
        response = super().finalize_response(request, response, *args, **kwargs)
        if self._held is not None:
            repeats.finish(self._held, response)
        for name, value in (self._allowance.headers if self._allowance else {}).items():
            response.setdefault(name, value)
        response["Cache-Control"] = "private, no-cache" if "ETag" in response else "private, no-store"
        return response


class VersionedView(OrganizationView):
    """One thing that several devices edit: its ETag says which version was read, If-Match which is to be changed."""

    has_versions = True

    @abstractmethod
    def represent(self, request: OrganizationRequest) -> Any:
        """What is shown of it now."""

    def show(self, request: OrganizationRequest) -> Response:
        """The answer to a GET."""
        return etags.answer(request, self.represent(request))

    def change(self, request: OrganizationRequest, write: Callable[[], Any]) -> Response:
        """Call `write()` unless somebody was faster; nothing outside is called meanwhile. Raises Problem (412)."""
        with transaction.atomic():
            plans.locked(request.organization)
            etags.need_match(request, self.represent(request))
            write()
        return etags.answer(request, self.represent(request))


def chosen_membership(request: Request, memberships: list[Membership]) -> Membership | None:
    """The membership that the request names, else the one chosen in the browser, else the oldest; None: no such one."""
    named = request.headers.get(ORGANIZATION_HEADER)
    if named is not None:
        return next((one for one in memberships if str(one.organization_id) == named.strip()), None)
    chosen = request.session.get(SESSION_KEY)
    return next((one for one in memberships if one.organization_id == chosen), memberships[0] if memberships else None)


def _no_organization(request: Request) -> Problem:
    if ORGANIZATION_HEADER in request.headers:
        return Problem(404, "organization_not_found", _("You belong to no such organization."))
    return Problem(403, "no_organization", _("You belong to no organization."))
