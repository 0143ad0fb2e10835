"""Webhooks over the API: receivers are managed, tests sent, deliveries read and repeated, examples given."""

from datetime import timedelta
from uuid import UUID

import pytest
from django.utils import timezone

from ava.lib import fetch
from calls.hooks import delivery, endpoints, messages
from calls.models import DeliveryState, HookDelivery, HookEndpoint, HookType
from tests.api.conftest import errors_of
from tests.calls.conftest import outside
from tests.calls.hooks.conftest import receiver, send_now, verified
from tests.factories import make_delivery, make_endpoint
from tests.lib.internet import PRIVATE, PUBLIC
from tests.servers.scripted_http import Reply

__all__ = ["outside", "receiver"]

ENDPOINTS, DELIVERIES, SAMPLE = (f"/api/v1/webhooks/{name}" for name in ("endpoints", "deliveries", "sample"))
HEADER = "canary-header-value"
NEW = {
    "url": "https://crm.example/hook",
    "description": "CRM",
    "types": ["call.missed", "call.completed"],
    "header_name": "X-Secret",
    "header_value": HEADER,
}


@pytest.fixture(autouse=True)
def public(monkeypatch):
    """Each host is a public one, but for those within."""
    monkeypatch.setattr(fetch, "resolve", lambda host, port: [PRIVATE if host.endswith(".internal") else PUBLIC])


def rows_of_all() -> list[list[dict]]:
    return [list(model.objects.unscoped().order_by("pk").values()) for model in (HookEndpoint, HookDelivery)]


# --- Receivers --------------------------------------------------------------------------------------------------------


def test_a_receiver_is_added_and_its_secret_told_this_once(api_of, alice, organization, django_assert_max_num_queries):
    api = api_of(alice)
    answer = api.post(ENDPOINTS, NEW)
    assert answer.status_code == 201, answer.content
    kept = organization.hook_endpoints.get()
    made = answer.json()
    assert made == {
        "id": kept.pk,
        "url": "https://crm.example/hook",
        "description": "CRM",
        "types": ["call.completed", "call.missed"],
        "header_name": "X-Secret",
        "is_enabled": True,
        "disabled_reason": None,
        "disabled_at": None,
        "created_at": made["created_at"],
        "secret": kept.secret,
    }
    assert kept.header_value == HEADER
    del made["secret"]
    with django_assert_max_num_queries(6):
        listed = api.get(ENDPOINTS)
    assert listed.json() == [made]
    assert api.get(f"/api/webhooks/endpoints/{kept.pk}/").json() == made
    for read in (answer, listed):
        assert HEADER not in read.content.decode()


def test_zapier_subscribes_by_an_address_alone_and_ends_it_by_its_id(api_of, alice, organization):
    api = api_of(alice)
    made = api.post(ENDPOINTS, {"url": "https://hooks.zapier.com/hooks/standard/1/abc/"}).json()
    assert made["types"] == []
    ended = [api.delete(f"{ENDPOINTS}/{made['id']}").status_code for _ in range(2)]
    assert ended == [204, 404]
    assert not organization.hook_endpoints.exists()


def test_a_repeated_request_adds_one_receiver_and_tells_its_secret_again(api_of, alice, organization):
    api = api_of(alice, idempotency_key="subscribe-1")
    first, second = api.post(ENDPOINTS, NEW), api.post(ENDPOINTS, NEW)
    assert first.json() == second.json()
    assert first.json()["secret"] == organization.hook_endpoints.get().secret


def test_only_what_is_given_is_changed(api_of, alice, organization):
    api = api_of(alice)
    address = f"{ENDPOINTS}/{api.post(ENDPOINTS, NEW).json()['id']}"
    before = api.get(address)
    changed = api.patch(address, {"types": [], "url": "https://crm.example/new"})
    assert changed.json() == {**before.json(), "types": [], "url": "https://crm.example/new"}
    assert changed.headers["ETag"] == api.get(address).headers["ETag"] != before.headers["ETag"]
    assert organization.hook_endpoints.get().header_value == HEADER
    api.patch(address, {"header_value": "another"})
    assert organization.hook_endpoints.get().header_value == "another"
    assert api.patch(address, {"header_name": ""}).json()["header_name"] == ""
    assert organization.hook_endpoints.get().header_value is None


def test_who_saw_an_older_version_changes_nothing(api_of, alice, organization):
    api = api_of(alice)
    address = f"{ENDPOINTS}/{make_endpoint(organization).pk}"
    seen = api.get(address).headers["ETag"]
    assert api.patch(address, {"description": "first"}, headers={"If-Match": seen}).status_code == 200
    late = api.patch(address, {"description": "late", "is_enabled": False}, headers={"If-Match": seen})
    assert (late.status_code, late.json()["code"]) == (412, "changed_meanwhile")
    assert (api.get(address).json()["description"], api.get(address).json()["is_enabled"]) == ("first", True)


def test_a_receiver_is_switched_off_and_on(api_of, alice, organization):
    api, row = api_of(alice), make_delivery(make_endpoint(organization))
    address = f"{ENDPOINTS}/{row.endpoint_id}"
    off = api.patch(address, {"is_enabled": False}).json()
    assert (off["is_enabled"], off["disabled_reason"]) == (False, "by_hand")
    row.refresh_from_db()
    assert row.state == DeliveryState.FAILED
    on = api.patch(address, {"is_enabled": True}).json()
    assert (on["is_enabled"], on["disabled_reason"], on["disabled_at"]) == (True, None, None)


def test_saying_that_it_is_on_forgives_no_failures(api_of, alice, organization):
    endpoint = make_endpoint(organization, given_up_count=7, failing_since=timezone.now() - timedelta(days=2))
    assert api_of(alice).patch(f"{ENDPOINTS}/{endpoint.pk}", {"is_enabled": True}).status_code == 200
    assert organization.hook_endpoints.get().given_up_count == 7


def test_a_new_secret_is_told_once_and_signs_beside_the_old_one(api_of, alice, organization, receiver, outside):
    endpoint = receiver()
    told = api_of(alice).post(f"{ENDPOINTS}/{endpoint.pk}/rotate-secret")
    assert told.status_code == 200
    assert told.json()["secret"] == organization.hook_endpoints.get().secret != endpoint.secret
    send_now(make_delivery(endpoint))
    for secret in (told.json()["secret"], endpoint.secret):
        assert verified(outside.server.requests[-1], secret)["type"] == "call.completed"


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({"url": ""}, {"url": "blank"}),
        ({"url": None}, {"url": "null"}),
        ({"url": {}}, {"url": "invalid"}),
        ({"url": "http://crm.example/"}, {"url": "invalid"}),
        ({"url": "https://crm.internal/"}, {"url": "invalid"}),
        ({"url": "https://x.example/" + "x" * 1000}, {"url": "max_length"}),
        ({"url": "https://taken.example/"}, {"url": "invalid"}),
        ({"description": "\0"}, {"description": "null_characters_not_allowed"}),
        ({"types": ["ping"]}, {"types.0": "invalid_choice"}),
        ({"types": "call.missed"}, {"types": "not_a_list"}),
        ({"types": [[]]}, {"types.0": "invalid_choice"}),
        ({"header_name": "webhook-id"}, {"header_name": "invalid"}),
        ({"header_name": "X-Other", "header_value": ""}, {"header_value": "invalid"}),
        ({"header_value": "a\r\nb"}, {"header_value": "invalid"}),
        ({"secret": "whsec_x"}, {"secret": "unknown_field"}),
        ({"target_url": "https://crm.example/"}, {"target_url": "unknown_field"}),
    ],
)
def test_a_wrong_field_is_named(api_of, alice, organization, given, wrong):
    make_endpoint(organization, "https://taken.example/")
    kept = make_endpoint(organization, header_name="X-Secret", header_value=HEADER)
    api, before = api_of(alice), rows_of_all()
    assert errors_of(api.post(ENDPOINTS, {**NEW, **given})) == wrong
    assert errors_of(api.patch(f"{ENDPOINTS}/{kept.pk}", given)) == wrong
    assert rows_of_all() == before


def test_there_are_ten_receivers_at_most(api_of, alice, organization):
    for number in range(endpoints.MOST_ENDPOINTS):
        make_endpoint(organization, f"https://crm.example/{number}")
    refused = api_of(alice).post(ENDPOINTS, NEW)
    assert (refused.status_code, refused.json()["code"]) == (409, "too_many_endpoints")


# --- What was sent ----------------------------------------------------------------------------------------------------


def test_a_test_is_sent_and_what_became_of_it_is_told(api_of, alice, receiver):
    api, endpoint = api_of(alice), receiver(Reply(503, b"busy"), Reply(200, b"thanks"))
    sent = api.post(f"{ENDPOINTS}/{endpoint.pk}/test")
    assert sent.status_code == 200, sent.content
    row = endpoint.deliveries.select_related("message").get()
    assert sent.json() == {
        "id": row.pk,
        "endpoint": endpoint.pk,
        "message_id": row.message.public_id,
        "type": "ping",
        "call": None,
        "created_at": sent.json()["created_at"],
        "state": "pending",
        "attempts": 0,
        "next_try_at": sent.json()["next_try_at"],
        "delivered_at": None,
        "status_code": None,
        "answer": "",
        "error": "",
    }
    send_now(row)
    failed = api.get(DELIVERIES, headers={"Accept-Language": "en"}).json()["results"][0]
    assert (failed["attempts"], failed["status_code"], failed["answer"]) == (1, 503, "busy")
    assert failed["error"] == delivery.REFUSED
    assert failed["next_try_at"] > sent.json()["next_try_at"]
    send_now(row)
    arrived = api.get(DELIVERIES).json()["results"][0]
    assert (arrived["state"], arrived["next_try_at"], arrived["error"]) == ("delivered", None, "")
    assert arrived["delivered_at"]


def test_an_event_is_sent_again_under_its_own_id(api_of, alice, receiver, outside):
    row = send_now(make_delivery(receiver()))
    again = api_of(alice).post(f"{DELIVERIES}/{row.pk}/resend")
    assert (again.status_code, again.json()["state"], again.json()["attempts"]) == (200, "pending", 0)
    assert UUID(again.json()["call"]) == row.message.call_id
    send_now(row)
    first, second = (received.headers["webhook-id"] for received in outside.server.requests)
    assert first == second == again.json()["message_id"]


def test_what_cannot_be_sent_says_why(api_of, alice, organization):
    api, row = api_of(alice), make_delivery(make_endpoint(organization))
    test, resend = f"{ENDPOINTS}/{row.endpoint_id}/test", f"{DELIVERIES}/{row.pk}/resend"
    delivery.claim(row.pk, "another worker")
    assert (api.post(resend).status_code, api.post(resend).json()["code"]) == (409, "delivery_running")
    api.patch(f"{ENDPOINTS}/{row.endpoint_id}", {"is_enabled": False})
    for refused in (api.post(test), api.post(resend)):
        assert (refused.status_code, refused.json()["code"]) == (409, "endpoint_disabled")


def test_deliveries_come_in_pages_the_newest_first(api_of, alice, organization, django_assert_max_num_queries):
    api, endpoint = api_of(alice), make_endpoint(organization)
    made = [messages.send_test(endpoint).pk for _ in range(5)]
    address, found = f"{DELIVERIES}?page_size=2&state=pending", []
    while address:
        with django_assert_max_num_queries(6):
            page = api.get(address).json()
        found.append([row["id"] for row in page["results"]])
        address = page["next"]
    assert found == [made[:2:-1], made[2:0:-1], made[:1]]


def test_filters_narrow_the_deliveries(api_of, alice, charlie, organization):
    first, second = (make_endpoint(organization, f"https://crm.example/{number}") for number in range(2))
    theirs = make_delivery(make_endpoint(charlie.organizations.get()))
    arrived, waiting = messages.send_test(first), messages.send_test(first)
    HookDelivery.objects.unscoped().filter(pk=arrived.pk).update(state=DeliveryState.DELIVERED)
    api = api_of(alice)

    def ids(**query) -> list[int]:
        return [row["id"] for row in api.get(DELIVERIES, query).json()["results"]]

    assert ids() == ids(endpoint=first.pk) == [waiting.pk, arrived.pk]
    assert ids(state="delivered") == [arrived.pk]
    assert ids(endpoint=second.pk) == ids(endpoint=theirs.endpoint_id) == ids(endpoint=2**63 - 1) == []


@pytest.mark.parametrize(
    ("query", "wrong"),
    [
        ({"endpoint": "9" * 30}, {"endpoint": "max_value"}),
        ({"endpoint": "x"}, {"endpoint": "invalid"}),
        ({"state": "lost"}, {"state": "invalid_choice"}),
        ({"cursor": "-1"}, {"cursor": "min_value"}),
        ({"cursor": "\0"}, {"cursor": "invalid"}),
        ({"page_size": "101"}, {"page_size": "max_value"}),
        ({"page": "2"}, {"page": "unknown_parameter"}),
    ],
)
def test_a_wrong_parameter_is_named(api_of, alice, organization, query, wrong):
    assert errors_of(api_of(alice).get(DELIVERIES, query)) == wrong


# --- Examples ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [value for value, _label in endpoints.CHOOSABLE])
def test_an_example_has_the_fields_of_what_is_sent(api_of, alice, receiver, outside, name):
    (example,) = api_of(alice).get(SAMPLE, {"type": name}).json()
    endpoint = receiver()
    row = make_delivery(endpoint)
    send_now(row)
    sent = verified(outside.server.requests[-1], endpoint.secret)
    assert (example["type"], example["data"]["status"]) == (name, name.removeprefix("call."))
    assert example.keys() == sent.keys()
    assert example["data"].keys() == sent["data"].keys()
    assert example["data"]["recording"] == ("none" if name in {"call.missed", "call.failed"} else "ready")


def test_an_example_is_of_an_answered_call_unless_another_is_asked_for(api_of, alice, organization):
    api = api_of(alice)
    assert [one["type"] for one in api.get(SAMPLE).json()] == [HookType.COMPLETED]
    assert errors_of(api.get(SAMPLE, {"type": "ping"})) == {"type": "invalid_choice"}


# --- Who may ----------------------------------------------------------------------------------------------------------


def asks(row: HookDelivery) -> list[tuple[str, str]]:
    one = f"{ENDPOINTS}/{row.endpoint_id}"
    of_rows = [("get", one), ("patch", one), ("delete", one), ("post", f"{one}/rotate-secret"), ("post", f"{one}/test")]
    return [*of_rows, ("post", f"{DELIVERIES}/{row.pk}/resend")]


def test_members_see_and_change_nothing_of_it(api_of, bob, organization):
    row, api = make_delivery(make_endpoint(organization)), api_of(bob)
    before = rows_of_all()
    lists = [("get", ENDPOINTS), ("post", ENDPOINTS), ("get", DELIVERIES), ("get", SAMPLE)]
    for method, address in [*lists, *asks(row)]:
        refused = getattr(api, method)(address)
        assert (refused.status_code, refused.json()["code"]) == (403, "managers_only"), address
        assert getattr(api_of(), method)(address).status_code == 401
    assert rows_of_all() == before


def test_anothers_rows_are_as_unknown_as_some_that_never_were(api_of, charlie, organization):
    row, api = make_delivery(make_endpoint(organization)), api_of(charlie)
    never = HookDelivery(pk=10**30, endpoint_id=10**30)
    before = rows_of_all()
    for (method, theirs), (_same, nobodys) in zip(asks(row), asks(never), strict=True):
        answers = [getattr(api, method)(address) for address in (theirs, nobodys)]
        assert [answer.status_code for answer in answers] == [404, 404], theirs
        assert answers[0].content == answers[1].content
    assert rows_of_all() == before
    assert (api.get(ENDPOINTS).json(), api.get(DELIVERIES).json()["results"]) == ([], [])
