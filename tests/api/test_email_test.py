"""A mail on demand, through a real mail server: it arrives, or its sender is told why not."""

import pytest
import time_machine
from django.utils import timezone

from tests.api.conftest import errors_of

TEST_MAIL = "/api/v1/integrations/email/test"


def test_the_mail_arrives_in_the_readers_language(api_of, alice, bob, mails):
    answer = api_of(alice).post("/api/integrations/email/test")
    assert answer.status_code == 200, answer.content
    (mail,) = mails.messages
    assert answer.json() == {"success": True, "to": alice.email, "message_id": mail["Message-ID"]}
    assert mail.recipients == [alice.email]
    assert mail["Subject"] == "Mails from Ava arrive here"
    assert "Alice Delmas of Alice wanted to know" in mail.get_body(("plain",)).get_content()
    assert "Alice Delmas of Alice wanted to know" in mail.get_body(("html",)).get_content()


def test_a_member_may_be_written_to_and_nobody_else(api_of, alice, bob, charlie, mails):
    api = api_of(alice)
    assert api.post(TEST_MAIL, {"to": "BOB@practice.example"}).json()["to"] == bob.email
    assert [mail.recipients for mail in mails.messages] == [[bob.email]]
    for stranger in (charlie.email, "nobody@example.com", "no address", None):
        assert set(errors_of(api.post(TEST_MAIL, {"to": stranger}))) == {"to"}
    assert errors_of(api.post(TEST_MAIL, {"cc": bob.email})) == {"cc": "unknown_field"}
    assert len(mails.messages) == 1


@pytest.mark.parametrize(
    ("code", "status", "kind", "words"),
    [
        (550, 409, "mail_refused", "550, there is no such mailbox"),
        (450, 503, "mail_unreachable", "450, the mailbox is busy"),
        (571, 409, "mail_refused", "the mail server answers 571."),
    ],
)
def test_what_the_mail_server_says_is_told_in_words(api_of, alice, mails, code, status, kind, words):
    mails.refuse_rcpt(code=code)
    answer = api_of(alice).post(TEST_MAIL)
    assert (answer.status_code, answer.json()["code"]) == (status, kind)
    assert words in answer.json()["detail"]
    assert "Recipient refused" not in answer.content.decode()  # the server's own words may hold anything


def test_a_mail_server_that_is_away_is_told_without_its_secrets(api_of, alice, mails, settings):
    settings.EMAIL_PORT, settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = 9, "canary", "canary-password"
    answer = api_of(alice).post(TEST_MAIL)
    assert (answer.status_code, answer.json()["code"]) == (503, "mail_unreachable")
    assert "canary" not in answer.content.decode()


def test_five_an_hour_are_enough(api_of, alice, mails):
    api, start = api_of(alice), timezone.now()
    for _ in range(5):
        assert api.post(TEST_MAIL).status_code == 200
    refused = api.post(TEST_MAIL)
    assert (refused.status_code, refused.json()["code"]) == (429, "throttled")
    assert 3500 < int(refused["Retry-After"]) <= 3600
    assert len(mails.messages) == 5
    with time_machine.travel(start.timestamp() + 3700):
        api.force_authenticate(alice)  # the token is over by then
        assert api.post(TEST_MAIL).status_code == 200


def test_an_address_of_nobody_costs_nothing_of_the_limit(api_of, alice, mails):
    for _ in range(6):
        api_of(alice).post(TEST_MAIL, {"to": "nobody@example.com"})
    assert api_of(alice).post(TEST_MAIL).status_code == 200


def test_under_the_same_key_one_mail_is_sent(api_of, alice, mails):
    first, second = (api_of(alice).post(TEST_MAIL, HTTP_IDEMPOTENCY_KEY="mail-1") for _ in range(2))
    assert first.json() == second.json()
    assert len(mails.messages) == 1


def test_members_and_strangers_to_ava_send_none(api_of, bob, mails):
    assert api_of(bob).post(TEST_MAIL).status_code == 403
    assert api_of().post(TEST_MAIL).status_code == 401
    assert mails.messages == []
