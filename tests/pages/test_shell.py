"""The frame of every page: one menu for organization, language and theme, kept where it was chosen."""

import re

import pytest
from django.conf import settings
from django.contrib.messages import constants
from django.test import Client
from django.urls import reverse

from accounts.models import Membership, User
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(alice: User) -> Client:
    client = Client()
    client.force_login(alice, backend=settings.AUTHENTICATION_BACKENDS[0])
    return client


def opening(client: Client, path: str = "/en/") -> str:
    """The page's first tag."""
    match = re.search(r"<html[^>]*>", client.get(path).content.decode())
    assert match
    return match[0]


# --- Theme ------------------------------------------------------------------------------------------------------------


def test_the_theme_is_the_devices_until_one_is_chosen(client):
    assert "data-theme" not in opening(client)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_chosen_theme_is_in_the_first_byte_and_stays(client, theme):
    answer = client.post(reverse("set-theme"), {"theme": theme, "next": "/en/accounts/login/"})
    assert answer.url == "/en/accounts/login/"
    assert f'data-theme="{theme}"' in opening(client)
    client.post(reverse("set-theme"), {"theme": "system", "next": "/en/"})
    assert "data-theme" not in opening(client)


@pytest.mark.parametrize("odd", ["", "blue", '"><script>', "x" * 5000])
def test_a_theme_that_is_none_changes_nothing(client, odd):
    client.post(reverse("set-theme"), {"theme": odd})
    assert "data-theme" not in opening(client)
    client.cookies["theme"] = "blue"
    assert "data-theme" not in opening(client)


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "javascript:alert(1)", ""])
def test_the_theme_switch_leads_nowhere_else(client, target):
    answer = client.post(reverse("set-theme"), {"theme": "dark", "next": target})
    assert answer.url == reverse("home")


def test_the_theme_is_kept_when_somebody_signs_out(browser):
    browser.post(reverse("set-theme"), {"theme": "dark", "next": "/en/dashboard/"})
    browser.post(reverse("account_logout"))
    assert 'data-theme="dark"' in opening(browser)


# --- Organization -----------------------------------------------------------------------------------------------------


def test_one_switches_between_ones_own_organizations(browser, alice, charlie):
    second = charlie.organizations.get()
    Membership.objects.create(user=alice, organization=second)
    answer = browser.post(reverse("switch-organization"), {"organization": second.pk})
    assert answer.url == reverse("dashboard")
    html = browser.get("/en/dashboard/").content.decode()
    assert f'value="{second.pk}" aria-current="true"' in html
    assert f'value="{alice.organizations.exclude(pk=second.pk).get().pk}"' in html


def test_a_strangers_organization_is_not_found_and_not_entered(browser, alice, organization, charlie):
    theirs = charlie.organizations.get()
    assert browser.post(reverse("switch-organization"), {"organization": theirs.pk}).status_code == 404
    assert theirs.name not in browser.get("/en/dashboard/").content.decode()


@pytest.mark.parametrize("odd", ["", "x", "-1", "9" * 40, "\x00", "1 OR 1=1"])
def test_an_odd_organization_is_not_found(browser, odd):
    assert browser.post(reverse("switch-organization"), {"organization": odd}).status_code == 404


def test_switching_needs_somebody_who_is_signed_in(client, organization):
    answer = client.post(reverse("switch-organization"), {"organization": organization.pk})
    assert "login" in answer.url


# --- Menu, navigation, messages ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", [language for language, _name in settings.LANGUAGES])
def test_five_places_are_one_step_away_and_the_present_one_is_marked(browser, language):
    html = browser.get(f"/{language}/calls/").content.decode()
    nav = html[html.index('<nav class="nav"') : html.index("</nav>")]
    assert nav.count("<a ") == 5
    assert nav.count('aria-current="page"') == 1
    assert f'href="/{language}/calls/" aria-current="page"' in nav


def test_signed_out_people_choose_language_and_theme_too(client):
    html = client.get("/en/accounts/login/").content.decode()
    for name in ("set-language", "set-theme"):
        assert f'action="{reverse(name)}"' in html
    assert reverse("switch-organization") not in html


def test_a_message_is_told_by_a_live_region(browser):
    html = browser.post(reverse("activate"), follow=True).content.decode()
    region = html[html.index('id="toasts"') :]
    assert 'aria-live="polite"' in region[:60]
    assert 'class="toast error" role="alert"' in region
    assert constants.DEFAULT_TAGS[constants.ERROR] == "error"


def test_htmx_is_set_up_for_a_strict_policy_and_sends_the_token(browser):
    html = browser.get("/en/dashboard/").content.decode()
    assert '"allowEval": false' in html
    assert re.search(r"<body[^>]+hx-headers='{\"X-CSRFToken\": \"\w+\"}'", html)


# --- The components' page ---------------------------------------------------------------------------------------------


def test_the_components_are_for_the_operators_people_only(client, alice):
    address = reverse("design")
    assert client.get(address).status_code == 404
    client.force_login(alice, backend=settings.AUTHENTICATION_BACKENDS[0])
    assert client.get(address).status_code == 404
    alice.is_staff = True
    alice.save()
    assert client.get(address).status_code == 200


def test_each_control_is_tied_to_what_is_said_about_it(client):
    staff = factories.make_user("staff@ava.example", is_staff=True)
    client.force_login(staff, backend=settings.AUTHENTICATION_BACKENDS[0])
    html = client.get(reverse("design")).content.decode()
    ids = re.findall(r'\sid="([^"]+)"', html)
    assert len(ids) == len(set(ids))
    for described in re.findall(r'aria-describedby="([^"]+)"', html):
        assert set(described.split()) <= set(ids)
    for target in re.findall(r'<label[^>]*\sfor="([^"]+)"', html):
        assert target in ids
    assert 'aria-describedby="id_seats_caution"' in html
    assert 'role="switch"' in html
    assert '<fieldset class="field"' in html


def test_what_a_signed_in_person_sees_is_kept_by_no_cache(client, alice):
    client.force_login(alice)
    for path in ("/en/", "/en/dashboard/", "/en/calls/", "/en/settings/", "/en/onboarding/profile/"):
        assert "no-store" in client.get(path).headers["Cache-Control"], path
