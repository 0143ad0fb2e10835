"""Every route of the API × every method × every kind of person × every id: nothing ever crosses tenants.

The walk is made from the URLconf: a route without a rule here fails it.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from itertools import product
from typing import Any
from uuid import uuid4

import pytest
from django.urls import get_resolver, resolve, reverse

from accounts.api import limits
from accounts.models import Device, Membership, Organization, User
from accounts.models.organizations import Role
from assistants.models import Studio
from calls.models import Call
from tests import providers
from tests.factories import make_user
from tests.isolation import CANARIES, everything_of, plant, routes

METHODS = ("get", "head", "post", "put", "patch", "delete")
READING = {"get", "head"}
UNKNOWN = {"int": 999_999_999_999, "uuid": "00000000-0000-4000-8000-000000000000"}


@dataclass(frozen=True)
class Rule:
    """Who may change what is there; `read_by_managers` where members may not even look."""

    members_change: bool = False
    read_by_managers: bool = False
    is_open: bool = False  # for anybody, without signing in: nothing of a tenant is behind it


MANAGED, SHARED, MANAGERS, OPEN = Rule(), Rule(members_change=True), Rule(read_by_managers=True), Rule(is_open=True)

RULES = {
    "activate": MANAGED,
    "assign-number": MANAGED,
    "assistant": MANAGED,
    "assistants": MANAGED,
    "attach-number": MANAGED,
    "business-hours": MANAGED,
    "calendar": MANAGED,
    "calendar-events": SHARED,
    "calendars": MANAGED,
    "call": MANAGED,
    "call-recording": MANAGED,
    "calls": MANAGED,
    "complete-onboarding": MANAGED,
    "deactivate": MANAGED,
    "device": SHARED,
    "devices": SHARED,
    "docs": OPEN,
    "holiday": MANAGED,
    "holidays": MANAGED,
    "hook-deliveries": MANAGERS,
    "hook-endpoint": MANAGERS,
    "hook-endpoints": MANAGERS,
    "hook-sample": MANAGERS,
    "onboarding": MANAGED,
    "organizations": MANAGED,
    "phone-number": MANAGED,
    "phone-numbers": MANAGED,
    "profile": SHARED,
    "resend-hook": MANAGERS,
    "rotate-hook-secret": MANAGERS,
    "schema": OPEN,
    "studio-config": MANAGED,
    "sync-vapi": MANAGED,
    "test-hook": MANAGERS,
    "test-mail": MANAGED,
    "twilio-numbers": MANAGED,
    "twilio-settings": MANAGED,
    "twilio-status": MANAGED,
    "user-studio-config": MANAGED,
    "vapi-settings": MANAGED,
    "vapi-settings-alias": MANAGED,
}

ROUTES = {name.removeprefix("api-v1:"): address for name, address in routes() if name.startswith("api-v1:")}
CLOSED = sorted(name for name in ROUTES if not RULES.get(name, MANAGED).is_open)
WITH_ID = [name for name in CLOSED if "<int:" in ROUTES[name] or "<uuid:" in ROUTES[name]]


@pytest.fixture(autouse=True)
def no_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """The walk asks more in a minute than a person may."""
    monkeypatch.setattr(limits, "PER_PERSON", 100_000)
    monkeypatch.setattr(limits, "PER_ORGANIZATION", 100_000)


@pytest.fixture
def planted(organization: Organization, alice: User) -> Call:
    """Alice's organization with a row in every table."""
    call = plant(organization)
    organization.holidays.create(date=date(2027, 1, 4), name="canary holiday")
    Device.objects.create(user=alice, expo_token="ExponentPushToken[canarycanarycanarycan]")
    return call


# What stands for the id in a route's address, from Alice's rows.
IDS: dict[str, Callable[[Call], Any]] = {
    "assistant": lambda call: Studio.objects.for_organization(call.organization).get().pk,
    "call": lambda call: call.pk,
    "call-recording": lambda call: call.pk,
    "device": lambda call: Device.objects.get().pk,
    "holiday": lambda call: call.organization.holidays.get().pk,
    "hook-endpoint": lambda call: call.organization.hook_endpoints.get().pk,
    "phone-number": lambda call: call.organization.numbers.get().pk,
    "resend-hook": lambda call: call.organization.hook_deliveries.get().pk,
    "rotate-hook-secret": lambda call: call.organization.hook_endpoints.get().pk,
    "test-hook": lambda call: call.organization.hook_endpoints.get().pk,
}
# Bodies that are right but for naming something of Alice's. What may be answered: a refusal, or something of one's own.
BODIES: dict[tuple[str, str], Callable[[Call], dict[str, Any]]] = {
    ("assistants", "post"): lambda call: {"name": "Mine", "phoneNumber": number_of(call)},
    ("attach-number", "post"): lambda call: {"number": number_of(call)},
    ("devices", "delete"): lambda call: {"expo_token": Device.objects.get().expo_token},
    ("test-mail", "post"): lambda call: {"to": call.organization.owner.email},
    ("user-studio-config", "patch"): lambda call: {"number": number_of(call)},
}


def number_of(call: Call) -> str:
    return call.organization.numbers.get().number


def address_of(name: str, call: Call | None = None) -> str:
    """The route's address with the id of Alice's row, or with one that never was."""
    kinds = re.findall(r"<(\w+):(\w+)>", ROUTES[name])
    values = {key: IDS[name](call) if call and kind in UNKNOWN else UNKNOWN.get(kind, "google") for kind, key in kinds}
    return reverse(f"api-v1:{name}", kwargs=values)


def handled(name: str) -> list[str]:
    view = resolve(address_of(name)).func.view_class
    return [method for method in METHODS if hasattr(view, "get" if method == "head" else method)]


def ask(api: Any, method: str, address: str, body: Any = None) -> Any:
    return getattr(api, method)(address, body if body is not None or method in READING else {})


def seen_in(answer: Any) -> list[str]:
    text = answer.content.decode() if not answer.streaming else ""
    return [canary for canary in CANARIES if canary in text]


# --- The walk covers all there is -------------------------------------------------------------------------------------


def test_every_route_of_the_api_has_its_rule():
    assert sorted(RULES) == sorted(ROUTES), "say in RULES who may do what there, and it is walked"
    assert sorted(IDS) == sorted(WITH_ID), "say in IDS which row of Alice's is meant"


def test_the_first_clients_routes_are_the_same_ones():
    older = {
        name.removeprefix("api:"): address.replace("api/", "api/v1/", 1)
        for name, address in routes()
        if name.startswith("api:")
    }
    assert older == ROUTES
    assert get_resolver().reverse_dict is not None


# --- Persons without a way in -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("token", "methods"), [(None, METHODS), ("Bearer x.y.z", ["get"]), ("Token 1", ["get"])])
def test_who_is_not_signed_in_gets_nothing(api_of, planted, token, methods):
    before = everything_of(planted.organization)
    api = api_of(**({"authorization": token} if token else {}))
    for name, method in product(CLOSED, methods):
        answer = ask(api, method, address_of(name, planted))
        assert (answer.status_code, seen_in(answer)) == (401, []), (name, method)
    assert everything_of(planted.organization) == before


@pytest.mark.parametrize(("kind", "expected"), [("removed member", 403), ("operator", 403), ("operator", 404)])
def test_who_belongs_to_no_organization_gets_nothing(api_of, planted, bob, kind, expected):
    Membership.objects.filter(user=bob).delete()
    User.objects.filter(pk=bob.pk).update(is_staff=kind == "operator", is_superuser=kind == "operator")
    before = everything_of(planted.organization)
    api = api_of(bob, **({"x_organization": str(planted.organization_id)} if expected == 404 else {}))
    for name, method in product(CLOSED, METHODS):
        answer = ask(api, method, address_of(name, planted))
        assert (answer.status_code, seen_in(answer)) == (expected, []), (name, method)
    assert everything_of(planted.organization) == before


# --- A stranger with an organization of their own ---------------------------------------------------------------------


def test_a_stranger_cannot_choose_the_organization(api_of, planted, charlie):
    before = everything_of(planted.organization)
    api = api_of(charlie, x_organization=str(planted.organization_id))
    for name, method in product(CLOSED, METHODS):
        answer = ask(api, method, address_of(name, planted))
        assert (answer.status_code, seen_in(answer)) == (404, []), (name, method)
    assert everything_of(planted.organization) == before


@pytest.mark.parametrize("name", WITH_ID)
def test_a_strangers_id_is_answered_as_one_that_never_was(api_of, planted, charlie, name):
    before = everything_of(planted.organization)
    api = api_of(charlie)
    for method in METHODS:
        theirs, nobodys = (ask(api, method, address) for address in (address_of(name, planted), address_of(name)))
        assert theirs.status_code == nobodys.status_code == (404 if method in handled(name) else 405), method
        assert theirs.content == nobodys.content
    assert everything_of(planted.organization) == before
    assert Device.objects.exists()


def test_a_stranger_sees_and_changes_only_their_own(api_of, planted, charlie, sandbox):
    providers.connect(charlie.organizations.get())
    api, before = api_of(charlie), everything_of(planted.organization)
    # Keys are deleted last: what needs them is to be reached.
    for name in sorted(CLOSED, key=lambda name: "settings" in name):
        for method in handled(name):
            body = BODIES.get((name, method), lambda call: None)(planted)
            answer = ask(api, method, address_of(name, planted), body)
            assert answer.status_code < 500 or answer.status_code == 503, (name, method)
            said = [canary for canary in seen_in(answer) if canary not in str(body)]
            assert (said, answer.status_code == 401) == ([], False), (name, method)
            assert body is None or answer.status_code >= 400, (name, method, "Alice's was named, and taken")
    assert everything_of(planted.organization) == before
    assert Device.objects.get().user == planted.organization.owner


def test_ids_beside_the_question_lead_nowhere(api_of, planted, charlie):
    wanted = f"?organization={planted.organization_id}&organization_id={planted.organization_id}&id={planted.pk}"
    for name in CLOSED:
        answer = ask(api_of(charlie), "get", address_of(name, planted) + wanted)
        assert seen_in(answer) == [], name


def test_no_search_filter_or_page_of_a_stranger_finds_a_call(api_of, planted, charlie):
    api = api_of(charlie)
    asked = ("search=canary", "search=99009999", "number=%2B33199004512", "caller=%2B33199009999", "page_size=100")
    for question in (*asked, "has_recording=true", "status=completed", "from=2020-01-01&to=2030-01-01"):
        answer = api.get(f"/api/v1/calls?{question}")
        assert (answer.status_code, answer.json()["results"]) == (200, []), question
    for number in range(3):
        Call.objects.unscoped().create(
            organization=planted.organization,
            vapi_call_id=str(uuid4()),
            started_at=planted.started_at,
            summary=str(number),
        )
    cursor = api_of(planted.organization.owner).get("/api/v1/calls?page_size=2").json()["next"]
    assert cursor
    assert api.get(cursor.split("testserver")[-1].split("8000")[-1]).json()["results"] == []


# --- People of the organization ---------------------------------------------------------------------------------------


def test_members_read_what_they_may_and_change_what_is_theirs(api_of, planted, bob, sandbox):
    api, before = api_of(bob), everything_of(planted.organization)
    for name in CLOSED:
        for method in handled(name):
            answer = ask(api, method, address_of(name, planted))
            is_closed = RULES[name].read_by_managers or not (method in READING or RULES[name].members_change)
            assert (answer.status_code == 403) == is_closed, (name, method, answer.content)
    assert everything_of(planted.organization) == before


@pytest.mark.parametrize("role", [Role.OWNER, Role.ADMIN])
def test_owners_and_admins_are_let_in(api_of, planted, bob, sandbox, role):
    Membership.objects.filter(user=bob).update(role=role)
    api = api_of(bob)
    for name in CLOSED:
        if "get" in handled(name):
            answer = ask(api, "get", address_of(name, planted))
            assert answer.status_code in {200, 404, 409, 503}, name
            assert answer.status_code != 404 or name in {"call-recording", "assistant"}, name


def test_a_role_that_was_taken_away_is_gone_at_the_next_request(api_of, bob, organization):
    Membership.objects.filter(user=bob).update(role=Role.ADMIN)
    api = api_of(bob)
    assert api.delete("/api/v1/vapi-settings").status_code == 204
    Membership.objects.filter(user=bob).update(role=Role.MEMBER)
    assert api.delete("/api/v1/vapi-settings").status_code == 403


def test_an_owner_of_two_organizations_reaches_rows_only_of_the_one_that_is_named(api_of, planted, alice):
    other = make_user("other@else.example").organizations.get()
    Membership.objects.create(user=alice, organization=other, role=Role.OWNER)
    address = address_of("call", planted)
    assert api_of(alice, x_organization=str(planted.organization_id)).get(address).status_code == 200
    assert api_of(alice, x_organization=str(other.pk)).get(address).status_code == 404
