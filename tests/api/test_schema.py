"""The API's description is valid, whole, and its page needs nothing from elsewhere."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
import yaml
from django.conf import settings
from drf_spectacular.drainage import GENERATOR_STATS, reset_generator_stats
from drf_spectacular.generators import SchemaGenerator
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.api.description import description
from tests.api.description import operations as described_operations

OF_EVERY_OPERATION = {"401", "403", "404", "429"}
STRICT = "additionalProperties"


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return description()


def operations(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, method, operation in described_operations(schema):
        yield f"{method.upper()} {path}", operation


def examples(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any], Any]]:
    """Each example of a body or an answer that is no error: where it stands, its schema, its value."""
    for name, operation in operations(schema):
        answers = [answer for status, answer in operation["responses"].items() if status < "300"]
        for told in [operation.get("requestBody", {}), *answers]:
            for content in told.get("content", {}).values():
                for example in content.get("examples", {}).values():
                    yield name, content["schema"], example["value"]


def test_the_description_is_valid_openapi_and_made_without_a_warning(schema):
    reset_generator_stats()
    SchemaGenerator().get_schema(request=None, public=True)
    OpenAPIV31SpecValidator(schema).validate()
    assert schema["openapi"].startswith("3.1")
    assert not GENERATOR_STATS, "manage.py spectacular --validate --fail-on-warn says what it is about"


def test_every_operation_says_what_it_is_and_which_errors_it_has(schema):
    tags = {tag["name"] for tag in schema["tags"]}
    for name, operation in operations(schema):
        assert operation["summary"] and operation["description"], name
        assert set(operation["tags"]) <= tags, f"{name}: the tag is described nowhere"
        statuses = set(operation["responses"])
        assert statuses >= OF_EVERY_OPERATION, name
        assert any(status < "300" for status in statuses), name
        assert "requestBody" not in operation or "400" in statuses, name
        for status, answer in operation["responses"].items():
            assert status < "400" or set(answer["content"]) == {"application/problem+json"}, f"{name} {status}"
    assert tags == {tag for _, operation in operations(schema) for tag in operation["tags"]}


def test_every_operation_shows_an_example_and_each_fits_its_schema(schema):
    shown = Counter(name for name, _, _ in examples(schema))
    for name, operation in operations(schema):
        assert shown[name] or "204" in operation["responses"], f"{name} shows neither a body nor an answer"
    for name, own, value in examples(schema):
        validator = jsonschema.Draft202012Validator(
            {**own, "components": schema["components"]},
            format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER,
        )
        assert not [error.message for error in validator.iter_errors(value)], name


def test_operations_have_names_of_their_own(schema):
    names = Counter(operation["operationId"] for _, operation in operations(schema))
    assert [name for name, times in names.items() if times > 1] == []


def test_a_request_is_described_as_taking_no_other_fields(schema):
    for name, operation in operations(schema):
        for content in operation.get("requestBody", {}).get("content", {}).values():
            component = schema["components"]["schemas"][content["schema"]["$ref"].rpartition("/")[2]]
            assert component[STRICT] is False, name


def test_everybody_is_asked_to_sign_in(schema):
    assert schema["components"]["securitySchemes"]["bearer"]["bearerFormat"] == "JWT"
    for name, operation in operations(schema):
        assert operation["security"] == [{"bearer": []}, {"session": []}], name


@pytest.mark.parametrize("address", ["/api/schema/", "/api/v1/schema"])
def test_the_description_is_given_as_json_and_as_yaml(client, schema, address):
    plain = client.get(address)
    assert plain["Content-Type"].startswith("application/vnd.oai.openapi+json")
    written = client.get(address, headers={"Accept": "application/yaml"})
    assert written["Content-Type"].startswith("application/yaml")
    read = yaml.load(written.content, yaml.CSafeLoader)
    assert plain.json()["paths"].keys() == read["paths"].keys() == schema["paths"].keys()


def test_the_page_loads_own_files_only_and_has_no_script_or_style_within(client):
    page = client.get("/api/docs/")
    html = page.content.decode()
    assert page.status_code == 200
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", html)
    files = re.findall(r'(?:src|href)="([^"]+)"', html)
    assert len(files) >= 4
    for file in files:
        assert file.startswith((f"/{settings.STATIC_URL.strip('/')}/", "/api/")), file
    policy = page["Content-Security-Policy"]
    assert "unsafe" not in policy and "script-src 'self'" in policy
