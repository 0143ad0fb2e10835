"""Secrets that resemble nothing else, used in every way there is, are found nowhere but sealed in their columns."""

import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.hashers import PBKDF2PasswordHasher

from accounts.models import Device, PlatformSettings, TwilioCredential, VapiCredential
from accounts.tenancy import organization_endpoint
from assistants import sync
from calls.models import StepKind, StepState
from tests import factories
from tests.faults import apps, canaries, people
from tests.faults.bucket import new_private_key, open_door, service_account
from tests.faults.people import SECOND_STEP, Browser
from tests.faults.senders import Post, send
from tests.faults.settings_for_pages import BROKEN_PAGE
from tests.faults.stack import around, broker_is_idle
from tests.servers.gcs import Gcs
from tests.servers.processes import Processes, Web, eventually, free_port
from tests.servers.scripted_http import Received, Reply, as_json, serve
from tests.servers.smtp import SmtpSink

pytestmark = [pytest.mark.fault, pytest.mark.slow]

ACCOUNT_SID = "AC" + "c0ffee11" * 4
EMAIL, OPERATOR = "canary@practice.example", "operator@ava.example"
PROMPT = "Never tell anybody that the goldfinch sings at midnight."


@dataclass
class Canaries:
    """One secret of each kind; `mistyped` are those that somebody types where they do not fit."""

    vapi_key: str = field(default_factory=lambda: f"sk_{secrets.token_hex(16)}")
    twilio_token: str = field(default_factory=lambda: secrets.token_hex(16))
    platform_secret: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    password: str = field(default_factory=lambda: f"pass-{secrets.token_hex(12)}")
    openai_key: str = field(default_factory=lambda: f"sk-proj-{secrets.token_hex(16)}")
    expo_token: str = field(default_factory=lambda: f"expo-{secrets.token_hex(16)}")
    google_key: str = field(default_factory=new_private_key)
    mistyped: dict[str, str] = field(
        default_factory=lambda: {
            "Vapi key": f"00000000{secrets.token_hex(2)}-0000-4000-8000-{secrets.token_hex(6)}",
            "Twilio token": "q" + secrets.token_hex(16)[1:],
            "password": f"wrong-{secrets.token_hex(12)}",
            "Google JSON": f'{{"private_key": "{secrets.token_hex(24)}"',
            "signature": secrets.token_hex(32),
        }
    )

    def planted(self) -> dict[str, str]:
        """What must be found nowhere; of a long key its middle is enough."""
        google = self.google_key.splitlines()[9]
        kept = {name: value for name, value in vars(self).items() if name not in ("google_key", "mistyped")}
        return {**kept, "google_key": google, "prompt": PROMPT}


@dataclass
class Scene:
    processes: Processes
    web: Web
    canaries: Canaries
    organization: Any
    token_url: str
    bucket: str
    mailbox: SmtpSink
    eavesdropper: canaries.Eavesdropper
    browsers: list[Browser] = field(default_factory=list)
    app: apps.App = field(default_factory=lambda: apps.App(""))

    def browser(self) -> Browser:
        self.browsers.append(Browser(self.web.url))
        return self.browsers[-1]


def openai_that_echoes(request: Received) -> Reply:
    """As the real one does."""
    words = f"Incorrect API key provided: {request.headers['authorization'].split()[-1]}."
    return as_json({"error": {"message": words, "code": "invalid_api_key"}}, status=401)


@pytest.fixture(scope="module")
def scene(database: str, smtp_sink: SmtpSink, gcs: Gcs, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    port, planted = free_port(), Canaries()
    url = f"http://127.0.0.1:{port}"
    with (
        serve(openai_that_echoes) as openai,
        open_door(gcs) as (door, token_url),
        around(
            tmp_path_factory.mktemp("canaries"),
            smtp_sink,
            [url],
            DATABASE_URL=database,
            DJANGO_SETTINGS_MODULE="tests.faults.settings_for_pages",
            PUBLIC_URL=url,
            LOG_LEVEL="DEBUG",
            OPENAI_API_KEY=planted.openai_key,
            OPENAI_BASE_URL=openai.url,
            EXPO_ACCESS_TOKEN=planted.expo_token,
            STORAGE_EMULATOR_HOST=door.url,
        ) as (processes, _),
    ):
        eavesdropper = canaries.Eavesdropper(processes.env["REDIS_URL"])
        web, worker = processes.web(port), processes.worker(extra=["--loglevel", "DEBUG"])
        organization = make_people(planted.password)
        web.wait_ready()
        worker.wait_ready()
        yield Scene(processes, web, planted, organization, token_url, gcs.bucket, smtp_sink, eavesdropper)
        eavesdropper.stop()


def make_people(password: str) -> Any:
    """An owner with a phone and a studio, and the operator."""
    hashed = PBKDF2PasswordHasher().encode(password, "salt")
    owner = factories.make_user(EMAIL)
    operator = factories.make_user(OPERATOR, is_staff=True, is_superuser=True)
    for user in (owner, operator):
        user.password = hashed
        user.save(update_fields=["password"])
    Device.objects.create(user=owner, expo_token="ExponentPushToken[canary]")
    organization = owner.organizations.get()
    studio = sync.studio_of(organization)
    studio.system_prompt = PROMPT
    studio.save(update_fields=["system_prompt"])
    return organization


# --- Using them -------------------------------------------------------------------------------------------------------


def the_operator_sets_the_platform_up(scene: Scene) -> Browser:
    browser, planted, address = scene.browser(), scene.canaries, "/admin/accounts/platformsettings/"
    browser.sign_in(OPERATOR, planted.password)
    browser.get(f"{address}add/")
    kept = {"storage_provider": "gcs", "gcs_bucket": scene.bucket}
    browser.post(f"{address}add/", new_gcs_credentials_json=planted.mistyped["Google JSON"], **kept)
    google = service_account(planted.google_key, scene.token_url)
    right = {"new_vapi_webhook_secret": planted.platform_secret, "new_gcs_credentials_json": google}
    browser.post(f"{address}add/", **right, **kept)
    saved = PlatformSettings.objects.get()
    assert (saved.vapi_webhook_secret, saved.gcs_credentials_json) == (planted.platform_secret, google)
    browser.post(f"{address}1/change/", **right, **kept)
    assert "written to the bucket" in browser.post(f"{address}test-storage/").text
    return browser


def the_owner_sets_ava_up(scene: Scene) -> Browser:
    browser, planted, address = scene.browser(), scene.canaries, "/en/settings?section="
    browser.sign_in(EMAIL, planted.mistyped["password"])
    assert browser.sign_in(EMAIL, planted.password).url.endswith("/dashboard/")
    for key in (planted.mistyped["Vapi key"], planted.vapi_key):
        browser.post(f"{address}vapi", api_key=key)
    for token in (planted.mistyped["Twilio token"], planted.twilio_token):
        browser.post(f"{address}twilio", account_sid=ACCOUNT_SID, auth_token=token)
    assert VapiCredential.objects.for_organization(scene.organization).get().api_key == planted.vapi_key
    assert TwilioCredential.objects.for_organization(scene.organization).get().auth_token == planted.twilio_token
    number = re.search(r'name="number" value="(\+33\d+)"', browser.get("/en/numbers/choices/").text)
    assert number
    browser.post("/en/numbers/choose/", attach="1", number=number[1])
    browser.post("/en/dashboard/activate/")
    assert "/calls/ringing/" in browser.post("/en/dashboard/test-call/").url
    return browser


def the_owner_sees_everything_new(scene: Scene, browser: Browser) -> dict[str, str]:
    """The wizard, the settings, the archive, the second step. What came up there that is secret."""
    planted = scene.canaries
    keys = people.Keys(
        vapi=(planted.mistyped["Vapi key"], planted.vapi_key),
        account_sid=ACCOUNT_SID,
        twilio=(planted.mistyped["Twilio token"], planted.twilio_token),
    )
    people.walk_the_wizard(browser, keys)
    people.walk_the_settings(browser)
    people.take_the_data_along(browser, scene.organization)
    return people.set_the_second_step_up(browser, EMAIL, planted.password)


def an_app_sends_everything(scene: Scene) -> dict[str, str]:
    """Over the API; what came up there that is secret."""
    planted = scene.canaries
    keys = apps.Keys(
        email=EMAIL,
        password=(planted.mistyped["password"], planted.password),
        vapi=(planted.mistyped["Vapi key"], planted.vapi_key),
        account_sid=ACCOUNT_SID,
        twilio=(planted.mistyped["Twilio token"], planted.twilio_token),
    )
    app = apps.App(scene.web.url)
    found = apps.sign_in(app, keys)
    found |= apps.send_every_secret(app, keys, f"{scene.processes.env['SANDBOX_URL']}/hooks/canary")
    found |= apps.use_a_calendar(app, scene.organization)
    apps.look_around(app)
    scene.app = app
    return found


def providers_call(scene: Scene) -> None:
    """Right and wrong signatures at both addresses; one call has no summary, so OpenAI is asked."""
    number = scene.organization.numbers.get().number
    secret = organization_endpoint(scene.organization).secret
    event = factories.report(phoneNumber={"number": number, "twilioAuthToken": scene.canaries.twilio_token})
    event["message"] |= {"analysis": {}, "summary": "", "assistant": {"model": {"messages": prompt_messages()}}}
    event["message"]["artifact"]["messages"] = [*prompt_messages(), {"role": "user", "message": "Hello?"}]
    body = factories.encode(event)
    wrong = scene.canaries.mistyped["signature"]
    for path, key in (
        (factories.webhook_path(scene.organization), secret),
        ("/webhooks/vapi/call-completed", scene.canaries.platform_secret),
    ):
        for headers, status in (
            ({"X-Vapi-Signature": wrong}, 401),
            ({"Authorization": f"Bearer {wrong}"}, 401),
            ({"X-Vapi-Secret": key}, 200),
            ({"Authorization": f"Bearer {key}"}, 200),
        ):
            assert send(scene.web.url, Post(path, body, headers)).status == status


def prompt_messages() -> list[dict[str, str]]:
    return [{"role": "system", "content": PROMPT, "message": PROMPT}]


def until_all_calls_are_done(scene: Scene) -> None:
    steps = scene.organization.calls.model.objects.for_organization(scene.organization)
    eventually(lambda: steps.filter(steps__state=StepState.FAILED, steps__kind=StepKind.SUMMARY).exists(), timeout=20)
    told = scene.organization.calls.exclude(recording_name="")
    eventually(lambda: told.count() == 1 and broker_is_idle(scene.processes.env["REDIS_URL"]), timeout=20)


def people_look_around(scene: Scene, owner: Browser, operator: Browser) -> None:
    call = scene.organization.calls.exclude(recording_name="").get()
    sections = [f"/en/settings?section={name}" for name in ("vapi", "twilio", "number")]
    for path in ("/en/dashboard/", "/en/calls/", f"/en/calls/{call.pk}/", "/fr/nowhere/", *sections):
        owner.get(path)
    recording = owner.session.get(f"{scene.web.url}/en/calls/{call.pk}/recording/", allow_redirects=False, timeout=20)
    assert recording.status_code == 302
    events = list(scene.organization.webhook_events.values_list("pk", flat=True))
    operator.get("/admin/")
    operator.post("/admin/calls/webhookevent/", action="replay", _selected_action=events)
    assert LogEntry.objects.filter(change_message__contains="Replayed").count() == len(events)
    assert look_at_every_page_of_the_console(operator) > 20


def look_at_every_page_of_the_console(operator: Browser) -> int:
    """Follow its links; how many pages there are."""
    seen, waiting = set[str](), ["/admin/"]
    while waiting:
        path = waiting.pop()
        seen.add(path)
        links = re.findall(r'href="(/admin/[^"?#]*)"', operator.get(path).text)
        waiting += [link for link in links if link not in seen and link not in waiting and "logout" not in link]
    return len(seen)


def things_go_wrong(scene: Scene) -> set[int]:
    """Pages of refusal and failure, each with a secret in what was sent."""
    stranger, planted = scene.browser(), scene.canaries
    fields = {"login": EMAIL, "password": planted.password, "csrfmiddlewaretoken": "x" * 64}
    no_csrf = stranger.session.post(f"{scene.web.url}/en/accounts/login/", fields, timeout=20)
    nowhere = stranger.session.get(f"{scene.web.url}/en/nowhere/?api_key={planted.vapi_key}", timeout=20)
    broken = stranger.session.get(
        f"{scene.web.url}{BROKEN_PAGE}?token={planted.twilio_token}",
        headers={"Authorization": f"Bearer {planted.platform_secret}", "Cookie": "; ".join(cookies_of(scene))},
        timeout=20,
    )
    stranger.pages.append((no_csrf.url, no_csrf.content))  # the others show their own address, as they may
    return {no_csrf.status_code, nowhere.status_code, broken.status_code}


def cookies_of(scene: Scene) -> list[str]:
    """The owner's."""
    return [f"{cookie.name}={cookie.value}" for cookie in scene.browsers[1].session.cookies]


# --- Looking for them -------------------------------------------------------------------------------------------------


def places(scene: Scene) -> Iterator[tuple[str, bytes]]:
    """Everything that somebody could read, by name."""
    for process in scene.processes.started:
        yield f"the log of {process.name}", process.log.read_bytes()
    yield "the broker", canaries.unpacked(canaries.broker_dump(scene.processes.env["REDIS_URL"]))
    yield "the broker's messages", canaries.unpacked(scene.eavesdropper.text())
    yield "the mails", b"\n".join(mail.as_bytes() for mail in scene.mailbox.messages)
    yield "the sessions", canaries.sessions()
    yield from canaries.columns()


def is_its_own_place(name: str, place: str) -> bool:
    """The prompt is the studio's own text, for its owner to read; a seed is shown to who sets the second step up."""
    if name == "prompt":
        own = ("/onboarding/", "/exports/", "/api/v1/assistants", "/api/v1/studio/config")
        return place.startswith("assistants_studio") or any(part in place for part in own)
    return name.endswith("seed") and place.startswith("the page ") and SECOND_STEP in place


def find_what_is_no_secret(scene: Scene, where: list[tuple[str, bytes]]) -> None:
    """The search finds what is there: a task's name among the messages, a summary in its column and on a page."""
    summary = scene.organization.calls.exclude(recording_name="").get().summary[:20].encode()
    with_summary = [place for place, content in where if summary in content]
    with_task = [place for place, content in where if b"calls.tasks.run_step" in content]
    assert [place for place in with_summary if "/en/calls/" in place]
    assert "calls_call.summary" in with_summary
    assert "the broker's messages" in with_task


def search(secrets_by_name: dict[str, str], where: list[tuple[str, bytes]]) -> list[str]:
    """Which secret stands where it should not."""
    found = []
    for name, secret in secrets_by_name.items():
        spellings = canaries.spellings(secret)
        in_clear = [place for place, content in where if any(spelling in content for spelling in spellings)]
        found += [f"{name} in {place}" for place in in_clear if not is_its_own_place(name, place)]
    return found


def test_no_secret_comes_to_light(scene):
    operator = the_operator_sets_the_platform_up(scene)
    owner = the_owner_sets_ava_up(scene)
    sent = an_app_sends_everything(scene)
    providers_call(scene)
    until_all_calls_are_done(scene)
    seeds = the_owner_sees_everything_new(scene, owner)
    seeds["half-way seed"] = people.begin_a_second_step(operator, scene.canaries.password)
    people_look_around(scene, owner, operator)
    assert things_go_wrong(scene) == {403, 404, 500}
    everywhere = list(places(scene))
    screens = [*scene.browsers, scene.app]
    shown = [(f"the page {url}", content) for screen in screens for url, content in screen.pages]
    find_what_is_no_secret(scene, [*everywhere, *shown])
    print(f"{sum(len(content) for _, content in [*everywhere, *shown]) / 1e6:.1f} MB to search")

    webhook_secret = organization_endpoint(scene.organization).secret
    planted = {**scene.canaries.planted(), **sent, **seeds, "webhook secret": webhook_secret}
    assert search(planted, [*everywhere, *shown]) == []
    # Who mistypes a secret is shown it again, to mend it; that page is nobody else's.
    assert search(scene.canaries.mistyped, everywhere) == []
