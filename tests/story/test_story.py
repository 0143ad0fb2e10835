"""The main job as a newcomer meets it: `make run`, log in, place a test call, read the call page and the mail."""

import json
import re
import signal

import psutil
import pytest
import requests

from tests.servers.processes import eventually
from tests.story.installation import PASSWORD, ROOT, RunningAva

pytestmark = pytest.mark.story
SAMPLE = ROOT / "tests" / "fixtures" / "vapi" / "vapi-end-of-call-report.json"


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


@pytest.mark.slow
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
