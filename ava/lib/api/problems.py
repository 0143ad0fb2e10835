"""Errors of the API in one shape: problem details (RFC 9457) with a stable code, a sentence, and errors by field.

https://www.rfc-editor.org/rfc/rfc9457
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig, ValidationError
from django.http import Http404, HttpRequest, JsonResponse
from django.utils.encoding import force_str
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.settings import api_settings

CONTENT_TYPE = "application/problem+json"
# Paths under which whoever asks is a program: errors that no view answers are problem details there too.
PREFIXES = ("/api/", "/_allauth/")


class Problem(exceptions.APIException):
    """The request cannot be done, for a reason that has a name: `code` is for programs, `detail` for people."""

    def __init__(self, status: int, code: str, detail: Any, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail, code)
        self.status_code = status
        self.headers = dict(headers or {})


class UnknownField(exceptions.ValidationError):
    """Fields that the endpoint does not take: a slip that would else be swallowed."""

    def __init__(self, names: list[str]) -> None:
        text = gettext_lazy("There is no such field, or it cannot be set.")
        super().__init__({name: [exceptions.ErrorDetail(str(text), "unknown_field")] for name in names})


class UnknownParameter(exceptions.ValidationError):
    """Query parameters that the endpoint does not have: a filter that would else be ignored."""

    def __init__(self, names: list[str]) -> None:
        text = gettext_lazy("There is no such parameter.")
        super().__init__({name: [exceptions.ErrorDetail(str(text), "unknown_parameter")] for name in names})


def handle(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """DRF's exception handler; None leaves a fault of ours to Django's 500."""
    found = _as_api_exception(error)
    if found is None:
        return None
    response = Response(body_of(found), status=found.status_code, headers=_headers(found))
    response.content_type = CONTENT_TYPE
    response.exception = True
    return response


def page(request: HttpRequest, status: int, code: str, detail: str) -> JsonResponse:
    """A problem where no view of the API answered: an unknown address, a fault."""
    return JsonResponse(body(status, code, detail), status=status, content_type=CONTENT_TYPE)


@contextmanager
def naming(field: str) -> Iterator[None]:
    """What a domain function refuses without saying which field is about `field`."""
    try:
        yield
    except ValidationError as error:
        if hasattr(error, "error_dict"):
            raise
        raise ValidationError({field: error}) from None


def is_asked_by_program(request: HttpRequest) -> bool:
    """Whether the address is one of the API's."""
    return request.path.startswith(PREFIXES)


def body_of(error: exceptions.APIException) -> dict[str, Any]:
    """The problem's members."""
    if isinstance(error, exceptions.ValidationError):
        errors = list(_flat(error.get_full_details()))
        return {**body(error.status_code, "invalid", _("Something in the request is not right.")), "errors": errors}
    code = error.get_codes()
    return body(error.status_code, code if isinstance(code, str) else "error", force_str(error.detail))


def body(status: int, code: str, detail: str) -> dict[str, Any]:
    """The members that every problem has; a fault without words of its own says what HTTP calls it."""
    title = HTTPStatus(status).phrase
    return {
        "type": "about:blank",
        "title": title,
        "status": status,
        "code": code,
        "detail": detail or title,
        "errors": [],
    }


def _as_api_exception(error: Exception) -> exceptions.APIException | None:
    if isinstance(error, exceptions.AuthenticationFailed):  # allauth's own words are English
        error.detail = exceptions.ErrorDetail(
            _("The token is not valid, or not any more. Sign in again."), error.default_code
        )
    if isinstance(error, exceptions.APIException):
        return error
    if isinstance(error, Http404):
        return exceptions.NotFound()
    if isinstance(error, RequestDataTooBig):
        return Problem(413, "too_large", _("The request is too large."))
    if isinstance(error, PermissionDenied):
        return exceptions.PermissionDenied()
    if isinstance(error, ValidationError):  # from a domain function; it names fields as we do
        return exceptions.ValidationError(_details(error))
    return None


def _details(error: ValidationError) -> Any:
    if hasattr(error, "error_dict"):
        return {name: _messages(errors) for name, errors in error.error_dict.items()}
    return {api_settings.NON_FIELD_ERRORS_KEY: _messages(error.error_list)}


def _messages(errors: list[ValidationError]) -> list[exceptions.ErrorDetail]:
    return [exceptions.ErrorDetail(message, one.code or "invalid") for one in errors for message in one.messages]


def _flat(details: Any, place: str = "") -> Iterator[dict[str, str]]:
    """Each error with the way to its field, as in `voice.speed` or `languages.0`; "" is the request as a whole."""
    if isinstance(details, list):
        for number, one in enumerate(details):
            yield from _flat(one, place if _is_leaf(one) else _joined(place, str(number)))
    elif _is_leaf(details):
        yield {"field": _sendable(place), "code": details["code"], "detail": _sendable(force_str(details["message"]))}
    else:
        for name, one in details.items():
            is_whole = name in {api_settings.NON_FIELD_ERRORS_KEY, "__all__"}
            yield from _flat(one, place if is_whole else _joined(place, str(name)))


def _is_leaf(details: Any) -> bool:
    return isinstance(details, dict) and set(details) == {"message", "code"} and not isinstance(details["code"], dict)


def _sendable(text: str) -> str:
    """An error may say again what a stranger typed: half of a surrogate pair cannot be sent back."""
    return text.encode(errors="replace").decode()


def _joined(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name


def _headers(error: exceptions.APIException) -> dict[str, str]:
    headers = dict(getattr(error, "headers", {}))
    if challenge := getattr(error, "auth_header", ""):
        headers["WWW-Authenticate"] = challenge
    return headers
