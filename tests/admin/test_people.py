"""People and memberships: who may be changed, by whom, and what stays as it is."""

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from accounts.models import Membership, User
from tests.admin.pages import change, form_in, page


def helper(*rights):
    """A staff member with some rights, signed in."""
    user = User.objects.create_user("helper@ava.example", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=rights))
    client = Client()
    client.force_login(user)
    return client


def test_a_person_is_added_by_e_mail_with_a_hashed_password(admin_client):
    password = "correct horse battery staple"
    typed = {"usable_password": "true", "password1": password, "password2": password}
    form = {**form_in(admin_client.get(page(User, "add"))), **typed, "email": "New@Example.com"}
    assert admin_client.post(page(User, "add"), form).status_code == 302
    user = User.objects.get(email="new@example.com")
    assert user.check_password(password)
    again = admin_client.post(page(User, "add"), form)
    assert "Somebody uses this address already." in again.content.decode()


def test_a_persons_fields_change_and_the_rest_stays(admin_client, alice):
    before = (alice.password, alice.email)
    typed = {"locale": "fr", "timezone": "Europe/Paris", "email": "other@example.com", "password": "x"}
    assert change(admin_client, alice, **typed).status_code == 302
    alice.refresh_from_db()
    assert (alice.locale, alice.timezone) == ("fr", "Europe/Paris")
    assert (alice.password, alice.email) == before


def test_an_unknown_time_zone_is_refused(admin_client, alice):
    answer = change(admin_client, alice, timezone="Mars/Olympus")
    assert "There is no such time zone." in answer.content.decode()


def test_a_password_is_set_by_the_operator(admin_client, alice):
    password = "another horse, another battery"
    form = {"usable_password": "true", "password1": password, "password2": password}
    assert admin_client.post(reverse("admin:auth_user_password_change", args=[alice.pk]), form).status_code == 302
    alice.refresh_from_db()
    assert alice.check_password(password)


@pytest.mark.django_db
def test_a_helper_cannot_make_an_operator_or_touch_one(alice, admin_user):
    client = helper("change_user", "view_user")
    assert change(client, alice, locale="fr", is_staff="on", is_superuser="on").status_code == 302
    alice.refresh_from_db()
    assert (alice.locale, alice.is_staff, alice.is_superuser) == ("fr", False, False)
    assert client.post(page(User, "change", admin_user.pk), {"locale": "fr"}).status_code == 403
    assert client.get(reverse("admin:auth_user_password_change", args=[admin_user.pk])).status_code == 403


def test_a_role_is_changed(admin_client, bob, organization):
    assert change(admin_client, organization, **{"memberships-1-role": "admin"}).status_code == 302
    assert list(roles(organization)) == ["owner", "admin"]


def test_the_last_owner_stays_one(admin_client, bob, organization):
    answer = change(admin_client, organization, **{"memberships-0-role": "member"})
    assert "An organization needs an owner." in answer.content.decode()
    assert list(roles(organization)) == ["owner", "member"]


def roles(organization):
    return Membership.objects.filter(organization=organization).order_by("pk").values_list("role", flat=True)
