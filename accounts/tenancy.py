"""Whose request is this? The current organization, and who may do what in it."""

import functools
from collections.abc import Callable
from typing import Any, TypeVar, cast

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from accounts.models import Membership, Organization, User, WebhookEndpoint
from accounts.models.organizations import Role

SESSION_KEY = "organization_id"
Response = TypeVar("Response", bound=HttpResponseBase)


class TenantRequest(HttpRequest):
    """A request of somebody who is in an organization."""

    user: User
    memberships: list[Membership]
    membership: Membership
    organization: Organization


class OrganizationMiddleware:
    """Sets `request.membership` and `request.organization`, read from the database on each request that asks.

    Times are shown in the person's own time zone. What a signed-in person gets is kept by no cache.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        tenant_request = cast(TenantRequest, request)
        tenant_request.memberships = cast(list[Membership], SimpleLazyObject(lambda: memberships_of(request)))
        tenant_request.membership = cast(Membership, SimpleLazyObject(lambda: current_membership(request)))
        tenant_request.organization = cast(
            Organization, SimpleLazyObject(lambda: getattr(current_membership(request), "organization", None))
        )
        person = request.user if request.user.is_authenticated else None
        with timezone.override(person.timezone if person else None):
            response = self.get_response(request)
        if person and not response.has_header("Cache-Control"):  # no proxy, and no next person at this computer
            response["Cache-Control"] = "private, no-store"
        return response


def current_membership(request: HttpRequest) -> Membership | None:
    """The membership that the person works under now: the one chosen, else the oldest."""
    memberships = memberships_of(request)
    chosen = request.session.get(SESSION_KEY) if memberships else None
    return next((one for one in memberships if one.organization_id == chosen), memberships[0] if memberships else None)


def memberships_of(request: HttpRequest) -> list[Membership]:
    """Everything the person belongs to, the oldest first; read once per request."""
    if not request.user.is_authenticated:
        return []
    if not hasattr(request, "_memberships"):
        memberships = request.user.memberships.select_related("organization").order_by("pk")
        request._memberships = list(memberships)  # type: ignore[attr-defined]
    return request._memberships  # type: ignore[attr-defined]


def organization_required(view: Callable[..., Response]) -> Callable[..., Response]:
    """A page for people who are in an organization; others are sent to sign in, or get one of their own."""

    @functools.wraps(view)
    @login_required
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if current_membership(request) is None:  # an operator, or somebody whose membership ended
            found_own_organization(cast(User, request.user))
            return redirect(request.path)
        return view(request, *args, **kwargs)

    return cast(Callable[..., Response], wrapped)


def manager_required(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """A page for owners and admins; members get 403."""

    @functools.wraps(view)
    @organization_required
    def wrapped(request: TenantRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not request.membership.may_manage:
            raise PermissionDenied
        return view(request, *args, **kwargs)

    return wrapped


@transaction.atomic
def found_organization(*, owner: User, name: str = "") -> Organization:
    """A new organization with its owner and its webhook endpoint."""
    organization = Organization.objects.create(name=name)
    Membership.objects.create(user=owner, organization=organization, role=Role.OWNER)
    organization_endpoint(organization)
    return organization


@transaction.atomic
def found_own_organization(user: User) -> None:
    """An organization for who has none; of several requests at once, the first founds it."""
    owner = User.objects.select_for_update().get(pk=user.pk)
    if not owner.memberships.exists():
        found_organization(owner=owner)


def organization_endpoint(organization: Organization) -> WebhookEndpoint:
    """Where the organization's events arrive; its secrets are read when they are asked for."""
    endpoints = WebhookEndpoint.objects.for_organization(organization).defer("secret", "previous_secret")
    endpoint, _created = endpoints.get_or_create(defaults={"organization": organization})
    return endpoint
