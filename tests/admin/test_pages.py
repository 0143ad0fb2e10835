"""Every page of the console opens for the operator, for nobody else, fast, and never with a secret."""

import json
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import (
    Device,
    FileToDelete,
    Organization,
    PlatformSettings,
    TwilioCredential,
    User,
    VapiCredential,
)
from accounts.tenancy import organization_endpoint
from assistants.models import GlobalPrompt, Studio
from calls import inbox
from calls.models import ProcessingStep, StepKind, WebhookEvent
from onboarding.models import Onboarding
from telephony.models import PoolNumber, TwilioSubaccount
from tests import factories
from tests.admin.pages import change, page

MODELS = sorted(admin.site._registry, key=lambda model: model._meta.label)
CANARIES = {
    "vapi": "canary-vapi-key-5a4d",
    "twilio": "canarytwiliotoken0123456789",
    "webhook": "canary-webhook-secret",
    "previous": "canary-previous-secret",
    "address": "canary-webhook-address",
    "shared": "canary-shared-secret",
    "gcs": "canary-private-key",
    "subaccount": "canary-subaccount-token",
    "body": "canary-in-the-raw-body",
    "device": "ExponentPushToken[canary-device]",
    "receiver": "canary-receiver-path",
    "receiver secret": "whsec_Y2FuYXJ5LXJlY2VpdmVyLXNlY3JldA==",
    "receiver header": "canary-receiver-header",
    "receiver answer": "canary-receiver-answer",
}


def fill_organization(organization: Organization, number: str = "+33199004512") -> None:
    """One row of everything the console shows of an organization, each secret a canary."""
    works = {"organization": organization, "status": "works"}
    VapiCredential.objects.unscoped().create(**works, api_key=CANARIES["vapi"], last_four="5a4d")
    TwilioCredential.objects.unscoped().create(**works, account_sid="AC" + "0" * 32, auth_token=CANARIES["twilio"])
    TwilioSubaccount.objects.unscoped().create(
        organization=organization, account_sid="AC" + "1" * 32, auth_token=CANARIES["subaccount"]
    )
    Studio.objects.unscoped().create(organization=organization, problem="Vapi cannot be reached.")
    factories.make_number(organization, number, source="pool")
    PoolNumber.objects.create(number=number, country="FR", organization=organization, assigned_at=timezone.now())
    call = factories.make_call(organization)
    for kind in StepKind:
        ProcessingStep.objects.create(call=call, kind=kind, due_at=timezone.now(), state="failed", note="Gave up")
    inbox.store(f'{{"n": {organization.pk}, "x": "{CANARIES["body"]}"}}'.encode(), organization_id=organization.pk)


def fill_console(owner: User, organization: Organization) -> None:
    fill_organization(organization)
    endpoint = organization_endpoint(organization)
    endpoint.token, endpoint.secret = CANARIES["address"], CANARIES["webhook"]
    endpoint.previous_secret, endpoint.previous_secret_until = CANARIES["previous"], timezone.now()
    endpoint.save()
    receiver = factories.make_endpoint(organization, f"https://crm.example/{CANARIES['receiver']}")
    receiver.secret, receiver.previous_secret = CANARIES["receiver secret"], CANARIES["receiver secret"]
    receiver.header_name, receiver.header_value = "X-Secret", CANARIES["receiver header"]
    receiver.save()
    factories.make_delivery(receiver, answer=CANARIES["receiver answer"])
    Device.objects.create(user=owner, expo_token=CANARIES["device"])
    GlobalPrompt.objects.create(persona="", version=1, text="Be kind.", created_by=owner)
    GlobalPrompt.objects.create(persona="", version=2, text="Be kinder.", created_by=owner)
    key = json.dumps({"type": "service_account", "private_key": CANARIES["gcs"]})
    PlatformSettings.objects.create(pk=1, vapi_webhook_secret=CANARIES["shared"], gcs_credentials_json=key)
    Group.objects.create(name="Support")
    Onboarding.objects.for_organization(organization).create(organization=organization)
    FileToDelete.objects.create(provider="local", name="org/0/calls/left.wav", problem="The disk is full")


def every_page() -> list[str]:
    """The address of each list, each row and each form there is now."""
    found = [reverse("admin:index")]
    for model in MODELS:
        rows = admin.site._registry[model].get_queryset(operator_request())
        found += [page(model, "changelist"), page(model, "add")]
        found += [page(model, name, row.pk) for row in rows for name in ("change", "history", "delete")]
    return found


def operator_request() -> Any:
    class Request:
        user = User(is_superuser=True, is_staff=True, is_active=True)

    return Request()


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_each_list_and_each_row_opens(model, admin_client, alice, organization):
    fill_console(alice, organization)
    assert admin_client.get(page(model, "changelist"), follow=True).status_code == 200
    rows = list(admin.site._registry[model].get_queryset(operator_request()))
    assert rows, "the test has made no row of this model"
    for row in rows:
        assert admin_client.get(page(model, "change", row.pk)).status_code == 200
    adding = admin_client.get(page(model, "add"))
    may_add = admin.site._registry[model].has_add_permission(adding.wsgi_request)
    assert adding.status_code == (200 if may_add else 403)


def test_only_operators_come_in(client, alice, organization):
    fill_console(alice, organization)
    client.force_login(alice)
    for address in every_page():
        answer = client.get(address)
        assert (answer.status_code, answer.url.split("?")[0]) == (302, reverse("admin:login")), address
    test_storage = client.post(reverse("admin:accounts_platformsettings_test_storage"))
    assert test_storage.url.startswith(reverse("admin:login"))


def test_no_page_shows_a_secret(admin_client, alice, organization):
    fill_console(alice, organization)
    for address in every_page():
        content = admin_client.get(address, follow=True).content.decode()
        assert not [canary for canary in CANARIES.values() if canary in content], address
        assert "gAAAA" not in content, f"{address} shows something encrypted"


def test_a_secret_of_a_lost_key_breaks_no_page(admin_client, alice, organization):
    fill_console(alice, organization)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE accounts_platformsettings SET vapi_webhook_secret = %s", [b"by another key"])
        cursor.execute("UPDATE accounts_vapicredential SET api_key = %s", [b"by another key"])
    assert admin_client.get(page(Organization, "change", organization.pk)).status_code == 200
    assert "set it again" in admin_client.get(page(PlatformSettings, "change", 1)).content.decode()
    tried = admin_client.post(reverse("admin:accounts_platformsettings_test_storage"), follow=True)
    assert "set it again" in tried.content.decode()


def test_the_history_holds_no_secret(admin_client, alice, organization):
    fill_console(alice, organization)
    assert change(admin_client, organization, name="Delmas", plan="pro", seats="3").status_code == 302
    saved = PlatformSettings.objects.get()
    assert change(admin_client, saved, new_vapi_webhook_secret="canary-secret").status_code == 302
    history = "".join(f"{entry.object_repr}{entry.change_message}" for entry in LogEntry.objects.all())
    assert LogEntry.objects.count() == 2
    assert "canary" not in history
    organization.refresh_from_db()
    assert (organization.name, organization.plan, organization.seats) == ("Delmas", "pro", 3)
    assert VapiCredential.objects.for_organization(organization).get().api_key == CANARIES["vapi"]


def test_lists_ask_the_database_little(admin_client, alice, organization, django_assert_max_num_queries, subtests):
    fill_console(alice, organization)
    for count in range(30):
        owner = factories.make_user(f"owner{count}@example.com")
        fill_organization(owner.organizations.get(), f"+331990050{count:02}")
        GlobalPrompt.objects.create(persona="sdr", version=count + 1, text="Sell.", created_by=owner)
    for model in MODELS:
        with subtests.test(model._meta.label), django_assert_max_num_queries(12):
            admin_client.get(page(model, "changelist"))


def test_a_query_never_loads_an_encrypted_column(admin_client, alice, organization, django_assert_max_num_queries):
    fill_console(alice, organization)
    event = WebhookEvent.objects.get()
    with django_assert_max_num_queries(60) as asked:
        admin_client.get(page(Organization, "changelist"))
        admin_client.get(page(Organization, "change", organization.pk))
        admin_client.get(page(WebhookEvent, "changelist"))
        admin_client.get(page(WebhookEvent, "change", event.pk))
    sql = "".join(query["sql"] for query in asked.captured_queries)
    assert not [name for name in ("api_key", "auth_token", '"secret"', 'previous_secret"', '"body"') if name in sql]


@pytest.mark.parametrize("search", ["Alice", "alice@practice", "+33199004512"])
def test_organizations_are_found_by_name_member_and_number(search, admin_client, alice, organization):
    fill_organization(organization)
    factories.make_user("bob@practice.example", organization=organization)
    factories.make_user("charlie@elsewhere.example")
    listed = admin_client.get(page(Organization, "changelist"), {"q": search}).context["cl"].result_list
    assert [(row.pk, row.members_in_all) for row in listed] == [(organization.pk, 2)]


def test_a_staff_member_without_rights_sees_no_rows(alice, organization):
    fill_console(alice, organization)
    staff = Client()
    staff.force_login(User.objects.create_user("staff@ava.example", is_staff=True))
    for model in MODELS:
        assert staff.get(page(model, "changelist")).status_code == 403
    assert staff.post(reverse("admin:accounts_platformsettings_test_storage")).status_code == 403
