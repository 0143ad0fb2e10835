"""Expo's push service. https://docs.expo.dev/push-notifications/sending-notifications/

A token containing "gone" is refused in its ticket, one containing "leaving" only in its receipt.
"""

from __future__ import annotations

import gzip
import json
import re
from typing import Any, NoReturn
from uuid import uuid4

from werkzeug.wrappers import Request, Response

from ava.sandbox.http import Json, Refusal, Route, Sandbox, answer, iso, now

TOKEN = re.compile(r"(ExponentPushToken|ExpoPushToken)\[[^\]]+\]|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
MOST_NOTIFICATIONS = 100
MOST_RECEIPTS = 1000
LARGEST_BYTES = 4096


def routes() -> list[Route]:
    root = "/expo/--/api/v2/push"
    return [("POST", f"{root}/send", send), ("POST", f"{root}/getReceipts", get_receipts)]


def refuse(status: int, code: str, message: str) -> NoReturn:
    raise Refusal(status, {"errors": [{"code": code, "message": message}]})


def read_json(request: Request) -> Any:
    body = request.get_data()
    try:
        return json.loads(gzip.decompress(body) if request.headers.get("Content-Encoding") == "gzip" else body)
    except (ValueError, OSError):
        refuse(400, "VALIDATION_ERROR", "The request body is not JSON.")


def send(sandbox: Sandbox, request: Request) -> Response:
    body = read_json(request)
    messages = body if isinstance(body, list) else [body]
    if not all(isinstance(message, dict) and message.get("to") for message in messages):
        refuse(400, "VALIDATION_ERROR", '"to" is required.')
    pairs = [(message, to) for message in messages for to in recipients(message)]
    if len(pairs) > MOST_NOTIFICATIONS:
        refuse(400, "PUSH_TOO_MANY_NOTIFICATIONS", f"At most {MOST_NOTIFICATIONS} notifications a request.")
    tickets = [accept(sandbox, message, to) for message, to in pairs]
    is_lone = not isinstance(body, list) and len(tickets) == 1
    return answer({"data": tickets[0] if is_lone else tickets})


def recipients(message: Json) -> list[str]:
    to = message["to"]
    return to if isinstance(to, list) else [to]


def accept(sandbox: Sandbox, message: Json, to: str) -> Json:
    """The ticket of one notification; what was accepted is kept for `GET /sandbox/pushes`."""
    if not TOKEN.fullmatch(str(to)) or "gone" in to:
        return failure(f'"{to}" is not a registered push notification recipient', "DeviceNotRegistered")
    if len(json.dumps(message).encode()) > LARGEST_BYTES:
        return failure("The message is too big", "MessageTooBig")
    ticket_id = str(uuid4())
    sandbox.state.pushes.put(ticket_id, {"id": ticket_id, "to": to, "message": message, "receivedAt": iso(now())})
    return {"status": "ok", "id": ticket_id}


def failure(message: str, error: str) -> Json:
    return {"status": "error", "message": message, "details": {"error": error}}


def get_receipts(sandbox: Sandbox, request: Request) -> Response:
    body = read_json(request)
    ids = body.get("ids") if isinstance(body, dict) else None
    if not isinstance(ids, list):
        refuse(400, "VALIDATION_ERROR", '"ids" must be an array.')
    if len(ids) > MOST_RECEIPTS:
        refuse(400, "PUSH_TOO_MANY_RECEIPTS", f"At most {MOST_RECEIPTS} ids a request.")
    pushes = {str(ticket_id): sandbox.state.pushes.get(str(ticket_id)) for ticket_id in ids}
    return answer({"data": {ticket_id: receipt(push) for ticket_id, push in pushes.items() if push}})


def receipt(push: Json) -> Json:
    if "leaving" in push["to"]:
        return failure("The device cannot receive push notifications anymore", "DeviceNotRegistered")
    return {"status": "ok"}
