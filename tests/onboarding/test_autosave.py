"""What is typed is saved field by field: two pages merge, a conflict is told, and who is signed out hears it."""

import re

import pytest
from django.test import Client

from accounts.models import Organization
from accounts.tenancy import SESSION_KEY
from onboarding.models import Draft, Onboarding
from tests.onboarding.conftest import Browser

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk(alice, organization):
    page = Browser(alice)
    page.open("profile")
    return page


@pytest.fixture
def phone(alice, organization):
    page = Browser(alice)
    page.open("profile")
    return page


def name_of(organization):
    organization.refresh_from_db()
    return organization.name


# --- One page ---------------------------------------------------------------------------------------------------------


def test_right_and_wrong_are_saved_and_the_answer_says_what_is_wrong(desk, alice, organization):
    answer = desk.save("profile", full_name="Alice D.", country="XX")
    assert answer.status_code == 200
    alice.refresh_from_db()
    assert alice.full_name == "Alice D."
    html = answer.content.decode()
    assert 'id="id_full_name_caution" hx-swap-oob="innerHTML"></div>' in html
    assert re.search(r'id="id_country_caution"[^>]*><p>Select a valid choice', html)
    assert answer["HX-Trigger"] == '{"ava-saved": {"saved": ["full_name", "country"], "conflicts": []}}'
    assert Draft.objects.for_organization(organization).get().entries["profile.country"]["typed"] == ["XX"]


def test_a_warning_goes_when_the_value_is_right(desk, organization):
    desk.save("profile", organization_name="")
    answer = desk.save("profile", organization_name="Cabinet D.")
    assert 'id="id_organization_name_caution" hx-swap-oob="innerHTML"></div>' in answer.content.decode()
    assert name_of(organization) == "Cabinet D."


def test_a_box_that_is_cleared_is_saved_as_cleared(desk, alice):
    desk.save("profile", marketing_opt_in="on")
    desk.save("profile", marketing_opt_in=[])
    alice.refresh_from_db()
    assert alice.marketing_opt_in is False


def test_fields_that_are_not_the_steps_are_ignored(desk, alice, organization):
    desk.save("profile", is_staff="on", plan="business", seats="99", email="x@y.example")
    alice.refresh_from_db()
    organization.refresh_from_db()
    assert (alice.is_staff, organization.plan, organization.seats) == (False, "free", 1)
    assert Draft.objects.for_organization(organization).get().entries == {}


@pytest.mark.parametrize(
    "odd", ["\x00", "a\x00b", "x" * 30_000, "<script>alert(1)</script>", "\N{GRINNING FACE}\u202e"]
)
def test_odd_text_is_survived(desk, organization, odd):
    assert desk.save("profile", organization_name=odd).status_code == 200
    assert "<script>alert" not in desk.open("profile")


def test_a_page_that_types_on_is_no_conflict_with_itself(desk, organization):
    """The answer to the first save was lost, so the page still names the value it began from."""
    before = dict(desk.bases)
    desk.save("profile", writer="w", sequence=1, organization_name="Cab")
    desk.bases = before
    desk.save("profile", writer="w", sequence=2, organization_name="Cabinet")
    assert name_of(organization) == "Cabinet"


def test_what_was_overtaken_on_its_way_changes_nothing(desk, organization):
    before = dict(desk.bases)
    desk.save("profile", writer="w", sequence=2, organization_name="Cabinet")
    desk.bases = before
    desk.save("profile", writer="w", sequence=1, organization_name="Cab")
    assert name_of(organization) == "Cabinet"


# --- Two pages --------------------------------------------------------------------------------------------------------


def test_two_devices_that_change_different_fields_merge(desk, phone, alice, organization):
    desk.save("profile", writer="d", sequence=1, full_name="Alice D.")
    phone.save("profile", writer="p", sequence=1, organization_name="Cabinet D.")
    alice.refresh_from_db()
    assert (alice.full_name, name_of(organization)) == ("Alice D.", "Cabinet D.")


def test_whole_pages_merge_as_well(desk, phone, alice, organization):
    name, full_name = organization.name, alice.full_name
    desk.post("profile", full_name="Alice D.", organization_name=name)
    phone.post("profile", full_name=full_name, organization_name="Cabinet D.")
    alice.refresh_from_db()
    assert (alice.full_name, name_of(organization)) == ("Alice D.", "Cabinet D.")


def test_the_same_field_changed_elsewhere_is_shown_with_both_values(desk, phone, organization):
    desk.save("profile", writer="d", sequence=1, organization_name="From the desk")
    answer = phone.save("profile", writer="p", sequence=1, organization_name="From the phone")
    html = answer.content.decode()
    assert name_of(organization) == "From the desk"
    assert "From the desk" in html and "From the phone" in html
    assert 'name="keep" value="organization_name"' in html and 'name="take" value="organization_name"' in html
    assert '"conflicts": ["organization_name"]' in answer["HX-Trigger"]


def test_a_change_in_the_settings_meanwhile_is_a_conflict_too(desk, organization):
    Organization.objects.filter(pk=organization.pk).update(name="From the settings")
    assert '"conflicts": ["organization_name"]' in desk.save("profile", organization_name="Mine")["HX-Trigger"]


def test_the_same_value_typed_twice_is_no_conflict(desk, phone, organization):
    desk.save("profile", writer="d", organization_name="Cabinet")
    assert '"conflicts": []' in phone.save("profile", writer="p", organization_name="Cabinet")["HX-Trigger"]


def test_keeping_mine_after_a_conflict_writes_it(desk, phone, organization):
    desk.save("profile", writer="d", organization_name="From the desk")
    html = phone.save("profile", writer="p", sequence=1, organization_name="From the phone").content.decode()
    phone.bases["organization_name"] = re.search(r'data-version="(\w+)"', html)[1]
    phone.save("profile", writer="p", sequence=2, organization_name="From the phone")
    assert name_of(organization) == "From the phone"


@pytest.mark.parametrize(("choice", "kept"), [("keep", "From the phone"), ("take", "From the desk")])
def test_without_a_script_the_page_comes_back_and_asks(desk, phone, alice, organization, choice, kept):
    desk.post("profile", organization_name="From the desk")
    answer = phone.post("profile", organization_name="From the phone", full_name="Alice D.")
    assert answer.status_code == 200
    html = answer.content.decode()
    assert 'value="From the phone"' in html and "From the desk" in html
    alice.refresh_from_db()
    assert alice.full_name == "Alice D.", "what does not clash is saved"
    answer = phone.post("profile", organization_name="From the phone", extra={choice: "organization_name"})
    assert answer.status_code == 302
    assert name_of(organization) == kept


def test_a_conflict_shows_words_and_not_codes(desk, phone, organization):
    desk.save("profile", writer="d", country="FR")
    html = phone.save("profile", writer="p", country="IL").content.decode()
    assert "<bdi>Israel</bdi>" in html and "<bdi>France</bdi>" in html


# --- Who may --------------------------------------------------------------------------------------------------------


def test_who_is_signed_out_gets_401_and_nothing_is_saved(desk, organization):
    desk.client.logout()
    answer = desk.save("profile", organization_name="Too late")
    assert answer.status_code == 401
    assert name_of(organization) != "Too late"


def test_the_page_knows_where_to_sign_in_again(desk):
    html = desk.open("profile")
    assert 'data-sign-in-url="/en/accounts/login/?next=/en/onboarding/profile/"' in html


def test_only_posts_save(desk):
    assert desk.client.get("/en/onboarding/profile/save/").status_code == 405


def test_a_post_of_another_site_saves_nothing(alice, organization):
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice, backend="django.contrib.auth.backends.ModelBackend")
    answer = client.post("/en/onboarding/profile/save/", {"fields": "organization_name", "organization_name": "Evil"})
    assert answer.status_code == 403
    assert name_of(organization) != "Evil"


def test_a_stranger_changes_their_own_organization_only(desk, charlie, organization):
    before = name_of(organization)
    stranger = Browser(charlie)
    stranger.open("profile")
    data = {"fields": "organization_name", "organization_name": "Theirs", "organization": organization.pk}
    assert stranger.client.post("/en/onboarding/profile/save/", data).status_code == 409
    stranger.save("profile", organization_name="Theirs")
    assert name_of(organization) == before
    assert charlie.organizations.get().name == "Theirs"


def test_a_page_left_open_does_not_write_into_the_organization_chosen_since(desk, alice, charlie, organization):
    other = charlie.organizations.get()
    alice.memberships.create(organization=other, role="owner")
    session = desk.client.session
    session[SESSION_KEY] = other.pk
    session.save()
    data = {"fields": "organization_name", "organization_name": "Oops", "organization": organization.pk}
    assert desk.client.post("/en/onboarding/profile/save/", data).status_code == 409
    assert name_of(other) != "Oops"


@pytest.mark.parametrize("door", ["profile/", "profile/skip/", "assistant/create/", "done/launch/"])
def test_nor_do_its_buttons(desk, alice, charlie, organization, door):
    other = charlie.organizations.get()
    alice.memberships.create(organization=other, role="owner")
    session = desk.client.session
    session[SESSION_KEY] = other.pk
    session.save()
    data = {"fields": "organization_name", "organization_name": "Oops", "organization": organization.pk}
    answer = desk.client.post(f"/en/onboarding/{door}", data, follow=True)
    assert "belongs to another organization" in answer.content.decode()
    assert name_of(other) != "Oops"
    assert not Onboarding.objects.for_organization(other).exclude(completed_at=None).exists()


# --- Who means harm ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("door", ["profile/save/", "profile/"])
def test_a_field_that_the_step_does_not_have_is_kept_nowhere(desk, organization, door):
    data = {"fields": ["api_key", "vapi_id"], "api_key": "sk_secret", "base-api_key": "0" * 16, "vapi_id": "x"}
    assert desk.client.post(f"/en/onboarding/{door}", {**data, "next": "here"}).status_code in {200, 302}
    assert "sk_secret" not in str(dict(desk.client.session))
    assert "api_key" not in str(Draft.objects.for_organization(organization).get().entries)


def test_terms_accepted_on_another_page_are_no_conflict(desk, phone):
    desk.save("profile", accept_terms="on")
    assert phone.post("profile", extra={"accept_terms": "x", "fields": "accept_terms"}).status_code == 302


def test_what_is_huge_is_cut_and_what_no_database_takes_is_left_out(desk, organization):
    huge = ["x" * 1500] * 900
    assert desk.save("integrations", workspace_apps=huge, writer="w\x00").status_code == 200
    assert desk.save("profile", company_size="\x00" + "y" * 100_000).status_code == 200
    entries = Draft.objects.for_organization(organization).get().entries
    assert len("".join(entries["integrations.workspace_apps"]["typed"])) <= 20_000
    assert len(entries["profile.company_size"]["typed"][0]) <= 20_000
    assert desk.client.post("/en/onboarding/profile/save/", {"fields": ["full_name"] * 1200}).status_code == 400
