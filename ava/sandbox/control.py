"""The sandbox's own door, which no provider has: place a call, watch it, see pushes, order a bad day."""

from __future__ import annotations

from dataclasses import asdict

from werkzeug.wrappers import Request, Response

from ava.sandbox import oauth, story
from ava.sandbox.http import Fault, Json, Refusal, Route, Sandbox, answer, base_url, json_body
from ava.sandbox.validation import Flag, Free, Number, OneOf, Rule, Shape, Text, is_secure
from ava.sandbox.vapi import webhook_rule


def routes() -> list[Route]:
    return [
        ("GET", "/sandbox/health", health),
        ("GET", "/sandbox/scripts", list_scripts),
        ("GET", "/sandbox/pushes", list_pushes),
        ("POST", "/sandbox/calls", place_call),
        ("GET", "/sandbox/calls/<placed_id>", get_call),
        ("POST", "/sandbox/faults", order_fault),
        ("POST", "/sandbox/consents/end", end_consents),
    ]


def order_rule() -> Shape:
    return Shape(
        {
            "number": Text(shortest=1),
            "script": OneOf(tuple(story.scripts())),
            "from_number": Text(),
            "wait_seconds": Number(0, 600),
            "recording_delay_seconds": Number(0, 3600),
            "link_seconds": Number(0, 604_800),
            "duplicates": Number(1, 20),
            "shuffle": Flag(),
            "shape": OneOf(("vapi", "seeds")),
            "url": Text(),
            "secret": Text(),
            "report": Free(),
        },
        required=("number",),
    )


FAULT = Shape(
    {"prefix": Text(shortest=1), "status": Number(400, 599), "times": Number(0, 1000)},
    required=("prefix", "status"),
)


ACCOUNT = Shape({"account": Text(shortest=1)}, required=("account",))


def read(request: Request, rule: Rule) -> Json:
    """Only JSON: a page in a browser cannot send that to another origin without being asked."""
    if not request.is_json:
        raise Refusal(415, {"message": ["Content-Type must be application/json"]})
    body = json_body(request)
    problems = rule.problems("", body)
    if problems:
        raise Refusal(400, {"message": problems})
    return {name: value for name, value in body.items() if value is not None}


def health(sandbox: Sandbox, request: Request) -> Response:
    return answer({"status": "ok"})


def list_scripts(sandbox: Sandbox, request: Request) -> Response:
    shown = ("language", "title", "caller")
    return answer([{"name": name, **{key: row[key] for key in shown}} for name, row in story.scripts().items()])


def list_pushes(sandbox: Sandbox, request: Request) -> Response:
    return answer(sorted(sandbox.state.pushes.where(), key=lambda push: push["receivedAt"]))


def place_call(sandbox: Sandbox, request: Request) -> Response:
    order = story.Order(**read(request, order_rule()))
    if order.shape == "seeds" and not may_send_to(sandbox, order.url or ""):
        raise Refusal(400, {"message": ["url must be https or on an allowed webhook origin"]})
    return answer(story.place(sandbox, base_url(request), order), 201)


def may_send_to(sandbox: Sandbox, url: str) -> bool:
    return is_secure(url) or webhook_rule(sandbox, url)


def get_call(sandbox: Sandbox, request: Request, placed_id: str) -> Response:
    placed = sandbox.state.placed_calls.get(placed_id)
    if placed is None:
        raise Refusal(404, {"message": ["no such call"]})
    return answer(placed)


def order_fault(sandbox: Sandbox, request: Request) -> Response:
    """The next `times` requests under `prefix` (say /vapi/us) get `status`; 0 times takes it back."""
    body = {"times": 1, **read(request, FAULT)}
    fault = Fault(body["prefix"], int(body["status"]), int(body["times"]))
    with sandbox.faults_lock:
        sandbox.faults[:] = [old for old in sandbox.faults if old.prefix != fault.prefix and old.times > 0]
        sandbox.faults.append(fault)
    return answer(asdict(fault), 201)


def end_consents(sandbox: Sandbox, request: Request) -> Response:
    """Somebody takes back, in their account's own settings, all that they had allowed."""
    account = read(request, ACCOUNT)["account"]
    grants = sandbox.state.oauth_grants.where(account=account)
    for grant in grants:
        oauth.end(sandbox, grant["id"])
    return answer({"ended": len(grants)}, 201)
