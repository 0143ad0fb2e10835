"""No request ever reads or writes another tenant's row: every route, every tenant's table, walked."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import AnonymousUser
from django.db import IntegrityError, models
from django.urls import reverse
from django.utils import translation

from accounts.models import (
    Device,
    Membership,
    Organization,
    TenantModel,
    TenantRequired,
    TwilioCredential,
    VapiCredential,
    WebhookEndpoint,
)
from accounts.models.organizations import Role
from accounts.tenancy import SESSION_KEY, current_membership
from assistants.models import Studio
from ava.views import SECTIONS
from calls.models import Call, WebhookEvent
from telephony.models import PoolNumber, TenantNumber, TwilioSubaccount
from tests.factories import make_call, make_number, make_user
from tests.isolation import CANARIES, everything_of, plant, routes

ROOT = Path(__file__).parent.parent
METHODS = ("get", "head", "post", "put", "patch", "delete")

# --- Every route has its rule; one that is not here fails the build. --------------------------------------------------

ANYBODY = "no tenant's rows are behind it"
OPERATOR = "the operator's console"
OWN = "the signed-in person's organization, named by nothing in the address"
BY_ID = "a row of the organization by its id: another tenant's is not found"
PROGRAMS = "the REST API, walked in tests/api/test_isolation.py"
BY_LINK = "whoever holds a fresh signed link"
STAFF = "the operator's people; others are told that there is nothing"
MEMBERSHIP = "an organization of the signed-in person, by its id in the body: another's is not found"

RULES = {
    "activate": OWN,
    "assistants:connect-calendar": OWN,
    "assistants:disconnect-calendar": OWN,
    "assistants:history": OWN,
    "assistants:preview": OWN,
    "assistants:restore": OWN,
    "assistants:studio": OWN,
    "assistants:sync": OWN,
    "calendar-callback": OWN,
    "calls:detail": BY_ID,
    "calls:export": OWN,  # tests/calls/test_exports.py
    "calls:forwarding-test": OWN,
    "calls:list": OWN,
    "calls:recording": BY_ID,
    "calls:ringing": OWN,  # an id not heard of yet is waited for: Charlie waits for ever
    "dashboard": OWN,
    "deactivate": OWN,
    "design": STAFF,  # tests/pages/test_shell.py
    "healthz": ANYBODY,
    "home": ANYBODY,
    "invitation": BY_LINK,
    "onboarding:autosave": OWN,
    "onboarding:create-assistant": OWN,
    "onboarding:launch": OWN,
    "onboarding:launched": OWN,
    "onboarding:resume": OWN,
    "onboarding:skip": OWN,
    "onboarding:step": OWN,
    "onboarding:twilio-account": OWN,
    "onboarding:vapi-key": OWN,
    "place-test-call": OWN,
    "readyz": ANYBODY,
    "recording-file": BY_LINK,
    "set-language": ANYBODY,
    "set-theme": ANYBODY,
    "settings": OWN,
    "switch-organization": MEMBERSHIP,  # tests/pages/test_shell.py
    "telephony:add-holiday": OWN,
    "telephony:choose-number": OWN,
    "telephony:number-choices": OWN,
    "telephony:numbers": OWN,
    "telephony:remove-holiday": OWN,
}
RULES_BY_PREFIX = {
    "account_": ANYBODY,
    "admin:": OPERATOR,
    "api-v1:": PROGRAMS,
    "api:": PROGRAMS,
    "headless": ANYBODY,  # tests/api/test_signing_in.py
    "mfa_": ANYBODY,
    "usersessions_": ANYBODY,
}

# What stands for each id in an address, from Alice's call.
IDS = {
    "pk": lambda call: call.pk,
    "vapi_call_id": lambda call: call.vapi_call_id,
    "step": lambda call: "profile",
    "provider": lambda call: "google",
}


with translation.override("en"):
    ROUTES = dict(routes())


def rule_of(name: str) -> str | None:
    by_prefix = (rule for prefix, rule in RULES_BY_PREFIX.items() if name.startswith(prefix))
    return RULES.get(name) or next(by_prefix, None)


def named(rule: str) -> list[str]:
    return sorted(name for name in ROUTES if rule_of(name) == rule)


@pytest.fixture
def call(organization: Organization) -> Call:
    """Alice's organization with something in every table, each with words by which to know it."""
    return plant(organization)


def address_of(name: str, call: Call) -> str:
    keys = re.findall(r"<(?:\w+:)?(\w+)>", ROUTES[name])
    return reverse(name, kwargs={key: IDS[key](call) for key in keys})


def test_every_route_declares_its_rule():
    unknown = sorted(name for name in ROUTES if rule_of(name) is None)
    assert unknown == [], "say in RULES who may open these, and they are walked"
    assert sorted(set(RULES) - set(ROUTES)) == []


@pytest.mark.parametrize("name", named(BY_ID))
def test_another_tenants_row_is_not_found(client, charlie, call, name):
    client.force_login(charlie)
    for method in METHODS:
        answer = getattr(client, method)(address_of(name, call))
        assert answer.status_code == (404 if method in {"get", "head"} else 405)
    assert Call.objects.unscoped().filter(pk=call.pk, summary="canary summary").exists()


@pytest.mark.parametrize("name", named(BY_ID))
def test_another_tenants_row_is_as_unknown_as_one_that_never_was(client, charlie, call, name):
    client.force_login(charlie)
    address = address_of(name, call)
    theirs = client.get(address)
    call.pk = "00000000-0000-0000-0000-000000000000"
    nobodys = client.get(address_of(name, call))
    assert nobodys.status_code == 404
    assert page_of(theirs, address) == page_of(nobodys, address_of(name, call))


def page_of(answer: Any, address: str) -> str:
    """The page without what differs each time."""
    return re.sub(r'(csrfmiddlewaretoken" value=|X-CSRFToken": )"\w+"', "", answer.content.decode()).replace(
        address, ""
    )


@pytest.mark.parametrize("method", ["get", "post"])
def test_nothing_of_a_tenant_is_shown_without_signing_in(client, call, method):
    for name in [*named(BY_ID), *named(OWN)]:
        answer = getattr(client, method)(address_of(name, call))
        assert answer.status_code in {302, 401, 405}, name
        assert answer.status_code != 302 or answer["Location"].startswith(reverse("account_login")), name


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_stranger_sees_only_their_own(client, charlie, call, sandbox, method):
    client.force_login(charlie)
    before = everything_of(call.organization)
    sections = [f"settings?section={section}" for section in SECTIONS]
    for name in [*named(OWN), *sections]:
        route, _, section = name.partition("?")
        for query in (section, f"cursor=x&organization={call.organization_id}"):
            answer = getattr(client, method)(f"{address_of(route, call)}?{query}", follow=True)
            assert answer.status_code in {200, 405}, name
            shown = answer.getvalue().decode().replace(call.vapi_call_id, "")
            assert not [canary for canary in CANARIES if canary in shown], name
    assert everything_of(call.organization) == before


@pytest.mark.parametrize("method", ["get", "post"])
def test_the_console_is_closed_to_tenants(client, alice, method):
    client.force_login(alice)
    for name in named(OPERATOR):
        if name != "admin:logout":
            answer = getattr(client, method)("/" + re.sub(r"<[^>]+>", "1", ROUTES[name]).replace(r"(?P1.*)$", "x"))
            assert answer.status_code in {302, 403, 404, 405}, name
            assert answer.status_code != 302 or "login" in answer["Location"], name


def test_no_page_changes_anything_when_it_is_only_looked_at(client, bob, call, sandbox):
    client.force_login(bob)
    before = everything_of(call.organization)
    for name in [*named(OWN), *named(BY_ID)]:
        client.get(address_of(name, call))
        assert everything_of(call.organization) == before, name


# --- Ids inside bodies ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("odd", ["", "x", "0", "-1", "9" * 40, "\x00", "1 OR 1=1"])
def test_detaching_by_an_odd_id_detaches_nothing(client, alice, call, odd):
    client.force_login(alice)
    assert client.post("/en/settings?section=number", {"detach": odd}).status_code == 302
    assert call.organization.numbers.count() == 1


def test_a_stranger_cannot_detach_a_number_by_its_id(client, charlie, call):
    client.force_login(charlie)
    client.post("/en/settings?section=number", {"detach": call.organization.numbers.get().pk})
    assert call.organization.numbers.get().routed_to == "canary-route"


@pytest.mark.parametrize("action", ["rotate", "test", "enable", "disable", "remove", "resend"])
def test_a_strangers_receiver_or_delivery_is_not_found_by_its_id(client, charlie, call, action):
    client.force_login(charlie)
    before = everything_of(call.organization)
    rows = call.organization.hook_deliveries if action == "resend" else call.organization.hook_endpoints
    assert client.post("/en/settings?section=webhooks", {action: rows.get().pk}).status_code == 404
    assert everything_of(call.organization) == before


# --- Whose organization? ----------------------------------------------------------------------------------------------


def membership_of(rf: Any, user: Any, **session: Any) -> Membership | None:
    request = rf.get("/")
    request.user, request.session = user, session
    return current_membership(request)


def test_the_session_chooses_among_ones_own_organizations_only(rf, charlie, alice, organization):
    theirs = charlie.organizations.get()
    assert membership_of(rf, charlie, **{SESSION_KEY: organization.pk}).organization == theirs
    Membership.objects.create(user=charlie, organization=organization)
    assert membership_of(rf, charlie).organization == theirs
    assert membership_of(rf, charlie, **{SESSION_KEY: organization.pk}).organization == organization


def test_a_removed_member_sees_nothing_at_the_next_request(client, bob, organization):
    call = make_call(organization)
    client.force_login(bob)
    assert client.get(call.get_absolute_url()).status_code == 200
    bob.memberships.all().delete()
    assert client.get(call.get_absolute_url(), follow=True).status_code == 404


def test_nobody_has_no_organization(rf):
    assert membership_of(rf, AnonymousUser()) is None


@pytest.mark.parametrize(
    "address",
    [
        *("/en/settings?section=vapi", "/en/dashboard/activate/", "/en/dashboard/deactivate/"),
        *("/en/studio/calendars/google/connect/", "/en/studio/calendars/google/disconnect/"),
        "/en/settings?section=webhooks",
    ],
)
def test_a_member_may_look_but_not_change(client, bob, organization, address):
    client.force_login(bob)
    assert client.post(address).status_code == 403
    bob.memberships.update(role=Role.ADMIN)
    assert client.post(address).status_code in {200, 302}


# --- Tables -----------------------------------------------------------------------------------------------------------

TENANT_MODELS = [model for model in apps.get_models() if issubclass(model, TenantModel)]


def test_the_tenants_tables_are_known():
    assert {Call, Studio, TenantNumber, TwilioCredential, TwilioSubaccount, VapiCredential, WebhookEndpoint} <= set(
        TENANT_MODELS
    )


def test_every_table_with_an_organization_fails_closed_or_is_the_operators():
    """The inbox keeps events whose tenant is not known yet; the pool is lent; a membership belongs to two."""
    others = {
        model
        for model in apps.get_models()
        if model not in TENANT_MODELS
        and any(
            isinstance(field, models.ForeignKey) and field.related_model is Organization for field in model._meta.fields
        )
    }
    assert others == {Membership, PoolNumber, WebhookEvent}


@pytest.mark.parametrize("model", TENANT_MODELS)
def test_a_tenants_table_refuses_to_be_read_without_saying_whose(model, db):
    for ask in (
        "all",
        "get",
        "first",
        "count",
        "exists",
        "values",
        "delete",
        "update",
        "filter",
        "exclude",
        "iterator",
    ):
        with pytest.raises((TenantRequired, AttributeError)) as refused:
            getattr(model.objects, ask)()
        assert ask == "delete" or refused.type is TenantRequired  # managers have no delete()
    for write in ("create", "get_or_create", "update_or_create"):
        with pytest.raises(TenantRequired):
            getattr(model.objects, write)()


def test_a_tenants_table_shows_one_tenants_rows(call, charlie, subtests):
    for model in TENANT_MODELS:
        with subtests.test(model.__name__):
            mine = list(model.objects.for_organization(call.organization))
            assert all(row.organization_id == call.organization_id for row in mine)
            strangers = model.objects.for_organization(charlie.organizations.get())
            assert not strangers.filter(pk__in=[row.pk for row in mine]).exists()


def test_an_organizations_own_rows_are_reached_through_it(call, subtests):
    organization = call.organization
    for model in TENANT_MODELS:
        field = model._meta.get_field("organization")
        name = field.remote_field.get_accessor_name()
        with subtests.test(model.__name__):
            if field.one_to_one:
                assert not hasattr(organization, name) or getattr(organization, name).organization == organization
            else:
                assert list(getattr(organization, name).all()) == list(model.objects.for_organization(organization))


def test_rows_of_every_tenant_are_asked_for_in_few_places():
    """Each of these holds an id that came from a verified delivery, or works for the operator."""
    found = {
        str(path.relative_to(ROOT))
        for app in ("accounts", "telephony", "assistants", "calls", "onboarding", "ava")
        for path in (ROOT / app).rglob("*.py")
        if "unscoped()" in path.read_text()
    }
    allowed = {
        "assistants/calendar_mails.py",
        "assistants/calendars.py",  # whether an account is somebody else's, too: revoking would end both
        "accounts/invitations.py",
        "accounts/analytics.py",
        "ava/lib/admin.py",
        "ava/management/commands/demo.py",
        "calls/hooks/delivery.py",
        "calls/hooks/messages.py",
        "calls/hooks/notices.py",
        "calls/inbox.py",
        "calls/reconciliation.py",
        "calls/search.py",
        "onboarding/exports.py",
        "onboarding/funnel.py",
    }
    assert {path for path in found if not path.endswith("admin.py") or path == "ava/lib/admin.py"} == allowed


def test_with_an_organization_everything_of_it_goes(call, alice, charlie):
    make_call(charlie.organizations.get())
    Device.objects.create(user=alice, expo_token="x")
    call.organization.delete()
    for model in TENANT_MODELS:
        assert {row.organization for row in model.objects.unscoped()} <= {charlie.organizations.get()}
    assert WebhookEvent.objects.filter(organization__isnull=False).count() == 0


def test_a_lent_number_outlives_the_organization_and_is_free_of_it(organization):
    number = PoolNumber.objects.create(number="+33199000001", country="FR", organization=organization)
    organization.delete()
    number.refresh_from_db()
    assert number.organization is None


def test_two_tenants_never_hold_the_same_number(organization, charlie):
    make_number(organization, "+33199000001")
    with pytest.raises(IntegrityError):
        make_number(charlie.organizations.get(), "+33199000001")


def test_a_person_without_an_organization_gets_one_of_their_own(client, db):
    user = make_user("dora@example.com")
    user.memberships.all().delete()
    client.force_login(user)
    client.get("/en/dashboard/", follow=True)
    assert user.organizations.get().owner == user
