"""The API's description: what every operation has besides its own, said once."""

from collections.abc import Iterator
from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import build_parameter_type
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework import serializers

from ava.lib.api.problems import CONTENT_TYPE

HEADERS = {
    "X-Organization": "The id of the organization to work for; without it, the first one that you joined.",
    "Accept-Language": "The language of errors and texts: en, fr or he. Without it, your own.",
}
IDEMPOTENCY_KEY = (
    "A key of your own for this request: repeated with the same body within 24 hours, it gets the first answer."
)
IF_MATCH = "The ETag that you read: 412 when it was changed meanwhile."
ALWAYS = {401: "Not signed in", 403: "Not allowed to", 404: "Not found", 429: "Too many requests"}
CHANGING = {"PATCH", "PUT"}
WITH_A_BODY = {400: "Not right; `errors` names the fields", 413: "Too large"}


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


class Schema(AutoSchema):
    """Adds the errors and headers that every operation of the API has."""

    def get_operation_id(self) -> str:
        """The address and the method: `calls.id.get`."""
        place = self.path.removeprefix("/api/v1/").replace("{", "").replace("}", "").replace("/", ".")
        return f"{place}.{self.method.lower()}"

    def _process_override_parameters(self, direction: str = "request") -> dict[Any, Any]:
        shared = {
            (name, OpenApiParameter.HEADER): build_parameter_type(
                name=name, schema={"type": "string"}, location=OpenApiParameter.HEADER, description=text
            )
            for name, text in self._headers()
        }
        return {**super()._process_override_parameters(direction), **(shared if direction == "request" else {})}

    def _headers(self) -> Iterator[tuple[str, str]]:
        yield from HEADERS.items()
        if self.method == "POST":
            yield "Idempotency-Key", IDEMPOTENCY_KEY
        if self._is_versioned() and self.method in CHANGING:
            yield "If-Match", IF_MATCH

    def _is_versioned(self) -> bool:
        return getattr(self.view, "has_versions", False)

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        responses = super()._get_response_bodies(direction)
        for status, text in self._problems().items():
            if str(status) not in responses:
                responses[str(status)] = self._get_response_for_code(problem(text), str(status), [CONTENT_TYPE])
        return responses

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
