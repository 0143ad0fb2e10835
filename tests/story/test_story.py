"""The main job as a newcomer meets it: `make run`, log in, place a test call, read the call page and the mail."""

import json
import os
import re
import shutil
import signal

import psutil
import pytest
import requests

from tests.servers.processes import eventually
from tests.story.installation import PASSWORD, ROOT, RunningAva

pytestmark = pytest.mark.story
SAMPLE = ROOT / "tests" / "fixtures" / "vapi" / "vapi-end-of-call-report.json"
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")


@pytest.fixture
def browser(ava: RunningAva) -> requests.Session:
    """Somebody who has logged in, without JavaScript."""
    session = requests.Session()
    page = session.get(f"{ava.url}/fr/accounts/login/")
    fields = {"login": "demo@ava.example", "password": PASSWORD, "csrfmiddlewaretoken": token_in(page.text)}
    answer = session.post(page.url, fields, headers={"Referer": page.url})
    assert answer.url == f"{ava.url}/fr/dashboard/"
    return session


def token_in(html: str) -> str:
    match = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', html)
    assert match
    return match[1]


def finished_call(session: requests.Session, url: str) -> str:
    """The call's page, once each of its parts is over."""

    def page() -> str:
        html = session.get(url).text
        assert 'http-equiv="refresh"' not in html
        assert "<audio" in html
        return html

    return eventually(page, timeout=30, every=0.5)


def test_a_test_call_gives_transcript_summary_recording_and_mail(ava, browser):
    dashboard = browser.get(f"{ava.url}/fr/dashboard/")
    answer = browser.post(
        f"{ava.url}/fr/dashboard/test-call/",
        {"csrfmiddlewaretoken": token_in(dashboard.text)},
        headers={"Referer": dashboard.url},
    )
    assert "/calls/ringing/" in answer.url
    url = eventually(lambda: "/ringing/" not in (now := browser.get(answer.url).url) and now, timeout=30, every=0.5)
    page = finished_call(browser, url)
    assert "Nadia Ferrand" in page
    recording = browser.get(f"{url}recording/", headers={"Range": "bytes=0-1023"})
    assert recording.status_code == 206
    assert recording.content[:4] == b"RIFF"
    mails = eventually(lambda: re.findall(r'href="(/mail/[^"]+)"', requests.get(ava.mailbox_url).text), timeout=20)
    mail = requests.get(ava.mailbox_url.removesuffix("/mail") + mails[0]).text
    assert "Nadia Ferrand" in mail
    assert "demo@ava.example" in mail


def test_a_report_of_ones_own_is_played_and_the_same_call_is_kept_once(ava, browser):
    for _ in range(2):
        done = ava.manage("place_call", "--to", ava.number(), "--report", str(SAMPLE))
        assert done.returncode == 0, done.stderr
    call_id = json.loads(SAMPLE.read_bytes())["message"]["call"]["id"]
    waiting = f"{ava.url}/fr/calls/ringing/{call_id}/"
    url = eventually(lambda: "/ringing/" not in (now := browser.get(waiting).url) and now, timeout=30)
    assert "vendredi après-midi" in finished_call(browser, url)
    assert browser.get(f"{ava.url}/fr/calls/").text.count(url.removeprefix(ava.url)) >= 1
    assert ava.find("SELECT count(*) FROM calls_call WHERE vapi_call_id = ?", call_id) == 1


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--to", "hello"], "not a number"),
        (["--to", "+33199999999"], "nobody answered"),
        (["--to", "+33199004512", "--report", "nowhere.json"], "cannot be read"),
        (["--to", "+33199004512", "--report", "Makefile"], "is not JSON"),
    ],
)
def test_place_call_says_what_is_wrong(ava, arguments, complaint):
    done = ava.manage("place_call", *arguments)
    assert done.returncode != 0
    assert complaint in done.stderr


def test_stopping_ends_every_process_and_starting_again_keeps_the_data(tmp_path):
    with RunningAva(tmp_path) as first:
        number = first.number()
        assert_it_ends(first, signal.SIGTERM)
    with RunningAva(tmp_path) as second:  # on another port
        assert second.number() == number
        assert second.manage("place_call", "--to", number).returncode == 0
        assert_it_ends(second, signal.SIGINT)


def assert_it_ends(ava: RunningAva, how: signal.Signals) -> None:
    """With all its processes, as something that was asked to."""
    family = psutil.Process(ava.process.pid).children(recursive=True)
    assert len(family) >= 5
    assert ava.stop(how) == 0
    assert [process for process in family if process.is_running() and process.status() != "zombie"] == []


def test_a_taken_port_is_said_in_words(ava):
    done = ava.manage("runall")
    assert done.returncode != 0
    assert f"Port {ava.port} is taken" in done.stderr


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: install chromium, or set CHROMIUM")
def test_in_a_real_browser_the_recording_plays(ava):
    from playwright.sync_api import sync_playwright  # noqa: PLC0415  only where a browser is

    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        page = chromium.new_page(java_script_enabled=True)
        complaints: list[str] = []
        page.on("console", lambda message: message.type == "error" and complaints.append(message.text))
        page.goto(f"{ava.url}/en/accounts/login/")
        page.fill("input[name=login]", "demo@ava.example")
        page.fill("input[name=password]", PASSWORD)
        page.locator("form input[name=password]").press("Enter")
        page.wait_for_url("**/dashboard/")
        page.locator("form[action$='test-call/'] button").click()
        page.wait_for_selector("audio", state="attached", timeout=30_000)
        played = page.evaluate(
            """async () => { const audio = document.querySelector("audio"); audio.muted = true; await audio.play();
            await new Promise(done => setTimeout(done, 700)); return [audio.currentTime, audio.duration]; }"""
        )
        assert played[0] > 0.2
        assert played[1] > 10
        assert complaints == []
        chromium.close()
