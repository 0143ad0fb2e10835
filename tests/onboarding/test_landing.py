"""Who lands in the wizard: new organizations until they launch; nobody else is sent there."""

import pytest
from django.core import mail
from django.utils import timezone

from onboarding.models import Onboarding
from tests.accounts.test_signup import EMAIL, code_in, confirm, log_in, sign_up
from tests.factories import PASSWORD

pytestmark = pytest.mark.django_db


def new_person(client):
    sign_up(client)
    return confirm(client, code_in(mail.outbox[0]))


def test_who_signs_up_lands_on_the_first_step(client):
    answer = new_person(client)
    assert answer.redirect_chain[-1][0] == "/en/onboarding/profile/"


def test_who_comes_back_before_the_launch_resumes(client):
    new_person(client)
    client.get("/en/onboarding/ava/")
    client.logout()
    assert log_in(client)["Location"] == "/en/onboarding/"
    assert client.get("/en/onboarding/")["Location"] == "/en/onboarding/ava/"


def test_after_the_launch_everybody_lands_on_the_dashboard(client):
    new_person(client)
    client.logout()
    Onboarding.objects.unscoped().update(completed_at=timezone.now())
    assert log_in(client)["Location"] == "/en/dashboard/"


def test_an_organization_from_before_the_wizard_is_not_sent_through_it(client, alice):
    assert log_in(client, alice.email, PASSWORD)["Location"] == "/en/dashboard/"
    assert not Onboarding.objects.unscoped().exists()


def test_a_member_who_may_not_manage_lands_on_the_dashboard(client, bob, way):
    answer = log_in(client, bob.email, PASSWORD)
    assert answer["Location"].endswith("/dashboard/")


def test_where_somebody_wanted_to_go_comes_first(client, way, alice):
    answer = client.post(
        "/en/accounts/login/", {"login": alice.email, "password": PASSWORD, "next": "/en/onboarding/plan/"}
    )
    assert answer["Location"] == "/en/onboarding/plan/"
    assert alice.email != EMAIL
