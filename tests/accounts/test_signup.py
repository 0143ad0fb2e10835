"""From a stranger to somebody with an organization: signing up, in, out, and back in when the password is lost."""

import re
from typing import Any

import pytest
from django.core import mail
from django.urls import reverse
from django.utils import timezone

from accounts.models import Organization, User
from accounts.models.organizations import Role
from accounts.tenancy import organization_endpoint
from tests.factories import PASSWORD

EMAIL = "nora@practice.example"
CODE = re.compile(r"^\s*([A-Z0-9]{3,4}-[A-Z0-9]{3,4})\s*$", re.MULTILINE)
LINK = re.compile(r"http://testserver(/\S*/reset/\S+)")


def sign_up(client: Any, language: str = "en", **fields: str) -> Any:
    form = {"email": EMAIL, "password1": PASSWORD, **fields}
    return client.post(f"/{language}/accounts/signup/", form)


def code_in(message: Any) -> str:
    found = CODE.search(message.body)
    assert found, message.body
    return found[1]


def confirm(client: Any, code: str, language: str = "en") -> Any:
    return client.post(f"/{language}/accounts/confirm-email/", {"code": code}, follow=True)


def log_in(client: Any, email: str = EMAIL, password: str = PASSWORD) -> Any:
    return client.post("/en/accounts/login/", {"login": email, "password": password})


def is_signed_in(client: Any) -> bool:
    return client.get("/en/dashboard/").status_code == 200


# --- Signing up -------------------------------------------------------------------------------------------------------


def test_somebody_signs_up_confirms_the_code_and_has_an_organization(client, db):
    assert sign_up(client).status_code == 302
    assert not is_signed_in(client)
    (message,) = mail.outbox
    assert message.to == [EMAIL]
    answer = confirm(client, code_in(message))
    assert answer.redirect_chain[-1][0] == "/en/onboarding/profile/"
    assert is_signed_in(client)
    user = User.objects.get()
    organization = user.organizations.get()
    assert (user.email, user.locale, organization.owner) == (EMAIL, "en", user)
    assert user.memberships.get().role == Role.OWNER
    assert organization_endpoint(organization).token


@pytest.mark.parametrize("language", ["en", "fr", "he"])
def test_who_signs_up_gets_the_language_of_the_page(client, db, language):
    sign_up(client, language)
    assert User.objects.get().locale == language


def test_the_address_is_kept_in_lower_case_and_belongs_to_one_person(client, db):
    sign_up(client, email="Nora@Practice.Example")
    assert User.objects.get().email == EMAIL


def test_a_known_address_is_told_to_its_owner_only(client, alice):
    """The page says the same to everybody; the mail says that there is an account already."""
    answer = sign_up(client, email=alice.email)
    assert answer.status_code == 302
    assert answer["Location"] == sign_up(client, email="new@practice.example")["Location"]
    assert User.objects.filter(email=alice.email).count() == 1
    to_alice = next(message for message in mail.outbox if message.to == [alice.email])
    assert not CODE.search(to_alice.body)
    assert "/accounts/password/reset/" in to_alice.body
    assert "/accounts/password/reset/" in to_alice.alternatives[0].content


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"email": ""}, "email"),
        ({"email": "not an address"}, "email"),
        ({"email": "a@b\r\nBcc: x@y.example"}, "email"),
        ({"password1": ""}, "password1"),
        ({"password1": "short"}, "password1"),
        ({"password1": "12345678901234"}, "password1"),
        ({"password1": "password1234"}, "password1"),
        ({"password1": EMAIL}, "password1"),
    ],
)
def test_what_is_wrong_is_named_at_its_field_and_the_address_stays(client, db, fields, field):
    answer = sign_up(client, **fields)
    assert answer.status_code == 200
    form = answer.context["form"]
    assert list(form.errors) == [field]
    assert form["email"].value() == fields.get("email", EMAIL)
    assert not User.objects.exists()
    assert mail.outbox == []


@pytest.mark.parametrize("code", ["", "WRONG1", "AAA-AAA", "x" * 500])
def test_a_wrong_code_confirms_nothing(client, db, code):
    sign_up(client)
    confirm(client, code)
    assert not is_signed_in(client)
    assert not User.objects.get().emailaddress_set.get().verified


def test_after_some_wrong_codes_the_right_one_is_too_late(client, db):
    sign_up(client)
    right = code_in(mail.outbox[0])
    for _ in range(10):
        confirm(client, "WRONG1")
    confirm(client, right)
    assert not is_signed_in(client)


def test_a_code_of_one_person_confirms_no_other(client, db):
    sign_up(client)
    others = type(client)()
    sign_up(others, email="other@practice.example")
    confirm(others, code_in(mail.outbox[0]))
    assert not is_signed_in(others)


def test_an_old_code_confirms_nothing(client, db, time_machine):
    time_machine.move_to(timezone.now())
    sign_up(client)
    code = code_in(mail.outbox[0])
    time_machine.shift(24 * 3600)
    confirm(client, code)
    assert not is_signed_in(client)


def test_an_organization_is_founded_once(client, db):
    sign_up(client)
    sign_up(client)
    confirm(client, code_in(mail.outbox[-1]))
    assert Organization.objects.count() == User.objects.count() == 1


# --- Signing in and out -----------------------------------------------------------------------------------------------


def test_somebody_signs_in_and_out(client, alice):
    answer = log_in(client, alice.email)
    assert (answer.status_code, answer["Location"]) == (302, reverse("dashboard"))
    assert is_signed_in(client)
    client.post("/en/accounts/logout/")
    assert not is_signed_in(client)


def test_the_case_of_the_address_does_not_matter(client, alice):
    log_in(client, "ALICE@Practice.example")
    assert is_signed_in(client)


@pytest.mark.parametrize(
    ("email", "password"), [("alice@practice.example", "wrong"), ("nobody@practice.example", PASSWORD)]
)
def test_a_wrong_password_and_an_unknown_address_are_told_alike(client, alice, email, password):
    answer = log_in(client, email, password)
    assert answer.status_code == 200
    assert answer.context["form"].non_field_errors() == [
        "The email address and/or password you specified are not correct."
    ]
    assert answer.context["form"]["login"].value() == email
    assert not is_signed_in(client)


def test_who_has_not_confirmed_the_address_is_asked_to(client, db, time_machine):
    time_machine.move_to(timezone.now())
    sign_up(client)
    time_machine.shift(20)  # allauth sends a code every ten seconds at most
    fresh = type(client)()
    answer = log_in(fresh)
    assert "confirm-email" in answer["Location"]
    assert not is_signed_in(fresh)


def test_who_is_not_active_does_not_get_in(client, alice):
    alice.is_active = False
    alice.save()
    log_in(client, alice.email)
    assert not is_signed_in(client)


def test_many_wrong_passwords_slow_a_guesser_down(client, alice):
    for _ in range(30):
        answer = log_in(client, alice.email, "wrong")
    assert answer.status_code == 429 or answer.context["form"].errors
    log_in(client, alice.email)
    assert not is_signed_in(client)


@pytest.mark.parametrize(
    "target", ["//evil.example/", "https://evil.example/", "/\\evil.example", "javascript:alert(1)"]
)
def test_signing_in_leads_nowhere_else(client, alice, target):
    answer = client.post("/en/accounts/login/", {"login": alice.email, "password": PASSWORD, "next": target})
    assert answer["Location"] == reverse("dashboard")


def test_signing_in_leads_back_to_the_page_that_was_wanted(client, alice):
    wanted = client.get("/en/calls/")["Location"]
    answer = client.post(wanted, {"login": alice.email, "password": PASSWORD, "next": "/en/calls/"})
    assert answer["Location"] == "/en/calls/"


# --- A lost password --------------------------------------------------------------------------------------------------


def ask_for_reset(client: Any, email: str) -> Any:
    return client.post("/en/accounts/password/reset/", {"email": email})


def test_a_lost_password_is_replaced_by_the_link_in_the_mail(client, alice):
    assert ask_for_reset(client, alice.email).status_code == 302
    (message,) = mail.outbox
    link = LINK.search(message.body)[1]
    form_page = client.get(link)["Location"]
    answer = client.post(form_page, {"password1": "another-long-passphrase", "password2": "another-long-passphrase"})
    assert answer.status_code == 302
    fresh = type(client)()
    log_in(fresh, alice.email)
    assert not is_signed_in(fresh)
    log_in(fresh, alice.email, "another-long-passphrase")
    assert is_signed_in(fresh)
    assert client.get(link).status_code == 200  # used up: it says so, and offers nothing


def test_an_unknown_address_is_told_nothing_on_the_page(client, alice):
    known, unknown = ask_for_reset(client, alice.email), ask_for_reset(client, "nobody@practice.example")
    assert (known.status_code, known["Location"]) == (unknown.status_code, unknown["Location"])
    to_nobody = next(message for message in mail.outbox if message.to == ["nobody@practice.example"])
    assert "/accounts/signup/" in to_nobody.body
    assert "/accounts/signup/" in to_nobody.alternatives[0].content


def test_a_changed_link_resets_nothing(client, alice):
    ask_for_reset(client, alice.email)
    link = LINK.search(mail.outbox[0].body)[1]
    changed = f"{link[:-3]}{'x' if link[-3] != 'x' else 'y'}{link[-2:]}"
    client.get(changed, follow=True)
    answer = client.post(changed, {"password1": "another-long-passphrase", "password2": "another-long-passphrase"})
    assert answer.status_code in {200, 302}
    fresh = type(client)()
    log_in(fresh, alice.email)
    assert is_signed_in(fresh)


# --- Language ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("language", "kept"), [("fr", "fr"), ("he", "he"), ("xx", "en"), ("", "en"), ("de", "en")])
def test_a_signed_in_person_keeps_the_language_they_choose(client, alice, language, kept):
    client.force_login(alice)
    client.post("/language/", {"language": language, "next": "/en/dashboard/"})
    alice.refresh_from_db()
    assert alice.locale == kept
