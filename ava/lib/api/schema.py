"""The API's description: what every operation has besides its own, said once."""

from collections.abc import Callable, Iterator
from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import build_parameter_type, force_instance
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema_serializer
from rest_framework import serializers

from ava.lib.api.problems import CONTENT_TYPE
from ava.lib.api.serializers import DescribedField, StrictSerializer

Parameter = tuple[str, dict[str, Any], str]
TEXT = {"type": "string"}
HEADERS: list[Parameter] = [
    ("X-Organization", TEXT, "The id of the organization to work for; without it, the first one that you joined."),
    ("Accept-Language", TEXT, "The language of errors and texts: en, fr or he. Without it, your own."),
]
IDEMPOTENCY_KEY: Parameter = (
    "Idempotency-Key",
    {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"[^\s\"]"},
    "A key of your own for this request: repeated with the same body within 24 hours, it gets the first answer.",
)
IF_MATCH: Parameter = ("If-Match", TEXT, "The ETag that you read: 412 when it was changed meanwhile.")
IF_NONE_MATCH: Parameter = ("If-None-Match", TEXT, "The ETag that you have: 304 while nothing was changed.")
ALWAYS = {401: "Not signed in", 403: "Not allowed to", 404: "Not found", 429: "Too many requests"}
CHANGING = {"PATCH", "PUT"}
WITH_A_BODY = {400: "Not right; `errors` names the fields", 413: "Too large"}
LIMITS = {
    "RateLimit-Policy": 'The limit that ends first, as in `"person";q=300;w=60`: 300 requests in 60 seconds.',
    "RateLimit": 'What is left of it, as in `"person";r=299;t=42`: 299 requests for 42 more seconds.',
}
ETAG = {"ETag": "The version of what is shown."}
REPLAYED = {"Idempotent-Replayed": "`true` when this is the kept answer to the first request with this key."}
RETRY_AFTER = {"Retry-After": "Seconds to wait."}


class FieldErrorSerializer(serializers.Serializer):
    field = serializers.CharField(help_text="The way to the field, as in voice.speed; empty for the whole request")
    code = serializers.CharField(help_text="Stable, for programs")
    detail = serializers.CharField(help_text="A sentence, translated")


class ProblemSerializer(serializers.Serializer):
    """An error, as RFC 9457 has it."""

    type = serializers.CharField(default="about:blank")
    title = serializers.CharField()
    status = serializers.IntegerField()
    code = serializers.CharField(help_text="Stable, for programs")
    detail = serializers.CharField(help_text="A sentence, translated")
    errors = FieldErrorSerializer(many=True)  # type: ignore[assignment]


def problem(description: str) -> OpenApiResponse:
    """An error answer, for `extend_schema`."""
    return OpenApiResponse(ProblemSerializer, description=description)


def shown_as(value: Any) -> Callable[[type], type]:
    """Decorates a serializer with an example of what it answers."""
    return extend_schema_serializer(examples=[OpenApiExample("An answer", value, response_only=True)])


class Schema(AutoSchema):
    """Adds the errors and headers that every operation of the API has."""

    def get_operation_id(self) -> str:
        """The address and the method: `calls.id.get`."""
        place = self.path.removeprefix("/api/v1/").replace("{", "").replace("}", "").replace("/", ".")
        return f"{place}.{self.method.lower()}"

    def _process_override_parameters(self, direction: str = "request") -> dict[Any, Any]:
        shared = {
            (name, OpenApiParameter.HEADER): build_parameter_type(
                name=name, schema=schema, location=OpenApiParameter.HEADER, description=text
            )
            for name, schema, text in self._headers()
        }
        return {**super()._process_override_parameters(direction), **(shared if direction == "request" else {})}

    def _headers(self) -> Iterator[Parameter]:
        yield from HEADERS
        if self.method == "POST":
            yield IDEMPOTENCY_KEY
        if self._is_versioned():
            yield from [IF_MATCH] if self.method in CHANGING else [IF_NONE_MATCH] if self.method == "GET" else []

    def _is_versioned(self) -> bool:
        return getattr(self.view, "has_versions", False)

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        responses = super()._get_response_bodies(direction)
        for status, text in self._problems().items():
            if str(status) not in responses:
                responses[str(status)] = self._get_response_for_code(problem(text), str(status), [CONTENT_TYPE])
        if self._is_versioned() and self.method == "GET":
            responses["304"] = self._get_response_for_code(OpenApiResponse(description="Not changed"), "304")
        return dict(sorted(responses.items()))

    def _problems(self) -> dict[int, str]:
        found = {**ALWAYS}
        if self.method in {"POST", *CHANGING}:
            found |= WITH_A_BODY
        if self.method == "POST":
            found |= {409: "Cannot be done as things are", 422: "The key was used for another request"}
        if self._is_versioned() and self.method in CHANGING:
            found |= {412: "Changed meanwhile"}
        return found

    def _get_response_for_code(
        self, serializer: Any, status_code: str, media_types: Any = None, direction: Any = "response"
    ) -> Any:
        kinds = [CONTENT_TYPE] if int(status_code) >= 400 else media_types
        return super()._get_response_for_code(serializer, status_code, kinds, direction)

    def _get_response_headers_for_code(self, status_code: str, direction: Any = "response") -> dict[str, Any]:
        always, sometimes = self._response_headers(int(status_code))
        named = {name: {"schema": TEXT, "description": text} for name, text in (always | sometimes).items()}
        found = {name: {**header, "required": name in always} for name, header in named.items()}
        return {**super()._get_response_headers_for_code(status_code, direction), **found}

    def _response_headers(self, status: int) -> tuple[dict[str, str], dict[str, str]]:
        """What an answer with this status always has, and what it may have."""
        if status == 429:
            return {**RETRY_AFTER}, LIMITS
        if status >= 400:
            return {}, LIMITS
        has_version = self._is_versioned() and self.method != "DELETE"
        return {**LIMITS, **(ETAG if has_version else {})}, REPLAYED if self.method == "POST" else {}

    def _map_serializer_field(self, field: Any, direction: Any, bypass_extensions: bool = False) -> Any:
        schema = super()._map_serializer_field(field, direction, bypass_extensions)
        return {**schema, **field.described} if isinstance(field, DescribedField) else schema

    def _map_basic_serializer(self, serializer: Any, direction: Any) -> Any:
        """A request with a field that is not here is refused."""
        schema = super()._map_basic_serializer(serializer, direction)
        is_strict = direction == "request" and isinstance(force_instance(serializer), StrictSerializer)
        return {**schema, "additionalProperties": False} if is_strict else schema
