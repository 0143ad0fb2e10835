"""The sandbox's mail server and mailbox: what is sent can be read, and can do nothing."""

import smtplib
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest
from werkzeug.test import Client

from ava.sandbox import mail, server
from tests.servers.processes import free_port

HOSTILE = '<script>alert(1)</script><p dir="rtl">שלום</p>'


@pytest.fixture
def mailbox(tmp_path: Path) -> Iterator[Client]:
    port = free_port()
    taking = mail.start(tmp_path / "mail", port)
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "ava@ava.example", "alice@practice.example", "שיחה <b>"
    message.set_content("Somebody called.")
    message.add_alternative(HOSTILE, subtype="html")
    with smtplib.SMTP("127.0.0.1", port, timeout=5) as client:
        client.send_message(message)
    yield Client(server.create_app(tmp_path))
    taking.stop()


def link(mailbox: Client) -> str:
    return mailbox.get("/mail").text.split('href="')[1].split('"')[0]


def test_a_mail_sent_by_smtp_is_in_the_mailbox(mailbox):
    page = mailbox.get("/mail").text
    assert "alice@practice.example" in page
    assert "שיחה &lt;b&gt;" in page
    assert "Somebody called." in mailbox.get(link(mailbox)).text


def test_a_mails_html_may_run_nothing(mailbox):
    shown = mailbox.get(link(mailbox) + "/html")
    assert HOSTILE.strip() in shown.text
    assert shown.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert "<script>" not in mailbox.get(link(mailbox)).text


@pytest.mark.parametrize("name", ["nothing.eml", "..%2F..%2Fpasswd", ".."])
def test_only_mails_can_be_opened(mailbox, name):
    assert mailbox.get(f"/mail/{name}").status_code == 404
