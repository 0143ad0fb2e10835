"""Changing the encryption key while Ava runs: nothing is lost, nothing stays under the old key."""

import itertools
from collections.abc import Callable, Iterator
from io import StringIO
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP
from cryptography.fernet import InvalidToken
from django.apps import apps
from django.conf import settings as django_settings
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.models import PlatformSettings, TwilioCredential, VapiCredential, WebhookEndpoint
from accounts.tenancy import organization_endpoint
from assistants.models import CalendarConnection
from ava.lib import crypto
from ava.lib.crypto import encrypted_fields, unseal
from calls import inbox
from calls.models import WebhookEvent
from telephony.models import TwilioSubaccount
from tests.factories import make_user

OLD_KEYS = list(django_settings.FERNET_KEYS)
FIELDS = [field for model in apps.get_models() for field in encrypted_fields(model)]
NEW, OTHER = "a newer key which is long enough for the derivation", "a key that nobody here has ever seen or heard of"


def forget_keys() -> None:
    """The fields keep what they made of the keys."""
    for field in FIELDS:
        for name in ("keys", "fernet_keys", "fernet", "_rotator"):
            vars(field).pop(name, None)


@pytest.fixture
def use_keys(settings: Any) -> Iterator[Callable[..., None]]:
    """Run with these keys, the newest first."""

    def use(*keys: str) -> None:
        settings.FERNET_KEYS = list(keys)
        forget_keys()

    yield use
    settings.FERNET_KEYS = OLD_KEYS
    forget_keys()


@pytest.fixture
def secrets(organization: Any, alice: Any, charlie: Any) -> dict[str, Any]:
    """One of each secret there is, and how to read it again."""
    theirs = charlie.organizations.get()
    VapiCredential.objects.for_organization(organization).create(
        organization=organization, api_key="canary-vapi", last_four="vapi", status="works"
    )
    TwilioCredential.objects.for_organization(organization).create(
        organization=organization, account_sid="AC1", auth_token="canary-twilio", status="works"
    )
    TwilioSubaccount.objects.for_organization(organization).create(
        organization=organization, account_sid="AC2", auth_token="canary-sub"
    )
    CalendarConnection.objects.for_organization(organization).create(
        organization=organization,
        provider="google",
        account_email="alice@calendar.example",
        access_token="canary-access",
        refresh_token="canary-refresh",
        expires_at=timezone.now(),
    )
    PlatformSettings.objects.create(pk=1, vapi_webhook_secret="canary-shared", gcs_credentials_json="canary-json")
    endpoint = organization_endpoint(organization)
    endpoint.rotate_secret()
    inbox.store(b"canary body", organization_id=organization.pk)
    TOTP.activate(alice, "CANARYSEED")
    RecoveryCodes.activate(alice)
    return {**everything(), "theirs": organization_endpoint(theirs).secret}


def everything() -> dict[str, Any]:
    """Each secret of Alice's and the operator's, in clear."""
    platform = PlatformSettings.objects.get()
    endpoint = WebhookEndpoint.objects.unscoped().order_by("pk").first()
    calendar = CalendarConnection.objects.unscoped().get()
    return {
        "vapi": VapiCredential.objects.unscoped().get().api_key,
        "twilio": TwilioCredential.objects.unscoped().get().auth_token,
        "subaccount": TwilioSubaccount.objects.unscoped().get().auth_token,
        "calendar": (calendar.access_token, calendar.refresh_token),
        "shared": platform.vapi_webhook_secret,
        "json": platform.gcs_credentials_json,
        "secret": endpoint.secret,
        "previous": endpoint.previous_secret,
        "body": WebhookEvent.objects.get().body,
        "app": unseal(Authenticator.objects.get(type=Authenticator.Type.TOTP).data["secret"]),
        "codes": RecoveryCodes(Authenticator.objects.get(type=Authenticator.Type.RECOVERY_CODES)).generate_codes(),
    }


def rotate() -> str:
    told = StringIO()
    call_command("rotate_keys", stdout=told)
    return told.getvalue()


def test_every_table_with_a_secret_is_rotated(secrets, use_keys):
    use_keys(NEW, *OLD_KEYS)
    told = rotate()
    labels = {field.model._meta.label for field in FIELDS} | {"mfa.Authenticator"}
    assert {line.split(":")[0] for line in told.splitlines()} == labels


def test_after_a_rotation_the_old_key_may_go(secrets, use_keys):
    use_keys(NEW, *OLD_KEYS)
    rotate()
    use_keys(NEW)
    del secrets["theirs"]
    assert everything() == secrets
    use_keys(*OLD_KEYS)
    with pytest.raises(InvalidToken):
        everything()


def test_before_the_rotation_both_keys_are_read(secrets, use_keys):
    use_keys(NEW, *OLD_KEYS)
    del secrets["theirs"]
    assert everything() == secrets


def test_a_rotation_may_run_again(secrets, use_keys):
    use_keys(NEW, *OLD_KEYS)
    rotate()
    rotate()
    use_keys(NEW)
    assert everything()["vapi"] == "canary-vapi"


def test_a_rotation_stopped_in_the_middle_is_finished_by_another(db, use_keys, monkeypatch):
    monkeypatch.setattr(crypto, "ROTATION_BATCH_ROWS", 3)
    secrets = {make_user(f"person-{number}@example.com").organizations.get().pk: "" for number in range(10)}
    for endpoint in WebhookEndpoint.objects.unscoped():
        secrets[endpoint.pk] = endpoint.secret
    use_keys(NEW, *OLD_KEYS)
    field, counter = WebhookEndpoint._meta.get_field("secret"), itertools.count(1)
    whole = type(field).rotate

    def breaking(self: Any, token: bytes) -> bytes:
        if next(counter) == 5:
            raise KeyboardInterrupt
        return whole(self, token)

    monkeypatch.setattr(type(field), "rotate", breaking)
    with pytest.raises(KeyboardInterrupt):
        rotate()
    assert {endpoint.pk: endpoint.secret for endpoint in WebhookEndpoint.objects.unscoped()} == secrets
    rotate()
    use_keys(NEW)
    assert {endpoint.pk: endpoint.secret for endpoint in WebhookEndpoint.objects.unscoped()} == secrets


def test_a_key_saved_while_the_rotation_runs_is_not_overwritten(secrets, use_keys, organization, monkeypatch):
    use_keys(NEW, *OLD_KEYS)
    field = VapiCredential._meta.get_field("api_key")
    whole = type(field).rotate

    def beaten(self: Any, token: bytes) -> bytes:
        """Between reading the row and writing it, somebody saves another key."""
        if self is field:
            VapiCredential.objects.for_organization(organization).update(api_key="saved meanwhile")
        return whole(self, token)

    monkeypatch.setattr(type(field), "rotate", beaten)
    assert "accounts.VapiCredential: 0 re-encrypted" in rotate()
    use_keys(NEW)
    assert VapiCredential.objects.for_organization(organization).get().api_key == "saved meanwhile"


def test_secrets_of_the_second_step_in_clear_are_sealed(alice, use_keys):
    app = Authenticator.objects.create(user=alice, type=Authenticator.Type.TOTP, data={"secret": "IN-CLEAR"})
    codes = Authenticator.objects.create(
        user=alice, type=Authenticator.Type.RECOVERY_CODES, data={"migrated_codes": ["1234", "5678"]}
    )
    use_keys(NEW, *OLD_KEYS)
    assert "mfa.Authenticator: 2 re-encrypted" in rotate()
    use_keys(NEW)
    for row in (app, codes):
        row.refresh_from_db()
        assert not {"IN-CLEAR", "1234"} & set(str(row.data).split("'"))
    assert unseal(app.data["secret"]) == "IN-CLEAR"
    assert RecoveryCodes(codes).generate_codes() == ["1234", "5678"]


def test_a_secret_under_an_unknown_key_is_told_and_nothing_is_lost(secrets, use_keys):
    use_keys(OTHER)
    with pytest.raises(CommandError, match="opens with none of FIELD_ENCRYPTION_KEYS"):
        rotate()
    use_keys(*OLD_KEYS)
    del secrets["theirs"]
    assert everything() == secrets


def test_empty_secrets_are_no_trouble(organization, use_keys):
    PlatformSettings.objects.create(pk=1)
    use_keys(NEW, *OLD_KEYS)
    rotate()
    use_keys(NEW)
    assert PlatformSettings.objects.get().vapi_webhook_secret == ""
    assert organization_endpoint(organization).previous_secret is None


# --- The fields -------------------------------------------------------------------------------------------------------


def test_bulk_update_and_bulk_create_keep_secrets(organization, charlie):
    theirs = charlie.organizations.get()
    rows = [
        VapiCredential(organization=one, api_key=f"key-{one.pk}", last_four="x", status="works")
        for one in (organization, theirs)
    ]
    VapiCredential.objects.unscoped().bulk_create(rows)
    for row in rows:
        row.api_key = f"changed-{row.organization_id}"
    VapiCredential.objects.unscoped().bulk_update(rows, ["api_key"])
    found = {row.organization_id: row.api_key for row in VapiCredential.objects.unscoped()}
    assert found == {one.pk: f"changed-{one.pk}" for one in (organization, theirs)}


def test_bulk_update_keeps_raw_bodies(organization):
    inbox.store(b"first", organization_id=organization.pk)
    (event,) = WebhookEvent.objects.all()
    event.body = b"\x00\xff" * 1000
    WebhookEvent.objects.bulk_update([event], ["body"])
    assert WebhookEvent.objects.get().body == b"\x00\xff" * 1000
