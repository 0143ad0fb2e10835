"""The stand-in for Google holds to what is documented: consent, tokens, events, and how each is refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from ava.sandbox.google import EVENTS_SCOPE, LIST_SCOPE
from tests.sandbox.conftest import running
from tests.sandbox.consent import ORIGIN, Provider

EVENTS = "/calendar/v3/calendars/primary/events"
BODY = {
    "summary": "Check-up",
    "start": {"dateTime": "2026-03-29T10:00:00", "timeZone": "Asia/Jerusalem"},
    "end": {"dateTime": "2026-03-29T10:30:00", "timeZone": "Asia/Jerusalem"},
}


@pytest.fixture
def google(tmp_path: Path) -> Iterator[Provider]:
    with running(tmp_path, ORIGIN) as url:
        root = f"{url}/google"
        scope = f"openid email {EVENTS_SCOPE} {LIST_SCOPE}"
        more = {"access_type": "offline", "prompt": "consent"}
        yield Provider(f"{root}/accounts/o/oauth2/v2/auth", f"{root}/oauth/token", f"{root}/api", scope, **more)


@pytest.fixture
def token(google: Provider) -> str:
    return google.tokens()["access_token"]


def reason(response: requests.Response) -> tuple[int, str]:
    return response.status_code, response.json()["error"]["errors"][0]["reason"]


def insert(google: Provider, token: str, **changes: Any) -> requests.Response:
    return google.call("POST", EVENTS, token, json={**BODY, **changes})


def test_the_page_shows_a_sandbox_account_without_script(google: Provider) -> None:
    page = google.page()
    assert all(words in page.text for words in ("Sandbox account", "Allow", "Deny"))
    assert "<script" not in page.text
    assert page.headers["Content-Security-Policy"].startswith("default-src 'none'")


@pytest.mark.parametrize(
    "wrong",
    [
        {"redirect_uri": "https://evil.example/back"},
        {"client_id": ""},
        {"response_type": "token"},
        {"scope": ""},
        {"code_challenge_method": "plain"},
    ],
)
def test_a_wrong_question_sends_nobody_anywhere(google: Provider, wrong: dict[str, str]) -> None:
    assert google.page(**wrong).status_code == 400
    sent = requests.post(google.authorize, {**google.asked, **wrong, "answer": "allow"}, timeout=5)
    assert (sent.status_code, sent.history) == (400, [])


def test_what_is_asked_cannot_break_the_page(google: Provider) -> None:
    assert "<b>" not in google.page(state='"><b>').text


def test_allowing_and_denying_come_back_with_the_state(google: Provider) -> None:
    assert google.decide()["state"] == "s & s"
    assert google.decide("deny") == {"error": "access_denied", "state": "s & s"}


def test_scopes_that_were_unticked_are_not_granted(google: Provider) -> None:
    tokens = google.exchange(google.decide(granted=(LIST_SCOPE,))["code"]).json()
    assert EVENTS_SCOPE not in tokens["scope"].split()
    assert reason(google.call("GET", EVENTS, tokens["access_token"])) == (403, "insufficientPermissions")
    listed = google.call("GET", "/calendar/v3/users/me/calendarList", tokens["access_token"]).json()
    assert listed["items"][0]["accessRole"] == "owner"


@pytest.mark.parametrize(
    "wrong", [{"code": "x"}, {"code_verifier": "x" * 43}, {"redirect_uri": f"{ORIGIN}/other"}, {"client_id": "b"}]
)
def test_a_code_that_does_not_fit_is_an_invalid_grant(google: Provider, wrong: dict[str, str]) -> None:
    answer = google.exchange(**{"code": google.decide()["code"], **wrong})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


def test_a_code_works_once(google: Provider) -> None:
    code = google.decide()["code"]
    assert [google.exchange(code).status_code for _ in range(2)] == [200, 400]


def test_a_client_without_a_secret_is_refused(google: Provider) -> None:
    answer = google.exchange(google.decide()["code"], client_secret="")
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_a_refresh_gives_no_new_refresh_token_and_works_again(google: Provider) -> None:
    lasting = google.tokens()["refresh_token"]
    for _ in range(2):
        fresh = google.refresh(lasting).json()
        assert "refresh_token" not in fresh
        assert google.call("GET", EVENTS, fresh["access_token"]).status_code == 200


def test_without_asking_for_consent_a_refresh_token_comes_the_first_time_only(google: Provider) -> None:
    assert "refresh_token" in google.tokens(prompt="")
    assert "refresh_token" not in google.tokens(prompt="")
    assert "refresh_token" in google.tokens()


def test_revoking_one_token_ends_the_whole_grant(google: Provider) -> None:
    first, second = google.tokens(), google.tokens()
    revoke = google.token_url.replace("/token", "/revoke")
    assert requests.post(revoke, {"token": first["access_token"]}, timeout=5).status_code == 200
    assert requests.post(revoke, {"token": first["access_token"]}, timeout=5).status_code == 400
    assert google.refresh(second["refresh_token"]).json() == {
        "error": "invalid_grant",
        "error_description": "Token has been expired or revoked.",
    }
    assert reason(google.call("GET", EVENTS, second["access_token"])) == (401, "authError")


def test_a_refresh_token_opens_no_calendar(google: Provider) -> None:
    assert google.call("GET", EVENTS, google.tokens()["refresh_token"]).status_code == 401


def test_times_come_back_in_the_calendars_own_zone(google: Provider, token: str) -> None:
    made = insert(google, token).json()
    assert made["start"] == {"dateTime": "2026-03-29T09:00:00+02:00", "timeZone": "Asia/Jerusalem"}
    assert google.call("GET", EVENTS, token).json()["timeZone"] == "Europe/Paris"


def test_the_window_bounds_the_end_and_the_start(google: Provider, token: str) -> None:
    insert(google, token)

    def listed(begin: str, end: str) -> int:
        window = {"timeMin": f"2026-03-29T{begin}:00Z", "timeMax": f"2026-03-29T{end}:00Z"}
        return len(google.call("GET", EVENTS, token, params=window).json()["items"])

    assert (listed("07:10", "07:20"), listed("07:30", "09:00"), listed("06:00", "07:00")) == (1, 0, 0)


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ({"id": "UPPER"}, "invalid"),
        ({"id": "abc"}, "invalid"),
        ({"start": None}, "required"),
        ({"start": {"dateTime": "2026-03-29T10:00:00"}}, "required"),
        ({"start": {"dateTime": "2026-03-29T10:00:00", "timeZone": "Mars/Olympus"}}, "invalid"),
        ({"end": BODY["start"]}, "timeRangeEmpty"),
        ({"attendees": [{"email": "nobody"}]}, "invalid"),
    ],
)
def test_an_event_that_is_wrong_is_refused_with_its_reason(
    google: Provider, token: str, wrong: dict[str, Any], expected: str
) -> None:
    assert reason(insert(google, token, **wrong)) == (400, expected)


def test_an_id_is_taken_once_and_stays_so_when_deleted(google: Provider, token: str) -> None:
    assert insert(google, token, id="booking1").status_code == 200
    assert reason(insert(google, token, id="booking1")) == (409, "duplicate")
    assert google.call("DELETE", f"{EVENTS}/booking1", token).status_code == 204
    assert reason(google.call("DELETE", f"{EVENTS}/booking1", token)) == (410, "deleted")
    assert reason(insert(google, token, id="booking1")) == (409, "duplicate")
    assert google.call("GET", f"{EVENTS}/booking1", token).json()["status"] == "cancelled"
    assert google.call("GET", EVENTS, token).json()["items"] == []


def test_pages_carry_a_token_to_the_next(google: Provider, token: str) -> None:
    for _ in range(3):
        insert(google, token)
    first = google.call("GET", EVENTS, token, params={"maxResults": 2}).json()
    second = google.call("GET", EVENTS, token, params={"maxResults": 2, "pageToken": first["nextPageToken"]}).json()
    assert (len(first["items"]), len(second["items"]), "nextPageToken" in second) == (2, 1, False)


@pytest.mark.parametrize(
    "params",
    [{"timeMin": "2026-03-29T10:00:00"}, {"timeMax": "soon"}, {"orderBy": "startTime"}, {"pageToken": "x"}],
)
def test_a_list_that_is_asked_for_wrongly_is_refused(google: Provider, token: str, params: dict[str, str]) -> None:
    assert google.call("GET", EVENTS, token, params=params).status_code == 400
