"""The platform's settings: secrets go in and never come out, and the storage is really tried."""

import json

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from django.urls import reverse
from storages.backends.gcloud import GoogleCloudStorage

from accounts.models import PlatformSettings
from ava.lib import storage
from tests.admin.pages import change, page
from tests.servers.gcs import ScriptedGcs, client

TEST_STORAGE = "admin:accounts_platformsettings_test_storage"


@pytest.fixture(scope="module")
def service_account():
    key = rsa.generate_private_key(65537, 2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return {
        "type": "service_account",
        "project_id": "ava",
        "client_email": "ava@ava.iam.example",
        "token_uri": "https://oauth2.example/token",
        "private_key": key.decode(),
    }


@pytest.fixture
def saved(db):
    return PlatformSettings.objects.create(pk=1, vapi_webhook_secret="old secret", gcs_credentials_json="{}")


@pytest.fixture
def disk(settings, tmp_path):
    settings.DATA_DIR = tmp_path
    return tmp_path / "recordings"


def says(admin_client):
    answer = admin_client.post(reverse(TEST_STORAGE), follow=True)
    return [(message.level_tag, str(message)) for message in answer.context["messages"]]


def shown_errors(answer):
    return {name: list(errors) for name, errors in answer.context["adminform"].form.errors.items()}


def test_the_list_leads_to_the_one_row(admin_client):
    assert admin_client.get(page(PlatformSettings)).url == page(PlatformSettings, "add")
    assert admin_client.post(page(PlatformSettings, "add"), {"gcs_bucket": "calls"}).status_code == 302
    assert PlatformSettings.objects.get().pk == 1
    assert admin_client.get(page(PlatformSettings)).url == page(PlatformSettings, "change", 1)
    assert admin_client.get(page(PlatformSettings, "add")).status_code == 403


def test_empty_fields_keep_the_secrets(admin_client, saved):
    assert change(admin_client, saved, gcs_bucket="calls").status_code == 302
    saved = PlatformSettings.objects.get()
    kept = (saved.gcs_bucket, saved.vapi_webhook_secret, saved.gcs_credentials_json)
    assert kept == ("calls", "old secret", "{}")


def test_a_secret_is_replaced_and_one_is_cleared(admin_client, saved):
    change(admin_client, saved, new_vapi_webhook_secret=" new secret ", clear_gcs_credentials_json="on")
    saved = PlatformSettings.objects.get()
    assert (saved.vapi_webhook_secret, saved.gcs_credentials_json) == ("new secret", "")


def test_entering_and_clearing_at_once_is_refused(admin_client, saved):
    answer = change(admin_client, saved, new_vapi_webhook_secret="new", clear_vapi_webhook_secret="on")
    assert shown_errors(answer) == {"clear_vapi_webhook_secret": ["Either enter a new one or clear it."]}
    assert PlatformSettings.objects.get().vapi_webhook_secret == "old secret"


def test_the_page_says_where_a_secret_comes_from(admin_client, saved, settings):
    settings.VAPI_WEBHOOK_SECRET = "canary from the environment"
    for secret, expected in (("old secret", ">set<"), ("", ">not set here, taken from the environment<")):
        saved.vapi_webhook_secret = secret
        saved.save()
        content = admin_client.get(page(PlatformSettings, "change", 1)).content.decode()
        assert expected in content
        assert "canary" not in content
    settings.VAPI_WEBHOOK_SECRET = ""
    assert ">not set<" in admin_client.get(page(PlatformSettings, "change", 1)).content.decode()


@pytest.mark.parametrize(
    ("typed", "error"),
    [
        ('{\n"type": service_account}', "This is not JSON; line 2 cannot be read."),
        ("[]", "This is JSON, but not a service account's key: its type must be service_account."),
        ('{"type": "authorized_user"}', "This is JSON, but not a service account's key"),
        ('{"type": "service_account", "project_id": "ava"}', "Missing: client_email, private_key, token_uri."),
    ],
)
def test_wrong_json_is_refused_and_still_there(typed, error, admin_client, saved):
    answer = change(admin_client, saved, new_gcs_credentials_json=typed, new_vapi_webhook_secret="typed too")
    assert error in shown_errors(answer)["new_gcs_credentials_json"][0]
    form = answer.context["adminform"].form
    assert form["new_gcs_credentials_json"].value() == typed
    assert 'value="typed too"' in answer.content.decode()
    assert PlatformSettings.objects.get().gcs_credentials_json == "{}"


def test_a_broken_private_key_is_refused(admin_client, saved, service_account):
    typed = json.dumps({**service_account, "private_key": "-----BEGIN PRIVATE KEY-----\nbroken"})
    answer = change(admin_client, saved, new_gcs_credentials_json=typed)
    assert "The private key in it cannot be read" in shown_errors(answer)["new_gcs_credentials_json"][0]


def test_a_bucket_needs_a_name_and_a_service_account(admin_client, service_account):
    answer = admin_client.post(page(PlatformSettings, "add"), {"storage_provider": "gcs"})
    assert set(shown_errors(answer)) == {"gcs_bucket", "new_gcs_credentials_json"}
    whole = {
        "storage_provider": "gcs",
        "gcs_bucket": "calls",
        "new_gcs_credentials_json": json.dumps(service_account, indent=2),
    }
    assert admin_client.post(page(PlatformSettings, "add"), whole).status_code == 302
    assert json.loads(PlatformSettings.objects.get().gcs_credentials_json) == service_account
    answer = change(admin_client, PlatformSettings.objects.get(), clear_gcs_credentials_json="on")
    assert set(shown_errors(answer)) == {"new_gcs_credentials_json"}


def test_the_disk_is_tried(admin_client, disk):
    assert says(admin_client) == [("success", "A file was written to the disk, read and deleted.")]
    assert list(disk.iterdir()) == []


def test_a_disk_that_cannot_be_written_is_told(admin_client, disk):
    disk.write_text("a file where the folder should be")
    assert says(admin_client) == [
        ("error", "The file could not be written. The file could not be written (FileExistsError).")
    ]


def test_the_bucket_is_tried(admin_client, gcs, saved, monkeypatch):
    keep_in_bucket(saved, monkeypatch, gcs.url)
    before = gcs.names()
    assert says(admin_client) == [
        ("success", "A file was written to the bucket recordings, read and deleted."),
    ]
    assert gcs.names() == before


@pytest.mark.parametrize(
    ("failing", "told"),
    [
        ("/upload/", "The file could not be written. The storage refused the file (403)."),
        ("alt=media", "The file was written, but could not be read. Forbidden."),
        ("DELETE /", "The file was written and read, but could not be deleted. Forbidden."),
    ],
)
def test_a_bucket_that_refuses_is_told(failing, told, admin_client, gcs, saved, monkeypatch):
    with ScriptedGcs(gcs) as door:
        keep_in_bucket(saved, monkeypatch, door.url)
        door.fail(status=403, matching=failing)
        assert says(admin_client) == [("error", told)]
    gcs.wipe()


def test_a_bucket_without_a_service_account_is_told(admin_client, saved):
    PlatformSettings.objects.update(storage_provider="gcs", gcs_bucket="recordings")
    assert says(admin_client) == [("error", "There is no service-account JSON that could open the bucket.")]


def test_the_storage_is_tried_by_a_press_only(admin_client, saved):
    assert admin_client.get(reverse(TEST_STORAGE)).status_code == 405


def keep_in_bucket(saved, monkeypatch, url):
    saved.storage_provider, saved.gcs_bucket = "gcs", "recordings"
    saved.save()

    def bucket(name, credentials_json):
        place = GoogleCloudStorage(bucket_name=name)
        place._client = client(url)
        return place

    monkeypatch.setattr(storage, "bucket", bucket)
