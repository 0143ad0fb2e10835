"""Expo's push contract over real HTTP."""

from __future__ import annotations

import gzip
import json

import pytest
import requests

GOOD = "ExponentPushToken[good]"
GONE = "ExponentPushToken[gone-1]"
LEAVING = "ExponentPushToken[leaving-1]"


@pytest.fixture
def push(sandbox):
    return lambda path, body: requests.post(f"{sandbox}/expo/--/api/v2/push/{path}", json=body, timeout=10)


def test_tickets_come_in_the_order_sent(push, sandbox):
    tickets = push("send", [{"to": GOOD, "title": "Ava"}, {"to": GONE}]).json()["data"]
    assert [ticket["status"] for ticket in tickets] == ["ok", "error"]
    assert tickets[1]["details"] == {"error": "DeviceNotRegistered"}
    [kept] = requests.get(f"{sandbox}/sandbox/pushes", timeout=10).json()
    assert (kept["to"], kept["message"]["title"]) == (GOOD, "Ava")


def test_a_lone_message_gets_an_object(push):
    assert push("send", {"to": GOOD}).json()["data"]["status"] == "ok"
    assert len(push("send", {"to": [GOOD, GOOD]}).json()["data"]) == 2


def test_receipts_are_a_map_without_unknown_ids(push):
    tickets = push("send", [{"to": GOOD}, {"to": LEAVING}]).json()["data"]
    ids = [ticket["id"] for ticket in tickets]
    receipts = push("getReceipts", {"ids": [*ids, "unknown"]}).json()["data"]
    assert receipts[ids[0]] == {"status": "ok"}
    assert receipts[ids[1]]["details"] == {"error": "DeviceNotRegistered"}
    assert "unknown" not in receipts


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("send", [{"to": [GOOD] * 60}, {"to": [GOOD] * 41}], "PUSH_TOO_MANY_NOTIFICATIONS"),
        ("send", [{"title": "to nobody"}], "VALIDATION_ERROR"),
        ("getReceipts", {"ids": ["x"] * 1001}, "PUSH_TOO_MANY_RECEIPTS"),
    ],
)
def test_a_whole_request_can_be_refused(push, path, body, code):
    response = push(path, body)
    assert response.status_code == 400
    assert response.json()["errors"][0]["code"] == code


def test_a_message_of_more_than_4096_bytes_is_too_big(push):
    [ticket] = push("send", [{"to": GOOD, "body": "x" * 4096}]).json()["data"]
    assert ticket["details"] == {"error": "MessageTooBig"}


def test_gzip_is_accepted(sandbox):
    body = gzip.compress(json.dumps({"to": GOOD}).encode())
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    url = f"{sandbox}/expo/--/api/v2/push/send"
    assert requests.post(url, data=body, headers=headers, timeout=10).json()["data"]["status"] == "ok"
