"""The stand-in for Microsoft holds to what is documented: consent, tokens, Graph's events, and refusals."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.sandbox.conftest import running
from tests.sandbox.consent import ORIGIN, Provider

BODY = {
    "subject": "Check-up",
    "start": {"dateTime": "2026-03-29T10:00:00", "timeZone": "Europe/Paris"},
    "end": {"dateTime": "2026-03-29T10:30:00", "timeZone": "Romance Standard Time"},
}
WINDOW = {"startDateTime": "2026-03-29T00:00:00", "endDateTime": "2026-03-30T00:00:00"}


@pytest.fixture
def microsoft(tmp_path: Path) -> Iterator[Provider]:
    with running(tmp_path, ORIGIN) as url:
        login, graph = f"{url}/microsoft/login/common/oauth2/v2.0", f"{url}/microsoft/graph/v1.0"
        scope = "offline_access User.Read Calendars.ReadWrite"
        yield Provider(f"{login}/authorize", f"{login}/token", graph, scope)


@pytest.fixture
def token(microsoft: Provider) -> str:
    return microsoft.tokens()["access_token"]


def code(response: requests.Response) -> tuple[int, str]:
    return response.status_code, response.json()["error"]["code"]


def create(microsoft: Provider, token: str, **changes: Any) -> requests.Response:
    return microsoft.call("POST", "/me/events", token, json={**BODY, **changes})


def view(microsoft: Provider, token: str, zone: str = "", **params: str) -> Any:
    headers = {"Prefer": f'outlook.timezone="{zone}"'} if zone else {}
    answer = microsoft.call("GET", "/me/calendarView", token, params={**WINDOW, **params}, headers=headers)
    return answer.json()


def test_denying_says_so_in_microsofts_words(microsoft: Provider) -> None:
    answer = microsoft.decide("deny")
    assert answer["error"] == "access_denied"
    assert answer["error_description"].startswith("AADSTS65004")


def test_a_wrong_question_sends_nobody_anywhere(microsoft: Provider) -> None:
    for wrong in ({"redirect_uri": "https://evil.example/"}, {"client_id": ""}, {"scope": ""}):
        assert "AADSTS" in microsoft.page(**wrong).text
        assert microsoft.page(**wrong).status_code == 400


def test_each_refresh_gives_another_refresh_token_and_the_old_one_still_works(microsoft: Provider) -> None:
    first = microsoft.tokens()["refresh_token"]
    second = microsoft.refresh(first).json()["refresh_token"]
    assert first != second
    assert microsoft.refresh(second).status_code == microsoft.refresh(first).status_code == 200


def test_without_offline_access_there_is_no_refresh_token(microsoft: Provider) -> None:
    assert "refresh_token" not in microsoft.tokens(scope="User.Read Calendars.ReadWrite")


@pytest.mark.parametrize(
    ("wrong", "number"), [({"code": "x"}, 54005), ({"code_verifier": "x" * 43}, 501481), ({"client_id": "b"}, 54005)]
)
def test_a_code_that_does_not_fit_has_microsofts_number(
    microsoft: Provider, wrong: dict[str, str], number: int
) -> None:
    answer = microsoft.exchange(**{"code": microsoft.decide()["code"], **wrong})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert answer.json()["error_codes"] == [number]
    assert answer.json()["error_description"].startswith(f"AADSTS{number}:")


def test_a_consent_that_was_taken_back_ends_everything(microsoft: Provider) -> None:
    tokens = microsoft.tokens()
    door = microsoft.api.replace("/microsoft/graph/v1.0", "/sandbox/consents/end")
    assert requests.post(door, json={"account": "a@x.example"}, timeout=5).json() == {"ended": 1}
    assert microsoft.refresh(tokens["refresh_token"]).json()["error_codes"] == [50173]
    assert code(microsoft.call("GET", "/me", tokens["access_token"])) == (401, "InvalidAuthenticationToken")


def test_what_was_not_asked_for_is_not_allowed(microsoft: Provider) -> None:
    token = microsoft.tokens(scope="Calendars.Read")["access_token"]
    assert code(create(microsoft, token)) == (403, "ErrorAccessDenied")
    assert "value" in view(microsoft, token)


def test_times_have_seven_digits_no_offset_and_the_zone_that_was_preferred(microsoft: Provider, token: str) -> None:
    create(microsoft, token)
    for zone, time in (("", "08:00"), ("UTC", "08:00"), ("Israel Standard Time", "11:00")):
        (event,) = view(microsoft, token, zone)["value"]
        assert event["start"] == {"dateTime": f"2026-03-29T{time}:00.0000000", "timeZone": zone or "UTC"}


def test_the_window_obeys_its_own_offsets_whatever_is_preferred(microsoft: Provider, token: str) -> None:
    create(microsoft, token)
    late = {"startDateTime": "2026-03-29T10:00:00+02:00", "endDateTime": "2026-03-29T10:01:00+02:00"}
    assert len(view(microsoft, token, "Asia/Jerusalem", **late)["value"]) == 1
    assert view(microsoft, token, startDateTime="2026-03-29T08:30:00")["value"] == []


def test_a_transaction_id_that_comes_again_is_the_first_event(microsoft: Provider, token: str) -> None:
    first, second = (create(microsoft, token, transactionId="t", subject=one).json() for one in ("A", "B"))
    assert first == second
    assert len(view(microsoft, token)["value"]) == 1


def test_pages_are_linked_and_fields_are_chosen(microsoft: Provider, token: str) -> None:
    for _ in range(3):
        create(microsoft, token)
    first = view(microsoft, token, **{"$top": "2", "$select": "subject"})
    assert [set(event) for event in first["value"]] == [{"id", "subject"}] * 2
    headers = {"Authorization": f"Bearer {token}"}
    second = requests.get(first["@odata.nextLink"], headers=headers, timeout=5).json()
    assert (len(second["value"]), "@odata.nextLink" in second) == (1, False)


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ({"start": {"dateTime": "2026-03-29T10:00:00"}}, "ErrorInvalidRequest"),
        ({"start": {"dateTime": "2026-03-29T10:00:00", "timeZone": "Mars"}}, "TimeZoneNotSupportedException"),
        ({"start": {"dateTime": "2026-03-29T10:00:00Z", "timeZone": "UTC"}}, "ErrorInvalidRequest"),
        ({"start": {"dateTime": "2026-03-30T10:00:00", "timeZone": "UTC"}}, "ErrorPropertyValidationFailure"),
        ({"isAllDay": True}, "ErrorInvalidRequest"),
        ({"attendees": [{"emailAddress": {"address": "nobody"}}]}, "ErrorInvalidRecipients"),
        ({"showAs": "asleep"}, "RequestBodyRead"),
    ],
)
def test_an_event_that_is_wrong_is_refused_with_graphs_code(
    microsoft: Provider, token: str, wrong: dict[str, Any], expected: str
) -> None:
    assert code(create(microsoft, token, **wrong)) == (400, expected)


def test_a_deleted_event_is_gone(microsoft: Provider, token: str) -> None:
    path = f"/me/events/{create(microsoft, token).json()['id']}"
    assert microsoft.call("GET", path, token).status_code == 200
    assert microsoft.call("DELETE", path, token).status_code == 204
    assert code(microsoft.call("GET", path, token)) == (404, "ErrorItemNotFound")


def test_a_window_is_required(microsoft: Provider, token: str) -> None:
    assert code(microsoft.call("GET", "/me/calendarView", token)) == (400, "ErrorInvalidParameter")


def test_too_many_requests_say_when_to_come_again(microsoft: Provider, token: str) -> None:
    door = microsoft.api.replace("/microsoft/graph/v1.0", "/sandbox/faults")
    requests.post(door, json={"prefix": "/microsoft/graph", "status": 429}, timeout=5)
    answer = microsoft.call("GET", "/me", token)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1")
