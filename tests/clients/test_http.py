"""The JSON client: time-outs, safe retries, bounds, typed errors, and no secret in any text."""

import base64
import gzip
import pickle
import time
from urllib.parse import quote

import pytest

from ava.clients import http
from ava.clients.errors import Misconfigured, NotFound, ProviderError, Refused, Unreachable
from ava.clients.http import JsonClient, backoff_seconds, redact, secret_values
from tests.servers.scripted_http import Handler, Raw, Received, Reply, always, as_json, drip, serve, silence

KEY = "0e6f9a5c-secret-key-7781"


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The client's pauses, noted instead of slept."""
    noted: list[float] = []
    monkeypatch.setattr(http, "sleep", noted.append)
    return noted


def client(base_url: str, **options: object) -> JsonClient:
    return JsonClient(provider="vapi", base_url=base_url, token=KEY, **options)  # type: ignore[arg-type]


def after_failures(*failures: Reply) -> Handler:
    """Fails as told, then answers well."""
    left = list(failures)
    return lambda _request: left.pop(0) if left else as_json({"id": "a"})


def never(_request: Received) -> Raw:
    return Raw(silence())


def test_the_key_goes_out_as_bearer_and_json_comes_back() -> None:
    with serve(lambda request: as_json({"got": request.json()})) as server:
        assert client(server.url + "/").post("/thing", {"name": "é"}) == {"got": {"name": "é"}}
        assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"
        assert server.requests[0].path == "/thing"


@pytest.mark.parametrize(
    ("status", "kind", "retryable"),
    [
        (400, Misconfigured, False),
        (401, Refused, False),
        (403, Refused, False),
        (404, NotFound, False),
        (409, Misconfigured, False),
        (422, Misconfigured, False),
        (429, Unreachable, True),
        (500, Unreachable, True),
        (503, Unreachable, True),
        (302, Unreachable, True),
    ],
)
def test_a_status_becomes_its_typed_error(status: int, kind: type[ProviderError], retryable: bool) -> None:
    with (
        serve(lambda _: as_json({"message": "because"}, status)) as server,
        pytest.raises(ProviderError) as caught,
    ):
        client(server.url, attempts=1).get("/x")
    assert type(caught.value) is kind
    assert (caught.value.status, caught.value.retryable) == (status, retryable)


def test_both_forms_of_vapis_message_become_one_sentence() -> None:
    messages = iter(["name too long", ["property X should not exist", "name too long"]])
    with serve(lambda _: as_json({"message": next(messages), "error": "Bad Request"}, 400)) as server:
        for expected in ("name too long", "property X should not exist; name too long"):
            with pytest.raises(Misconfigured) as caught:
                client(server.url).get("/x")
            assert caught.value.message == expected
            assert caught.value.code == "Bad Request"


def test_an_html_403_from_the_edge_does_not_blame_the_key() -> None:
    with (
        serve(lambda _: Reply(403, b"<html>blocked", {"Content-Type": "text/html"})) as server,
        pytest.raises(Unreachable),
    ):
        client(server.url, attempts=1).get("/x")


def test_an_answer_that_is_no_json_is_unreachable() -> None:
    for body in (b"<html>", b"", b"[" * 100_000):
        with serve(always(Reply(200, body))) as server, pytest.raises(Unreachable):
            client(server.url).get("/x")


def test_a_timeout_is_unreachable_and_names_no_key() -> None:
    with serve(never) as server, pytest.raises(Unreachable) as caught:
        client(server.url, timeout=(1, 0.1), attempts=1).get("/x")
    assert "no answer in time" in str(caught.value)
    assert KEY not in f"{caught.value} {caught.value!r}"


def test_a_closed_port_is_unreachable() -> None:
    with serve(never) as server:
        url = server.url
    with pytest.raises(Unreachable):
        client(url, attempts=1).get("/x")


def test_a_dripping_answer_ends_by_the_clock_not_by_the_read_timeout() -> None:
    with serve(lambda _: Reply(stream=drip(b" "))) as server:
        started = time.monotonic()
        with pytest.raises(Unreachable):
            client(server.url, timeout=(1, 1), answer_seconds=0.3, attempts=1).get("/x")
        assert time.monotonic() - started < 2


def test_an_answer_over_the_limit_is_cut_off() -> None:
    with (
        serve(lambda _: Reply(stream=iter([b"x" * 1000] * 1000))) as server,
        pytest.raises(Unreachable, match="too large"),
    ):
        client(server.url, max_bytes=10_000, attempts=1).get("/x")


def test_a_packed_answer_is_counted_unpacked() -> None:
    bomb = gzip.compress(b" " * 50_000_000)
    with (
        serve(lambda _: Reply(200, bomb, {"Content-Encoding": "gzip"})) as server,
        pytest.raises(Unreachable, match="too large"),
    ):
        client(server.url, max_bytes=100_000, attempts=1).get("/x")


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_a_repeatable_request_is_tried_again(method: str, waits: list[float]) -> None:
    with serve(after_failures(Reply(503), Reply(429))) as server:
        assert client(server.url).send(method, "/x").status == 200
        assert len(server.requests) == 3
    assert len(waits) == 2
    assert all(0 <= wait <= 1 for wait in waits)


def test_a_post_is_never_repeated(waits: list[float]) -> None:
    for failure in (Reply(503), Reply(429), Reply(stream=iter([]), headers={"Content-Length": "9"})):
        with serve(after_failures(failure)) as server:
            with pytest.raises(Unreachable):
                client(server.url).post("/x", {})
            assert len(server.requests) == 1
    assert waits == []


def test_a_wrong_request_is_not_repeated(waits: list[float]) -> None:
    with serve(after_failures(Reply(400))) as server:
        with pytest.raises(Misconfigured):
            client(server.url).get("/x")
        assert len(server.requests) == 1
    assert waits == []


def test_a_lasting_failure_ends_after_the_last_attempt(waits: list[float]) -> None:
    with serve(lambda _: Reply(500)) as server:
        with pytest.raises(Unreachable):
            client(server.url).get("/x")
        assert len(server.requests) == 3


def test_retry_after_is_obeyed_up_to_a_bound(waits: list[float]) -> None:
    with serve(after_failures(Reply(429, headers={"Retry-After": "3"}))) as server:
        client(server.url).get("/x")
    assert waits == [3.0]
    with serve(after_failures(Reply(429, headers={"Retry-After": "3600"}))) as server:
        with pytest.raises(Unreachable):
            client(server.url).get("/x")
        assert len(server.requests) == 1


def test_an_odd_retry_after_falls_back_to_our_own_pause(waits: list[float]) -> None:
    for value in ("soon", "-1", "Wed, 21 Oct 2015 07:28:00 GMT", "²"):
        with serve(after_failures(Reply(503, headers={"Retry-After": quote(value, safe=" ,:-")}))) as server:
            client(server.url).get("/x")
    assert all(0 <= wait <= 0.5 for wait in waits)


def test_pauses_grow_to_a_bound() -> None:
    assert all((backoff_seconds(1, None) or 0) <= 0.5 for _ in range(50))
    assert all((backoff_seconds(40, None) or 0) <= 10 for _ in range(50))


def test_a_redirect_is_not_followed_so_the_key_stays_home() -> None:
    with serve(lambda _: as_json({})) as stranger:
        with serve(lambda _: Reply(302, headers={"Location": stranger.url + "/take?sig=1"})) as server:
            answer = client(server.url).send("GET", "/x")
            assert answer.location == stranger.url + "/take?sig=1"
        assert stranger.connections == 0


def test_a_proxy_from_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        serve(lambda _: as_json({"via": "proxy"})) as proxy,
        serve(lambda _: as_json({"via": "us"})) as server,
    ):
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.delenv("no_proxy", raising=False)
        assert client(server.url).get("/x") == {"via": "us"}
        assert proxy.connections == 0


def test_secrets_quoted_back_by_the_provider_are_redacted() -> None:
    sent = {
        "twilioAuthToken": "twilio-token-1234",
        "server": {"headers": {"X-Vapi-Secret": "hook-secret-99"}},
    }
    basic = base64.b64encode(f"AC12:{KEY}".encode()).decode()
    words = [f"key {KEY} and {quote(KEY)}", f"Basic {basic}", basic, "twilio-token-1234", "hook-secret-99"]
    with (
        serve(lambda _: as_json({"message": words, "error": KEY}, 400)) as server,
        pytest.raises(Misconfigured) as caught,
    ):
        client(server.url).post("/x", sent)
    seen = f"{caught.value} {caught.value!r} {caught.value.code}"
    for secret in (KEY, basic, "twilio-token-1234", "hook-secret-99"):
        assert secret not in seen
    assert "[redacted]" in seen


@pytest.mark.parametrize("user", ["", "a", "ab", "abc", "ACffffffffff"])
def test_a_secret_inside_any_basic_value_is_redacted(user: str) -> None:
    value = base64.b64encode(f"{user}:{KEY}".encode()).decode()
    assert redact(f"sent {value} to us", [KEY]) == "sent [redacted] to us"


def test_a_secret_is_redacted_before_the_text_is_cut() -> None:
    with (
        serve(lambda _: as_json({"message": "x" * 490 + KEY + "y" * 500}, 400)) as server,
        pytest.raises(Misconfigured) as caught,
    ):
        client(server.url).get("/x")
    assert KEY[:10] not in str(caught.value)
    assert len(caught.value.message) <= 501


def test_an_empty_secret_redacts_nothing() -> None:
    assert redact("plain words", ["", ""]) == "plain words"


def test_only_values_named_secret_are_taken_from_a_payload() -> None:
    payload = {"name": "long enough name", "maxTokens": 250, "plan": [{"secretKey": "abcdefgh"}]}
    assert secret_values(payload) == ["abcdefgh"]


def test_a_key_that_cannot_be_a_header_is_refused_without_being_shown() -> None:
    for key in ("line\nbreak-key", "clé-secrète-🔑"):
        with serve(lambda _: as_json({})) as server, pytest.raises(Refused) as caught:
            JsonClient(provider="vapi", base_url=server.url, token=key).get("/x")
        assert key not in f"{caught.value} {caught.value!r}"


def test_a_bad_address_is_our_own_fault() -> None:
    for base_url in ("", "no-scheme", "http://[half", "http://"):
        with pytest.raises(Misconfigured):
            client(base_url).get("/x")


def test_the_repr_shows_no_key() -> None:
    assert KEY not in repr(client("https://api.example"))


def test_an_error_survives_being_pickled() -> None:
    error = Misconfigured("vapi", "name too long", 400, "Bad Request")
    copy = pickle.loads(pickle.dumps(error))
    assert str(copy) == str(error) == "vapi: name too long (400 Bad Request)"
