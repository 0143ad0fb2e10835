"""The person and their organization over the API: the wizard's first step."""

import pytest

from onboarding.models import Draft, Onboarding
from tests.api.conftest import errors_of
from tests.onboarding.conftest import events_of

PROFILE = "/api/v1/user/profile"
WHOLE = {
    "full_name": "Alice D.",
    "organization_name": "Cabinet Delmas",
    "industry": "health",
    "company_size": "2-10",
    "profession": "physiotherapist",
    "country": "FR",
    "timezone": "Europe/Paris",
    "locale": "fr",
    "marketing_opt_in": True,
    "accept_terms": True,
}


def test_the_whole_step_is_saved_and_answered(api_of, alice, organization):
    answer = api_of(alice).patch(PROFILE, WHOLE)
    assert answer.status_code == 200, answer.content
    told = answer.json()
    assert WHOLE.items() <= told.items()
    assert (told["id"], told["email"], told["name"], told["role"]) == (alice.pk, alice.email, "Alice D.", "owner")
    assert (told["onboarding_completed"], told["onboarding_step"]) == (False, 1)
    alice.refresh_from_db()
    organization.refresh_from_db()
    assert (alice.full_name, alice.locale, organization.country) == ("Alice D.", "fr", "FR")
    assert told["terms_accepted_at"] == alice.terms_accepted_at.isoformat().replace("+00:00", "Z")
    assert api_of(alice).get("/api/user/profile").json() == told


def test_what_the_first_clients_send_is_understood(api_of, alice):
    sent = {"name": "John Doe", "locale": "en", "organization_name": "Acme", "industry": "Technology"}
    told = api_of(alice).patch("/api/user/profile", {**sent, "company_size": "10-50"}).json()
    assert (told["full_name"], told["organization_name"], told["company_size"]) == ("John Doe", "Acme", "10-50")


def test_only_what_is_sent_is_changed(api_of, alice, organization):
    api_of(alice).patch(PROFILE, WHOLE)
    told = api_of(alice).patch(PROFILE, {"marketing_opt_in": False}).json()
    assert {**WHOLE, "marketing_opt_in": False}.items() <= told.items()


def test_a_member_changes_themselves_but_not_the_organization(api_of, bob, organization):
    api = api_of(bob)
    answer = api.patch(PROFILE, {"full_name": "Bob", "organization_name": "Bob's", "country": "IL"})
    assert (answer.status_code, answer.json()["code"]) == (403, "managers_only")
    assert "country, organization_name" in answer.json()["detail"]
    bob.refresh_from_db()
    organization.refresh_from_db()
    assert (bob.full_name, organization.name) == ("", "Alice")
    assert api.patch(PROFILE, {"full_name": "Bob", "locale": "he"}).json()["name"] == "Bob"
    assert api.get(PROFILE).json()["organization_name"] == "Alice"


@pytest.mark.parametrize(
    ("sent", "wrong"),
    [
        ({"country": "XX"}, {"country": "invalid_choice"}),
        ({"timezone": "Paris"}, {"timezone": "invalid_choice"}),
        ({"full_name": " "}, {"full_name": "required"}),
        ({"name": ""}, {"name": "required"}),
        ({"name": "A", "full_name": "B"}, {"name": "invalid"}),
        ({"locale": "de"}, {"locale": "invalid_choice"}),
        ({"company_size": "many"}, {"company_size": "invalid"}),
        ({"marketing_opt_in": None}, {"marketing_opt_in": "null"}),
        ({"industry": "\x00"}, {"industry": "null_characters_not_allowed"}),
        ({"industry": "x" * 101, "role": "owner"}, {"role": "unknown_field"}),
        ({"plan": "pro"}, {"plan": "unknown_field"}),
        ({"email": "x@example.com"}, {"email": "unknown_field"}),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_saved(api_of, alice, organization, sent, wrong):
    assert errors_of(api_of(alice).patch(PROFILE, {"profession": "plumber", **sent})) == wrong
    organization.refresh_from_db()
    alice.refresh_from_db()
    assert (organization.profession, alice.full_name) == ("", "Alice Delmas")


def test_an_error_in_a_field_says_what_the_page_says(api_of, alice):
    answer = api_of(alice).patch(PROFILE, {"country": ""})
    assert "Choose your country" in answer.json()["errors"][0]["detail"]


def test_half_a_surrogate_pair_is_refused_and_not_sent_back(api_of, alice):
    for body in (b'{"locale": "\\ud800"}', b'{"\\ud800": 1}', b'{"industry": "\\udfff"}'):
        assert api_of(alice).generic("PATCH", PROFILE, body, content_type="application/json").status_code == 400


def test_accepted_terms_stay_accepted(api_of, alice):
    api = api_of(alice)
    assert api.patch(PROFILE, {"accept_terms": False}).json()["accept_terms"] is False
    accepted_at = api.patch(PROFILE, {"accept_terms": True}).json()["terms_accepted_at"]
    assert errors_of(api.patch(PROFILE, {"accept_terms": False})) == {"accept_terms": "invalid"}
    assert api.patch(PROFILE, {"accept_terms": True}).json()["terms_accepted_at"] == accepted_at


def test_who_saw_another_version_does_not_overwrite(api_of, alice):
    api = api_of(alice)
    seen = api.get(PROFILE)["ETag"]
    assert api.patch(PROFILE, {"full_name": "First"}, HTTP_IF_MATCH=seen).status_code == 200
    late = api.patch(PROFILE, {"full_name": "Second"}, HTTP_IF_MATCH=seen)
    assert (late.status_code, late.json()["code"]) == (412, "changed_meanwhile")
    now = api.get(PROFILE, HTTP_IF_NONE_MATCH=seen)
    assert now.json()["name"] == "First"
    assert api.get(PROFILE, HTTP_IF_NONE_MATCH=now["ETag"]).status_code == 304


def test_the_step_is_told_as_done_once_nothing_is_missing(api_of, alice, organization):
    api = api_of(alice)
    api.patch(PROFILE, {"locale": "fr"})
    assert events_of(organization) == [("onboarding_started", {})]
    api.patch(PROFILE, WHOLE)
    api.patch(PROFILE, WHOLE)
    assert events_of(organization)[1:] == [
        ("onboarding_step_completed", {"step": "profile", "number": 1, "skipped": False})
    ]


def test_a_wrong_value_left_in_the_wizard_gives_way(api_of, alice, organization, browser):
    browser.open("profile")
    browser.save("profile", country="XX")
    assert Draft.objects.for_organization(organization).get().entries["profile.country"]["typed"] == ["XX"]
    api_of(alice).patch(PROFILE, {"country": "IL"})
    assert "profile.country" not in Draft.objects.for_organization(organization).get().entries
    assert '<option value="IL" selected' in browser.open("profile")


def test_looking_begins_nothing(api_of, bob, organization, django_assert_max_num_queries):
    api = api_of(bob)
    with django_assert_max_num_queries(6):
        assert api.get(PROFILE).json()["onboarding_step"] == 1
    assert not Onboarding.objects.for_organization(organization).exists()


def test_nobody_has_no_profile(api_of):
    assert api_of().get(PROFILE).status_code == 401
    assert api_of().patch(PROFILE, {}).status_code == 401
