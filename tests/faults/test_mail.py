"""A mail server that is away, asks to wait, or breaks off: everybody is told, and hardly ever twice."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import timezone

from calls import processing
from calls.models import StepKind, StepState
from tests.faults.senders import send
from tests.faults.stack import Ava, Tenant, make_tenant, until_done
from tests.servers.processes import eventually
from tests.servers.smtp import SmtpSink

pytestmark = pytest.mark.fault


@pytest.fixture
def mailbox(smtp_sink: SmtpSink) -> Iterator[SmtpSink]:
    smtp_sink.clear()
    yield smtp_sink
    smtp_sink.clear()


def report_a_call(ava: Ava, tenant: Tenant) -> None:
    assert send(ava.web.url, tenant.post(tenant.report(recording=ava.sandbox.keep()))).status == 200


def email_step(tenant: Tenant) -> Any:
    return tenant.steps(kind=StepKind.EMAIL).get()


def until_it_will_be_tried_again(tenant: Tenant) -> Any:
    """The step after its first try. Its pause is then put to an end, in the row, and the sweeper let out at once."""
    steps = tenant.steps(kind=StepKind.EMAIL, state=StepState.PENDING, attempts=1)
    step = eventually(steps.get, timeout=20, every=0.02)
    assert 5 < (step.due_at - timezone.now()).total_seconds() < 16
    steps.update(due_at=timezone.now())
    processing.sweep()
    return step


def test_mails_wait_for_a_mail_server_that_is_down(ava, tenant, mailbox):
    mailbox.stop()
    report_a_call(ava, tenant)
    eventually(lambda: tenant.steps(state=StepState.DONE).count() == 3)  # the other parts do not wait
    mailbox.start_again()
    until_it_will_be_tried_again(tenant)
    until_done(tenant)
    assert sorted(mail.recipients[0] for mail in tenant.mails(mailbox)) == sorted(tenant.people)


def test_a_refusal_for_now_is_tried_again_for_those_who_got_nothing(ava, tenant, mailbox):
    mailbox.refuse_rcpt(times=1, code=450)
    report_a_call(ava, tenant)
    step = until_it_will_be_tried_again(tenant)
    assert "450" in step.note
    until_done(tenant)
    assert sorted(mail.recipients[0] for mail in tenant.mails(mailbox)) == sorted(tenant.people)


def test_a_refusal_for_good_is_not_tried_again(ava, mailbox):
    tenant = make_tenant(people=1)
    mailbox.refuse_rcpt(times=1, code=550)
    report_a_call(ava, tenant)
    until_done(tenant)
    step = email_step(tenant)
    assert (step.state, step.attempts) == (StepState.FAILED, 1)
    assert "550" in step.note
    assert tenant.mails(mailbox) == []


def test_a_mail_that_was_taken_without_an_answer_comes_twice_at_most_and_folds(ava, mailbox):
    tenant = make_tenant(people=1)
    mailbox.drop_after_data()
    report_a_call(ava, tenant)
    until_it_will_be_tried_again(tenant)
    until_done(tenant)
    mails = tenant.mails(mailbox)
    assert len(mails) == 2
    assert len({mail["Message-ID"] for mail in mails}) == 1


def test_many_slow_mails_do_not_outlive_their_lease(ava, mailbox):
    """Else a second worker would take over, and write to the same people."""
    tenant = make_tenant(people=3)
    mailbox.answer_after(0.4)
    report_a_call(ava, tenant)
    eventually(lambda: len(tenant.mails(mailbox)) == 2, every=0.02)
    almost_over = timezone.now() + processing.STEP_LEASE / 4
    tenant.steps(kind=StepKind.EMAIL).update(due_at=almost_over)
    after_the_next_mail = timezone.now() + processing.STEP_LEASE / 2
    eventually(lambda: email_step(tenant).due_at > after_the_next_mail, every=0.02)
    until_done(tenant)
    assert len(tenant.mails(mailbox)) == 3
