"""Leaving: everything as an archive, and an account that is closed wholly or says what is left."""

import csv
import io
import json
import zipfile
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail as outbox
from django.core.files.base import ContentFile
from django.db import IntegrityError
from django.utils import timezone

from accounts import credentials
from accounts.models import DataExport, FileToDelete, Membership, Organization, User
from accounts.models.exports import ExportState
from accounts.models.organizations import Role
from accounts.views import section_url
from assistants import activation
from ava.lib import storage
from calls.models import Call
from onboarding import exports, offboarding
from telephony.models import PoolNumber
from tests import providers
from tests.factories import make_call, make_number, make_user

DATA = section_url("data")
SOUND = b"RIFF" + b"\0" * 4000


@pytest.fixture(autouse=True)
def files(settings: Any, tmp_path: Any) -> Any:
    settings.DATA_DIR = tmp_path
    return tmp_path / "recordings"


@pytest.fixture
def signed_in(client, alice):
    client.force_login(alice)
    return client


def recorded_call(organization: Organization, **fields: Any) -> Call:
    call = make_call(organization, recording_provider="local", **fields)
    call.recording_name = storage.disk().save(f"org/{organization.pk}/calls/{call.pk}.wav", ContentFile(SOUND))
    call.save()
    return call


def archive_of(client: Any, organization: Organization) -> zipfile.ZipFile:
    client.post(DATA, {"export": "1"})
    exports.build(organization.exports.get().pk)
    answer = client.get(DATA, {"download": organization.exports.get().pk} | {"section": "data"})
    assert answer.headers["Content-Disposition"].startswith("attachment")
    return zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content)))


# --- The archive ------------------------------------------------------------------------------------------------------


def test_the_archive_has_everything_of_the_tenant_and_nothing_of_another(signed_in, practice, charlie):
    call = recorded_call(practice, summary='=HYPERLINK("evil")', caller_number="+33639980017")
    make_call(charlie.organizations.get(), summary="a stranger's")
    make_number(practice)
    archive = archive_of(signed_in, practice)
    assert archive.testzip() is None
    names = archive.namelist()
    assert {"organization.json", "members.json", "calls.json", "calls.csv", "numbers.json"} <= set(names)
    (kept,) = json.loads(archive.read("calls.json"))
    assert kept["id"] == str(call.pk)
    assert kept["transcript"] == call.transcript
    (recording,) = [name for name in names if name.startswith("recordings/")]
    assert archive.read(recording) == SOUND
    (row,) = csv.DictReader(io.StringIO(archive.read("calls.csv").decode("utf-8-sig")))
    assert row["caller_number"] == "+33639980017"
    assert row["summary"].startswith("'=")  # no spreadsheet runs it
    assert json.loads(archive.read("members.json"))[0]["role"] == "owner"


def test_no_secret_is_in_the_archive(signed_in, practice):
    secret = practice.vapicredential.api_key
    token = practice.twiliocredential.auth_token
    practice.calendar_connections.create(
        provider="google",
        account_email="alice@calendar.example",
        access_token="canary-access",
        refresh_token="canary-refresh",
        expires_at=timezone.now(),
    )
    archive = archive_of(signed_in, practice)
    assert json.loads(archive.read("calendar_connections.json"))[0]["account_email"] == "alice@calendar.example"
    everything = b"".join(archive.read(name) for name in archive.namelist())
    for hidden in (secret, token, practice.webhook_endpoint.secret, practice.webhook_endpoint.token, "canary"):
        assert hidden.encode() not in everything
    assert practice.vapicredential.preview.encode() in everything


def test_a_recording_that_is_gone_is_named_and_does_not_stop_the_rest(signed_in, organization):
    call = make_call(organization, recording_provider="local", recording_name="org/1/calls/gone.wav")
    assert str(call.pk) in archive_of(signed_in, organization).read("recordings/missing.txt").decode()


def test_who_asked_is_told_by_mail_in_their_language(signed_in, organization, alice):
    alice.locale = "fr"
    alice.save()
    archive_of(signed_in, organization)
    (mail,) = outbox.outbox
    assert mail.to == [alice.email]
    assert "/fr/settings" in mail.body
    assert ".zip" not in mail.body


def test_asking_twice_makes_one_archive_and_two_workers_build_it_once(signed_in, organization):
    for _ in range(2):
        signed_in.post(DATA, {"export": "1"})
    export = organization.exports.get()
    assert "Being prepared" in signed_in.get(DATA).content.decode()
    for _ in range(2):
        exports.build(export.pk)
    assert len(outbox.outbox) == 1


def test_a_new_archive_takes_the_place_of_the_one_before(signed_in, organization, files):
    archive_of(signed_in, organization)
    signed_in.post(DATA, {"export": "1"})
    exports.build(organization.exports.latest("pk").pk)
    exports.sweep()
    assert organization.exports.get().is_ready
    assert len(list(files.rglob("*.zip"))) == 1


def test_an_archive_that_becomes_ready_while_one_is_asked_for_is_the_answer(organization, alice, monkeypatch):
    first = exports.request_export(organization=organization, user=alice)

    def beaten(**_given: Any) -> None:
        organization.exports.filter(pk=first.pk).update(state=ExportState.READY)
        raise IntegrityError

    manager = type(organization.exports)
    monkeypatch.setattr(manager, "create", lambda _self, **given: beaten(**given))
    assert exports.request_export(organization=organization, user=alice) == first


def test_a_storage_that_is_away_is_tried_again_and_then_given_up(signed_in, organization, monkeypatch):
    def refuse(*_given: Any) -> None:
        raise storage.StorageUnreachable("full")

    monkeypatch.setattr(storage, "save", refuse)
    export = exports.request_export(organization=organization, user=organization.owner)
    for _ in range(exports.MOST_ATTEMPTS):
        organization.exports.update(due_at=timezone.now())
        exports.build(export.pk)
    assert organization.exports.get().state == ExportState.FAILED
    assert "could not be prepared" in signed_in.get(DATA).content.decode()


def test_after_a_day_the_archive_is_deleted(signed_in, organization, files):
    archive_of(signed_in, organization)
    export = organization.exports.get()
    assert (files / export.file_name).exists()
    organization.exports.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert signed_in.get(DATA, {"section": "data", "download": export.pk}).status_code == 404
    exports.sweep()
    assert not (files / export.file_name).exists()
    assert not DataExport.objects.for_organization(organization).exists()


@pytest.mark.parametrize("odd", ["", "x", "0", "9" * 40])
def test_only_ones_own_archive_is_found(client, signed_in, organization, charlie, odd):
    archive_of(signed_in, organization)
    client.force_login(charlie)
    for wanted in (odd, organization.exports.get().pk):
        assert client.get(DATA, {"section": "data", "download": wanted}).status_code == 404


def test_members_take_nothing_along(client, bob):
    client.force_login(bob)
    assert client.post(DATA, {"export": "1"}).status_code == 403


# --- Closing ----------------------------------------------------------------------------------------------------------


def close(client: Any, name: str = "Alice", **values: Any) -> Any:
    return client.post(DATA, {"close": "1", "name": name, **values})


def test_closing_deletes_the_tenant_its_files_and_its_lonely_people(
    signed_in, organization, alice, bob, charlie, files
):
    Membership.objects.create(user=bob, organization=charlie.organizations.get())
    operator = make_user("operator@ava.example", organization=organization, is_staff=True)
    call = recorded_call(organization)
    theirs = recorded_call(charlie.organizations.get())
    answer = close(signed_in, " alice ")
    assert answer["Location"] == "/en/"
    assert "_auth_user_id" not in signed_in.session
    assert not Organization.objects.filter(pk=organization.pk).exists()
    assert set(User.objects.all()) == {bob, charlie, operator}
    assert offboarding.delete_files() == 1
    assert not (files / call.recording_name).exists()
    assert (files / theirs.recording_name).exists()


def test_an_archive_that_is_ready_only_after_the_closing_is_deleted_too(signed_in, organization, files, monkeypatch):
    export, save = exports.request_export(organization=organization, user=organization.owner), storage.save

    def close_meanwhile(*given: Any) -> None:
        offboarding.close(organization=organization)
        save(*given)

    monkeypatch.setattr(storage, "save", close_meanwhile)
    exports.build(export.pk)
    assert list(files.rglob("*.zip"))
    assert offboarding.delete_files() == 1
    assert not list(files.rglob("*.zip"))


def test_the_numbers_are_given_back_and_the_assistant_is_gone(signed_in, practice):
    number = providers.own_number(practice)
    activation.activate(organization=practice)
    vapi, account = providers.vapi_of(practice), credentials.twilio_account(practice)
    assert vapi.list_phone_numbers()
    assert close(signed_in).status_code == 302
    assert vapi.list_phone_numbers() == []
    assert vapi.list_assistants() == []
    routing = credentials.twilio_client(account).get_number(number.twilio_sid).routing
    assert routing.voice_url == providers.PREVIOUS.voice_url


def test_a_number_of_the_pool_goes_into_quarantine(signed_in, organization):
    lent = PoolNumber.objects.create(number="+33199000001", country="FR", organization=organization)
    close(signed_in)
    lent.refresh_from_db()
    assert lent.organization is None
    assert lent.quarantined_until is not None


@pytest.mark.parametrize("typed", ["", "Alicia", "Alice Delmas", "\x00"])
def test_without_the_right_words_nothing_happens(signed_in, organization, typed):
    html = close(signed_in, typed).content.decode()
    assert "not the same" in html or "Null characters" in html
    assert Organization.objects.filter(pk=organization.pk).exists()


def test_a_provider_that_fails_is_named_nothing_is_deleted_and_a_retry_finishes(signed_in, practice, settings):
    providers.own_number(practice)
    activation.activate(organization=practice)
    urls, settings.VAPI_BASE_URLS = settings.VAPI_BASE_URLS, {"us": "http://127.0.0.1:9", "eu": "http://127.0.0.1:9"}
    html = close(signed_in).content.decode()
    assert "could not be released" in html
    assert 'type="checkbox" name="anyway"' in html
    assert practice.numbers.count() == 1
    settings.VAPI_BASE_URLS = urls
    assert close(signed_in).status_code == 302
    assert not Organization.objects.filter(pk=practice.pk).exists()


def test_who_has_lost_the_key_can_still_leave(signed_in, organization):
    make_number(organization, vapi_id="phone-1", routed_to="assistant-1")
    assert "could not be released" in close(signed_in).content.decode()
    assert close(signed_in, anyway="on").status_code == 302
    assert not Organization.objects.filter(pk=organization.pk).exists()


def test_only_owners_close(client, organization, bob):
    organization.memberships.filter(user=bob).update(role=Role.ADMIN)
    client.force_login(bob)
    assert "Only an owner can close" in client.get(DATA).content.decode()
    assert close(client).status_code == 403
    assert Organization.objects.filter(pk=organization.pk).exists()


def test_who_belongs_elsewhere_stays_signed_in(client, organization, charlie):
    Membership.objects.create(user=charlie, organization=organization, role=Role.OWNER)
    client.force_login(charlie)
    session = client.session
    session["organization_id"] = organization.pk
    session.save()
    assert close(client).status_code == 302
    assert client.get("/en/dashboard/").status_code == 200
    assert set(User.objects.all()) == {charlie}


def test_a_file_that_cannot_be_deleted_now_is_tried_again(organization, files, monkeypatch):
    FileToDelete.objects.create(provider="local", name="org/1/calls/x.wav")

    def refuse(*_given: Any) -> None:
        raise storage.StorageUnreachable("away")

    with monkeypatch.context() as patched:
        patched.setattr(storage, "delete", refuse)
        assert offboarding.delete_files() == 0
    file = FileToDelete.objects.get()
    assert (file.attempts, file.problem) == (1, "away")
    FileToDelete.objects.update(due_at=timezone.now())
    assert offboarding.delete_files() == 1
