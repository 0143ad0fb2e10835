"""Microsoft: consent, tokens and the calendar over Graph, as far as Ava uses them.

https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow,
https://learn.microsoft.com/graph/api/resources/calendar
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from http import HTTPStatus
from typing import NoReturn
from urllib.parse import urlencode
from uuid import uuid4
from zoneinfo import ZoneInfo

from werkzeug.wrappers import Request, Response

from ava.sandbox import oauth
from ava.sandbox.http import Json, Refusal, Route, Sandbox, answer, base_url, iso, json_body, now

PROVIDER = "microsoft"
ACCOUNT = "sandbox@outlook.example"
GRAPH = "/microsoft/graph/v1.0"
READ = ("Calendars.Read", "Calendars.ReadWrite")
WRITE = ("Calendars.ReadWrite",)
# A few of the about 100 IANA names and of the Windows names that Graph takes.
ZONES = {
    "UTC": "UTC",
    "Europe/Paris": "Europe/Paris",
    "Asia/Jerusalem": "Asia/Jerusalem",
    "America/New_York": "America/New_York",
    "Romance Standard Time": "Europe/Paris",
    "Israel Standard Time": "Asia/Jerusalem",
    "Eastern Standard Time": "America/New_York",
}
PREFERRED_ZONE = re.compile(r'outlook\.timezone="([^"]+)"')
CODES = {
    400: "ErrorInvalidRequest",
    401: "InvalidAuthenticationToken",
    403: "ErrorAccessDenied",
    404: "ErrorItemNotFound",
    405: "ErrorInvalidRequest",
    429: "ApplicationThrottled",
}
SHOWN_AS = ("free", "tentative", "busy", "oof", "workingElsewhere", "unknown")


def routes() -> list[Route]:
    login = "/microsoft/login/<tenant>/oauth2/v2.0"
    return [
        ("GET", f"{login}/authorize", ask),
        ("POST", f"{login}/authorize", answer_asked),
        ("POST", f"{login}/token", token),
        ("GET", f"{GRAPH}/me", me),
        ("GET", f"{GRAPH}/me/calendarView", calendar_view),
        ("POST", f"{GRAPH}/me/events", create_event),
        ("GET", f"{GRAPH}/me/events/<event_id>", get_event),
        ("DELETE", f"{GRAPH}/me/events/<event_id>", delete_event),
    ]


def refuse(status: int, code: str = "", message: str = "") -> NoReturn:
    code, message = code or CODES.get(status, "InternalServerError"), message or HTTPStatus(status).phrase
    about = {"date": iso(now()), "request-id": str(uuid4()), "client-request-id": str(uuid4())}
    headers = {"Retry-After": "1"} if status == 429 else None
    raise Refusal(status, {"error": {"code": code, "message": message, "innerError": about}}, headers)


def refuse_token(error: str, number: int, words: str, status: int = 400) -> NoReturn:
    trace, correlation = str(uuid4()), str(uuid4())
    description = f"AADSTS{number}: {words} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {iso(now())}"
    about = {"trace_id": trace, "correlation_id": correlation, "timestamp": iso(now())}
    raise Refusal(status, {"error": error, "error_description": description, "error_codes": [number], **about})


# --- Consent ---


def ask(sandbox: Sandbox, request: Request, tenant: str) -> Response:
    """All or nothing: single scopes cannot be unticked."""
    check_asked(sandbox, request.args)
    return oauth.consent_page(request, provider="Microsoft", account=ACCOUNT, choices={})


def answer_asked(sandbox: Sandbox, request: Request, tenant: str) -> Response:
    check_asked(sandbox, request.form)
    if request.form.get("answer") != "allow":
        words = "AADSTS65004: User declined to consent to access the app."
        return oauth.send_back(request, error="access_denied", error_description=words)
    scopes = request.form["scope"].split()
    return oauth.send_back(request, code=oauth.new_code(sandbox, request, provider=PROVIDER, scopes=scopes))


def check_asked(sandbox: Sandbox, given: Json) -> None:
    """A wrong question is told to the person, not to whoever asked."""
    problem = ""
    if not oauth.is_known_address(sandbox, given.get("redirect_uri", "")):
        problem = "AADSTS50011: The redirect URI does not match the redirect URIs configured for the application."
    elif not given.get("client_id"):
        problem = "AADSTS900144: The request body must contain the following parameter: 'client_id'."
    elif given.get("response_type") != "code" or not given.get("scope"):
        problem = "AADSTS900144: The request body must contain the following parameter: 'scope'."
    if problem:
        refusal = Refusal(400, {})
        refusal.response = oauth.page("Sign in", f"<h1>Sorry, but we're having trouble</h1><p>{problem}</p>", 400)
        raise refusal


# --- Tokens ---


def token(sandbox: Sandbox, request: Request, tenant: str) -> Response:
    form = request.form
    if not form.get("client_id") or not form.get("client_secret"):
        refuse_token("invalid_client", 7000215, "Invalid client secret provided.", 401)
    if form.get("grant_type") == "authorization_code":
        return from_code(sandbox, request)
    if form.get("grant_type") == "refresh_token":
        return from_refresh_token(sandbox, request)
    refuse_token("unsupported_grant_type", 70003, "The app requested an unsupported grant type.")


def from_code(sandbox: Sandbox, request: Request) -> Response:
    code = oauth.take_code(sandbox, request, PROVIDER)
    if code is None:
        refuse_token("invalid_grant", 54005, "OAuth2 Authorization code was already redeemed.")
    if code["code_challenge"] and not oauth.has_verifier(code, request):
        refuse_token("invalid_grant", 501481, "The Code_Verifier does not match the code_challenge.")
    return answer(tokens(sandbox, oauth.new_grant(sandbox, code)))


def from_refresh_token(sandbox: Sandbox, request: Request) -> Response:
    """With another refresh token each time; the old one is not revoked."""
    given = request.form.get("refresh_token", "")
    grant = oauth.grant_behind(sandbox, given, provider=PROVIDER, kind="refresh")
    if grant is None or grant["client_id"] != request.form["client_id"]:
        refuse_token("invalid_grant", 50173, "The provided grant has expired due to it being revoked.")
    return answer(tokens(sandbox, grant))


def tokens(sandbox: Sandbox, grant: Json) -> Json:
    is_lasting = "offline_access" in grant["scopes"]
    lasting = {"refresh_token": oauth.new_token(sandbox, grant, "refresh")} if is_lasting else {}
    return {
        "token_type": "Bearer",
        "scope": " ".join(scope for scope in grant["scopes"] if scope != "offline_access"),
        "expires_in": oauth.TOKEN_SECONDS,
        "access_token": oauth.new_token(sandbox, grant, "access"),
        **lasting,
    }


def account_of(sandbox: Sandbox, request: Request, scopes: tuple[str, ...]) -> str:
    grant = oauth.bearer(sandbox, request, PROVIDER)
    if grant is None:
        refuse(401, message="Access token has expired or is not yet valid.")
    if not set(scopes).intersection(grant["scopes"]):
        refuse(403, message="Access is denied. Check credentials and try again.")
    return grant["account"]


# --- The account and its calendar ---


def me(sandbox: Sandbox, request: Request) -> Response:
    """`mail` is empty for many personal accounts."""
    account = account_of(sandbox, request, ("User.Read",))
    return answer({"mail": None, "userPrincipalName": account})


def calendar_view(sandbox: Sandbox, request: Request) -> Response:
    """The window obeys the offsets in its own values; `Prefer` says in which zone the answer is."""
    account, zone = account_of(sandbox, request, READ), answer_zone(request)
    begins, ends = bound(request, "startDateTime"), bound(request, "endDateTime")
    found = [
        row["event"]
        for row in sandbox.state.calendar_events.where(provider=PROVIDER, account=account)
        if moment(row["event"]["end"]) > begins and moment(row["event"]["start"]) < ends
    ]
    events = sorted(found, key=lambda event: moment(event["start"]))
    size, first = number(request, "$top", 10), number(request, "$skip", 0)
    body: Json = {"value": [shown(event, zone, request) for event in events[first : first + size]]}
    if len(events) > first + size:
        query = urlencode({**request.args, "$skip": first + size})
        body["@odata.nextLink"] = f"{base_url(request)}{GRAPH}/me/calendarView?{query}"
    return answer(body)


def create_event(sandbox: Sandbox, request: Request) -> Response:
    """A `transactionId` that was seen before gives the first event back."""
    account, zone = account_of(sandbox, request, WRITE), answer_zone(request)
    body = json_body(request)
    if not isinstance(body, dict):
        refuse(400, "RequestBodyRead", "The request body is not JSON.")
    event = checked_event(account, body)
    with sandbox.state.changing():
        for row in sandbox.state.calendar_events.where(provider=PROVIDER, account=account):
            if event["transactionId"] and row["event"]["transactionId"] == event["transactionId"]:
                return answer(shown(row["event"], zone, request), 201)
        row = {"provider": PROVIDER, "account": account, "event": event}
        sandbox.state.calendar_events.put(oauth.name_of(PROVIDER, account, event["id"]), row)
    return answer(shown(event, zone, request), 201)


def get_event(sandbox: Sandbox, request: Request, event_id: str) -> Response:
    event = find(sandbox, account_of(sandbox, request, READ), event_id)
    return answer(shown(event, answer_zone(request), request))


def delete_event(sandbox: Sandbox, request: Request, event_id: str) -> Response:
    account = account_of(sandbox, request, WRITE)
    find(sandbox, account, event_id)
    sandbox.state.calendar_events.remove(oauth.name_of(PROVIDER, account, event_id))
    return Response(status=204)


def find(sandbox: Sandbox, account: str, event_id: str) -> Json:
    row = sandbox.state.calendar_events.get(oauth.name_of(PROVIDER, account, event_id))
    if row is None:
        refuse(404, message="The specified object was not found in the store.")
    return row["event"]


# --- Events: kept as sent, shown in the zone that is asked for ---


def checked_event(account: str, body: Json) -> Json:
    for name in ("start", "end"):
        check_time(body.get(name))
    if moment(body["end"]) < moment(body["start"]):
        refuse(400, "ErrorPropertyValidationFailure", "At least one property failed validation. (end before start)")
    all_day = bool(body.get("isAllDay"))
    if all_day and any(datetime.fromisoformat(body[one]["dateTime"]).time().isoformat() != "00:00:00" for one in TIMES):
        refuse(400, "ErrorInvalidRequest", "The Event.Start and End property for all-day event must be at midnight.")
    for one in body.get("attendees") or []:
        if "@" not in str((one.get("emailAddress") or {}).get("address")):
            refuse(400, "ErrorInvalidRecipients", "At least one recipient isn't valid.")
    shown_as = body.get("showAs", "busy")
    if shown_as not in SHOWN_AS:
        refuse(400, "RequestBodyRead", f"Requested value '{shown_as}' was not found.")
    return {
        "id": f"AAMk{uuid4().hex}",
        "transactionId": body.get("transactionId"),
        "subject": body.get("subject") or "",
        "bodyPreview": str((body.get("body") or {}).get("content") or "")[:255],
        "start": body["start"],
        "end": body["end"],
        "isAllDay": all_day,
        "isCancelled": False,
        "location": body.get("location") or {"displayName": ""},
        "attendees": body.get("attendees") or [],
        "organizer": {"emailAddress": {"address": account}},
        "showAs": shown_as,
        "webLink": "https://outlook.office365.com/owa/?itemid=sandbox",
    }


TIMES = ("start", "end")


def check_time(given: Json | None) -> None:
    try:
        value, zone = datetime.fromisoformat(given["dateTime"]), given["timeZone"]  # type: ignore[index]
    except (KeyError, TypeError, ValueError):
        refuse(400, "ErrorInvalidRequest", "The value is not a dateTimeTimeZone.")
    if zone not in ZONES:
        refuse(400, "TimeZoneNotSupportedException", f"A valid TimeZone value must be specified. ({zone})")
    if value.tzinfo is not None:
        refuse(400, "ErrorInvalidRequest", "The dateTime of a dateTimeTimeZone has no offset.")


def moment(given: Json) -> datetime:
    return datetime.fromisoformat(given["dateTime"]).replace(tzinfo=ZoneInfo(ZONES[given["timeZone"]]))


def shown(event: Json, zone: str, request: Request) -> Json:
    """As Graph writes it: seven digits and no offset; all-day events are not moved between zones."""
    found = {name: in_zone(event[name], zone, all_day=event["isAllDay"]) for name in TIMES}
    whole = {**event, **found, "originalStartTimeZone": event["start"]["timeZone"]}
    wanted = request.args.get("$select", "")
    return {key: value for key, value in whole.items() if key in {"id", *wanted.split(",")}} if wanted else whole


def in_zone(given: Json, zone: str, *, all_day: bool) -> Json:
    local = datetime.fromisoformat(given["dateTime"]) if all_day else moment(given).astimezone(ZoneInfo(ZONES[zone]))
    return {"dateTime": f"{local.replace(tzinfo=None).isoformat(timespec='microseconds')}0", "timeZone": zone}


def answer_zone(request: Request) -> str:
    found = PREFERRED_ZONE.search(request.headers.get("Prefer", ""))
    zone = found[1] if found else "UTC"
    if zone not in ZONES:
        refuse(400, "TimeZoneNotSupportedException", f"A valid TimeZone value must be specified. ({zone})")
    return zone


def bound(request: Request, name: str) -> datetime:
    try:
        value = datetime.fromisoformat(request.args[name])
    except (KeyError, ValueError):
        refuse(400, "ErrorInvalidParameter", f"This request requires a time window: {name}.")
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def number(request: Request, name: str, default: int) -> int:
    text = request.args.get(name, str(default))
    if not text.isdecimal() or int(text) > 1000:
        refuse(400, "ErrorInvalidUrlQuery", f"Invalid value for {name}.")
    return int(text)
