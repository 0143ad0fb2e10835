"""Every operation of the API keeps what its description says, whatever it is sent: schemathesis, in this process."""

import logging
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, transaction
from schemathesis.checks import load_all_checks
from schemathesis.config import GenerationConfig, ProjectConfig, ProjectsConfig, SchemathesisConfig
from schemathesis.core.parameters import ParameterLocation
from schemathesis.pytest.lazy import get_all_tests
from schemathesis.specs.openapi.checks import ignored_auth, positive_data_acceptance

from accounts.models import Organization, User
from tests.api.conftest import access_token
from tests.api.description import description
from tests.api.description import operations as described_operations
from tests.isolation import routes

EXAMPLES = 16
SEED = 20261201
# Where a right request can be refused for what JSON Schema has no words for: `positive_data_acceptance` is off there.
RULES_BEYOND = {
    "POST /api/v1/assistants": "which voices and models a provider has",
    "PATCH /api/v1/assistants/{id}": "which voices and models a provider has",
    "PATCH /api/v1/studio/config": "which voices, speeds and models a provider has",
    "DELETE /api/v1/devices": "OpenAPI gives the body of DELETE no meaning, so it is not described",
    "GET /api/v1/integrations/calendar/{provider}/events": "the end comes after the beginning, within 92 days",
    "POST /api/v1/integrations/calendar/{provider}/events": "the end comes after the beginning; time zones",
    "GET /api/v1/calls": "days since 1970",
    "POST /api/v1/integrations/email/test": "the address is a member's",
    "POST /api/v1/phone-numbers/assign": "countries, numbers that are none",
    "POST /api/v1/phone-numbers/attach": "the number is one of the Twilio account's",
    "PUT /api/v1/phone-numbers/business-hours": "intervals that do not overlap, time zones",
    "PATCH /api/v1/phone-numbers/business-hours": "intervals that do not overlap, time zones",
    "POST /api/v1/phone-numbers/holidays": "the day is not over and not noted yet",
    "POST /api/v1/twilio-settings": "Twilio takes the pair",
    "PATCH /api/v1/user/profile": "countries, time zones, both names of a field say the same",
    "PATCH /api/v1/user/studio-config": "business hours in words, the plan's seats, numbers of the Twilio account",
    "POST /api/v1/vapi-settings": "Vapi takes the key",
    "POST /api/v1/vapi/settings": "Vapi takes the key",
    "POST /api/v1/webhooks/endpoints": "the address is public; a header has a name and a value",
    "PATCH /api/v1/webhooks/endpoints/{id}": "the address is public; a header has a name and a value",
}
PATHS = sorted(
    "/" + re.sub(r"<\w+:(\w+)>", lambda found: "{id}" if found[1] == "pk" else f"{{{found[1]}}}", address)
    for name, address in routes()
    if name.startswith("api-v1:") and name not in {"api-v1:schema", "api-v1:docs"}
)


@pytest.fixture(scope="module")
def described() -> Any:
    generation = GenerationConfig(
        max_examples=EXAMPLES, deterministic=True, no_shrink=True, with_security_parameters=False
    )
    project = ProjectConfig(generation=generation)
    config = SchemathesisConfig(seed=SEED, projects=ProjectsConfig(default=project))
    schema = schemathesis.openapi.from_dict(description(), config=config)
    schema.app = get_wsgi_application()
    return schema


@pytest.fixture(autouse=True)
def no_log_of_refusals() -> Iterator[None]:
    """Thousands of requests are refused here; writing that down takes longer than asking."""
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture
def aim(furnished: Organization, id_under: Callable[[str], Any]) -> Callable[[Any], None]:
    """Puts into a case what its description cannot know, where it is not meant to be wrong just there."""

    def aimed(case: Any) -> None:
        known = {"X-Organization": str(furnished.pk), "If-Match": "*"}
        if not case.meta.is_negative_at(ParameterLocation.HEADER):
            case.headers.update({name: value for name, value in known.items() if name in case.headers})
        case.query.pop("cursor", None)  # it is of one page
        if "id" in case.path_parameters and not case.meta.is_negative_at(ParameterLocation.PATH):
            case.path_parameters["id"] = id_under(case.path)

    return aimed


@contextmanager
def undone() -> Iterator[None]:
    """The next example finds everything as this one did. No request closes the connection that the test is on."""
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    try:
        with transaction.atomic():
            yield
            transaction.set_rollback(True)
    finally:
        for signal in signals:
            signal.connect(close_old_connections)


@pytest.mark.fuzz
@pytest.mark.slow
def test_every_operation_keeps_its_description(
    described: Any, aim: Callable[[Any], None], alice: User, subtests: pytest.Subtests
) -> None:
    headers = {"Authorization": f"Bearer {access_token(alice)}", "Accept-Encoding": "identity"}
    enforcing: set[str] = set()  # what was seen to ask for a sign-in; once is enough

    met: Counter[str] = Counter()

    def keeps(case: Any) -> None:
        name = case.operation.label
        met[name] += 1
        aim(case)
        off = [positive_data_acceptance] if name in RULES_BEYOND else []
        off += [ignored_auth] if name in enforcing else []
        with undone():
            answer = case.call_and_validate(headers=headers, excluded_checks=off)
        if answer.status_code < 300:
            enforcing.add(name)

    load_all_checks()
    for result in get_all_tests(schema=described, test_func=keeps, settings=None, given_kwargs=None):
        operation, check = result.ok()
        with subtests.test(operation.label):
            check()
    print(f"{len(met)} operations, {met.total()} cases")
    assert {name.split()[1] for name in met} >= set(PATHS)


def ids_in(api: Any, path: str) -> list[Any]:
    """Of all that a list names."""
    found = api.get(path).json()
    return [one["id"] for one in (found["results"] if isinstance(found, dict) else found)]


def test_what_was_deleted_is_there_no_more(furnished, alice, api_of, id_under, subtests):
    api = api_of(alice)
    deletable = {
        path: item for path, item in description()["paths"].items() if path.endswith("/{id}") and "delete" in item
    }
    assert len(deletable) >= 5
    for path, methods in deletable.items():
        with subtests.test(path):
            one = id_under(path)
            address, above = path.replace("{id}", str(one)), path.removesuffix("/{id}")
            assert one in ids_in(api, above)
            assert api.delete(address).status_code == 204
            assert one not in ids_in(api, above)
            for method in set(methods) - {"delete"}:
                assert getattr(api, method)(address, {}).status_code == 404, method
            assert api.delete(address).status_code in {204, 404}


def test_what_was_created_is_there(furnished, alice, api_of):
    api, created = api_of(alice), 0
    for path, method, operation in described_operations(description()):
        if method != "post" or f"{path}/{{id}}" not in PATHS:
            continue
        example = next(iter(operation["requestBody"]["content"]["application/json"]["examples"].values()))
        answer = api.post(path, example["value"])
        if answer.status_code == 201:
            one, created = answer.json()["id"], created + 1
            assert one in ids_in(api, path), path
            if "get" in description()["paths"][f"{path}/{{id}}"]:
                assert api.get(f"{path}/{one}").json().items() <= answer.json().items(), path
    assert created >= 2
