"""A tenant's receivers: what may be added, what is kept secret, and for how long something is valid."""

import base64
import json
import zipfile
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from ava.lib import fetch
from calls.hooks import endpoints
from calls.models import HookDelivery, HookEndpoint, HookMessage
from onboarding import exports, offboarding
from tests.factories import make_call, make_delivery, make_endpoint
from tests.lib.internet import PUBLIC

URL = "https://crm.example/hooks/ava"
HEADER = "canary-header-value"


@pytest.fixture(autouse=True)
def public_names(monkeypatch: pytest.MonkeyPatch) -> None:
    names = {"private.example": ["10.0.0.7"], "nowhere.example": []}
    monkeypatch.setattr(fetch, "resolve", lambda host, port: names.get(host, [PUBLIC]))


def add(organization: Any, url: str = URL, **fields: Any) -> HookEndpoint:
    return endpoints.add_endpoint(organization=organization, url=url, **fields)


def change(endpoint: HookEndpoint, **given: Any) -> None:
    endpoints.change_endpoint(endpoint, endpoints.clean_change(endpoint, **given))


def test_a_secret_is_long_random_and_in_the_standards_spelling(organization):
    first, second = add(organization), add(organization, "https://crm.example/other")
    assert first.secret != second.secret
    assert first.secret.startswith("whsec_")
    assert len(base64.b64decode(first.secret.removeprefix("whsec_"), validate=True)) == 32


def test_secrets_are_sealed_in_the_database(organization):
    endpoint = add(organization, header_name="X-Secret", header_value=HEADER)
    old = endpoint.secret
    new = endpoints.rotate_secret(endpoint)
    with connection.cursor() as cursor:
        cursor.execute("SELECT secret, previous_secret, header_value, header_name FROM calls_hookendpoint")
        row = [bytes(value) if not isinstance(value, str) else value.encode() for value in cursor.fetchone()]
    assert row.pop() == b"X-Secret"
    assert not [secret for secret in (old, new, HEADER) for value in row if secret.encode() in value]


@pytest.mark.parametrize(
    "url",
    [
        "",
        "crm.example/hook",
        "http://crm.example/",
        "https://crm.example:8443/",
        "https://user:pass@crm.example/",
        "https://169.254.169.254/latest/meta-data/",
        "https://[::ffff:127.0.0.1]/",
        "https://2130706433/",
        "https://private.example/",
        "https://nowhere.example/",
        "https://crm.example/" + "x" * 1000,
    ],
)
def test_an_address_inside_or_unknown_is_refused_when_it_is_saved(organization, url, monkeypatch):
    """The whole table of unsafe addresses stands in tests/lib/test_posting.py."""
    monkeypatch.setattr(fetch, "connect", lambda *args: pytest.fail("connected"))
    with pytest.raises(ValidationError) as refused:
        add(organization, url)
    assert list(refused.value.message_dict) == ["url"]
    assert not organization.hook_endpoints.exists()


def test_the_sandbox_may_be_an_address_and_a_neighbour_of_it_not(organization, settings):
    settings.TRUSTED_FETCH_ORIGINS = frozenset({"http://127.0.0.1:9100"})
    assert add(organization, "http://127.0.0.1:9100/hooks/x").host == "127.0.0.1:9100"
    with pytest.raises(ValidationError):
        add(organization, "http://127.0.0.1:9101/hooks/x")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Host", "evil.example"),
        ("content-length", "0"),
        ("Webhook-Signature", "v1,x"),
        ("Transfer-Encoding", "chunked"),
        ("X Y", "1"),
        ("X:", "1"),
        ("", "1"),
        ("X-Secret", ""),
        ("X-Secret", "a\r\nX-Evil: 1"),
        ("X-Secret", "é"),
        ("X-Secret", "x" * 501),
    ],
)
def test_a_header_that_would_break_the_message_is_refused(organization, name, value):
    with pytest.raises(ValidationError):
        add(organization, header_name=name, header_value=value)


def test_events_are_kept_in_order_and_unknown_ones_refused(organization):
    assert add(organization, types=["call.failed", "call.completed", "call.failed"]).types == [
        "call.completed",
        "call.failed",
    ]
    for wrong in ("ping", "call.deleted"):
        with pytest.raises(ValidationError):
            add(organization, types=[wrong])


def test_there_are_ten_receivers_at_most_and_an_address_is_there_once(organization):
    for number in range(endpoints.MOST_ENDPOINTS - 1):
        make_endpoint(organization, f"https://crm.example/{number}")
    add(organization)
    with pytest.raises(endpoints.NotPossible):
        add(organization, "https://crm.example/one-more")
    organization.hook_endpoints.first().delete()
    with pytest.raises(ValidationError):
        add(organization)


def test_only_what_is_given_is_changed(organization):
    endpoint = add(organization, description="CRM", header_name="X-Secret", header_value=HEADER)
    change(endpoint, types=["call.missed"])
    change(endpoint, url="https://crm.example/new", header_name="X-Secret", header_value="")
    kept = organization.hook_endpoints.get()
    assert (kept.url, kept.types, kept.description) == ("https://crm.example/new", ["call.missed"], "CRM")
    assert (kept.header_name, kept.header_value) == ("X-Secret", HEADER)
    with pytest.raises(ValidationError):  # a new name with the old value is a slip
        change(kept, header_name="X-Other")
    with pytest.raises(ValidationError):
        change(kept, url="http://crm.example/")
    change(kept, header_name="")
    assert organization.hook_endpoints.get().header_value is None


def test_switched_on_again_it_begins_afresh(organization):
    since = timezone.now() - timedelta(days=4)
    endpoint = make_endpoint(organization, given_up_count=7, failing_since=since)
    endpoints.disable(endpoint)
    endpoints.disable(endpoint)
    endpoints.enable(endpoint)
    kept = organization.hook_endpoints.get()
    assert (kept.is_enabled, kept.given_up_count, kept.failing_since, kept.disabled_reason) == (True, 0, None, "")


# --- With everything else of the tenant -------------------------------------------------------------------------------


def test_keys_rotate_over_the_receivers_secrets(organization, settings):
    endpoint = add(organization, header_name="X-Secret", header_value=HEADER)
    secret, tokens = endpoint.secret, stored()
    call_command("rotate_keys")
    assert stored() != tokens
    kept = organization.hook_endpoints.get()
    assert (kept.secret, kept.header_value) == (secret, HEADER)


def stored() -> Any:
    with connection.cursor() as cursor:
        cursor.execute("SELECT secret, header_value FROM calls_hookendpoint")
        return [bytes(value) for value in cursor.fetchone()]


def test_the_archive_has_receivers_messages_and_deliveries_without_secrets(organization, alice, settings, tmp_path):
    settings.DATA_DIR = tmp_path
    endpoint = add(organization, header_name="X-Secret", header_value=HEADER)
    row = make_delivery(endpoint)
    exports.build(exports.request_export(organization=organization, user=alice).pk)
    with zipfile.ZipFile(next(tmp_path.rglob("*.zip"))) as archive:
        everything = b"".join(archive.read(name) for name in archive.namelist())
        (kept,) = json.loads(archive.read("hook_endpoints.json"))
        (message,) = json.loads(archive.read("hook_messages.json"))
        (delivery,) = json.loads(archive.read("hook_deliveries.json"))
    assert kept["url"] == URL
    assert json.loads(message["body"])["type"] == "call.completed"
    assert delivery["message"] == message["id"] == row.message_id
    assert endpoint.secret.encode() not in everything
    assert HEADER.encode() not in everything


def test_with_the_account_everything_of_it_goes(organization, charlie):
    make_delivery(make_endpoint(organization))
    theirs = make_delivery(make_endpoint(charlie.organizations.get()))
    offboarding.close(organization=organization)
    assert list(HookEndpoint.objects.unscoped()) == [theirs.endpoint]
    assert list(HookMessage.objects.unscoped()) == [theirs.message]
    assert list(HookDelivery.objects.unscoped()) == [theirs]


def test_a_receiver_that_goes_leaves_the_others_messages(organization):
    first, second = make_endpoint(organization), make_endpoint(organization)
    make_delivery(first)
    endpoints.remove_endpoint(first)
    assert second.deliveries.count() == 1
    assert make_call(organization).hook_messages.count() == 0
