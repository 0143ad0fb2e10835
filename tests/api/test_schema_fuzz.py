"""Every operation of the API keeps what its description says, whatever it is sent: schemathesis, in this process."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, transaction
from django.test import Client
from schemathesis.checks import load_all_checks
from schemathesis.config import GenerationConfig, ProjectConfig, ProjectsConfig, SchemathesisConfig
from schemathesis.core.parameters import ParameterLocation
from schemathesis.pytest.lazy import get_all_tests
from schemathesis.specs.openapi.checks import positive_data_acceptance

from accounts.api import limits
from accounts.models import Device, Organization, User
from assistants import activation
from tests import calendars, providers
from tests.api.conftest import access_token
from tests.api.description import description
from tests.factories import make_call, make_delivery, make_endpoint
from tests.isolation import routes

EXAMPLES = 12
SEED = 20261201
# Where a right request can be refused for what JSON Schema has no words for: `positive_data_acceptance` is off there.
RULES_BEYOND = {
    "POST /api/v1/assistants": "which voices and models a provider has",
    "PATCH /api/v1/assistants/{id}": "which voices and models a provider has",
    "PATCH /api/v1/studio/config": "which voices, speeds and models a provider has",
    "DELETE /api/v1/devices": "OpenAPI gives the body of DELETE no meaning, so it is not described",
    "GET /api/v1/integrations/calendar/{provider}/events": "the end comes after the beginning, within 92 days",
    "POST /api/v1/integrations/calendar/{provider}/events": "the end comes after the beginning; time zones",
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


@pytest.fixture
def furnished(practice: Organization, alice: User, client: Client, monkeypatch: pytest.MonkeyPatch) -> Organization:
    """Alice's practice with something of everything, and no limit on how often she may ask."""
    monkeypatch.setattr(limits, "PER_PERSON", 1_000_000)
    monkeypatch.setattr(limits, "PER_ORGANIZATION", 1_000_000)
    providers.own_number(practice)
    activation.activate(organization=practice)
    make_call(practice, recording_name="org/1/calls/one.mp3", recording_provider="local")
    make_delivery(make_endpoint(practice))
    Device.objects.create(user=alice, expo_token="ExponentPushToken[aliceslittletelephone]")
    practice.holidays.create(date=date(2027, 1, 4))
    client.force_login(alice)
    calendars.connect(client, "google")
    return practice


@pytest.fixture
def aim(furnished: Organization, alice: User, api_of: Any) -> Callable[[Any], None]:
    """Lets a case that is right hit something: what the schema cannot know is put in."""
    api, ids = api_of(alice), {}

    def id_under(path: str) -> Any:
        if path not in ids:
            found = api.get(path).json()
            ids[path] = (found["results"] if isinstance(found, dict) else found)[0]["id"]
        return ids[path]

    def aimed(case: Any) -> None:
        known = {"X-Organization": str(furnished.pk), "If-Match": "*"}
        if not case.meta.is_negative_at(ParameterLocation.HEADER):
            case.headers.update({name: value for name, value in known.items() if name in case.headers})
        case.query.pop("cursor", None)  # it is of one page
        if "id" in case.path_parameters and not case.meta.is_negative_at(ParameterLocation.PATH):
            case.path_parameters["id"] = id_under(case.path.partition("/{id}")[0])

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


@pytest.mark.parametrize("path", PATHS)
def test_the_operations_of_an_address_keep_their_description(
    path: str, described: Any, aim: Callable[[Any], None], alice: User, subtests: pytest.Subtests
) -> None:
    headers = {"Authorization": f"Bearer {access_token(alice)}", "Accept-Encoding": "identity"}

    def keeps(case: Any) -> None:
        aim(case)
        with undone():
            off = [positive_data_acceptance] if f"{case.method} {case.path}" in RULES_BEYOND else []
            case.call_and_validate(headers=headers, excluded_checks=off)

    load_all_checks()
    found = list(get_all_tests(schema=described.include(path=path), test_func=keeps, settings=None, given_kwargs=None))
    assert found, "the description does not have this address"
    for result in found:
        operation, check = result.ok()
        with subtests.test(operation.label):
            check()
