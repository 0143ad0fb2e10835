"""No request sets what its operation does not offer: every operation that changes something × every column there is.

The walk is made from the description: a new operation is in it by itself.
"""

import re
from collections.abc import Iterator
from typing import Any

from django.apps import apps

from accounts.models import RequestCount
from tests.api.description import description, operations

OURS = ("accounts", "telephony", "assistants", "calls", "onboarding")
ALSO = {"id", "pk", "user", "organization", "organization_id", "role", "plan", "seats", "is_staff", "is_superuser"}
COUNTED = {RequestCount}  # every request counts, also one that is refused
CHANGING = {"post", "put", "patch"}


def columns() -> set[str]:
    """Every name that a field of ours has, in both spellings of the API."""
    fields = [field for model in apps.get_models() if model._meta.app_label in OURS for field in model._meta.fields]
    names = {name for field in fields for name in (field.name, field.attname)} | ALSO
    return names | {re.sub(r"_(\w)", lambda found: found[1].upper(), name) for name in names}


def everything() -> dict[str, list[Any]]:
    """Every row of every table."""
    tables = [model for model in apps.get_models() if model not in COUNTED]
    return {model._meta.label: list(model._base_manager.order_by("pk").values()) for model in tables}


def attempts(operation: dict[str, Any]) -> Iterator[tuple[dict[str, Any], set[str]]]:
    """Right bodies with all that is not offered added, at the top or in an object within; and the names of that."""
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    right = next((example["value"] for example in content.get("examples", {}).values()), {})
    fields = component(content.get("schema", {})).get("properties", {})
    foreign = columns() - set(fields)
    yield {**right, **dict.fromkeys(foreign, 1)}, foreign
    for name, field in fields.items():
        if offered := component(field).get("properties"):
            foreign = columns() - set(offered)
            inner = {**right.get(name, {}), **dict.fromkeys(foreign, 1)}
            yield {**right, name: inner}, {f"{name}.{one}" for one in foreign}


def component(schema: dict[str, Any]) -> dict[str, Any]:
    """The serializer that is referred to, if one is."""
    references = [one["$ref"] for one in (schema, *schema.get("allOf", [])) if "$ref" in one]
    return description()["components"]["schemas"][references[0].rpartition("/")[2]] if references else {}


def test_no_operation_takes_a_column_that_it_does_not_offer(furnished, alice, api_of, id_under):
    api, before, walked = api_of(alice), everything(), 0
    for path, method, operation in operations(description()):
        if method not in CHANGING:
            continue
        address = path.replace("{provider}", "google")
        address = address.replace("{id}", str(id_under(path))) if "{id}" in path else address
        for body, foreign in attempts(operation):
            answer = getattr(api, method)(address, body)
            assert answer.status_code == 400, f"{method} {path}: {answer.status_code} {answer.content[:200]!r}"
            refused = {one["field"] for one in answer.json()["errors"] if one["code"] == "unknown_field"}
            assert refused == foreign, f"{method} {path} takes {sorted(foreign - refused)}"
            walked += 1
    assert walked >= 30
    after = everything()
    assert {table for table, rows in after.items() if rows != before[table]} == set()
