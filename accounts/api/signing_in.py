"""allauth's endpoints for app clients, and what Ava adds: secrets sealed, errors in the API's shape."""

import json
from collections.abc import Callable
from typing import Any

from allauth.headless.internal.restkit import inputs
from allauth.headless.mfa import views
from allauth.mfa.totp.internal.auth import SECRET_SESSION_KEY
from django.http import HttpRequest, HttpResponse

from accounts.mfa import ActivateTOTPForm
from ava.lib import crypto
from ava.lib.api import problems

PREFIX = "/_allauth/"
# What allauth says by the status alone.
CODES = {401: "not_authenticated", 403: "permission_denied", 404: "not_found", 409: "conflict", 410: "gone"}


class ActivateTOTPInput(ActivateTOTPForm, inputs.Input):
    """allauth's, with the secret that waits in the session sealed."""


class TOTPView(views.ManageTOTPView):
    """Setting up an authenticator app: its secret is shown once and waits in the session under our key."""

    input_class = {"POST": ActivateTOTPInput}

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Whether one is set up, else the secret of a new one."""
        response = super().get(request, *args, **kwargs)
        if secret := request.session.get(SECRET_SESSION_KEY):
            request.session[SECRET_SESSION_KEY] = crypto.seal(secret)
        return response


class AuthProblemsMiddleware:
    """Adds the members of problem details to allauth's errors; all that allauth documents stays in them."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        is_json = response.headers.get("Content-Type", "").startswith("application/json")
        if request.path.startswith(PREFIX) and response.status_code >= 400 and is_json:
            response.content = json.dumps(_as_problem(json.loads(response.content), response.status_code)).encode()
            response["Content-Type"] = problems.CONTENT_TYPE
        return response


def _as_problem(body: dict[str, Any], status: int) -> dict[str, Any]:
    errors = [
        {**error, "field": error.get("param", ""), "detail": error.get("message", "")}
        for error in body.get("errors", [])
    ]
    first = errors[0] if errors else {}
    code = CODES.get(status) or ("throttled" if status == 429 else first.get("code", "invalid"))
    return {**problems.body(status, code, first.get("detail", "")), **body, "errors": errors}
