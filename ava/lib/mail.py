"""One mail, in one language, as HTML and as text from the same context."""

import smtplib
from typing import Any

from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext_noop


class MailFailed(Exception):
    """The mail was not taken; `code` is what the server answered, None when it did not."""

    def __init__(self, message: str, code: int | None = None) -> None:
        super().__init__(message)
        self.code = code


class MailRefused(MailFailed):
    """The mail server will not take this mail, now or later."""


class MailUnreachable(MailFailed):
    """The mail server did not take the mail now; worth another try."""


def send(*, to: str, template: str, language: str, context: dict[str, Any], message_id: str) -> None:
    """Send `emails/<template>.{subject.txt,txt,html}` in `language`. Raises MailRefused, MailUnreachable.

    A stable `message_id` lets a mail client fold the double that a crash between sending and noting may cause.
    """
    with translation.override(language):
        subject = " ".join(render_to_string(f"emails/{template}.subject.txt", context).split())
        mail = EmailMultiAlternatives(
            subject=subject,
            body=render_to_string(f"emails/{template}.txt", context),
            to=[to],
            headers={"Message-ID": message_id, "Auto-Submitted": "auto-generated"},
        )
        mail.attach_alternative(render_to_string(f"emails/{template}.html", context), "text/html")
    try:
        mail.send()
    except smtplib.SMTPRecipientsRefused as error:
        codes = [code for code, _words in error.recipients.values()]
        _raise(max(codes, default=450))
    except smtplib.SMTPResponseException as error:
        _raise(error.smtp_code)
    except (smtplib.SMTPException, OSError) as error:
        raise MailUnreachable(gettext_noop("The mail server did not answer") + f" ({type(error).__name__})") from None


def _raise(code: int) -> None:
    if 500 <= code < 600:
        raise MailRefused(gettext_noop("The mail server refused the mail") + f" ({code})", code) from None
    raise MailUnreachable(gettext_noop("The mail server asks to try later") + f" ({code})", code) from None
