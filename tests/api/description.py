"""The API's description as clients read it."""

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer


@cache
def description() -> dict[str, Any]:
    """The whole of it, made once for all tests."""
    return json.loads(OpenApiJsonRenderer().render(SchemaGenerator().get_schema(request=None, public=True)))


def operations(schema: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Each operation's path, method and description."""
    for path, item in schema["paths"].items():
        for method, operation in item.items():
            yield path, method, operation
