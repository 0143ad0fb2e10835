"""What every endpoint of the API has: one shape of errors, limits, repeats, versions, an organization."""

import json

import pytest

from accounts.api import limits, repeats
from accounts.models import Device, Membership, RepeatableRequest
from accounts.tenancy import SESSION_KEY
from tests.factories import make_user

TOKEN = "ExponentPushToken[abcdefghijklmnopqrstuv]"
PROBLEM = {"type", "title", "status", "code", "detail", "errors"}


def problem_of(answer) -> dict:
    assert answer["Content-Type"] == "application/problem+json"
    body = answer.json()
    assert body.keys() == PROBLEM
    assert body["status"] == answer.status_code
    return body


# --- Errors -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/api/nothing", "/api/v1/devices/x", "/api/v1/devices/null%2Cx/"])
def test_an_unknown_address_is_a_problem_and_no_page(client, db, path):
    assert problem_of(client.get(path))["code"] == "not_found"


def test_who_is_not_signed_in_is_told_how(api_of, db):
    answer = api_of().get("/api/v1/organizations")
    assert (answer.status_code, problem_of(answer)["code"]) == (401, "not_authenticated")
    assert answer["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("body", ["{", "[1,", "NaN", '{"a": 1e999}x', "[" * 100_000, "\x00", '"\\ud800'])
def test_what_is_no_json_is_a_problem(api_of, alice, body):
    answer = api_of(alice).post("/api/v1/devices", body, content_type="application/json")
    assert (answer.status_code, problem_of(answer)["code"]) == (400, "parse_error")


@pytest.mark.parametrize("body", [[], "text", 5, None, [{"expo_token": TOKEN}]])
def test_json_of_another_kind_is_a_problem(api_of, alice, body):
    answer = api_of(alice).post("/api/v1/devices", json.dumps(body), content_type="application/json")
    assert (answer.status_code, problem_of(answer)["code"]) == (400, "invalid")


def test_a_body_too_large_is_refused(api_of, alice):
    body = json.dumps({"expo_token": "x" * 3_000_000})
    answer = api_of(alice).post("/api/v1/devices", body, content_type="application/json")
    assert (answer.status_code, problem_of(answer)["code"]) == (413, "too_large")


def test_other_kinds_of_bodies_and_methods_are_refused(api_of, alice):
    api = api_of(alice)
    answer = api.post("/api/v1/devices", "expo_token=x", content_type="application/x-www-form-urlencoded")
    assert problem_of(answer)["code"] == "unsupported_media_type"
    answer = api.put("/api/v1/devices", {})
    assert problem_of(answer)["code"] == "method_not_allowed"
    assert "GET" in answer["Allow"]


def test_unknown_fields_are_named(api_of, alice):
    answer = api_of(alice).post("/api/v1/devices", {"expo_token": TOKEN, "user": 1, "id": 5})
    found = {(error["field"], error["code"]) for error in problem_of(answer)["errors"]}
    assert found == {("user", "unknown_field"), ("id", "unknown_field")}
    assert not Device.objects.exists()


@pytest.mark.parametrize(("language", "word"), [("fr", "Accept"), ("he", "Accept")])
def test_errors_speak_the_language_that_is_asked_for(api_of, alice, language, word):
    english = problem_of(api_of(alice).post("/api/v1/devices", {}))
    theirs = problem_of(api_of(alice, accept_language=language).post("/api/v1/devices", {}))
    assert theirs["errors"][0]["detail"] != english["errors"][0]["detail"]
    assert theirs["errors"][0]["code"] == english["errors"][0]["code"] == "required"


def test_without_a_wish_errors_speak_the_person_s_language(api_of, charlie):
    answer = api_of(charlie).post("/api/v1/devices", {})
    wished = api_of(charlie, accept_language="he").post("/api/v1/devices", {})
    assert answer.json() == wished.json()


# --- The browser's session --------------------------------------------------------------------------------------------


def test_a_session_opens_the_api_and_changes_only_with_its_csrf_token(alice):
    from django.test import Client  # noqa: PLC0415

    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    assert client.get("/api/v1/organizations").status_code == 200
    body = {"data": json.dumps({"expo_token": TOKEN}), "content_type": "application/json"}
    assert problem_of(client.post("/api/v1/devices", **body))["code"] == "permission_denied"
    client.get("/en/dashboard/")
    token = client.cookies["csrftoken"].value
    assert client.post("/api/v1/devices", headers={"X-CSRFToken": token}, **body).status_code == 201


# --- Which organization -----------------------------------------------------------------------------------------------


def test_the_header_chooses_among_ones_own_organizations(api_of, charlie, organization):
    own = charlie.organizations.get()
    Membership.objects.create(user=charlie, organization=organization)
    for wanted in (own, organization):
        listed = api_of(charlie, x_organization=str(wanted.pk)).get("/api/v1/organizations").json()
        assert [one["id"] for one in listed if one["is_current"]] == [wanted.pk]


@pytest.mark.parametrize("wanted", ["0", "-1", "x", "", "9" * 50, "1 OR 1=1"])
def test_an_organization_that_is_not_ones_own_is_not_found(api_of, charlie, organization, wanted):
    theirs = api_of(charlie, x_organization=str(organization.pk)).get("/api/v1/vapi-settings")
    nobodys = api_of(charlie, x_organization=wanted).get("/api/v1/vapi-settings")
    assert problem_of(theirs) == problem_of(nobodys)
    assert theirs.status_code == 404


def test_the_browser_s_choice_counts_for_its_session(client, charlie, organization):
    Membership.objects.create(user=charlie, organization=organization)
    client.force_login(charlie)
    session = client.session
    session[SESSION_KEY] = organization.pk
    session.save()
    listed = client.get("/api/v1/organizations").json()
    assert [one["id"] for one in listed if one["is_current"]] == [organization.pk]


def test_members_read_and_managers_change(api_of, bob):
    api = api_of(bob)
    assert api.get("/api/v1/vapi-settings").status_code == 200
    assert problem_of(api.delete("/api/v1/vapi-settings"))["code"] == "managers_only"


# --- Limits -----------------------------------------------------------------------------------------------------------


def test_every_answer_says_how_many_requests_are_left(api_of, alice):
    first = api_of(alice).get("/api/v1/organizations")
    assert first["RateLimit-Policy"] == f'"person";q={limits.PER_PERSON};w=60'
    assert first["RateLimit"].startswith(f'"person";r={limits.PER_PERSON - 1};t=')


def test_one_request_too_many_is_told_when_to_come_back(api_of, alice, bob, monkeypatch):
    monkeypatch.setattr(limits, "PER_PERSON", 3)
    monkeypatch.setattr(limits, "time", lambda: 1_000_000_020.0)
    api = api_of(alice)
    assert [api.get("/api/v1/organizations").status_code for _ in range(4)] == [200, 200, 200, 429]
    refused = api.get("/api/v1/organizations")
    assert problem_of(refused)["code"] == "throttled"
    assert 1 <= int(refused["Retry-After"]) <= 60
    assert "RateLimit" in refused
    assert api_of(bob).get("/api/v1/organizations").status_code == 200
    monkeypatch.setattr(limits, "time", lambda: 1_000_000_080.0)
    assert api.get("/api/v1/organizations").status_code == 200


def test_an_organization_s_people_share_its_limit(api_of, alice, bob, charlie, monkeypatch):
    monkeypatch.setattr(limits, "PER_ORGANIZATION", 2)
    monkeypatch.setattr(limits, "time", lambda: 1_000_000_020.0)
    assert api_of(alice).get("/api/v1/organizations").status_code == 200
    assert api_of(bob).get("/api/v1/organizations").status_code == 200
    assert api_of(alice).get("/api/v1/organizations").status_code == 429
    assert api_of(charlie).get("/api/v1/organizations").status_code == 200


# --- Repeats ----------------------------------------------------------------------------------------------------------


def register(api, key: str, token: str = TOKEN):
    return api.post("/api/v1/devices", {"expo_token": token}, HTTP_IDEMPOTENCY_KEY=key)


def test_a_repeated_request_is_done_once_and_answered_alike(api_of, alice):
    api = api_of(alice)
    first, again = register(api, '"k1"'), register(api, "k1")
    assert first.json() == again.json()
    assert (first.status_code, again.status_code) == (201, 201)
    assert "Idempotent-Replayed" in again
    alice.devices.all().delete()
    assert register(api, "k1").status_code == 201
    assert not alice.devices.exists(), "the stored answer came, nothing was done"


def test_the_same_key_with_another_body_is_a_slip(api_of, alice):
    api = api_of(alice)
    register(api, "k1")
    answer = register(api, "k1", TOKEN.replace("a", "z"))
    assert (answer.status_code, problem_of(answer)["code"]) == (422, "idempotency_key_reused")


def test_keys_are_their_person_s_own(api_of, alice, charlie):
    register(api_of(alice), "k1")
    assert "Idempotent-Replayed" not in register(api_of(charlie), "k1", TOKEN.replace("a", "z"))


def test_an_error_is_repeated_too(api_of, alice):
    api = api_of(alice)
    first, again = register(api, "k1", "no token"), register(api, "k1", "no token")
    assert problem_of(first) == problem_of(again)
    assert "Idempotent-Replayed" in again


def test_what_was_not_possible_may_be_tried_again_under_the_same_key(api_of, alice, organization):
    api = api_of(alice)
    for _ in range(2):
        answer = api.post("/api/v1/settings/agent/activate", {}, HTTP_IDEMPOTENCY_KEY="k1")
        assert answer.status_code == 409
        assert "Idempotent-Replayed" not in answer
    assert not RepeatableRequest.objects.exists()


def test_a_request_that_still_runs_is_not_begun_again_until_it_must_be_dead(api_of, alice):
    api = api_of(alice)
    register(api, "k1")
    RepeatableRequest.objects.update(status=None)
    answer = register(api, "k1")
    assert (answer.status_code, problem_of(answer)["code"]) == (409, "idempotency_key_in_use")
    held = RepeatableRequest.objects.get()
    RepeatableRequest.objects.update(created_at=held.created_at - repeats.LONGEST_REQUEST * 2)
    assert register(api, "k1").status_code == 201


def test_what_was_answered_lies_encrypted_and_is_forgotten_after_a_day(api_of, alice):
    register(api_of(alice), "k1")
    held = RepeatableRequest.objects.get()
    RepeatableRequest.objects.update(created_at=held.created_at - repeats.KEPT_FOR * 2)
    repeats.forget_old()
    assert not RepeatableRequest.objects.exists()


@pytest.mark.parametrize("key", ["", '""', "x" * 256])
def test_a_key_that_is_none_is_refused(api_of, alice, key):
    assert problem_of(register(api_of(alice), key))["code"] == "idempotency_key_invalid"


# --- Devices ----------------------------------------------------------------------------------------------------------


def test_a_phone_belongs_to_who_signed_in_on_it_last(api_of, alice, charlie):
    api_of(alice).post("/api/v1/devices", {"expo_token": TOKEN})
    api_of(charlie).post("/api/v1/devices", {"expo_token": TOKEN, "locale": "fr"})
    assert Device.objects.get().user == charlie
    assert Device.objects.get().language == "fr"


def test_a_stranger_s_phone_cannot_be_forgotten(api_of, alice, charlie):
    made = api_of(alice).post("/api/v1/devices", {"expo_token": TOKEN}).json()
    theirs = api_of(charlie).delete(f"/api/v1/devices/{made['id']}")
    nobodys = api_of(charlie).delete("/api/v1/devices/999999999999")
    assert problem_of(theirs) == problem_of(nobodys)
    assert problem_of(api_of(charlie).delete("/api/v1/devices", {"expo_token": TOKEN}))["status"] == 404
    assert api_of(alice).delete("/api/v1/devices", {"expo_token": TOKEN}).status_code == 204
    assert not Device.objects.exists()


def test_only_the_newest_phones_are_kept(api_of, alice):
    api = api_of(alice)
    for number in range(21):
        api.post("/api/v1/devices", {"expo_token": f"ExponentPushToken[{number:022}]"})
    assert alice.devices.count() == 20
    assert not alice.devices.filter(expo_token="ExponentPushToken[0000000000000000000000]").exists()


# --- Other origins ----------------------------------------------------------------------------------------------------


def test_only_configured_origins_may_call_from_a_browser(api_of, alice, settings):
    settings.CORS_ALLOWED_ORIGINS = ["https://app.example.com"]
    api = api_of(alice)
    allowed = api.get("/api/v1/organizations", HTTP_ORIGIN="https://app.example.com")
    assert allowed["Access-Control-Allow-Origin"] == "https://app.example.com"
    assert "RateLimit" in allowed["Access-Control-Expose-Headers"]
    assert "Access-Control-Allow-Credentials" not in allowed
    assert "Access-Control-Allow-Origin" not in api.get("/api/v1/organizations", HTTP_ORIGIN="https://evil.example")
    assert "Access-Control-Allow-Origin" not in api.get("/en/", HTTP_ORIGIN="https://app.example.com")


def test_people_of_two_organizations_see_both(api_of, alice, organization):
    other = make_user("second@else.example").organizations.get()
    Membership.objects.create(user=alice, organization=other, role="admin")
    listed = api_of(alice).get("/api/v1/organizations").json()
    assert [(one["id"], one["role"]) for one in listed] == [(organization.pk, "owner"), (other.pk, "admin")]
