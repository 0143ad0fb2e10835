"""Is a delivery from who it says? Every way to sign, and every way to pretend."""

import hmac
import time
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import PlatformSettings
from accounts.tenancy import organization_endpoint
from calls.models import EventState, WebhookEvent
from tests.calls.intake import BODY, SHARED, calls_of, secret_of, stamped
from tests.factories import (
    deliver,
    encode,
    make_number,
    report,
    signature,
    work,
)

# What is wrong with it → the headers, made from Alice's secret and Charlie's.
REFUSED = {
    "no header": lambda ours, theirs: {},
    "an empty signature": lambda ours, theirs: {"x-vapi-signature": ""},
    "an empty secret": lambda ours, theirs: {"x-vapi-secret": ""},
    "an empty bearer": lambda ours, theirs: {"authorization": "Bearer "},
    "only the prefix": lambda ours, theirs: {"x-vapi-signature": "sha256="},
    "made with the empty secret": lambda ours, theirs: {"x-vapi-signature": signature(BODY, "")},
    "nonsense": lambda ours, theirs: {"x-vapi-signature": "nonsense"},
    "another tenant's right one": lambda ours, theirs: {"x-vapi-signature": signature(BODY, theirs)},
    "another tenant's secret": lambda ours, theirs: {"x-vapi-secret": theirs},
    "another tenant's bearer": lambda ours, theirs: {"authorization": f"Bearer {theirs}"},
    "right for another body": lambda ours, theirs: {"x-vapi-signature": signature(BODY + b" ", ours)},
    "one bit flipped": lambda ours, theirs: {"x-vapi-signature": flipped(signature(BODY, ours))},
    "upper case": lambda ours, theirs: {"x-vapi-signature": signature(BODY, ours).upper()},
    "doubled": lambda ours, theirs: {"x-vapi-signature": ",".join([signature(BODY, ours)] * 2)},
    "one character short": lambda ours, theirs: {"x-vapi-signature": signature(BODY, ours)[:-1]},
    "a space before": lambda ours, theirs: {"x-vapi-signature": " " + signature(BODY, ours)},
    "bytes beyond ASCII": lambda ours, theirs: {"x-vapi-signature": "\x80\xff" + signature(BODY, ours)},
    "a secret beyond ASCII": lambda ours, theirs: {"x-vapi-secret": "é\xff"},
    "a bearer beyond ASCII": lambda ours, theirs: {"authorization": "Bearer \x80"},
    "the secret in another case": lambda ours, theirs: {"x-vapi-secret": ours.swapcase()},
    "the secret as basic": lambda ours, theirs: {"authorization": f"Basic {ours}"},
    "sha512": lambda ours, theirs: {"x-vapi-signature": hmac.new(ours.encode(), BODY, "sha512").hexdigest()},
}


def flipped(text: str) -> str:
    return ("1" if text[0] == "0" else "0") + text[1:]


@pytest.mark.parametrize("wrong", REFUSED)
def test_a_delivery_that_is_not_rightly_signed_is_refused_and_not_kept(post, organization, charlie, wrong):
    headers = REFUSED[wrong](secret_of(organization), secret_of(charlie.organizations.get()))
    answer = post(BODY, headers)
    assert (answer.status_code, answer.content) == (401, b"Invalid signature")
    assert not WebhookEvent.objects.exists()


ACCEPTED = {
    "hmac": lambda secret: {"x-vapi-signature": signature(BODY, secret)},
    "hmac with its prefix": lambda secret: {"x-vapi-signature": "sha256=" + signature(BODY, secret)},
    "the secret itself": lambda secret: {"x-vapi-secret": secret},
    "a bearer": lambda secret: {"authorization": f"Bearer {secret}"},
    "a bearer in lower case": lambda secret: {"authorization": f"bearer {secret}"},
    "the secret in the signature's place": lambda secret: {"x-vapi-signature": secret},
}


@pytest.mark.parametrize("scheme", ACCEPTED)
def test_each_way_in_which_vapi_signs_is_accepted(post, organization, scheme):
    assert post(BODY, ACCEPTED[scheme](secret_of(organization))).status_code == 200


@pytest.mark.parametrize("header", ["x-vapi-timestamp", "x-timestamp"])
@pytest.mark.parametrize("unit", [1, 1000])
@pytest.mark.parametrize(("age", "status"), [(0, 200), (240, 200), (-240, 200), (400, 401), (-400, 401)])
def test_a_signed_timestamp_is_good_for_five_minutes(post, organization, header, unit, age, status):
    timestamp = str(int((time.time() - age) * unit))
    headers = {"x-vapi-signature": stamped(BODY, secret_of(organization), timestamp), header: timestamp}
    assert post(BODY, headers).status_code == status


@pytest.mark.parametrize("timestamp", ["", "-1", "1e9", "٣", "9" * 13, "9" * 40, "nan"])
def test_an_odd_timestamp_is_refused(post, organization, timestamp):
    signed = hmac.new(secret_of(organization).encode(), timestamp.encode() + b"." + BODY, "sha256").hexdigest()
    sent = timestamp.encode().decode("latin-1")  # as a server hands raw bytes over
    assert post(BODY, {"x-vapi-signature": signed, "x-timestamp": sent}).status_code == 401


def test_the_previous_secret_is_good_until_its_overlap_ends(post, organization, time_machine):
    endpoint = organization_endpoint(organization)
    old = endpoint.secret
    endpoint.rotate_secret()
    assert post(BODY, {"x-vapi-signature": signature(BODY, old)}).status_code == 200
    assert post(BODY, {"x-vapi-signature": signature(BODY, endpoint.secret)}).status_code == 200
    time_machine.move_to(endpoint.previous_secret_until, tick=False)
    assert post(BODY, {"x-vapi-signature": signature(BODY, old)}).status_code == 401
    assert post(BODY, {"x-vapi-signature": signature(BODY, endpoint.secret)}).status_code == 200


def test_a_replay_days_later_changes_nothing(organization, time_machine):
    event = report()
    deliver(organization, event)
    work()
    time_machine.move_to(timezone.now() + timedelta(days=3))
    assert deliver(organization, event).status_code == 200
    assert not WebhookEvent.objects.filter(state=EventState.RECEIVED).exists()


@pytest.mark.parametrize("headers", [{}, {"x-vapi-signature": signature(BODY, "")}, {"x-vapi-secret": ""}])
def test_without_a_shared_secret_the_shared_address_refuses_everything(post, db, settings, headers):
    settings.VAPI_WEBHOOK_SECRET = ""
    assert post(BODY, headers, SHARED).status_code == 401
    assert not WebhookEvent.objects.exists()


def test_an_endpoint_without_a_secret_refuses_everything(post, organization):
    endpoint = organization_endpoint(organization)
    endpoint.secret = endpoint.previous_secret = ""
    endpoint.previous_secret_until = timezone.now() + timedelta(days=1)
    endpoint.save()
    for headers in ({"x-vapi-signature": signature(BODY, "")}, {"x-vapi-secret": ""}, {}):
        assert post(BODY, headers).status_code == 401


def test_a_tenants_secret_does_not_open_the_shared_address(post, organization, shared_secret):
    make_number(organization)
    assert post(BODY, {"x-vapi-secret": secret_of(organization)}, SHARED).status_code == 401


def test_the_shared_secret_does_not_open_a_tenants_address(post, organization, shared_secret):
    assert post(BODY, {"x-vapi-secret": shared_secret}).status_code == 401


def test_the_operators_setting_wins_over_the_environments(post, organization, shared_secret):
    make_number(organization)
    PlatformSettings.objects.create(pk=1, vapi_webhook_secret="set-in-the-console")
    assert post(BODY, {"x-vapi-signature": signature(BODY, shared_secret)}, SHARED).status_code == 401
    assert post(BODY, {"x-vapi-signature": signature(BODY, "set-in-the-console")}, SHARED).status_code == 200


def test_the_secret_is_chosen_by_the_address_never_by_what_the_delivery_names(post, organization, charlie):
    theirs = charlie.organizations.get()
    make_number(theirs)
    body = encode(report(organization_id=theirs.pk))  # names Charlie's number, signed by Charlie
    answer = post(body, {"x-vapi-signature": signature(body, secret_of(theirs)), "x-organization": str(theirs.pk)})
    assert answer.status_code == 401


@pytest.mark.parametrize(
    "body",
    [
        b'{ "message" :\t{"type":"status-update" ,\r\n "call":{"id":"a"} } }\n\n',
        b'\xef\xbb\xbf{"message": {"type": "status-update", "call": {"id": "a"}}}',
        b'{"message": {"type": "hang"}, "message": {"type": "status-update", "call": {"id": "b", "id": "a"}}}',
        rb'{"message": {"type": "status\u002dupdate", "call": {"id": "\u0061"}}}',
    ],
    ids=["odd spaces", "byte order mark", "duplicate keys", "escapes"],
)
def test_what_is_signed_is_the_raw_bytes(organization, body):
    assert deliver(organization, body).status_code == 200
    work()
    assert [call.vapi_call_id for call in calls_of(organization)] == ["a"]
    assert WebhookEvent.objects.get().kind == "status-update"
