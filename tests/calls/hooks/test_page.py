"""The settings' section and the operator's console: what is shown, to whom, and what never again."""

import re
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.sessions.models import Session
from django.test import Client

from accounts.models.organizations import Role
from accounts.views import section_url
from ava.lib import fetch
from calls.hooks import endpoints
from calls.models import DeliveryState, HookDelivery, HookEndpoint
from tests.admin.pages import act, page
from tests.calls.hooks.conftest import send_now
from tests.factories import make_delivery, make_endpoint
from tests.lib.internet import PUBLIC
from tests.servers.scripted_http import Reply

SECTION = section_url("webhooks")
HEADER = "canary-header-value"
NEW = {"add": "1", "url": "https://crm.example/hook", "header_name": "X-Secret", "header_value": HEADER}
SHOWN = re.compile(r'id="new-secret">(whsec_[^<]+)<')


@pytest.fixture
def public(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "resolve", lambda host, port: [PUBLIC])


@pytest.fixture
def signed_in(client: Client, alice: Any) -> Client:
    client.force_login(alice)
    return client


def html(client: Client) -> str:
    return client.get(SECTION).content.decode()


def test_a_receiver_is_added_and_its_secret_shown_this_once(signed_in, organization, public):
    answer = signed_in.post(SECTION, {**NEW, "types": ["call.missed"]})
    endpoint = organization.hook_endpoints.get()
    assert SHOWN.search(answer.content.decode())[1] == endpoint.secret
    assert "no-store" in answer["Cache-Control"]
    assert (endpoint.types, endpoint.header_value) == (["call.missed"], HEADER)
    again = html(signed_in)
    assert "crm.example/hook" in again
    assert "Call missed" in again
    for secret in (endpoint.secret, HEADER):
        assert secret not in again
        assert not [one for one in Session.objects.all() if secret in str(one.get_decoded())]


def test_a_new_secret_is_shown_once_and_says_how_long_the_old_one_counts(signed_in, organization):
    endpoint = make_endpoint(organization)
    answer = signed_in.post(SECTION, {"rotate": endpoint.pk}).content.decode()
    shown = SHOWN.search(answer)[1]
    assert shown == organization.hook_endpoints.get().secret != endpoint.secret
    assert "signed with the old secret too" in answer
    assert shown not in html(signed_in)


def test_what_is_wrong_stands_beside_its_field_and_nothing_is_added(signed_in, organization):
    answer = signed_in.post(SECTION, {**NEW, "url": "https://127.0.0.1/hook", "header_value": ""}).content.decode()
    assert 'id="id_url_error"' in answer
    assert not organization.hook_endpoints.exists()


def test_the_log_tells_in_words_what_became_of_each_event(signed_in, receiver):
    send_now(make_delivery(receiver(Reply(503, b"<script>busy</script>"), Reply(200, b"ok"), Reply(200))))
    send_now(make_delivery(HookEndpoint.objects.unscoped().get()))
    shown = html(signed_in)
    for words in ("delivered", "waiting", "503", "the receiver did not take it", "&lt;script&gt;busy", "Call answered"):
        assert words in shown
    assert "<script>busy" not in shown


def test_an_event_is_sent_again_and_a_test_is_sent(signed_in, receiver):
    endpoint = receiver()
    row = send_now(make_delivery(endpoint))
    signed_in.post(SECTION, {"resend": row.pk})
    row.refresh_from_db()
    assert row.state == DeliveryState.PENDING
    signed_in.post(SECTION, {"test": endpoint.pk})
    assert endpoint.deliveries.latest("pk").message.type == "ping"
    signed_in.post(SECTION, {"disable": endpoint.pk})
    for action, pk in (("test", endpoint.pk), ("resend", row.pk)):
        answer = signed_in.post(SECTION, {action: pk}, follow=True).content.decode()
        assert "Switch the receiver on first." in answer


def test_a_receiver_is_switched_off_on_and_removed(signed_in, organization):
    endpoint = make_endpoint(organization)
    for action, is_enabled in (("disable", False), ("enable", True)):
        signed_in.post(SECTION, {action: endpoint.pk})
        assert organization.hook_endpoints.get().is_enabled is is_enabled
    signed_in.post(SECTION, {"remove": endpoint.pk})
    assert not organization.hook_endpoints.exists()


@pytest.mark.parametrize("action", ["rotate", "test", "enable", "disable", "remove", "resend"])
def test_a_strangers_row_is_not_found_and_stays_as_it_is(client, charlie, organization, action):
    row = make_delivery(make_endpoint(organization))
    client.force_login(charlie)
    before = [list(model.objects.unscoped().values()) for model in (HookEndpoint, HookDelivery)]
    for typed in (row.pk if action == "resend" else row.endpoint_id, "0", "x", "9" * 40, ""):
        assert client.post(SECTION, {action: typed}).status_code == 404
    assert [list(model.objects.unscoped().values()) for model in (HookEndpoint, HookDelivery)] == before
    assert "crm.example" not in html(client)


def test_members_see_nothing_of_it_and_admins_do(client, bob, organization, public):
    make_endpoint(organization)
    client.force_login(bob)
    for ask in (client.get(SECTION), client.post(SECTION, NEW), client.post(SECTION, {"remove": "1"})):
        assert ask.status_code == 403
    assert "section=webhooks" not in client.get(section_url("profile")).content.decode()
    bob.memberships.update(role=Role.ADMIN)
    assert client.get(SECTION).status_code == 200


def test_a_long_list_asks_the_database_twelve_times_at_most(signed_in, organization, django_assert_max_num_queries):
    for number in range(3):
        endpoint = make_endpoint(organization, f"https://crm.example/{number}")
    for _ in range(20):
        make_delivery(endpoint)
    html(signed_in)
    with django_assert_max_num_queries(12):
        assert html(signed_in).count("Call answered") > 40


def test_the_sandbox_offers_an_address_to_try(signed_in, settings):
    assert "/hooks/ava" not in html(signed_in)
    settings.SANDBOX_URL = "http://127.0.0.1:9100"
    assert "http://127.0.0.1:9100/hooks/ava" in html(signed_in)


# --- The console ------------------------------------------------------------------------------------------------------


def test_the_operator_sees_how_it_goes_and_no_secret_address_or_answer(admin_client, receiver):
    endpoint = receiver(Reply(500, b"canary-answer"), path="/canary-path", header_name="X-S", header_value=HEADER)
    endpoints.rotate_secret(endpoint)
    row = send_now(make_delivery(endpoint))
    addresses = [page(HookEndpoint), page(HookDelivery)]
    addresses += [page(HookEndpoint, "change", endpoint.pk), page(HookDelivery, "change", row.pk)]
    for address in addresses:
        shown = admin_client.get(address).content.decode()
        assert endpoint.host in shown
        assert not [word for word in ("canary", endpoint.secret, "whsec_") if word in shown]


def test_the_operator_sends_again_what_was_given_up(admin_client, organization):
    failed = make_delivery(make_endpoint(organization), state=DeliveryState.FAILED, attempts=7)
    off = make_delivery(make_endpoint(organization, "https://crm.example/off", types=["call.completed"]))
    endpoints.disable(off.endpoint)
    said = act(admin_client, "send_again", failed, off)
    assert said == [f"{off.message.public_id}: Switch the receiver on first.", "1 event is sent again."]
    failed.refresh_from_db()
    assert (failed.state, failed.attempts) == (DeliveryState.PENDING, 0)
    assert LogEntry.objects.get().change_message == "Sent again."


def test_the_page_is_refreshed_while_something_is_under_way(signed_in, receiver):
    row = make_delivery(receiver())
    assert "data-refreshes" in html(signed_in)
    send_now(row)
    assert "data-refreshes" not in html(signed_in)
