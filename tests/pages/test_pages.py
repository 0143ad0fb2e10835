"""What people see: every page and mail in three languages, without inline styles or scripts, and safe from callers."""

import re
from typing import Any

import pytest
from django.conf import settings
from django.core import mail as outbox
from django.core.files.base import ContentFile
from django.test import Client
from django.urls import reverse
from django.utils import translation

from accounts.models import Organization, User, VapiCredential
from ava.lib import mail, storage
from calls.models import Call, StepKind, StepState
from tests import factories

pytestmark = pytest.mark.django_db
LANGUAGES = [language for language, _name in settings.LANGUAGES]
SIGNED_IN = [
    "/dashboard/",
    "/calls/",
    "/calls/ringing/not-yet-known/",
    "/settings?section=vapi",
    "/settings?section=twilio",
    "/settings?section=number",
    *(f"/settings?section={name}" for name in ("profile", "team", "integrations", "webhooks")),
    *(f"/settings?section={name}" for name in ("notifications", "plan", "security", "data")),
    "/studio/",
    "/studio/history/",
    "/numbers/",
    *(f"/onboarding/{step}/" for step in ("profile", "vapi", "ava", "twilio", "telephony", "integrations")),
    *(f"/onboarding/{step}/" for step in ("assistant", "plan", "done")),
    "/accounts/email/",
    "/accounts/password/change/",
    "/accounts/reauthenticate/",
    "/accounts/logout/",
]
ANONYMOUS = [
    "/",
    "/accounts/login/",
    "/accounts/signup/",
    "/accounts/inactive/",
    "/accounts/password/reset/",
    "/accounts/password/reset/done/",
    "/accounts/password/reset/key/1-used-up/",
    "/accounts/password/reset/key/done/",
]
ATTACK = "<script>alert('hello')</script><img src=x onerror=alert(1)>"
INLINE = re.compile(
    r"<script(?![^>]*\s(src=|type=.application/json.))|<style|\sstyle=|\son[a-z]+=[\"']|javascript:", re.IGNORECASE
)


@pytest.fixture
def browser(alice: User) -> Client:
    return sign_in(alice)


def sign_in(person: User) -> Client:
    client = Client()
    client.force_login(person, backend=settings.AUTHENTICATION_BACKENDS[0])
    return client


def html_of(client: Client, path: str, *, language: str = "en", status: int = 200) -> str:
    response = client.get(f"/{language}{path}")
    assert response.status_code == status
    return response.content.decode()


def call_page(client: Client, call: Call) -> str:
    return html_of(client, f"/calls/{call.pk}/")


def keep_recording(call: Call) -> None:
    call.recording_name = storage.disk().save(f"{call.pk}.wav", ContentFile(b"RIFF"))
    call.save()


def connect(organization: Organization, *, active: bool = True) -> None:
    """A key, a number and, perhaps, Ava on the phone."""
    values = {"api_key": "a-key-of-the-tenant-1234", "last_four": "1234", "status": "works"}
    VapiCredential.objects.for_organization(organization).create(organization=organization, **values)
    factories.make_number(organization, routed_to="assistant")
    html_of(sign_in(organization.owner), "/dashboard/")  # makes the studio
    organization.studio.mark_active(active)


def mail_of(call: Call, language: str) -> Any:
    """The mail about a call, as it would leave."""
    context = {"call": call, "person": call.organization.owner, "url": "https://ava.example/the-call"}
    mail.send(to="alice@practice.example", template="call", language=language, context=context, message_id="<1@a>")
    return outbox.outbox[-1]


# --- Every page -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("path", SIGNED_IN + ANONYMOUS)
def test_page_is_whole_in_each_language_and_direction(organization, browser, path, language):
    factories.make_call(organization)
    html = html_of(browser if path in SIGNED_IN else Client(), path, language=language)
    direction = "rtl" if language == "he" else "ltr"
    assert f'<html lang="{language}" dir="{direction}">' in html
    assert not INLINE.search(html)
    assert html.count("<h1") == 1
    assert "<title> " not in html
    assert "</html>" in html


def test_landing_is_light(client):
    assert len(html_of(client, "/")) < 60_000


@pytest.mark.parametrize("language", LANGUAGES)
def test_error_pages_speak_and_lead_somewhere(client, language):
    html = html_of(client, "/nowhere/", language=language, status=404)
    assert not INLINE.search(html)
    assert f'class="button" href="/{language}/"' in html


def test_a_form_without_its_token_is_answered_with_a_page(alice):
    client = Client(enforce_csrf_checks=True)
    response = client.post("/en/accounts/login/", {"login": alice.email})
    assert response.status_code == 403
    assert "open for too long" in response.content.decode()


def test_language_is_switched_where_one_is_and_kept(alice, browser):
    response = browser.post(reverse("set-language"), {"language": "he", "next": "/en/calls/"})
    assert response.url == "/he/calls/"
    alice.refresh_from_db()
    assert alice.locale == "he"


def test_every_language_is_offered_under_its_own_name(client):
    html = html_of(client, "/")
    assert [name for name in ("English", "Français", "עברית") if f">{name}</button>" in html] == [
        "English",
        "Français",
        "עברית",
    ]


def test_sandbox_says_so_and_shows_the_way_to_the_mailbox(client, settings):
    assert "/mail" not in html_of(client, "/")
    settings.SANDBOX_URL = "http://127.0.0.1:9"
    assert 'href="http://127.0.0.1:9/mail"' in html_of(client, "/")


# --- Dashboard --------------------------------------------------------------------------------------------------------


def test_dashboard_offers_the_one_thing_that_is_missing(organization, browser):
    assert "?section=vapi" in html_of(browser, "/dashboard/")
    connect(organization, active=False)
    assert f'action="{reverse("activate")}"' in html_of(browser, "/dashboard/")
    organization.studio.mark_active(True)
    html = html_of(browser, "/dashboard/")
    assert "Ava answers your calls" in html
    assert "****1234" in html
    organization.numbers.all().delete()
    assert "?section=number" in html_of(browser, "/dashboard/")


def test_dashboard_shows_the_last_problem_in_words(organization, browser):
    connect(organization)
    organization.studio.mark_problem("Vapi <b>refused</b> the key.")
    assert "Vapi &lt;b&gt;refused&lt;/b&gt; the key." in html_of(browser, "/dashboard/")


def test_members_see_the_state_but_no_switch(organization, bob):
    connect(organization)
    html = html_of(sign_in(bob), "/dashboard/")
    assert reverse("deactivate") not in html
    assert "Ava answers your calls" in html


def test_a_test_call_is_offered_in_the_sandbox_only(organization, browser, settings):
    connect(organization)
    assert reverse("place-test-call") not in html_of(browser, "/dashboard/")
    settings.SANDBOX_URL = "http://127.0.0.1:9"
    assert reverse("place-test-call") in html_of(browser, "/dashboard/")


# --- Calls ------------------------------------------------------------------------------------------------------------


def test_call_page_escapes_what_callers_say(organization, browser):
    call = factories.make_call(
        organization,
        caller_number=ATTACK,
        summary=ATTACK,
        ended_reason=ATTACK,
        transcript=[{"role": "user", "text": ATTACK, "seconds": None}],
    )
    for html in (call_page(browser, call), html_of(browser, "/calls/"), html_of(browser, "/dashboard/")):
        assert "<script>" not in html
        assert "<img" not in html
        assert "&lt;script&gt;" in html


def test_player_only_with_a_recording(organization, browser):
    call = factories.make_call(organization)
    assert "<audio" not in call_page(browser, call)
    keep_recording(call)
    assert f'src="{reverse("calls:recording", args=[call.pk])}"' in call_page(browser, call)


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (StepState.PENDING, "It is being fetched"),
        (StepState.SKIPPED, "This call has no recording"),
        (StepState.FAILED, "It could not be fetched"),
    ],
)
def test_without_a_recording_the_page_says_why(organization, browser, state, words):
    call = factories.make_call(organization)
    call.steps.create(kind=StepKind.RECORDING, state=state, due_at=call.started_at)
    html = call_page(browser, call)
    assert words in html
    assert ('http-equiv="refresh"' in html) == (state == StepState.PENDING)


def test_lines_of_a_conversation_carry_the_moment_at_which_they_are_heard(organization, browser):
    call = factories.make_call(organization)
    keep_recording(call)
    for language in LANGUAGES:
        html = html_of(browser, f"/calls/{call.pk}/", language=language)
        assert 'data-seconds="8.2"' in html
        assert "js/player.js" in html


def test_call_page_tells_everything(organization, browser):
    organization.country = "FR"
    organization.save()
    call = factories.make_call(organization, cost="0.0712", ended_reason="customer-ended-call", duration_seconds=125)
    call.steps.create(
        kind=StepKind.EMAIL, state=StepState.FAILED, note="refused (550)", attempts=3, due_at=call.started_at
    )
    html = call_page(browser, call)
    for words in ("06 39 98 00 17", "2 min 5 s", "0.071 USD", "refused (550)", "3 attempts", "customer-ended-call"):
        assert words in html
    assert html.index("Bonjour.") < html.index("Je voudrais un rendez-vous.")
    assert 'class="bubble" dir="ltr"' in html


@pytest.mark.parametrize("fields", [{"caller_number": ""}, {"transcript": []}, {"duration_seconds": None}])
def test_call_page_bears_what_is_missing(organization, browser, fields):
    call = factories.make_call(organization, **fields)
    assert ("Hidden number" in call_page(browser, call)) == ("caller_number" in fields)
    assert str(call.pk) in html_of(browser, "/calls/")


def test_list_leads_to_older_calls_and_back(organization, browser):
    calls = [factories.make_call(organization) for _ in range(26)]
    first = html_of(browser, "/calls/")
    cursor = re.search(r'href="(\?cursor=[^"]+)"', first)
    assert cursor
    second = html_of(browser, f"/calls/{cursor[1]}")
    assert sum(str(call.pk) in first for call in calls) == 25
    assert sum(str(call.pk) in second for call in calls) == 1
    back = re.search(r'rel="prev" href="([^"]+)"', second)
    assert back
    assert sum(str(call.pk) in html_of(browser, f"/calls/{back[1]}") for call in calls) == 25


# --- Settings ---------------------------------------------------------------------------------------------------------


def test_deleting_the_key_asks_first(organization, browser):
    assert 'name="delete"' not in html_of(browser, "/settings?section=vapi")
    connect(organization)
    html = html_of(browser, "/settings?section=vapi")
    assert re.search(r'<(input|button)[^>]+name="delete"', html)
    assert "****1234" in html
    assert "a-key-of-the-tenant" not in html


def test_what_is_wrong_stands_beside_its_field(browser):
    response = browser.post("/en/settings?section=vapi", {"api_key": "short"})
    html = response.content.decode()
    assert 'aria-invalid="true"' in html
    assert 'id="id_api_key_error"' in html
    assert "too short" in html


# --- Mails ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
def test_call_mail_in_each_language_as_text_and_html(organization, language):
    call = factories.make_call(organization, summary="Nadia <b>moves</b> her appointment.")
    keep_recording(call)
    sent = mail_of(call, language)
    html = sent.alternatives[0].content
    assert f'<html lang="{language}" dir="{"rtl" if language == "he" else "ltr"}">' in html
    assert "Nadia &lt;b&gt;moves&lt;/b&gt;" in html
    assert "Nadia <b>moves</b>" in sent.body
    for body in (html, sent.body):
        assert "https://ava.example/the-call" in body
        assert "Je voudrais un rendez-vous." in body
        assert call.recording_name not in body
    assert "\n" not in sent.subject


def test_call_mail_keeps_numbers_whole_in_hebrew(organization):
    call = factories.make_call(organization)
    sent = mail_of(call, "he")
    assert "\u2066+33 6 39 98 00 17\u2069" in sent.subject
    assert '<bdi dir="ltr" class="number">+33 6 39 98 00 17</bdi>' in sent.alternatives[0].content
    assert "\u2066" not in mail_of(call, "fr").subject


def test_call_mail_is_trimmed_when_long(organization):
    lines = [{"role": "user", "text": f"Line {number}. " + "x" * 5000, "seconds": number} for number in range(200)]
    sent = mail_of(factories.make_call(organization, transcript=lines), "en")
    assert len(sent.body) < 80_000
    assert "Line 199" not in sent.body
    assert "The rest of the conversation" in sent.body


@pytest.mark.parametrize("language", LANGUAGES)
def test_sign_up_sends_a_code_as_text_and_html(client, language):
    person = {"email": "new@practice.example", "password1": factories.PASSWORD}
    response = client.post(f"/{language}/accounts/signup/", person, follow=True)
    sent = outbox.outbox[-1]
    html = sent.alternatives[0].content
    assert f'<html lang="{language}"' in html
    code = re.search(r'<p class="soft" dir="ltr"[^>]*>([^<]+)</p>', html)
    assert code
    assert code[1] in sent.body
    page = response.content.decode()
    assert 'autocomplete="one-time-code"' in page
    assert not INLINE.search(page)


def test_forgotten_password_is_set_anew_from_the_mail(alice, client):
    client.post("/en/accounts/password/reset/", {"email": alice.email})
    sent = outbox.outbox[-1]
    link = re.search(r"http://\S+(/en/accounts/password/reset/key/\S+)", sent.body)
    assert link
    assert link[1] in sent.alternatives[0].content
    form = client.get(link[1], follow=True)
    html = form.content.decode()
    assert 'name="password1"' in html
    assert not INLINE.search(html)


# --- Words ------------------------------------------------------------------------------------------------------------


def test_texts_have_no_exclamation_mark(organization, browser):
    with translation.override("en"):
        for path in SIGNED_IN + ANONYMOUS:
            html = html_of(browser if path in SIGNED_IN else Client(), path)
            assert "!" not in html.replace("<!doctype html>", "")
