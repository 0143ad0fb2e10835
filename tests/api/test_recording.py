"""A link to a call's recording: signed, whole, short-lived."""

from datetime import datetime, timedelta

import pytest
import time_machine
from django.utils import timezone

from accounts.models import PlatformSettings
from accounts.models.platform_settings import StorageProvider
from tests.factories import make_call

AUDIO = b"RIFF\x24\x10\x00\x00WAVEfmt " + bytes(range(256)) * 20


@pytest.fixture
def recorded(organization, settings, tmp_path):
    settings.DATA_DIR = tmp_path
    name = "org/1/calls/x.wav"
    (tmp_path / "recordings/org/1/calls").mkdir(parents=True)
    (tmp_path / "recordings" / name).write_bytes(AUDIO)
    return make_call(organization, recording_name=name, recording_provider=StorageProvider.LOCAL)


def link_of(api, call):
    answer = api.get(f"/api/v1/calls/{call.pk}/recording")
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_the_link_plays_the_recording_whole_and_in_ranges(api_of, bob, client, recorded):
    told = link_of(api_of(bob), recorded)
    assert told["url"].startswith("http://testserver/recordings/")
    whole = client.get(told["url"])
    assert (b"".join(whole.streaming_content), whole["Content-Type"]) == (AUDIO, "audio/wav")
    part = client.get(told["url"], HTTP_RANGE="bytes=10-19")
    assert (part.status_code, b"".join(part.streaming_content)) == (206, AUDIO[10:20])
    assert part["Content-Range"] == f"bytes 10-19/{len(AUDIO)}"


def test_the_link_is_over_when_it_says_so(api_of, alice, client, recorded):
    told = link_of(api_of(alice), recorded)
    expires_at = datetime.fromisoformat(told["expires_at"])
    assert timezone.now() < expires_at <= timezone.now() + timedelta(minutes=10)
    with time_machine.travel(expires_at - timedelta(seconds=5), tick=False):
        assert client.get(told["url"]).status_code == 200
    with time_machine.travel(expires_at + timedelta(seconds=5), tick=False):
        assert client.get(told["url"]).status_code == 404


def test_a_link_that_was_tampered_with_opens_nothing(api_of, alice, client, recorded):
    url = link_of(api_of(alice), recorded)["url"]
    assert client.get(f"{url[:-1]}{'A' if url[-1] != 'A' else 'B'}").status_code == 404


def test_no_recording_has_a_code_of_its_own(api_of, alice, organization):
    answer = api_of(alice).get(f"/api/calls/{make_call(organization).pk}/recording")
    assert (answer.status_code, answer.json()["code"]) == (404, "no_recording")
    assert answer["Content-Type"] == "application/problem+json"


def test_a_storage_that_refuses_is_told_as_such(api_of, alice, organization):
    PlatformSettings.objects.create(pk=1, gcs_bucket="gone", gcs_credentials_json="{}")
    call = make_call(organization, recording_name="x.mp3", recording_provider=StorageProvider.GCS)
    answer = api_of(alice).get(f"/api/v1/calls/{call.pk}/recording")
    assert (answer.status_code, answer.json()["code"]) == (503, "storage_refused")
    assert "gone" not in answer.content.decode()
