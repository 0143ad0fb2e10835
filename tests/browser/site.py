"""Every page of Ava that a person can open, on a running installation with the demo tenant in it."""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

import requests
from playwright.sync_api import BrowserContext, Page

from tests.servers.processes import eventually
from tests.story.installation import PASSWORD, RunningAva

LANGUAGES = ("en", "fr", "he")
DEMO = "demo@ava.example"
STEPS = ("profile", "vapi", "ava", "twilio", "telephony", "integrations", "assistant", "plan", "done")
SECTIONS = (
    *("profile", "team", "vapi", "twilio", "number"),
    *("integrations", "notifications", "plan", "security", "data"),
)

SIGNED_OUT = {
    "landing": "/",
    "login": "/accounts/login/",
    "signup": "/accounts/signup/",
    "password-reset": "/accounts/password/reset/",
    "not-found": "/no-such-page/",
}
SIGNED_IN = {
    "dashboard": "/dashboard/",
    "calls": "/calls/",
    "calls-none-found": "/calls/?q=zzzzzz",
    "calls-filtered": "/calls/?q=a&direction=inbound&since=2026-01-01",
    "calls-none-pass": "/calls/?status=failed&since=x",
    "studio": "/studio/",
    "studio-history": "/studio/history/",
    "numbers": "/numbers/",
    "forwarding-test": "/calls/forwarding-test/",
    **{f"settings-{name}": f"/settings?section={name}" for name in SECTIONS},
    "mfa": "/accounts/2fa/",
    "sessions": "/accounts/sessions/",
    "email-addresses": "/accounts/email/",
    "password": "/accounts/password/change/",
    "design": "/design/",
    **{f"onboarding-{name}": f"/onboarding/{name}/" for name in STEPS},
    "onboarding-launched": "/onboarding/launched/",
}


@dataclass(frozen=True)
class Site:
    """A running installation whose demo tenant has had a call."""

    ava: RunningAva
    call_path: str

    def url(self, language: str, path: str) -> str:
        return f"{self.ava.url}/{language}{path}"

    @property
    def pages(self) -> dict[str, str]:
        """The pages of somebody who is signed in, by name."""
        return {**SIGNED_IN, "call": self.call_path}


def prepare(ava: RunningAva) -> Site:
    """Let the demo tenant have a call; wait until all that follows it is done."""
    assert ava.manage("place_call", "--to", ava.number()).returncode == 0
    session = requests.Session()
    page = session.get(f"{ava.url}/en/accounts/login/")
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
    assert token
    fields = {"login": DEMO, "password": PASSWORD, "csrfmiddlewaretoken": token[1]}
    session.post(page.url, fields, headers={"Referer": page.url})

    def finished() -> str:
        listed = session.get(f"{ava.url}/en/calls/").text
        found = re.search(r'href="/en(/calls/[0-9a-f-]{36}/)"', listed)
        return found[1] if found and "<audio" in session.get(f"{ava.url}/en{found[1]}").text else ""

    return Site(ava, eventually(finished, timeout=40, every=0.5))


def log_in(page: Page, site: Site, email: str = DEMO, language: str = "en") -> None:
    """Through the log-in page, as a person does."""
    page.goto(site.url(language, "/accounts/login/"))
    page.fill("input[name=login]", email)
    page.fill("input[name=password]", PASSWORD)
    page.locator("main form button.button").first.click()
    page.wait_for_url(lambda url: "/login/" not in urlsplit(url).path)


def mails_to(ava: RunningAva, email: str) -> list[str]:
    """The texts of the mails to an address, the newest first."""
    base = ava.mailbox_url.removesuffix("/mail")
    links = dict.fromkeys(re.findall(r'href="(/mail/[^"]+)"', requests.get(ava.mailbox_url).text))
    texts = [requests.get(base + link).text for link in links]
    return [text for text in texts if email in text]


def complaints_of(context: BrowserContext) -> list[str]:
    """What the browser's console complains about from now on: errors, and what the content policy stopped."""
    heard: list[str] = []
    context.on("console", lambda message: message.type == "error" and heard.append(message.text))
    context.on("weberror", lambda error: heard.append(str(error.error)))
    return heard
