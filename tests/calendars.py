"""Connecting a calendar as a person does: out to the sandbox's consent page, and back with its answer."""

import html
import re
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import requests

from assistants.models import CalendarConnection

PROVIDERS = ("google", "outlook")
SECTION = "/en/settings?section=integrations"


def new_account(provider: str) -> str:
    """An account that no other test has used."""
    return f"alice-{uuid4().hex[:10]}@{provider}.example"


def begin(client: Any, provider: str) -> str:
    """Press "Connect"; the provider's address to which the page leads on."""
    page = client.post(f"/en/studio/calendars/{provider}/connect/").content.decode()
    found = re.search(r'http-equiv="refresh" content="0; url=([^"]+)"', page)
    assert found, page
    return html.unescape(found[1])


def decide(address: str, *, answer: str = "allow", account: str = "", untick: bool = False) -> str:
    """Press a button of the consent page; where the browser is sent, without the host."""
    page = requests.get(address, timeout=5)
    assert page.status_code == 200, page.text
    fields = [(k, html.unescape(v)) for k, v in re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', page.text)]
    boxes = re.findall(r'name="granted" value="([^"]*)"', page.text)
    ticked = [] if untick else [("granted", html.unescape(box)) for box in boxes]
    typed = [("account", account or "nobody@example.com"), ("answer", answer), *ticked]
    sent = requests.post(address, data=[*fields, *typed], allow_redirects=False, timeout=5)
    assert sent.status_code == 302, sent.text
    back = urlsplit(sent.headers["Location"])
    assert f"{back.scheme}://{back.netloc}" == "http://testserver"
    return f"{back.path}?{back.query}"


def connect(client: Any, provider: str, account: str = "") -> str:
    """The whole way; returns the account."""
    account = account or new_account(provider)
    answer = client.get(decide(begin(client, provider), account=account))
    assert answer.status_code == 302
    return account


def connection_of(organization: Any, provider: str) -> CalendarConnection:
    return CalendarConnection.objects.for_organization(organization).get(provider=provider)
