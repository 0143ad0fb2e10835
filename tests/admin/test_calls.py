"""The inbox and the steps: what the operator sees, and what doing it again does."""

from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone

from accounts.models import User
from calls import inbox, tasks
from calls.models import Call, EventState, ProcessingStep, StepState, WebhookEvent
from tests import factories
from tests.admin.pages import act, page


def make_step(organization, kind="email", **fields):
    call = Call.objects.for_organization(organization).first() or factories.make_call(organization)
    values = {"due_at": timezone.now() + timedelta(hours=3), "attempts": 14, "note": "SMTP is down", **fields}
    return ProcessingStep.objects.create(call=call, kind=kind, **values)


def receive(event, organization=None):
    """A delivery is stored, and the workers look at it."""
    inbox.store(factories.encode(event), organization_id=organization and organization.pk)
    tasks.drain_inbox()
    return WebhookEvent.objects.latest("pk")


def test_an_unmatched_event_is_replayed_once_the_number_is_known(admin_client, organization):
    event = receive(factories.seeds_report("call-1"))
    assert event.state == EventState.UNMATCHED
    factories.make_number(organization, "+33199004512")
    assert act(admin_client, "replay", event) == ["1 event is replayed."]
    tasks.drain_inbox()
    assert organization.calls.get().vapi_call_id == "call-1"
    event.refresh_from_db()
    assert (event.state, event.organization) == (EventState.PROCESSED, organization)
    assert LogEntry.objects.get().change_message == "Replayed."


def test_an_event_without_its_raw_body_is_left_and_counted(admin_client, organization):
    kept, gone = (receive(factories.report(), organization) for _ in range(2))
    WebhookEvent.objects.filter(pk=gone.pk).update(body=None)
    said = act(admin_client, "replay", kept, gone)
    assert said == ["1 event is replayed.", "1 event cannot be replayed: its raw body is gone."]
    gone.refresh_from_db()
    assert gone.state == EventState.PROCESSED


def test_the_payload_is_shown_redacted_and_escaped(admin_client, organization):
    token, script = "canary-twilio-token", "<script>alert(1)</script>"
    phone = {"number": "+33199004512", "twilioAuthToken": token}
    event = receive(factories.report(phoneNumber=phone, summary=script), organization)
    content = admin_client.get(page(WebhookEvent, "change", event.pk)).content.decode()
    assert "&quot;type&quot;: &quot;end-of-call-report&quot;" in content
    assert "[redacted]" in content
    assert token not in content
    assert script not in content


@pytest.mark.parametrize(
    "query",
    [{"q": "call-1"}, {"state__exact": "unmatched"}, {"kind": "call.completed"}],
)
def test_events_are_found_by_call_state_and_kind(query, admin_client, organization):
    wanted = receive(factories.seeds_report("call-1"))
    receive(factories.report("call-2"), organization)
    listed = admin_client.get(page(WebhookEvent), query).context["cl"].result_list
    assert list(listed) == [wanted]


def test_a_step_that_gave_up_is_run_again(admin_client, organization):
    step = make_step(organization, state=StepState.FAILED, finished_at=timezone.now())
    assert act(admin_client, "run_again", step) == ["1 step is run again."]
    step.refresh_from_db()
    assert (step.state, step.attempts, step.note, step.finished_at) == (StepState.PENDING, 0, "", None)
    assert step.due_at <= timezone.now()


def test_a_running_step_is_left_alone(admin_client, organization):
    running = make_step(organization, state=StepState.RUNNING)
    done = make_step(organization, kind="push", state=StepState.DONE)
    said = act(admin_client, "run_again", running, done)
    assert said == ["1 step is run again.", "1 step is running just now."]
    running.refresh_from_db()
    assert (running.state, running.attempts) == (StepState.RUNNING, 14)


def test_a_call_shows_its_conversation_and_steps(admin_client, organization):
    step = make_step(organization, state=StepState.FAILED)
    step.call.transcript = [{"role": "user", "text": "<b>Bonjour</b>"}, {"role": "assistant", "text": "Bonjour !"}]
    step.call.save()
    content = admin_client.get(page(Call, "change", step.call.pk)).content.decode()
    assert "Caller: &lt;b&gt;Bonjour&lt;/b&gt;" in content
    assert "Assistant: Bonjour !" in content
    assert "SMTP is down" in content
    assert page(ProcessingStep, "change", step.pk) in content


def test_what_became_of_a_step_is_read_in_the_operators_language(admin_client, organization):
    step = make_step(organization, note="The storage refused the file (403)")
    for address in (page(ProcessingStep), page(Call, "change", step.call.pk)):
        content = admin_client.get(address, headers={"Accept-Language": "fr"}).content.decode()
        assert "Le stockage a refusé le fichier (403)" in content


@pytest.mark.parametrize(("model", "action"), [(WebhookEvent, "replay"), (ProcessingStep, "run_again")])
def test_who_may_only_look_cannot_do_it_again(model, action, organization):
    event, step = receive(factories.payload("status-update"), organization), make_step(organization, state="failed")
    viewer = User.objects.create_user("viewer@ava.example", is_staff=True)
    viewer.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    client = Client()
    client.force_login(viewer)
    assert client.get(page(model)).status_code == 200
    act(client, action, event if model is WebhookEvent else step)
    assert not LogEntry.objects.exists()
