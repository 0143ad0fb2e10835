"""A tenant's keys: checked when they are saved, encrypted where they lie, shown to nobody, resolved in order."""

import logging
from typing import Any
from urllib.parse import urlencode

import pytest
from django.core.exceptions import ValidationError
from django.db import connection

from accounts import credentials
from accounts.credentials import MissingCredential
from accounts.models import TwilioCredential, VapiCredential
from accounts.models.credentials import Region, Status
from accounts.tenancy import organization_endpoint
from assistants import activation
from ava.clients.errors import Misconfigured, Refused, Unreachable
from telephony import numbers
from tests import webhooks
from tests.factories import TWILIO_ACCOUNT, VAPI_KEY, deliver, report
from tests.servers.scripted_http import Reply, as_json, serve

EU_KEY = "e" + VAPI_KEY[1:]
REVOKED_KEY = "00000000" + VAPI_KEY[8:]
SID, AUTH_TOKEN = TWILIO_ACCOUNT
NOWHERE = "http://127.0.0.1:9"
PAGES = ("/en/dashboard/", *(f"/en/settings?section={name}" for name in ("vapi", "twilio", "number")), "/en/calls/")


@pytest.fixture
def signed_in(client, alice, sandbox):
    client.force_login(alice)
    return client


def stored(table: str) -> str:
    """The whole table, as somebody with the database but not the keys sees it."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {table}")
        return " ".join(
            bytes(value).hex() if isinstance(value, memoryview) else str(value) for value in cursor.fetchone()
        )


# --- Vapi -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "typed",
    [VAPI_KEY, f"  {VAPI_KEY}\n", f"Bearer {VAPI_KEY}", f"bearer  {VAPI_KEY} ", "sk_" + "a" * 30, "a.b.c" * 300],
)
def test_what_a_key_may_look_like(typed):
    assert credentials.clean_vapi_key(typed) == typed.strip().removeprefix("Bearer").removeprefix("bearer").strip()


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        *(("", "Enter your Vapi key"), ("   ", "Enter your Vapi key"), ("Bearer ", "Vapi key")),
        *(("short", "too short or too long"), ("a" * 5000, "too short or too long")),
        *(
            (f"{VAPI_KEY} {VAPI_KEY}", "no spaces"),
            ("é" * 36, "special letters"),
            (VAPI_KEY + "\u200b", "special letters"),
        ),
        (VAPI_KEY + "\x00", "special letters"),
    ],
)
def test_what_cannot_be_a_key_is_refused_in_words(typed, words):
    with pytest.raises(ValidationError) as refusal:
        credentials.clean_vapi_key(typed)
    assert words in refusal.value.messages[0]


def test_a_key_that_works_is_kept_encrypted_and_shown_by_its_last_four(organization, sandbox):
    kept = credentials.save_vapi_key(organization=organization, typed=f" {VAPI_KEY} ")
    assert (kept.status, kept.region, kept.preview) == (Status.WORKS, Region.US, "****a11c")
    assert VAPI_KEY not in stored("accounts_vapicredential")
    assert VAPI_KEY.encode().hex() not in stored("accounts_vapicredential")
    found = VapiCredential.objects.for_organization(organization).get()
    assert found.api_key == VAPI_KEY
    assert VAPI_KEY not in f"{found!r} {found} {credentials.vapi_client(organization)!r}"


def test_a_key_of_the_other_region_is_found_there(organization, sandbox):
    assert credentials.save_vapi_key(organization=organization, typed=EU_KEY).region == Region.EU
    credentials.vapi_client(organization).check()


def test_a_key_that_vapi_refuses_is_not_kept(organization, sandbox):
    with pytest.raises(ValidationError, match="does not accept this key"):
        credentials.save_vapi_key(organization=organization, typed=REVOKED_KEY)
    assert not credentials.has_vapi_key(organization)


def test_a_key_that_vapi_refuses_does_not_replace_one_that_works(organization, sandbox):
    credentials.save_vapi_key(organization=organization, typed=VAPI_KEY)
    with pytest.raises(ValidationError):
        credentials.save_vapi_key(organization=organization, typed=REVOKED_KEY)
    credentials.vapi_client(organization).check()


def test_while_vapi_is_away_the_key_is_kept_and_marked(organization, settings):
    settings.VAPI_BASE_URLS = {"us": NOWHERE, "eu": NOWHERE}
    kept = credentials.save_vapi_key(organization=organization, typed=VAPI_KEY)
    assert (kept.status, kept.region) == (Status.UNREACHABLE, Region.US)


def test_when_one_region_refuses_and_the_other_is_away_the_key_must_be_of_the_other(organization, sandbox, settings):
    settings.VAPI_BASE_URLS = {"us": f"{sandbox}/vapi/us", "eu": NOWHERE}
    kept = credentials.save_vapi_key(organization=organization, typed=EU_KEY)
    assert (kept.status, kept.region) == (Status.UNREACHABLE, Region.EU)


def test_a_new_key_replaces_the_old_one_and_gets_the_webhook_secret_anew(organization, sandbox):
    credentials.save_vapi_key(organization=organization, typed=VAPI_KEY)
    endpoint = organization_endpoint(organization)
    endpoint.vapi_credential_id = "of-the-old-key"
    endpoint.save(update_fields=["vapi_credential_id"])
    credentials.save_vapi_key(organization=organization, typed=EU_KEY)
    assert VapiCredential.objects.for_organization(organization).get().api_key == EU_KEY
    assert organization_endpoint(organization).vapi_credential_id == ""
    assert organization_endpoint(organization).secret == endpoint.secret


# --- Which key resolves -----------------------------------------------------------------------------------------------


def asked_with(organization: Any, settings: Any) -> str:
    """The key that a request of the organization really carries."""
    with serve(lambda request: as_json([])) as server:
        settings.VAPI_BASE_URLS = {"us": server.url, "eu": server.url}
        credentials.vapi_client(organization).check()
        return server.requests[0].headers["authorization"]


def test_the_tenants_own_key_comes_first_then_the_platforms_then_words(organization, sandbox, settings):
    with pytest.raises(MissingCredential, match="Add it under Settings, Vapi"):
        credentials.vapi_client(organization)
    settings.VAPI_API_KEY = "the-platforms-key-of-vapi"
    assert asked_with(organization, settings) == "Bearer the-platforms-key-of-vapi"
    settings.VAPI_BASE_URLS = {"us": f"{sandbox}/vapi/us", "eu": f"{sandbox}/vapi/eu"}
    credentials.save_vapi_key(organization=organization, typed=VAPI_KEY)
    assert asked_with(organization, settings) == f"Bearer {VAPI_KEY}"
    credentials.delete_vapi_key(organization)
    assert asked_with(organization, settings) == "Bearer the-platforms-key-of-vapi"


def test_nobodys_key_serves_another_tenant(connected, charlie):
    with pytest.raises(MissingCredential):
        credentials.vapi_client(charlie.organizations.get())
    with pytest.raises(MissingCredential):
        credentials.twilio_account(charlie.organizations.get())


def test_the_operators_twilio_account_is_not_a_tenants(organization, settings):
    settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN = SID, AUTH_TOKEN
    with pytest.raises(MissingCredential, match="Add it under Settings, Twilio"):
        credentials.twilio_account(organization)
    assert credentials.platform_twilio_account() == (SID, AUTH_TOKEN)


def test_without_an_operators_account_words_say_so(settings):
    settings.TWILIO_ACCOUNT_SID = ""
    with pytest.raises(MissingCredential, match="operator's Twilio account"):
        credentials.platform_twilio_account()


# --- Twilio -----------------------------------------------------------------------------------------------------------


def test_a_twilio_account_that_works_is_kept_encrypted(organization, sandbox):
    kept = credentials.save_twilio_account(organization=organization, account_sid=f" {SID} ", auth_token=AUTH_TOKEN)
    assert (kept.status, kept.preview) == (Status.WORKS, "AC****a11c")
    assert AUTH_TOKEN not in stored("accounts_twiliocredential")
    assert credentials.twilio_account(organization) == (SID, AUTH_TOKEN)
    assert AUTH_TOKEN not in f"{kept!r} {kept}"


def test_a_token_that_is_not_the_accounts_is_refused_beside_its_field(connected):
    with pytest.raises(ValidationError) as refusal:
        credentials.save_twilio_account(organization=connected, account_sid=SID, auth_token="b" * 32)
    assert list(refusal.value.message_dict) == ["auth_token"]
    assert credentials.twilio_account(connected) == (SID, AUTH_TOKEN)


@pytest.mark.parametrize("sid", ["", "AC123", "SK" + "a" * 32, "AC" + "g" * 32, "AC" + "a" * 33, SID + "\n../x"])
def test_what_cannot_be_an_account_is_refused(sid):
    with pytest.raises(ValidationError, match="AC followed by 32"):
        credentials.clean_account_sid(sid)


@pytest.mark.parametrize("token", ["", "a b" * 11, "a" * 5, "a" * 65, "é" * 32])
def test_what_cannot_be_a_token_is_refused(token):
    with pytest.raises(ValidationError, match="digits and letters only"):
        credentials.clean_auth_token(token)


@pytest.mark.parametrize("status", ["suspended", "closed"])
def test_an_account_that_is_not_active_is_refused(organization, settings, status):
    account = as_json({"sid": SID, "friendly_name": "x", "status": status, "type": "Full"})
    with serve(lambda request: account) as server:
        settings.TWILIO_BASE_URL = server.url
        with pytest.raises(ValidationError):
            credentials.save_twilio_account(organization=organization, account_sid=SID, auth_token=AUTH_TOKEN)


def test_while_twilio_is_away_the_account_is_kept_and_marked(organization, settings):
    with serve(lambda request: Reply(503)) as server:
        settings.TWILIO_BASE_URL = server.url
        kept = credentials.save_twilio_account(organization=organization, account_sid=SID, auth_token=AUTH_TOKEN)
    assert kept.status == Status.UNREACHABLE


def test_a_deleted_account_resolves_no_more(connected):
    credentials.delete_twilio_account(connected)
    assert not credentials.has_twilio_account(connected)
    with pytest.raises(MissingCredential):
        credentials.twilio_account(connected)


# --- In words ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (Unreachable("vapi", "no answer"), "Vapi cannot be reached at the moment"),
        (Refused("twilio", "Authenticate", 401), "Twilio does not accept the key"),
        (Misconfigured("vapi", "name is too long", 400), "Vapi refused: name is too long"),
        (MissingCredential("There is no key."), "There is no key."),
        (KeyError("secret"), "Something went wrong on our side"),
    ],
)
def test_a_failure_is_told_in_a_sentence(error, words):
    assert words in credentials.explain(error)


# --- On the page ------------------------------------------------------------------------------------------------------


def test_a_key_is_saved_from_the_page_and_never_shown_again(signed_in, organization, caplog):
    caplog.set_level(logging.DEBUG)
    answer = signed_in.post("/en/settings?section=vapi", {"api_key": VAPI_KEY})
    assert (answer.status_code, answer["Location"]) == (302, "/en/settings?section=vapi")
    assert credentials.has_vapi_key(organization)
    for page in PAGES:
        assert VAPI_KEY not in signed_in.get(page).content.decode()
    assert "****a11c" in signed_in.get(PAGES[1]).content.decode()
    assert VAPI_KEY not in str(dict(signed_in.session))
    assert VAPI_KEY not in caplog.text


@pytest.mark.parametrize(
    ("typed", "words"),
    [("too-short", "too short or too long"), (REVOKED_KEY, "does not accept this key"), ("", "Enter your Vapi key")],
)
def test_a_wrong_key_stays_in_its_field_with_the_reason(signed_in, organization, typed, words):
    answer = signed_in.post("/en/settings?section=vapi", {"api_key": typed})
    assert answer.status_code == 200
    form = answer.context["form"]
    assert words in form.errors["api_key"][0]
    assert form["api_key"].value() == typed
    assert typed in answer.content.decode()
    assert not credentials.has_vapi_key(organization)


def test_a_twilio_account_is_saved_from_the_page(signed_in, organization):
    form = {"account_sid": SID, "auth_token": AUTH_TOKEN, "phone_number": "+33 1 99 00 45 12"}
    assert signed_in.post("/en/settings?section=twilio", form).status_code == 302
    kept = TwilioCredential.objects.for_organization(organization).get()
    assert (kept.phone_number, kept.auth_token) == ("+33199004512", AUTH_TOKEN)
    assert AUTH_TOKEN not in signed_in.get("/en/settings?section=twilio").content.decode()


@pytest.mark.parametrize(
    ("field", "typed"),
    [
        *(
            ("account_sid", ""),
            ("account_sid", "AC1"),
            ("auth_token", ""),
            ("auth_token", "x y"),
            ("auth_token", "b" * 32),
        ),
        *(("phone_number", "12"), ("phone_number", "not a number"), ("phone_number", "0612345678")),
    ],
)
def test_each_wrong_field_of_an_account_is_named_and_the_rest_stays(signed_in, connected, field, typed):
    form = {"account_sid": SID, "auth_token": AUTH_TOKEN, "phone_number": "", field: typed}
    answer = signed_in.post("/en/settings?section=twilio", form)
    assert answer.status_code == 200
    assert list(answer.context["form"].errors) == [field]
    assert SID in answer.content.decode() or field == "account_sid"


@pytest.mark.parametrize("section", ["vapi", "twilio"])
def test_a_key_is_deleted_from_the_page(signed_in, connected, section):
    assert signed_in.post(f"/en/settings?section={section}", {"delete": "1"}).status_code == 302
    assert credentials.has_vapi_key(connected) == (section == "twilio")
    assert credentials.has_twilio_account(connected) == (section == "vapi")


@pytest.mark.parametrize("section", ["", "unknown", "../x", "%00"])
def test_an_unknown_section_is_the_first_one(signed_in, section):
    answer = signed_in.get(f"/en/settings/?{urlencode({'section': section})}")
    assert (answer.status_code, answer.context["section"]) == (200, "profile")


# --- When the encryption key is lost ----------------------------------------------------------------------------------


@pytest.fixture
def lost(connected):
    """Alice's secrets, as if they had been encrypted under a key that nobody has any more."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE accounts_vapicredential SET api_key = %s", [b"unreadable"])
        cursor.execute("UPDATE accounts_twiliocredential SET auth_token = %s", [b"unreadable"])
        cursor.execute("UPDATE accounts_webhookendpoint SET secret = %s", [b"unreadable"])
    return connected


def test_with_a_lost_key_every_page_opens(signed_in, lost):
    for page in PAGES:
        assert signed_in.get(page).status_code == 200


def test_with_a_lost_key_nothing_is_asked_with_an_empty_one(lost):
    for resolve in (credentials.vapi_client, credentials.twilio_account):
        with pytest.raises(MissingCredential, match="can no longer be read"):
            resolve(lost)


def test_with_a_lost_key_activation_says_what_to_do(signed_in, lost):
    answer = signed_in.post("/en/dashboard/activate/", follow=True)
    assert answer.status_code == 200


def test_with_a_lost_key_a_delivery_is_to_be_sent_again(lost):
    address = f"/webhooks/vapi/{organization_endpoint(lost).token}/"
    answer = webhooks.post(address, b"{}", {"x-vapi-secret": "x"})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")


def test_what_is_entered_again_replaces_what_was_lost(lost):
    credentials.save_vapi_key(organization=lost, typed=VAPI_KEY)
    credentials.save_twilio_account(organization=lost, account_sid=SID, auth_token=AUTH_TOKEN)
    credentials.vapi_client(lost).check()
    assert credentials.twilio_account(lost) == (SID, AUTH_TOKEN)


def test_what_is_entered_again_puts_ava_on_the_phone_again(lost):
    credentials.save_vapi_key(organization=lost, typed=VAPI_KEY)
    credentials.save_twilio_account(organization=lost, account_sid=SID, auth_token=AUTH_TOKEN)
    numbers.attach_own_number(organization=lost, number=numbers.available_numbers(lost)[0].number)
    activation.activate(organization=lost)
    assert deliver(lost, report()).status_code == 200
