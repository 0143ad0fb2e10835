"""Vapi's REST API, as far as Ava uses it. https://docs.vapi.ai/api-reference

A key is an organization, and lives in one region. What an object may hold is in `rules`.
"""

from __future__ import annotations

import re
from datetime import datetime
from http import HTTPStatus
from typing import NoReturn
from uuid import NAMESPACE_URL, uuid4, uuid5

from werkzeug.wrappers import Request, Response

from ava.sandbox import reports, rules, storage, twilio
from ava.sandbox.http import Json, Refusal, Route, Sandbox, answer, base_url, iso, json_body, now
from ava.sandbox.state import Table
from ava.sandbox.validation import Rule, origin

UUID_KEY = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
NAMED_KEY = re.compile(r"sk_[A-Za-z0-9_-]{17,}")
REVOKED_PREFIX = "00000000"
WRONG_KEY = "Invalid Key. Hot tip, you may be using the private key instead of the public key, or vice versa."

INBOUND_CALL_URL = "https://api.vapi.ai/twilio/inbound_call"
STATUS_URL = "https://api.vapi.ai/twilio/status"
SMS_URL = "https://api.vapi.ai/twilio/sms"
SECRET_FIELDS = ("secretKey", "token", "clientSecret")
TIME_FILTERS = {
    "Gt": lambda value, bound: value > bound,
    "Ge": lambda value, bound: value >= bound,
    "Lt": lambda value, bound: value < bound,
    "Le": lambda value, bound: value <= bound,
}


def routes() -> list[Route]:
    root = "/vapi/<any(us, eu):region>"
    return [
        ("GET", f"{root}/assistant", list_assistants),
        ("POST", f"{root}/assistant", create_assistant),
        ("GET", f"{root}/assistant/<object_id>", get_assistant),
        ("PATCH", f"{root}/assistant/<object_id>", update_assistant),
        ("DELETE", f"{root}/assistant/<object_id>", delete_assistant),
        ("GET", f"{root}/phone-number", list_phone_numbers),
        ("POST", f"{root}/phone-number", import_phone_number),
        ("GET", f"{root}/phone-number/<object_id>", get_phone_number),
        ("PATCH", f"{root}/phone-number/<object_id>", update_phone_number),
        ("DELETE", f"{root}/phone-number/<object_id>", delete_phone_number),
        ("GET", f"{root}/credential", list_credentials),
        ("POST", f"{root}/credential", create_credential),
        ("GET", f"{root}/call", list_calls),
        ("GET", f"{root}/call/<object_id>", get_call),
        ("GET", f"{root}/call/<object_id>/mono-recording", mono_recording),
    ]


def refuse(status: int, message: str | list[str] | None = None) -> NoReturn:
    reason = HTTPStatus(status).phrase
    raise Refusal(status, {"message": message or reason, "error": reason, "statusCode": status})


# --- keys and organizations ---


def home_region(key: str) -> str | None:
    """The region a private key works in; None when it is no key at all."""
    if UUID_KEY.fullmatch(key) and not key.startswith(REVOKED_PREFIX):
        return "eu" if key.startswith("e") else "us"
    return "us" if NAMED_KEY.fullmatch(key) else None


def organization_id(request: Request, region: str) -> str:
    header = request.headers.get("Authorization", "")
    if not header:
        refuse(401, "Missing Authorization Header.")
    scheme, _, key = header.partition(" ")
    if scheme.lower() != "bearer" or home_region(key) != region:
        refuse(401, WRONG_KEY)
    return str(uuid5(NAMESPACE_URL, f"vapi-key:{key}"))


# --- what all objects share ---


def find(table: Table, org_id: str, object_id: str, noun: str) -> Json:
    row = table.get(object_id)
    if row is None or row["orgId"] != org_id:
        refuse(404, f"Couldn't Get {noun}. `id` {object_id} Does Not Exist.")
    return row


def listed(request: Request, rows: list[Json]) -> list[Json]:
    """Newest first, cut by `limit` and the createdAt/updatedAt filters."""
    limit = request.args.get("limit", "100")
    if not limit.isdecimal() or int(limit) > 1000:
        refuse(400, ["limit must not be greater than 1000"])
    for field in ("createdAt", "updatedAt"):
        for suffix, holds in TIME_FILTERS.items():
            if bound := request.args.get(field + suffix):
                moment = read_time(field + suffix, bound)
                rows = [row for row in rows if holds(datetime.fromisoformat(row[field]), moment)]
    return sorted(rows, key=lambda row: (row["createdAt"], row["id"]), reverse=True)[: int(limit)]


def read_time(name: str, text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text.replace(" ", "+"))
    except ValueError:
        refuse(400, [f"{name} must be a valid ISO 8601 date string"])
    return moment if moment.tzinfo else moment.replace(tzinfo=now().tzinfo)


def checked_body(request: Request, rule: Rule) -> Json:
    body = json_body(request)
    problems = rule.problems("", body)
    if problems:
        refuse(400, problems)
    return body


def webhook_rule(sandbox: Sandbox, url: str) -> bool:
    return origin(url) in sandbox.allowed_webhook_origins


def check_credential(sandbox: Sandbox, org_id: str, body: Json) -> None:
    credential_id = (body.get("server") or {}).get("credentialId")
    if credential_id:
        row = sandbox.state.credentials.get(credential_id)
        if row is None or row["orgId"] != org_id:
            refuse(400, [f"server.credentialId {credential_id} does not exist in this organization"])


def created(org_id: str, body: Json) -> Json:
    moment = iso(now())
    return {"id": str(uuid4()), "orgId": org_id, **body, "createdAt": moment, "updatedAt": moment}


# --- assistants ---


def list_assistants(sandbox: Sandbox, request: Request, region: str) -> Response:
    org_id = organization_id(request, region)
    return answer(listed(request, sandbox.state.assistants.where(orgId=org_id)))


def create_assistant(sandbox: Sandbox, request: Request, region: str) -> Response:
    org_id = organization_id(request, region)
    body = checked_body(request, rules.assistant(lambda url: webhook_rule(sandbox, url)))
    check_credential(sandbox, org_id, body)
    assistant = created(org_id, body)
    return answer(sandbox.state.assistants.put(assistant["id"], assistant), 201)


def get_assistant(sandbox: Sandbox, request: Request, region: str, object_id: str) -> Response:
    return answer(find(sandbox.state.assistants, organization_id(request, region), object_id, "Assistant"))


def update_assistant(sandbox: Sandbox, request: Request, region: str, object_id: str) -> Response:
    """Absent top-level fields stay; an object or array that is given replaces the old one whole."""
    org_id = organization_id(request, region)
    find(sandbox.state.assistants, org_id, object_id, "Assistant")
    body = checked_body(request, rules.assistant(lambda url: webhook_rule(sandbox, url)))
    check_credential(sandbox, org_id, body)
    return answer(sandbox.state.assistants.change(object_id, **body, updatedAt=iso(now())))


def delete_assistant(sandbox: Sandbox, request: Request, region: str, object_id: str) -> Response:
    assistant = find(sandbox.state.assistants, organization_id(request, region), object_id, "Assistant")
    sandbox.state.assistants.remove(object_id)
    return answer(assistant)


# --- phone numbers: https://docs.vapi.ai/api-reference/phone-numbers/create ---


def list_phone_numbers(sandbox: Sandbox, request: Request, region: str) -> Response:
    org_id = organization_id(request, region)
    return answer(listed(request, sandbox.state.phone_numbers.where(orgId=org_id)))


def import_phone_number(sandbox: Sandbox, request: Request, region: str) -> Response:
    """Take over a Twilio number: from now on Twilio sends its calls to Vapi."""
    org_id = organization_id(request, region)
    allowed = rules.phone_number(lambda url: webhook_rule(sandbox, url), is_new=True)
    body = checked_body(request, allowed)
    check_credential(sandbox, org_id, body)
    check_assistant(sandbox, org_id, body)
    with sandbox.state.changing():
        refuse_duplicate(sandbox, org_id, body)
        number = twilio_number(sandbox, body)
        sms_urls = {} if body.get("smsEnabled") is False else {"sms_url": SMS_URL, "sms_method": "POST"}
        sandbox.state.twilio_numbers.change(
            number["sid"],
            voice_url=INBOUND_CALL_URL,
            voice_method="POST",
            status_callback=STATUS_URL,
            status_callback_method="POST",
            **sms_urls,
        )
        phone_number = created(org_id, body) | {"status": "active"}
        return answer(sandbox.state.phone_numbers.put(phone_number["id"], phone_number), 201)


def refuse_duplicate(sandbox: Sandbox, org_id: str, body: Json) -> None:
    sid, number = body["twilioAccountSid"], body["number"]
    for row in sandbox.state.phone_numbers.where(orgId=org_id, number=number, twilioAccountSid=sid):
        same = f"Has Identical `twilioAccountSid` {sid} and `number` {number}."
        refuse(400, f"Existing Phone Number {row['id']} {same}")


def twilio_number(sandbox: Sandbox, body: Json) -> Json:
    """The number in the Twilio account whose credentials were given."""
    sid, number = body["twilioAccountSid"], body["number"]
    if twilio.account_of(sandbox.state, sid, body.get("twilioAuthToken") or ""):
        for row in sandbox.state.twilio_numbers.where(account_sid=sid, phone_number=number):
            return row
    refuse(400, f"Number Not Found on Twilio. {number} is not in the account {sid}.")


def check_assistant(sandbox: Sandbox, org_id: str, body: Json) -> None:
    assistant_id = body.get("assistantId")
    if assistant_id:
        row = sandbox.state.assistants.get(assistant_id)
        if row is None or row["orgId"] != org_id:
            refuse(400, f"Couldn't Get Assistant. `assistantId` {assistant_id} Does Not Exist.")


def get_phone_number(sandbox: Sandbox, request: Request, region: str, object_id: str) -> Response:
    return answer(find(sandbox.state.phone_numbers, organization_id(request, region), object_id, "Phone Number"))


def update_phone_number(sandbox: Sandbox, request: Request, region: str, object_id: str) -> Response:
    org_id = organization_id(request, region)
    find(sandbox.state.phone_numbers, org_id, object_id, "Phone Number")
    body = checked_body(request, rules.phone_number(lambda url: webhook_rule(sandbox, url), is_new=False))
    check_credential(sandbox, org_id, body)
    check_assistant(sandbox, org_id, body)
    return answer(sandbox.state.phone_numbers.change(object_id, **body, updatedAt=iso(now())))


def delete_phone_number(sandbox: Sandbox, request: Request, region: str, object_id: str) -> Response:
    """Only Vapi forgets the number: stale Vapi addresses were seen left behind at Twilio."""
    row = find(sandbox.state.phone_numbers, organization_id(request, region), object_id, "Phone Number")
    sandbox.state.phone_numbers.remove(object_id)
    return answer(row)


# --- credentials: https://docs.vapi.ai/server-url/server-authentication ---


def list_credentials(sandbox: Sandbox, request: Request, region: str) -> Response:
    rows = sandbox.state.credentials.where(orgId=organization_id(request, region))
    return answer([without_secrets(row) for row in listed(request, rows)])


def create_credential(sandbox: Sandbox, request: Request, region: str) -> Response:
    org_id = organization_id(request, region)
    credential = created(org_id, checked_body(request, rules.CREDENTIAL))
    sandbox.state.credentials.put(credential["id"], credential)
    return answer(without_secrets(credential), 201)


def without_secrets(credential: Json) -> Json:
    plan = {key: value for key, value in credential["authenticationPlan"].items() if key not in SECRET_FIELDS}
    return {**credential, "authenticationPlan": plan}


# --- calls: https://docs.vapi.ai/assistants/retrieve-call-artifacts ---


def list_calls(sandbox: Sandbox, request: Request, region: str) -> Response:
    wanted = {key: request.args[key] for key in ("id", "assistantId", "phoneNumberId") if key in request.args}
    rows = listed(request, sandbox.state.calls.where(orgId=organization_id(request, region), **wanted))
    return answer([reports.call_answer(sandbox.state, base_url(request), row) for row in rows])


def get_call(sandbox: Sandbox, request: Request, region: str, object_id: str) -> Response:
    row = find(sandbox.state.calls, organization_id(request, region), object_id, "Call")
    return answer(reports.call_answer(sandbox.state, base_url(request), row))


def mono_recording(sandbox: Sandbox, request: Request, region: str, object_id: str) -> Response:
    row = find(sandbox.state.calls, organization_id(request, region), object_id, "Call")
    name = row.get(reports.RECORDING_NAMES, {}).get("mono")
    if name is None or storage.file_of(sandbox.state, name) is None:
        refuse(404, "Recording Not Found.")
    url = storage.presigned_url(sandbox.state, base_url(request), name)
    return Response(status=302, headers={"Location": url})
