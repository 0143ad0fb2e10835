"""What a delivery says, whatever its shape."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from calls.webhooks.parsers import parse
from tests.factories import payload, seeds_report


def told(**message: Any) -> Any:
    """The report made of these fields only."""
    return parse({"message": {"type": "end-of-call-report", **message}})


def spoken(transcript: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(line["role"], line["text"]) for line in transcript]


# --- The samples ------------------------------------------------------------------------------------------------------


def test_vapis_report_is_read_whole():
    found = parse(payload("end-of-call-report"))
    assert found.is_final
    assert (found.kind, found.vapi_call_id) == ("end-of-call-report", "01a11046-dd86-77ed-9b36-0f06acaef2cc")
    assert (found.number, found.caller_number, found.direction) == ("+33199004512", "+33639980017", "inbound")
    assert (found.status, found.ended_reason) == ("completed", "customer-ended-call")
    assert found.started_at == datetime(2026, 10, 6, 8, 14, 2, 549000, UTC)
    assert (found.duration_seconds, found.cost) == (33, Decimal("0.0484"))
    assert found.summary.startswith("Nadia Ferrand")
    assert found.assistant_id == "ac7c16fb-a407-4063-a873-abb75b36a08e"
    assert found.presigned_url.endswith("fadb867")
    assert found.presigned_until == datetime(2026, 10, 6, 8, 44, 42, 141000, UTC)
    assert found.recording_url.endswith("-mono.mp3")


def test_the_prompt_is_not_part_of_the_conversation():
    transcript = parse(payload("end-of-call-report")).transcript
    assert len(transcript) == 7
    assert transcript[0] == {
        "role": "assistant",
        "text": "Cabinet Delmas bonjour, je suis Ava, l'assistante du cabinet. Comment puis-je vous aider ?",
        "seconds": 1.42,
    }
    assert {line["role"] for line in transcript} == {"assistant", "user"}


def test_a_status_update_tells_of_a_call_that_goes_on():
    found = parse(payload("status-update"))
    assert (found.is_final, found.status, found.transcript) == (False, "in-progress", [])


def test_an_assistant_request_tells_of_a_call_that_rings():
    found = parse(payload("assistant-request"))
    assert (found.kind, found.is_final) == ("assistant-request", False)
    assert found.number


def test_the_seeds_shape_is_read_whole():
    found = parse(seeds_report("call_abc", recordingUrl="https://storage.example/a.mp3"))
    assert (found.kind, found.vapi_call_id, found.is_final) == ("call.completed", "call_abc", True)
    assert (found.number, found.caller_number) == ("+33199004512", "+33639980017")
    assert (found.status, found.duration_seconds) == ("completed", 145)
    assert spoken(found.transcript) == [("assistant", "Bonjour."), ("user", "Un rendez-vous ?")]
    assert found.summary == "L'appelant souhaite prendre rendez-vous."
    assert found.recording_url == "https://storage.example/a.mp3"


@pytest.mark.parametrize("status", ["ringing", "in-progress", "queued", "who knows", "", None, 7])
def test_a_completed_call_of_the_seeds_shape_has_ended(status):
    assert parse(seeds_report(status=status)).status == "completed"


@pytest.mark.parametrize("status", ["missed", "failed", "voicemail", "transferred"])
def test_how_a_call_of_the_seeds_shape_ended_is_kept(status):
    assert parse(seeds_report(status=status)).status == status


def test_another_event_of_the_seeds_shape_ends_no_call():
    found = parse({**seeds_report(status="ringing"), "event": "call.started"})
    assert (found.is_final, found.status) == (False, "ringing")
    assert parse({**seeds_report(status=None), "event": "call.started"}).status == ""


# --- Older shapes -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "moment",
    [
        *("2024-03-01T10:00:00.000Z", "2024-03-01T11:00:00+01:00", "2024-03-01 10:00:00"),
        *(1709287200, 1709287200000, 1709287200000.0, "1709287200000", "1709287200.0"),
    ],
)
def test_a_time_may_be_iso_or_an_epoch_in_seconds_or_milliseconds(moment):
    assert told(timestamp=moment).told_at == datetime(2024, 3, 1, 10, tzinfo=UTC)


@pytest.mark.parametrize("moment", [None, "", "soon", "1e99", -1, 0, 1e300, True, [], {}, "9999-12-31T23:59:59-23:59"])
def test_a_time_that_is_none_is_left_out(moment):
    assert told(timestamp=moment).told_at is None


def test_a_transcript_may_be_one_text():
    found = told(transcript="AI: Hello, Ava here.\nUser: Hi.\nI am Nadia.\nAI: Good")
    assert spoken(found.transcript) == [
        ("assistant", "Hello, Ava here."),
        ("user", "Hi.\nI am Nadia."),
        ("assistant", "Good"),
    ]


def test_a_label_that_is_none_belongs_to_what_is_said():
    found = told(artifact={"transcript": "AI: Note:\nfirst: come at ten\nUser: 10:30?"})
    assert spoken(found.transcript) == [("assistant", "Note:\nfirst: come at ten"), ("user", "10:30?")]


def test_messages_win_over_the_text():
    found = told(artifact={"messages": [{"role": "bot", "message": "Hello"}], "transcript": "AI: other"})
    assert spoken(found.transcript) == [("assistant", "Hello")]


def test_tool_calls_are_no_conversation():
    messages = [{"role": "tool_calls", "message": ""}, {"role": "tool_call_result", "result": "{}"}, {"role": "user"}]
    assert told(artifact={"messages": messages}).transcript == []


@pytest.mark.parametrize(
    ("fields", "seconds"),
    [
        ({"startedAt": "2024-03-01T10:00:00Z", "endedAt": "2024-03-01T10:02:25Z", "durationSeconds": 9}, 145),
        ({"startedAt": "2024-03-01T10:02:25Z", "endedAt": "2024-03-01T10:00:00Z"}, 0),
        ({"durationSeconds": 144.6}, 145),
        ({"durationSeconds": "145"}, 145),
        ({"durationMs": 145_000}, 145),
        ({"durationMinutes": 2.4167}, 145),
        ({"durationSeconds": None, "durationMs": 145_000}, 145),
        ({"durationSeconds": -1}, None),
        ({"durationSeconds": 1e300}, None),
        ({"durationSeconds": True}, None),
        ({}, None),
    ],
)
def test_how_long_the_call_was(fields, seconds):
    assert told(**fields).duration_seconds == seconds


@pytest.mark.parametrize(
    ("fields", "cost"),
    [
        ({"cost": 0.0484}, "0.0484"),
        ({"cost": 0, "costBreakdown": {"total": 3}}, "0"),
        ({"cost": None, "costBreakdown": {"total": 0.5}}, "0.5"),
        ({"costs": [{"cost": 0.1}, {"cost": 0.2}, {"cost": None}, 7]}, "0.3"),
        ({"costs": [{"cost": 90_000}] * 12}, None),
        ({"costs": []}, None),
        ({"cost": -1}, None),
        ({"cost": "free"}, None),
    ],
)
def test_what_the_call_cost(fields, cost):
    assert told(**fields).cost == (None if cost is None else Decimal(cost))


@pytest.mark.parametrize(
    ("reason", "status"),
    [
        ("customer-ended-call", "completed"),
        ("assistant-ended-call", "completed"),
        ("assistant-ended-call-after-message-spoken", "completed"),
        ("assistant-said-end-call-phrase", "completed"),
        ("silence-timed-out", "completed"),
        ("exceeded-max-duration", "completed"),
        ("", "completed"),
        ("assistant-forwarded-call", "transferred"),
        ("call.ringing.hook-executed-transfer", "transferred"),
        ("voicemail", "voicemail"),
        ("customer-did-not-answer", "missed"),
        ("customer-busy", "missed"),
        ("phone-call-provider-bypass-enabled-but-no-call-received", "missed"),
        ("assistant-request-failed", "failed"),
        ("assistant-not-found", "failed"),
        ("call.start.error-subscription-insufficient-credits", "failed"),
        ("call.start.error-subscription-concurrency-limit-reached", "failed"),
        ("call.in-progress.error-vapifault-openai-llm-failed", "failed"),
        ("pipeline-error-11labs-voice-not-found", "failed"),
        ("a-reason-nobody-knows-yet", "failed"),
    ],
)
def test_how_a_call_ended_goes_by_the_family_of_its_reason(reason, status):
    assert told(endedReason=reason).status == status
    assert parse({"message": {"type": "status-update", "status": "ended", "endedReason": reason}}).status == status


def test_a_call_with_a_destination_was_transferred():
    assert told(endedReason="customer-ended-call", destination={"type": "number"}).status == "transferred"


def test_the_outcome_is_never_read_from_the_call_as_it_was_created():
    event = payload("end-of-call-report")
    event["message"]["call"] |= {
        "status": "failed",
        "endedReason": "pipeline-error",
        "cost": 99,
        "endedAt": "2030-01-01T00:00:00Z",
        "summary": "wrong",
        "analysis": {"summary": "wrong"},
        "transcript": "User: wrong",
    }
    assert parse(event) == parse(payload("end-of-call-report"))


@pytest.mark.parametrize(
    ("kind", "direction"),
    [("inboundPhoneCall", "inbound"), ("outboundPhoneCall", "outbound"), ("webCall", "web"), (None, "")],
)
def test_which_way_the_call_went(kind, direction):
    assert told(call={"id": "c", "type": kind}).direction == direction


def test_the_second_best_place_serves_when_the_best_is_empty():
    found = told(
        summary="at the top",
        analysis={},
        call={"id": "c", "customer": {"number": "+1"}, "phoneNumber": {"number": "+2"}},
        recordingUrl="https://r.example/top",
        artifact={"presignedStereoUrl": "https://r.example/stereo?x"},
    )
    assert (found.summary, found.caller_number, found.number) == ("at the top", "+1", "+2")
    assert (found.recording_url, found.presigned_url) == ("https://r.example/top", "https://r.example/stereo?x")


@pytest.mark.parametrize("odd", ["x" * 65, " x", "x\x00", "\ud800", 7, None, {"id": "x"}, ["x"], True])
def test_what_cannot_be_an_id_is_none(odd):
    found = told(call={"assistantId": odd, "phoneNumberId": odd, "orgId": odd})
    assert (found.assistant_id, found.phone_number_id, found.vapi_org_id) == ("", "", "")
