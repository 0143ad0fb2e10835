"""Recordings are private: links are signed, short-lived and sometimes late."""

from __future__ import annotations

import io
import struct
import time
import wave

import pytest
import requests

from ava.sandbox import audio, story
from tests.sandbox.conftest import Vapi


def artifact_of(tenant, receiver, **options):
    tenant.place(tenant.open_for_calls(f"{receiver.origin}/"), **options)
    return receiver.of_type("end-of-call-report")[-1].message["artifact"]


def status_of(url):
    return requests.get(url, timeout=10).status_code


def test_only_the_presigned_link_opens(tenant, receiver):
    artifact = artifact_of(tenant, receiver)
    assert status_of(artifact["recordingUrl"]) == 403
    assert status_of(artifact["recording"]["mono"]["combinedUrl"]) == 403
    opened = requests.get(artifact["presignedMonoUrl"], timeout=10)
    assert opened.status_code == 200
    assert opened.headers["Content-Type"] == "audio/wav"
    with wave.open(io.BytesIO(opened.content)) as recording:
        assert (recording.getnchannels(), recording.getsampwidth(), recording.getframerate()) == (
            1,
            2,
            16_000,
        )
        assert 30 < recording.getnframes() / 16_000 <= 60
    for kind in ("Stereo", "Assistant", "Customer"):
        assert status_of(artifact[f"presigned{kind}Url"]) == 200


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("X-Amz-Expires=1800", "X-Amz-Expires=9999"),
        ("-mono.wav", "-stereo.wav"),
        ("Signature=", "Signature=0"),
    ],
)
def test_a_tampered_link_is_refused(tenant, receiver, old, new):
    url = artifact_of(tenant, receiver)["presignedMonoUrl"]
    assert old in url
    assert status_of(url.replace(old, new)) == 403


def test_an_expired_link_is_refused_and_a_fresh_one_can_be_had(tenant, receiver):
    artifact = artifact_of(tenant, receiver, link_seconds=0)
    assert status_of(artifact["presignedMonoUrl"]) == 403
    call_id = receiver.deliveries[-1].message["call"]["id"]
    answer = tenant.vapi("GET", f"/call/{call_id}/mono-recording")
    assert answer.status_code == 302
    assert status_of(answer.headers["Location"]) == 200


def test_a_late_recording_is_not_found_at_first(tenant, receiver):
    artifact = artifact_of(tenant, receiver, recording_delay_seconds=0.6)
    call_id = receiver.deliveries[-1].message["call"]["id"]
    assert tenant.vapi("GET", f"/call/{call_id}/mono-recording").status_code == 404
    assert status_of(artifact["presignedMonoUrl"]) == 404
    time.sleep(0.7)
    assert tenant.vapi("GET", f"/call/{call_id}/mono-recording").status_code == 302
    assert status_of(artifact["presignedMonoUrl"]) == 200


def test_a_stranger_gets_no_link(tenant, receiver):
    artifact_of(tenant, receiver)
    call_id = receiver.deliveries[-1].message["call"]["id"]
    stranger = Vapi(tenant.vapi.root, "a1b2c3d4-0000-4000-8000-000000000001")
    assert stranger("GET", f"/call/{call_id}/mono-recording").status_code == 404


def test_a_restart_keeps_recordings_and_links(tenant, receiver, restarted):
    artifact = artifact_of(tenant, receiver)
    path = artifact["presignedMonoUrl"].removeprefix(tenant.url)
    with restarted() as url:
        assert status_of(url + path) == 200


def test_parts_can_be_asked_for(tenant, receiver):
    url = artifact_of(tenant, receiver)["presignedMonoUrl"]
    part = requests.get(url, headers={"Range": "bytes=0-3"}, timeout=10)
    assert (part.status_code, part.content) == (206, b"RIFF")


def loudness(wav: bytes, start: float, end: float) -> float:
    with wave.open(io.BytesIO(wav)) as recording:
        recording.setpos(int(start * 16_000))
        frames = recording.readframes(int((end - start) * 16_000))
    samples = struct.unpack(f"<{len(frames) // 2}h", frames)
    return (sum(sample * sample for sample in samples) / len(samples)) ** 0.5


@pytest.mark.parametrize("name", sorted(story.scripts()))
def test_each_turn_is_heard_when_it_was_said(name):
    script = story.scripts()[name]
    lines = [(turn["role"], turn["text"]) for turn in script["turns"]]
    wav, turns = audio.record(lines, script["language"])
    assert [turn.text for turn in turns] == [text for _, text in lines]
    for turn in turns:
        assert loudness(wav, turn.start, turn.end) > 1000
    assert loudness(wav, turns[0].end + 0.1, turns[0].end + 0.5) < 10


def test_a_recording_is_at_most_a_minute_and_quickly_made():
    began = time.monotonic()
    wav, turns = audio.record([("assistant", "Bonjour à tous et à toutes. " * 60)], "fr")
    assert len(wav) <= 60 * 16_000 * 2 + 100
    assert turns[-1].end > 60, "the conversation itself goes on"
    assert time.monotonic() - began < 5


def test_without_espeak_or_its_language_the_voices_murmur(monkeypatch, tmp_path):
    failing = tmp_path / "espeak-ng"
    failing.write_text("#!/bin/sh\nexit 1\n")
    failing.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    wav, _ = audio.record([("user", "שלום")], "he")
    assert len(wav) > 16_000


def test_espeak_speaks_where_it_is_installed(monkeypatch, tmp_path):
    """A stand-in program that answers as espeak-ng does: a 22.05 kHz WAV at the file given by -w."""
    spoken = tmp_path / "spoken.wav"
    with wave.open(str(spoken), "wb") as file:
        file.setparams((1, 2, 22_050, 0, "NONE", ""))
        file.writeframes(struct.pack("<h", 5000) * 22_050)
    program = tmp_path / "espeak-ng"
    program.write_text(f'#!/bin/sh\ncat > "{tmp_path}/said"\ncp "{spoken}" "$6"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    _, turns = audio.record([("assistant", "-w Bonjour")], "fr")
    assert (tmp_path / "said").read_text() == "-w Bonjour"
    assert turns[0].end - turns[0].start == pytest.approx(1, abs=0.01)
