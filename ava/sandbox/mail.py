"""A mail server that delivers to nobody, and the mailbox in which its mails can be read."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.message import EmailMessage
from html import escape
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from werkzeug.wrappers import Request, Response

from ava.sandbox.http import Refusal, Route, Sandbox, now
from ava.sandbox.pages import html, page
from ava.sandbox.state import write_atomically

HOST = "127.0.0.1"
MOST_SHOWN = 100


def routes() -> list[Route]:
    return [
        ("GET", "/mail", list_mails),
        ("GET", "/mail/<name>", show_mail),
        ("GET", "/mail/<name>/html", show_html),
    ]


class Sink:
    """Takes every mail and keeps it as a file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        name = f"{now():%Y%m%dT%H%M%S%f}.eml"
        write_atomically(self.folder / name, envelope.content)
        return "250 Kept"


def start(folder: Path, port: int) -> Controller:
    """Take mail on this port, in a thread of its own."""
    controller = Controller(Sink(folder), hostname=HOST, port=port)
    controller.start()
    return controller


def folder_of(sandbox: Sandbox) -> Path:
    return sandbox.state.media.parent / "mail"


def list_mails(sandbox: Sandbox, request: Request) -> Response:
    files = sorted(folder_of(sandbox).glob("*.eml"), reverse=True)[:MOST_SHOWN]
    rows = "".join(_row(file) for file in files) or '<tr><td colspan="3">No mail has been sent yet.</td></tr>'
    return page("Mailbox", f"<h1>Mailbox</h1><table><tr><th>When</th><th>To</th><th>Subject</th></tr>{rows}</table>")


def show_mail(sandbox: Sandbox, request: Request, name: str) -> Response:
    mail = _read(sandbox, name)
    subject = escape(str(mail["Subject"] or "(no subject)"))
    text, has_html = mail.get_body(("plain",)), mail.get_body(("html",)) is not None
    frame = f'<iframe sandbox src="/mail/{escape(name)}/html" title="The mail as HTML"></iframe>' if has_html else ""
    words = f"<h2>As text</h2><pre dir='auto'>{escape(str(text.get_content()))}</pre>" if text else ""
    head = f"<p>From {escape(str(mail['From']))}<br>To {escape(str(mail['To']))}<br>{escape(str(mail['Date']))}</p>"
    return page(subject, f'<p><a href="/mail">Mailbox</a></p><h1 dir="auto">{subject}</h1>{head}{frame}{words}')


def show_html(sandbox: Sandbox, request: Request, name: str) -> Response:
    part = _read(sandbox, name).get_body(("html",))
    return html(str(part.get_content()) if part else "")


def _row(file: Path) -> str:
    mail = message_from_bytes(file.read_bytes(), policy=policy.default)
    cells = (str(mail["Date"] or ""), str(mail["To"] or ""))
    link = f'<a dir="auto" href="/mail/{escape(file.name)}">{escape(str(mail["Subject"] or "(no subject)"))}</a>'
    return f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}<td>{link}</td></tr>"


def _read(sandbox: Sandbox, name: str) -> EmailMessage:
    known = {file.name: file for file in folder_of(sandbox).glob("*.eml")}
    if name not in known:
        raise Refusal(404, {"message": ["no such mail"]})
    return message_from_bytes(known[name].read_bytes(), policy=policy.default)
