"""A mail server that keeps what it receives and can be told to refuse, to stall or to break off."""

import asyncio
from collections import deque
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.servers.processes import free_port

BREAK_OFF = "break off"


class ReceivedMail(EmailMessage):
    """A mail as parsed by the standard library, and the envelope it came in."""

    sender: str = ""
    recipients: list[str]


_PARSER = BytesParser(ReceivedMail, policy=policy.default)


class SmtpSink:
    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"smtp://127.0.0.1:{self.port}"
        self.messages: list[ReceivedMail] = []
        self._answers: dict[str, deque[str]] = {"RCPT": deque(), "DATA": deque()}
        self._delay = 0.0
        self._controller: Controller | None = None

    def refuse_rcpt(self, times: int = 1, code: int = 450) -> None:
        """Refuse the next recipients: 4xx is "try again", 5xx is "never"."""
        self._answers["RCPT"].extend([f"{code} Recipient refused"] * times)

    def refuse_data(self, times: int = 1, code: int = 451) -> None:
        self._answers["DATA"].extend([f"{code} Message refused"] * times)

    def drop_after_data(self, times: int = 1) -> None:
        """Take the next mails, but break off before saying so: the sender cannot know that they arrived."""
        self._answers["DATA"].extend([BREAK_OFF] * times)

    def answer_after(self, seconds: float) -> None:
        """Be slow to answer each DATA, until told otherwise."""
        self._delay = seconds

    def clear(self) -> None:
        """Forget the mails and the script."""
        self.messages.clear()
        self._delay = 0.0
        for answers in self._answers.values():
            answers.clear()

    def start_again(self) -> "SmtpSink":
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port)
        self._controller.start()
        return self

    def stop(self) -> None:
        if self._controller:
            self._controller.stop()
            self._controller = None

    # What follows is called by aiosmtpd, in its own thread.

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self._answers["RCPT"]:
            return self._answers["RCPT"].popleft()
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        await asyncio.sleep(self._delay)
        answer = self._answers["DATA"].popleft() if self._answers["DATA"] else "250 OK"
        if answer in ("250 OK", BREAK_OFF):
            self._keep(envelope)
        if answer == BREAK_OFF:
            assert isinstance(server.transport, asyncio.WriteTransport)
            server.transport.abort()
        return answer

    def _keep(self, envelope: Envelope) -> None:
        mail = _PARSER.parsebytes((envelope.original_content or b"").replace(b"\r\n", b"\n"))
        assert isinstance(mail, ReceivedMail)
        mail.sender = envelope.mail_from or ""
        mail.recipients = list(envelope.rcpt_tos)
        self.messages.append(mail)


def start() -> SmtpSink:
    return SmtpSink().start_again()
