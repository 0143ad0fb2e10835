"""Twilio's REST API, as far as numbers and accounts go. https://www.twilio.com/docs/iam/api

Any well-formed account SID exists from its first use, with the token then given and four numbers.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from email.utils import format_datetime
from fnmatch import fnmatchcase
from typing import NoReturn
from urllib.parse import urlencode

from werkzeug.wrappers import Request, Response

from ava.sandbox.http import Json, Refusal, Route, Sandbox, answer, now
from ava.sandbox.state import State

HOST = "api.twilio.com"
ACCOUNT_SID = re.compile(r"AC[0-9a-fA-F]{32}")
AUTH_TOKEN = re.compile(r"[0-9a-fA-F]{32}")

# Numbers kept for fiction where a country has such a range (Arcep's 01 99 00 and 04 65 71, NANP's 555-01xx);
# Israel has none. French 06 39 98 is one too, yet libphonenumber holds it invalid.
NUMBER_RANGES = (
    ("FR", "+3319900{:04d}", 10_000),
    ("FR", "+3346571{:04d}", 10_000),
    ("US", "+1{}55501{:02d}", 100),
    ("IL", "+97255555{:04d}", 10_000),
)
US_AREA_CODES = ("212", "305", "312", "404", "415", "512", "617", "702", "713", "718", "801", "907")

# Form field of an update: the field of the number it changes.
UPDATABLE = {
    "FriendlyName": "friendly_name",
    "VoiceUrl": "voice_url",
    "VoiceMethod": "voice_method",
    "VoiceFallbackUrl": "voice_fallback_url",
    "VoiceFallbackMethod": "voice_fallback_method",
    "VoiceCallerIdLookup": "voice_caller_id_lookup",
    "VoiceApplicationSid": "voice_application_sid",
    "TrunkSid": "trunk_sid",
    "StatusCallback": "status_callback",
    "StatusCallbackMethod": "status_callback_method",
    "SmsUrl": "sms_url",
    "SmsMethod": "sms_method",
    "SmsFallbackUrl": "sms_fallback_url",
    "SmsFallbackMethod": "sms_fallback_method",
    "SmsApplicationSid": "sms_application_sid",
    "BundleSid": "bundle_sid",
    "AddressSid": "address_sid",
    "AccountSid": "account_sid",
}
CODES = {401: (20003, "Authenticate"), 403: (20403, "Forbidden"), 429: (20429, "Too Many Requests")}


def routes() -> list[Route]:
    root = f"/twilio/{HOST}/2010-04-01/Accounts"
    numbers = f"{root}/<account_sid>/IncomingPhoneNumbers"
    return [
        ("GET", f"{root}.json", list_accounts),
        ("POST", f"{root}.json", create_subaccount),
        ("GET", f"{root}/<account_sid>.json", get_account),
        ("GET", f"{numbers}.json", list_numbers),
        ("GET", f"{numbers}/<number_sid>.json", get_number),
        ("POST", f"{numbers}/<number_sid>.json", update_number),
    ]


def refuse(status: int, message: str | None = None, code: int | None = None) -> NoReturn:
    usual_code, usual_message = CODES.get(status, (20000 + status, "Error"))
    code = code or usual_code
    more_info = f"https://www.twilio.com/docs/errors/{code}"
    body = {"code": code, "message": message or usual_message, "more_info": more_info, "status": status}
    raise Refusal(status, body, {"WWW-Authenticate": 'Basic realm="Twilio API"'} if status == 401 else None)


def not_found(request: Request) -> NoReturn:
    path = request.path.partition(HOST)[2]
    refuse(404, f"The requested resource {path} was not found", 20404)


# --- accounts ---


def list_accounts(sandbox: Sandbox, request: Request) -> Response:
    caller = authenticate(sandbox, request)
    family = [caller, *sandbox.state.twilio_accounts.where(owner_account_sid=caller["sid"])]
    name = request.args.get("FriendlyName")
    rows = {row["sid"]: row for row in family if name in (None, row["friendly_name"])}
    return answer({"accounts": list(rows.values()), "page": 0, "next_page_uri": None})


def create_subaccount(sandbox: Sandbox, request: Request) -> Response:
    parent = authenticate(sandbox, request)
    if parent["owner_account_sid"] != parent["sid"]:
        refuse(401)
    name = request.form.get("FriendlyName") or f"SubAccount Created at {now():%Y-%m-%d %I:%M %p}"
    sid = f"AC{secrets.token_hex(16)}"
    child = new_account(sid, secrets.token_hex(16), owner_sid=parent["sid"], name=name)
    return answer(sandbox.state.twilio_accounts.put(sid, child), 201)


def get_account(sandbox: Sandbox, request: Request, account_sid: str) -> Response:
    return answer(authorize(sandbox, request, account_sid))


def new_account(sid: str, token: str, *, owner_sid: str, name: str) -> Json:
    return {
        "sid": sid,
        "auth_token": token,
        "owner_account_sid": owner_sid,
        "friendly_name": name,
        "status": "active",
        "type": "Full",
        "date_created": format_datetime(now()),
        "date_updated": format_datetime(now()),
        "uri": f"/2010-04-01/Accounts/{sid}.json",
    }


def authenticate(sandbox: Sandbox, request: Request) -> Json:
    """The account whose SID and token the request carries."""
    given = request.authorization
    if given is None or given.type != "basic":
        refuse(401)
    account = account_of(sandbox.state, given.username or "", given.password or "")
    if account is None:
        refuse(401)
    if request.method == "GET" and request.content_length:
        refuse(403)  # a GET with a body is refused since January 2024
    return account


def authorize(sandbox: Sandbox, request: Request, account_sid: str) -> Json:
    """The account named in the path: the caller's own, or a subaccount of the caller's."""
    caller = authenticate(sandbox, request)
    if caller["sid"] == account_sid:
        return caller
    account = sandbox.state.twilio_accounts.get(account_sid)
    if account is None or account["owner_account_sid"] != caller["sid"]:
        refuse(401)
    return account


def account_of(state: State, sid: str, token: str) -> Json | None:
    """The account of this SID if the token is its own; a SID not seen before becomes an account."""
    if not ACCOUNT_SID.fullmatch(sid) or not AUTH_TOKEN.fullmatch(token):
        return None
    with state.changing():
        account = state.twilio_accounts.get(sid)
        if account is None:
            account = new_account(sid, token, owner_sid=sid, name="Sandbox account")
            state.twilio_accounts.put(sid, account)
            give_numbers(state, sid)
    return account if hmac.compare_digest(account["auth_token"], token) else None


# --- numbers ---


def give_numbers(state: State, account_sid: str) -> None:
    """Four numbers that follow from the SID, stepping on where another account already has one."""
    taken = {row["phone_number"] for row in state.twilio_numbers.where()}
    for index, (country, pattern, size) in enumerate(NUMBER_RANGES):
        digest = hashlib.sha256(f"{account_sid}/{index}".encode()).digest()
        start = int.from_bytes(digest[:8], "big")
        areas = US_AREA_CODES if country == "US" else ("",)
        candidates = (
            pattern.format(*filter(None, [areas[(start + step) // size % len(areas)]]), (start + step) % size)
            for step in range(size * len(areas))
        )
        phone_number = next(number for number in candidates if number not in taken)
        sid = f"PN{digest.hex()[:32]}"
        state.twilio_numbers.put(sid, new_number(sid, account_sid, phone_number))


def new_number(sid: str, account_sid: str, phone_number: str) -> Json:
    urls = dict.fromkeys(("voice_url", "voice_fallback_url", "status_callback", "sms_url", "sms_fallback_url"), "")
    methods = {field.replace("_url", "") + "_method": "POST" for field in urls}
    unset = dict.fromkeys(("trunk_sid", "bundle_sid", "address_sid", "identity_sid", "emergency_address_sid"))
    return {
        "sid": sid,
        "account_sid": account_sid,
        "phone_number": phone_number,
        "friendly_name": phone_number,
        "capabilities": {"voice": True, "sms": phone_number.startswith("+1"), "mms": False, "fax": False},
        **urls,
        **methods,
        "voice_application_sid": "",
        "sms_application_sid": "",
        "voice_caller_id_lookup": False,
        "voice_receive_mode": "voice",
        **unset,
        "emergency_status": "Inactive",
        "address_requirements": "none",
        "beta": False,
        "origin": "twilio",
        "status": "in-use",
        "type": "local",
        "api_version": "2010-04-01",
        "date_created": format_datetime(now()),
        "date_updated": format_datetime(now()),
        "uri": number_uri(account_sid, sid),
    }


def number_uri(account_sid: str, number_sid: str) -> str:
    return f"/2010-04-01/Accounts/{account_sid}/IncomingPhoneNumbers/{number_sid}.json"


def list_numbers(sandbox: Sandbox, request: Request, account_sid: str) -> Response:
    authorize(sandbox, request, account_sid)
    rows = [row for row in sandbox.state.twilio_numbers.where(account_sid=account_sid) if matches(request, row)]
    rows.sort(key=lambda row: row["sid"])
    size = min(max(request.args.get("PageSize", 50, type=int), 1), 1000)
    page = max(request.args.get("Page", 0, type=int), 0)
    shown = rows[page * size : (page + 1) * size]
    is_last = (page + 1) * size >= len(rows)
    return answer(
        {
            "incoming_phone_numbers": shown,
            "page": page,
            "page_size": size,
            "start": page * size,
            "end": page * size + max(len(shown) - 1, 0),
            "uri": page_uri(request, page, size),
            "first_page_uri": page_uri(request, 0, size),
            "previous_page_uri": page_uri(request, page - 1, size) if page else None,
            "next_page_uri": None if is_last else page_uri(request, page + 1, size, after=shown[-1]["sid"]),
        }
    )


def matches(request: Request, row: Json) -> bool:
    wanted = request.args.get("PhoneNumber", "").replace(" ", "+")  # an unescaped + arrives as a space
    name = request.args.get("FriendlyName", row["friendly_name"])
    return name == row["friendly_name"] and fnmatchcase(row["phone_number"], wanted or "*")


def page_uri(request: Request, page: int, size: int, after: str | None = None) -> str:
    filters = {key: request.args[key] for key in ("PhoneNumber", "FriendlyName") if key in request.args}
    token = {"PageToken": f"PA{after}"} if after else {}
    query = urlencode({**filters, "PageSize": size, "Page": page, **token})
    return f"{request.path.partition(HOST)[2]}?{query}"


def get_number(sandbox: Sandbox, request: Request, account_sid: str, number_sid: str) -> Response:
    authorize(sandbox, request, account_sid)
    return answer(own_number(sandbox, request, account_sid, number_sid))


def own_number(sandbox: Sandbox, request: Request, account_sid: str, number_sid: str) -> Json:
    row = sandbox.state.twilio_numbers.get(number_sid)
    if row is None or row["account_sid"] != account_sid:
        not_found(request)
    return row


def update_number(sandbox: Sandbox, request: Request, account_sid: str, number_sid: str) -> Response:
    """Only fields sent change; an empty one clears. AccountSid moves the number within the family."""
    authorize(sandbox, request, account_sid)
    with sandbox.state.changing():
        row = own_number(sandbox, request, account_sid, number_sid)
        sent = {field: request.form[name] for name, field in UPDATABLE.items() if name in request.form}
        check_fields(sent)
        if sent.get("account_sid", account_sid) != account_sid:
            check_move(sandbox, request, row, sent["account_sid"])
        changes = settle(sent)
        gained_by = changes.get("account_sid", account_sid)
        changes |= {"uri": number_uri(gained_by, number_sid), "date_updated": format_datetime(now())}
        return answer(sandbox.state.twilio_numbers.change(number_sid, **changes))


def check_fields(sent: dict[str, str]) -> None:
    for field, value in sent.items():
        if field.endswith("_method") and value and value.upper() not in ("GET", "POST"):
            refuse(400, f"Invalid Method: {value}", 21403)
        is_url = field.endswith("_url") or field == "status_callback"
        if is_url and value and not re.match(r"https?://[^/\s]+", value):
            refuse(400, f"Invalid Url: {value}", 21402)
    if len(sent.get("friendly_name", "")) > 64:
        refuse(400, "FriendlyName is longer than 64 characters", 20001)


def check_move(sandbox: Sandbox, request: Request, row: Json, gaining_sid: str) -> None:
    """Only with the parent's credentials, and only inside its family."""
    parent = authenticate(sandbox, request)
    gaining = sandbox.state.twilio_accounts.get(gaining_sid)
    losing = sandbox.state.twilio_accounts.get(row["account_sid"])
    if gaining is None or losing is None:
        refuse(404, f"Account {gaining_sid} was not found", 20404)
    if {gaining["owner_account_sid"], losing["owner_account_sid"]} != {parent["sid"]}:
        refuse(401)


def settle(sent: dict[str, str]) -> Json:
    """Setting a trunk removes the application and the reverse; an empty SID is none."""
    changes: Json = dict(sent)
    if sent.get("trunk_sid"):
        changes["voice_application_sid"] = ""
    elif sent.get("voice_application_sid"):
        changes["trunk_sid"] = None
    for field in ("trunk_sid", "bundle_sid", "address_sid"):
        if changes.get(field) == "":
            changes[field] = None
    if "voice_caller_id_lookup" in changes:
        changes["voice_caller_id_lookup"] = changes["voice_caller_id_lookup"].lower() == "true"
    return changes
