"""A call's recording: fetched from wherever Vapi has it, kept on disk or in a bucket, or visibly given up."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from accounts.models import PlatformSettings
from accounts.models.platform_settings import StorageProvider
from ava.lib import storage
from calls import processing, recordings
from calls.models import Call, StepState
from tests.calls.conftest import Outside, run_now
from tests.factories import report, seeds_report
from tests.servers.gcs import Gcs, ScriptedGcs
from tests.servers.scripted_http import Reply, as_json, drip, serve

AUDIO = b"RIFF\x24\x10\x00\x00WAVEfmt " + bytes(range(256)) * 20


def files_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def with_link(url: str, *, until: str = "2099-01-01T00:00:00Z", plain: str = "") -> dict[str, Any]:
    """A report with this presigned link and this plain address of the recording."""
    return report(artifact={"presignedMonoUrl": url, "presignedUrlsExpiresAt": until}, recordingUrl=plain)


def api_path(call: Call) -> str:
    return f"/call/{call.vapi_call_id}/mono-recording"


# --- Recording --------------------------------------------------------------------------------------------------------


def test_the_recording_is_fetched_by_its_presigned_link_first(ended_call, outside, recordings_folder):
    call = ended_call(with_link(outside.answer("/presigned", Reply(200, AUDIO))))
    step = run_now(call, "recording")
    call.refresh_from_db()
    assert (step.state, outside.asked) == (StepState.DONE, ["/presigned"])
    assert call.recording_name == f"org/{call.organization_id}/calls/{call.pk}.wav"
    assert (call.recording_provider, call.recording_content_type) == ("local", "audio/wav")
    assert call.recording_size_bytes == len(AUDIO)
    assert (recordings_folder / call.recording_name).read_bytes() == AUDIO


def test_once_the_link_is_over_the_api_is_asked_and_the_key_goes_nowhere_else(ended_call, outside):
    url = outside.answer("/presigned", Reply(200, b"old"))
    call = ended_call(with_link(url, until="2026-01-01T00:00:00Z"))
    outside.answer(api_path(call), Reply(302, headers={"Location": outside.answer("/fresh", Reply(200, AUDIO))}))
    assert run_now(call, "recording").state == StepState.DONE
    assert outside.asked == [api_path(call), "/fresh"]
    to_api, to_store = outside.server.requests
    assert to_api.headers["authorization"] == "Bearer a-platform-key-of-vapi"
    assert "authorization" not in to_store.headers


def test_a_presigned_link_that_is_refused_leads_to_the_api(ended_call, outside):
    call = ended_call(with_link(outside.answer("/presigned", Reply(403))))
    outside.answer(api_path(call), Reply(302, headers={"Location": outside.answer("/fresh", Reply(200, AUDIO))}))
    assert run_now(call, "recording").state == StepState.DONE


def test_a_recording_that_comes_late_is_waited_for(ended_call, outside):
    call = ended_call(with_link(""))
    fresh = Reply(302, headers={"Location": outside.answer("/fresh", Reply(200, AUDIO))})
    outside.answer(api_path(call), Reply(404), Reply(404), Reply(404), fresh)
    step = run_now(call, "recording", times=3)
    assert (step.state, step.note) == (StepState.PENDING, "the recording is not ready yet")
    assert run_now(call, "recording").state == StepState.DONE


def test_a_recording_that_never_comes_is_given_up_in_words(ended_call, outside):
    call = ended_call(with_link(""))
    step = run_now(call, "recording", times=recordings.ATTEMPTS_WHILE_MISSING)
    assert (step.state, step.note) == (StepState.SKIPPED, "no recording")


def test_a_link_that_stays_refused_is_given_up_as_a_fault(ended_call, outside):
    call = ended_call(with_link(outside.answer("/presigned", Reply(403))))
    assert run_now(call, "recording", times=recordings.ATTEMPTS_WHILE_MISSING - 1).state == StepState.PENDING
    step = run_now(call, "recording")
    assert (step.state, step.note) == (StepState.FAILED, "127.0.0.1: the download was refused (403)")


def test_a_key_that_vapi_refuses_is_a_fault_and_not_a_missing_recording(ended_call, outside):
    call = ended_call(with_link(""))
    outside.answer(api_path(call), as_json({"message": "Invalid Key."}, 401))
    step = run_now(call, "recording")
    assert (step.state, step.note) == (StepState.FAILED, "vapi: Invalid Key. (401)")


@pytest.mark.parametrize(
    "trouble", [Reply(500), Reply(429), Reply(200, headers={"Content-Length": "9"}, stream=[b"RIFF"])]
)
def test_a_download_that_breaks_is_tried_again(ended_call, outside, trouble):
    call = ended_call(seeds_report(recordingUrl=outside.answer("/plain", trouble, Reply(200, AUDIO))))
    assert run_now(call, "recording").state == StepState.PENDING
    assert run_now(call, "recording").state == StepState.DONE


def test_the_seeds_plain_address_is_enough(ended_call, outside):
    call = ended_call(seeds_report(recordingUrl=outside.answer("/plain", Reply(200, AUDIO))))
    assert run_now(call, "recording").state == StepState.DONE
    assert outside.asked == ["/plain"]


@pytest.mark.parametrize("reply", [Reply(200, AUDIO * 10), Reply(200, stream=drip(AUDIO * 10, 0, AUDIO))])
def test_a_file_over_the_cap_is_given_up_at_once(ended_call, outside, settings, recordings_folder, reply):
    settings.RECORDING_MAX_BYTES = len(AUDIO) + 1
    call = ended_call(with_link(outside.answer("/big", reply), plain=outside.answer("/plain", Reply(200, AUDIO))))
    step = run_now(call, "recording")
    assert (step.state, step.note) == (StepState.FAILED, f"larger than the most bytes allowed ({len(AUDIO) + 1})")
    assert files_in(recordings_folder) == []


@pytest.mark.parametrize("body", [b"<!doctype html><h1>Sign in</h1>", b"PK\x03\x04zip" * 99, b"", b"\x00" * 600])
def test_what_is_not_audio_is_given_up(ended_call, outside, recordings_folder, body):
    reply = Reply(200, body, {"Content-Type": "audio/mpeg"})
    step = run_now(ended_call(seeds_report(recordingUrl=outside.answer("/a.mp3", reply))), "recording")
    assert (step.state, step.note) == (StepState.FAILED, "what was sent is not audio")
    assert files_in(recordings_folder) == []


@pytest.mark.parametrize(
    "url",
    [
        *(
            "http://127.0.0.1:{port}/a",
            "https://127.0.0.1:{port}/a",
            "http://localhost:{port}/a",
            "http://[::1]:{port}/a",
        ),
        *("http://2130706433:{port}/", "http://0x7f.1:{port}/", "http://127.1:{port}/", "https://127.0.0.1/a"),
        *("file:///etc/passwd", "gopher://127.0.0.1:{port}/a", "https://169.254.169.254/latest/meta-data/"),
        *("https://x@127.0.0.1:{port}/", "https://127.0.0.1:{port}\\@example.com/", "ftp://127.0.0.1:{port}/"),
    ],
)
@pytest.mark.parametrize("place", ["presigned", "plain"])
def test_an_address_only_we_can_reach_is_never_asked(ended_call, outside, settings, url, place):
    settings.TRUSTED_FETCH_ORIGINS = frozenset()
    settings.VAPI_BASE_URLS = dict.fromkeys(("us", "eu"), "http://127.0.0.1:9")
    settings.VAPI_API_KEY = ""
    url = url.format(port=outside.server.port)
    step = run_now(ended_call(with_link(url) if place == "presigned" else seeds_report(recordingUrl=url)), "recording")
    assert step.state == StepState.FAILED
    assert step.note
    assert outside.server.connections == 0


def test_a_redirect_to_an_address_only_we_can_reach_is_not_followed(ended_call, outside):
    with serve(lambda request: Reply(200, AUDIO)) as canary:
        away = Reply(302, headers={"Location": f"{canary.url}/metadata"})
        step = run_now(ended_call(seeds_report(recordingUrl=outside.answer("/away", away))), "recording")
        assert (step.state, canary.connections) == (StepState.FAILED, 0)


def test_a_disk_that_takes_nothing_is_tried_again(ended_call, outside, recordings_folder):
    recordings_folder.write_text("a file where the folder should be")
    call = ended_call(seeds_report(recordingUrl=outside.answer("/plain", Reply(200, AUDIO))))
    step = run_now(call, "recording")
    assert (step.state, step.note.split(" (")[0]) == (StepState.PENDING, "The file could not be written")
    recordings_folder.unlink()
    assert run_now(call, "recording").state == StepState.DONE


def test_a_repeat_after_a_crash_leaves_one_file(ended_call, outside, organization, recordings_folder):
    call = ended_call(seeds_report(recordingUrl=outside.answer("/plain", Reply(200, AUDIO))))
    run_now(call, "recording")
    organization.calls.update(recording_name="")  # as if the worker had died before it could say so
    processing.run_again(call.steps.get(kind="recording"))
    assert run_now(call, "recording").state == StepState.DONE
    assert files_in(recordings_folder) == [f"org/{organization.pk}/calls/{call.pk}.wav"]


# --- Recording, in a bucket -------------------------------------------------------------------------------------------


@pytest.fixture
def bucket(gcs: Gcs, outside: Outside, db: Any, monkeypatch: Any) -> Iterator[ScriptedGcs]:
    """The operator's bucket behind a door that can fail, opened with a real service account."""
    gcs.wipe()
    storage.bucket.cache_clear()
    outside.answer("/token", as_json({"access_token": "t", "expires_in": 3600, "token_type": "Bearer"}))
    with ScriptedGcs(gcs) as door:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", door.url)
        PlatformSettings.objects.create(
            pk=1,
            storage_provider=StorageProvider.GCS,
            gcs_bucket=gcs.bucket,
            gcs_credentials_json=service_account(f"{outside.server.url}/token"),
        )
        yield door
    storage.bucket.cache_clear()


def service_account(token_url: str) -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    account = {"type": "service_account", "project_id": "test", "private_key": key.decode(), "token_uri": token_url}
    return json.dumps({**account, "client_email": "ava@test.example", "private_key_id": "1"})


@pytest.fixture
def recorded(ended_call: Any, outside: Outside) -> Call:
    return ended_call(seeds_report(recordingUrl=outside.answer("/plain", Reply(200, AUDIO))))


def test_the_operators_bucket_takes_the_recording(recorded, bucket, recordings_folder):
    assert run_now(recorded, "recording").state == StepState.DONE
    recorded.refresh_from_db()
    assert bucket.gcs.read(recorded.recording_name) == AUDIO
    assert recorded.recording_provider == "gcs"
    assert files_in(recordings_folder) == []


def test_a_repeat_leaves_one_object(recorded, bucket, organization):
    run_now(recorded, "recording")
    organization.calls.update(recording_name="")
    processing.run_again(recorded.steps.get(kind="recording"))
    assert run_now(recorded, "recording").state == StepState.DONE
    assert bucket.gcs.names() == [f"org/{organization.pk}/calls/{recorded.pk}.wav"]


@pytest.mark.parametrize("status", [401, 403])
def test_a_bucket_that_refuses_us_is_a_fault_of_the_settings_and_not_tried_blindly(recorded, bucket, status):
    bucket.fail(times=3, status=status)
    step = run_now(recorded, "recording")
    assert (step.state, step.attempts) == (StepState.FAILED, 1)
    assert step.note == f"The storage refused the file ({status})"


def test_a_service_account_that_google_refuses_is_a_fault_of_the_settings(recorded, bucket, outside):
    outside.answer("/token", as_json({"error": "invalid_grant"}, 400))
    step = run_now(recorded, "recording")
    assert (step.state, step.note.split(" (")[0]) == (StepState.FAILED, "The storage refused the service account")


@pytest.mark.parametrize("text", ["", "{}", "[]", "no json", '{"private_key": "x"}'])
def test_a_service_account_that_is_none_is_a_fault_of_the_settings(recorded, bucket, text):
    PlatformSettings.objects.update(gcs_credentials_json=text)
    step = run_now(recorded, "recording")
    assert (step.state, step.note) == (StepState.FAILED, "The service-account JSON is not one")


def test_once_the_fault_is_mended_the_part_runs_again(recorded, bucket):
    bucket.fail(status=403)
    processing.run_again(run_now(recorded, "recording"))
    assert run_now(recorded, "recording").state == StepState.DONE


def test_the_link_to_a_bucket_is_signed_and_short_lived(recorded, bucket):
    run_now(recorded, "recording")
    recorded.refresh_from_db()
    query = parse_qs(urlsplit(recordings.link(recorded)).query)
    assert query["X-Goog-Expires"] == ["300"]
    assert query["X-Goog-Signature"]
