"""Google: consent, tokens and the primary calendar, as far as Ava uses them.

https://developers.google.com/identity/protocols/oauth2/web-server,
https://developers.google.com/calendar/api/v3/reference
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from http import HTTPStatus
from typing import NoReturn
from uuid import uuid4
from zoneinfo import ZoneInfo

from werkzeug.wrappers import Request, Response

from ava.sandbox import oauth
from ava.sandbox.http import Json, Refusal, Route, Sandbox, answer, base_url, iso, json_body, now

PROVIDER = "google"
ACCOUNT = "sandbox@google.example"
TIMEZONE = ZoneInfo("Europe/Paris")
PREFIX = "https://www.googleapis.com/auth/"
EVENTS_SCOPE = f"{PREFIX}calendar.events.owned"
LIST_SCOPE = f"{PREFIX}calendar.calendarlist.readonly"
WORDS = {
    EVENTS_SCOPE: "See and edit the events of the calendars that you own",
    LIST_SCOPE: "See the list of your calendars",
}
EMAIL_SCOPE = f"{PREFIX}userinfo.email"
EVENT_ID = re.compile(r"[0-9a-v]{5,1024}")
LARGEST_PAGE = 2500
REASONS = {400: "badRequest", 401: "authError", 403: "forbidden", 404: "notFound", 409: "duplicate", 410: "deleted"}


def routes() -> list[Route]:
    events = "/google/api/calendar/v3/calendars/primary/events"
    return [
        ("GET", "/google/accounts/o/oauth2/v2/auth", ask),
        ("POST", "/google/accounts/o/oauth2/v2/auth", answer_asked),
        ("POST", "/google/oauth/token", token),
        ("POST", "/google/oauth/revoke", revoke),
        ("GET", "/google/api/oauth2/v2/userinfo", userinfo),
        ("GET", "/google/api/calendar/v3/users/me/calendarList", list_calendars),
        ("GET", events, list_events),
        ("POST", events, insert_event),
        ("GET", f"{events}/<event_id>", get_event),
        ("DELETE", f"{events}/<event_id>", delete_event),
    ]


def refuse(status: int, reason: str = "", message: str = "") -> NoReturn:
    reason = reason or REASONS.get(status, "backendError")
    message = message or HTTPStatus(status).phrase
    error = {"domain": "global", "reason": reason, "message": message}
    raise Refusal(status, {"error": {"errors": [error], "code": status, "message": message}})


def refuse_token(status: int, error: str, description: str) -> NoReturn:
    raise Refusal(status, {"error": error, "error_description": description})


# --- Consent ---


def ask(sandbox: Sandbox, request: Request) -> Response:
    check_asked(sandbox, request.args)
    scopes = request.args["scope"].split()
    choices = {scope: WORDS[scope] for scope in scopes if scope in WORDS}
    return oauth.consent_page(request, provider="Google", account=ACCOUNT, choices=choices)


def answer_asked(sandbox: Sandbox, request: Request) -> Response:
    check_asked(sandbox, request.form)
    if request.form.get("answer") != "allow":
        return oauth.send_back(request, error="access_denied")
    asked, ticked = request.form["scope"].split(), request.form.getlist("granted")
    fixed = ["openid", EMAIL_SCOPE] if "email" in asked else ["openid"]
    scopes = [*fixed, *(scope for scope in ticked if scope in asked)]
    code = oauth.new_code(sandbox, request, provider=PROVIDER, scopes=scopes)
    row = sandbox.state.oauth_codes.get(code) or {}
    is_first = not sandbox.state.oauth_grants.where(provider=PROVIDER, account=row["account"], is_over=False)
    is_lasting = request.form.get("access_type") == "offline" and (is_first or request.form.get("prompt") == "consent")
    sandbox.state.oauth_codes.change(code, is_lasting=is_lasting)
    return oauth.send_back(request, code=code, scope=" ".join(scopes))


def check_asked(sandbox: Sandbox, given: Json) -> None:
    """A wrong question is told to the person, not to whoever asked."""
    problem = ""
    if not oauth.is_known_address(sandbox, given.get("redirect_uri", "")):
        problem = "Error 400: redirect_uri_mismatch"
    elif not given.get("client_id"):
        problem = "Error 401: invalid_client"
    elif given.get("response_type") != "code" or not given.get("scope"):
        problem = "Error 400: invalid_request"
    elif given.get("code_challenge") and given.get("code_challenge_method") != "S256":
        problem = "Error 400: invalid_request (code_challenge_method)"
    if problem:
        refusal = Refusal(400, {})
        refusal.response = oauth.page("Access blocked", f"<h1>Access blocked</h1><p>{problem}</p>", 400)
        raise refusal


# --- Tokens ---


def token(sandbox: Sandbox, request: Request) -> Response:
    form = request.form
    if not form.get("client_id") or not form.get("client_secret"):
        refuse_token(401, "invalid_client", "The OAuth client was not found.")
    if form.get("grant_type") == "authorization_code":
        return from_code(sandbox, request)
    if form.get("grant_type") == "refresh_token":
        return from_refresh_token(sandbox, request)
    refuse_token(400, "unsupported_grant_type", f"Invalid grant_type: {form.get('grant_type', '')}")


def from_code(sandbox: Sandbox, request: Request) -> Response:
    code = oauth.take_code(sandbox, request, PROVIDER)
    if code is None:
        refuse_token(400, "invalid_grant", "Malformed auth code.")
    if code["code_challenge"] and not oauth.has_verifier(code, request):
        refuse_token(400, "invalid_grant", "Invalid code verifier.")
    grant = oauth.new_grant(sandbox, code)
    lasting = {"refresh_token": oauth.new_token(sandbox, grant, "refresh")} if code["is_lasting"] else {}
    return answer({**access(sandbox, grant), **lasting})


def from_refresh_token(sandbox: Sandbox, request: Request) -> Response:
    """Without another refresh token: the one that was given stays."""
    given = request.form.get("refresh_token", "")
    grant = oauth.grant_behind(sandbox, given, provider=PROVIDER, kind="refresh")
    if grant is None or grant["client_id"] != request.form["client_id"]:
        refuse_token(400, "invalid_grant", "Token has been expired or revoked.")
    return answer(access(sandbox, grant))


def access(sandbox: Sandbox, grant: Json) -> Json:
    return {
        "access_token": oauth.new_token(sandbox, grant, "access"),
        "expires_in": oauth.TOKEN_SECONDS,
        "scope": " ".join(grant["scopes"]),
        "token_type": "Bearer",
    }


def revoke(sandbox: Sandbox, request: Request) -> Response:
    """Ends every grant of that account and client, as was reported of the real one."""
    grant = oauth.grant_behind(sandbox, request.form.get("token", ""), provider=PROVIDER)
    if grant is None:
        refuse_token(400, "invalid_token", "Token expired or revoked")
    same = {name: grant[name] for name in ("provider", "account", "client_id")}
    for other in sandbox.state.oauth_grants.where(**same):
        oauth.end(sandbox, other["id"])
    return answer({})


def account_of(sandbox: Sandbox, request: Request, scope: str) -> str:
    grant = oauth.bearer(sandbox, request, PROVIDER)
    if grant is None:
        refuse(401, "authError", "Invalid Credentials")
    if scope not in grant["scopes"]:
        refuse(403, "insufficientPermissions", "Request had insufficient authentication scopes.")
    return grant["account"]


# --- The account and its calendar ---


def userinfo(sandbox: Sandbox, request: Request) -> Response:
    account = account_of(sandbox, request, EMAIL_SCOPE)
    return answer({"id": str(uuid4().int)[:21], "email": account, "verified_email": True})


def list_calendars(sandbox: Sandbox, request: Request) -> Response:
    account = account_of(sandbox, request, LIST_SCOPE)
    calendar = {"id": account, "summary": account, "timeZone": TIMEZONE.key, "accessRole": "owner", "primary": True}
    return answer({"kind": "calendar#calendarList", "items": [calendar]})


def list_events(sandbox: Sandbox, request: Request) -> Response:
    """`timeMin` bounds an event's end, `timeMax` its start."""
    account = account_of(sandbox, request, EVENTS_SCOPE)
    if request.args.get("orderBy") == "startTime" and request.args.get("singleEvents") != "true":
        refuse(400, "badRequest", "The requested ordering is not available for the particular query.")
    begins, ends = bound(request, "timeMin"), bound(request, "timeMax")
    found = [
        row
        for row in sandbox.state.calendar_events.where(provider=PROVIDER, account=account)
        if row["event"]["status"] != "cancelled"
        and (begins is None or moment(row["event"]["end"]) > begins)
        and (ends is None or moment(row["event"]["start"]) < ends)
    ]
    events = [row["event"] for row in sorted(found, key=lambda row: moment(row["event"]["start"]))]
    size, first = min(int(request.args.get("maxResults", "250")), LARGEST_PAGE), page_start(request)
    more = {"nextPageToken": f"page-{first + size}"} if len(events) > first + size else {}
    about = {"kind": "calendar#events", "summary": account, "timeZone": TIMEZONE.key}
    return answer({**about, "items": events[first : first + size], **more})


def page_start(request: Request) -> int:
    first = request.args.get("pageToken", "page-0").removeprefix("page-")
    if not first.isdecimal():
        refuse(400, "invalid", "Invalid page token value.")
    return int(first)


def bound(request: Request, name: str) -> datetime | None:
    if name not in request.args:
        return None
    try:
        value = datetime.fromisoformat(request.args[name])
    except ValueError:
        value = datetime.min
    if value.tzinfo is None:
        refuse(400, "badRequest", "Bad Request")
    return value


def moment(given: Json) -> datetime:
    if "date" in given:
        return datetime.fromisoformat(given["date"]).replace(tzinfo=TIMEZONE)
    return datetime.fromisoformat(given["dateTime"])


def insert_event(sandbox: Sandbox, request: Request) -> Response:
    account = account_of(sandbox, request, EVENTS_SCOPE)
    body = json_body(request)
    if not isinstance(body, dict):
        refuse(400, "parseError", "Parse Error")
    if request.args.get("sendUpdates", "none") not in {"all", "externalOnly", "none"}:
        refuse(400, "invalidParameter", "Invalid value for sendUpdates.")
    event = checked_event(account, body, base_url(request))
    with sandbox.state.changing():
        if sandbox.state.calendar_events.get(key_of(account, event["id"])):
            refuse(409, "duplicate", "The requested identifier already exists.")
        row = {"provider": PROVIDER, "account": account, "event": event}
        sandbox.state.calendar_events.put(key_of(account, event["id"]), row)
    return answer(event)


def checked_event(account: str, body: Json, url: str) -> Json:
    identifier = body.get("id") or uuid4().hex
    if not EVENT_ID.fullmatch(str(identifier)):
        refuse(400, "invalid", "Invalid resource id value.")
    for name in ("start", "end"):
        if not isinstance(body.get(name), dict):
            refuse(400, "required", f"Missing {name} time.")
    start, end = checked_time(body["start"]), checked_time(body["end"])
    if moment(end) <= moment(start):
        refuse(400, "timeRangeEmpty", "The specified time range is empty.")
    for one in body.get("attendees") or []:
        if "@" not in str(one.get("email")):
            refuse(400, "invalid", "Invalid attendee email.")
    # What is empty is left out of the answers.
    texts = {name: body[name] for name in ("summary", "description", "location", "attendees") if body.get(name)}
    about = {"kind": "calendar#event", "id": identifier, "status": "confirmed", "created": iso(now())}
    return {
        **about,
        **texts,
        "htmlLink": f"{url}/google/event?eid={identifier[:40]}",
        "organizer": {"email": account, "self": True},
        "start": start,
        "end": end,
        "transparency": body.get("transparency", "opaque"),
    }


def checked_time(given: Json) -> Json:
    """A day as it is; else the time with an offset, in the calendar's own zone."""
    try:
        if "date" in given:
            datetime.strptime(given["date"], "%Y-%m-%d").replace(tzinfo=UTC)
            return {"date": given["date"]}
        zone = ZoneInfo(given["timeZone"]) if given.get("timeZone") else None
        value = datetime.fromisoformat(given["dateTime"])
    except (KeyError, TypeError, ValueError, OSError):
        refuse(400, "invalid", "Invalid value for start or end time.")
    if value.tzinfo is None and zone is None:
        refuse(400, "required", "Missing time zone definition for start time.")
    value = value if value.tzinfo else value.replace(tzinfo=zone)
    shown = value.astimezone(TIMEZONE).isoformat(timespec="seconds")
    return {"dateTime": shown, **({"timeZone": zone.key} if zone else {})}


def get_event(sandbox: Sandbox, request: Request, event_id: str) -> Response:
    """A deleted one, too: its status says so."""
    return answer(find(sandbox, account_of(sandbox, request, EVENTS_SCOPE), event_id))


def delete_event(sandbox: Sandbox, request: Request, event_id: str) -> Response:
    """It keeps its id for ever."""
    account = account_of(sandbox, request, EVENTS_SCOPE)
    event = find(sandbox, account, event_id)
    if event["status"] == "cancelled":
        refuse(410, "deleted", "Resource has been deleted")
    sandbox.state.calendar_events.change(key_of(account, event_id), event={**event, "status": "cancelled"})
    return Response(status=204)


def find(sandbox: Sandbox, account: str, event_id: str) -> Json:
    row = sandbox.state.calendar_events.get(key_of(account, event_id))
    if row is None:
        refuse(404, "notFound", "Not Found")
    return row["event"]


def key_of(account: str, event_id: str) -> str:
    """An id is only unique in its calendar. (As a file's name, so of bounded length.)"""
    return oauth.name_of(PROVIDER, account, event_id)
