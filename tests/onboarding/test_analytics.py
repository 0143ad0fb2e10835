"""Events: always in our own table, from which the operator's funnel is drawn; to PostHog when there is a key."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.analytics import deliver, track
from accounts.models import AnalyticsEvent
from onboarding.funnel import stages
from onboarding.tasks import deliver_analytics
from tests.onboarding.conftest import Browser
from tests.servers.scripted_http import Reply, always, as_json, serve

pytestmark = pytest.mark.django_db


@pytest.fixture
def posthog(settings):
    with serve(always(as_json({"status": "Ok"}))) as server:
        settings.POSTHOG_API_KEY, settings.POSTHOG_HOST = "phc_project", server.url
        yield server


def waiting():
    return AnalyticsEvent.objects.unscoped().filter(delivered_at__isnull=True).count()


def test_events_reach_posthog_once_under_a_pseudonym(posthog, alice, organization):
    track("onboarding_step_completed", organization=organization, user=alice, step="ava", number=3, skipped=False)
    track("vapi_configured", organization=organization, user=None, method="settings")
    deliver_analytics()
    deliver_analytics()
    (request,) = posthog.requests
    assert request.path == "/batch/"
    body = request.json()
    assert body["api_key"] == "phc_project"
    first, second = body["batch"]
    assert (first["event"], first["properties"]["step"]) == ("onboarding_step_completed", "ava")
    assert first["uuid"] != second["uuid"] and first["distinct_id"] != second["distinct_id"]
    assert alice.email not in str(body) and "Alice" not in str(body)
    assert waiting() == 0


def test_a_person_has_the_same_pseudonym_every_time(posthog, alice, organization):
    for _day in range(2):
        track("onboarding_started", organization=organization, user=alice)
        deliver()
    first, second = (request.json()["batch"][0] for request in posthog.requests)
    assert first["distinct_id"] == second["distinct_id"]
    assert first["uuid"] != second["uuid"]


@pytest.mark.parametrize("status", [401, 429, 500])
def test_what_posthog_does_not_take_waits_and_is_sent_again_under_the_same_id(posthog, alice, organization, status):
    track("onboarding_started", organization=organization, user=alice)
    posthog.handler = always(Reply(status, b"no"))
    assert deliver() == 0
    assert waiting() == 1
    posthog.handler = always(as_json({"status": "Ok"}))
    assert deliver() == 1
    first, second = (request.json()["batch"][0]["uuid"] for request in posthog.requests)
    assert first == second


def test_nobody_answering_is_survived(settings, alice, organization):
    settings.POSTHOG_API_KEY, settings.POSTHOG_HOST = "phc_project", "http://127.0.0.1:9"
    track("onboarding_started", organization=organization, user=alice)
    assert deliver() == 0


def test_without_a_key_nothing_leaves(posthog, settings, alice, organization):
    settings.POSTHOG_API_KEY = ""
    track("onboarding_started", organization=organization, user=alice)
    assert deliver() == 0
    assert posthog.requests == []


def test_the_past_is_not_sent_when_a_key_comes_late(posthog, alice, organization):
    event = track("onboarding_started", organization=organization, user=alice)
    AnalyticsEvent.objects.unscoped().filter(pk=event.pk).update(created_at=timezone.now() - timedelta(days=8))
    assert deliver() == 0


# --- The funnel -------------------------------------------------------------------------------------------------------


def test_the_funnel_counts_organizations_per_stage(alice, charlie, organization):
    for person, steps in ((alice, ["profile", "vapi"]), (charlie, ["profile"])):
        browser = Browser(person)
        browser.open("profile")
        for step in steps:
            browser.post(step, "skip/" if step == "vapi" else "")
    browser.post("profile")
    found = stages()
    assert [(stage.reached, stage.skipped) for stage in found[:3]] == [(2, 0), (2, 0), (1, 1)]
    assert [stage.share for stage in found[:3]] == [100, 100, 50]
    assert found[-1].reached == 0


def test_the_operator_sees_the_funnel_and_who_is_where(client, alice, organization, django_assert_max_num_queries):
    Browser(alice).open("ava")
    alice.is_staff = alice.is_superuser = True
    alice.save()
    client.force_login(alice, backend="django.contrib.auth.backends.ModelBackend")
    with django_assert_max_num_queries(15):
        html = client.get("/admin/onboarding/onboarding/").content.decode()
    assert "Onboarding funnel" in html and "3. Who Ava is" in html
    way = organization.onboarding
    assert client.get(f"/admin/onboarding/onboarding/{way.pk}/change/").status_code == 200
    assert client.get(f"/admin/accounts/organization/{organization.pk}/change/").status_code == 200
    assert client.get("/admin/accounts/organization/").status_code == 200
