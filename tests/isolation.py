"""One organization with words to know its rows by, for tests that look whether any of them comes to strangers."""

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.urls import URLPattern, URLResolver, get_resolver

from accounts.models import Organization, TenantModel, TwilioCredential, VapiCredential
from assistants.models import CalendarConnection
from assistants.sync import studio_of
from calls.models import Call, StepKind
from onboarding import situation
from tests.factories import make_call, make_delivery, make_endpoint, make_number

CANARIES = ("canary", "c4n4", "ca9a", "99009999", "99 00 99 99", "99008888", "99 00 88 88", "alice")


def routes(patterns: Any = None, namespace: str = "", prefix: str = "") -> Iterator[tuple[str, str]]:
    """Each route's name and its address, as a template."""
    for entry in get_resolver().url_patterns if patterns is None else patterns:
        address = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            inner = f"{namespace}{entry.namespace}:" if entry.namespace else namespace
            yield from routes(entry.url_patterns, inner, address)
        elif isinstance(entry, URLPattern):
            yield f"{namespace}{entry.name}", address


def plant(organization: Organization) -> Call:
    """Alice's organization with something in every table, each with words by which to know it."""
    organization.name = "canary practice"
    organization.save()
    situation.read(organization, organization.owner)  # the wizard was opened
    call = make_call(
        organization,
        vapi_call_id="canary-call",
        summary="canary summary",
        caller_number="+33199009999",
        recording_name="org/1/calls/canary.mp3",
        recording_provider="local",
    )
    call.steps.create(kind=StepKind.RECORDING, due_at=call.started_at, note="canary note")
    make_delivery(make_endpoint(organization, "https://canary.example/hook", description="canary"), answer="canary")
    make_number(organization, "+33199008888", routed_to="canary-route")
    studio = studio_of(organization)
    studio.name, studio.problem = "canary", "canary problem"
    studio.save()
    VapiCredential.objects.for_organization(organization).create(
        organization=organization, api_key="canary-key", last_four="c4n4", status="works"
    )
    TwilioCredential.objects.for_organization(organization).create(
        organization=organization, account_sid="AC" + "0" * 28 + "ca9a", auth_token="canary-token", status="works"
    )
    CalendarConnection.objects.for_organization(organization).create(
        organization=organization,
        provider="google",
        account_email="canary@calendar.example",
        access_token="canary-access",
        refresh_token="canary-refresh",
        status="reconnect",
        expires_at=call.started_at,
    )
    return call


def everything_of(organization: Organization) -> dict[str, list[Any]]:
    tables = [model for model in apps.get_models() if issubclass(model, TenantModel)]
    found = {model.__name__: list(model.objects.for_organization(organization).values()) for model in tables}
    return {**found, "name": [Organization.objects.get(pk=organization.pk).name]}
