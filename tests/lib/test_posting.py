"""Posting to a stranger's address: the same walls as for a download, and nobody followed."""

import ssl

import pytest

from ava.lib import posting
from ava.lib.fetch import FetchError, FetchFailed, UnsafeUrl
from tests.lib.internet import PRIVATE, PUBLIC, Join
from tests.lib.test_fetch_addresses import UNSAFE
from tests.servers.scripted_http import Received, Reply, always, serve


def post(url: str, *, trusted: tuple[str, ...] = (), **headers: str) -> posting.Answer:
    return posting.post(
        url,
        body=b'{"n": 1}',
        headers=headers,
        deadline_seconds=5,
        max_answer_bytes=1000,
        trusted_origins=frozenset(trusted),
    )


@pytest.mark.parametrize("url", UNSAFE)
def test_an_unsafe_address_gets_no_connection_and_is_refused_beforehand(url: str, join: Join) -> None:
    with serve(always(Reply(200))) as canary:
        internet = join(canary)
        internet.knows("files.example", [PUBLIC])
        with pytest.raises(UnsafeUrl):
            post(url)
        with pytest.raises(UnsafeUrl):
            posting.check(url)
        assert (canary.connections, internet.addresses) == (0, [])


def test_a_name_that_turns_private_after_the_check_gets_no_connection(join: Join) -> None:
    with serve(always(Reply(200))) as canary:
        internet = join(canary)
        internet.knows("crm.example", [PUBLIC], [PRIVATE])
        posting.check("https://crm.example/hook")
        with pytest.raises(UnsafeUrl):
            post("https://crm.example/hook")
        assert canary.connections == 0


def test_the_very_address_that_was_checked_is_connected_to(join: Join, secure: ssl.SSLContext) -> None:
    with serve(always(Reply(201, b"thanks")), tls=secure) as server:
        internet = join(server)
        internet.knows("files.example", [PUBLIC], [PRIVATE])
        answer = post("https://files.example/hook?a=b", **{"X-Own": "1"})
        (received,) = server.requests
    assert internet.addresses == [PUBLIC]
    assert internet.lookups == ["files.example"]
    assert (answer.status, answer.body) == (201, b"thanks")
    assert (received.method, received.target, received.body) == ("POST", "/hook?a=b", b'{"n": 1}')
    assert (received.headers["host"], received.headers["x-own"]) == ("files.example", "1")


def test_no_proxy_of_the_environment_is_asked(join: Join, monkeypatch: pytest.MonkeyPatch) -> None:
    with serve(always(Reply(200))) as server, serve(always(Reply(200))) as proxy:
        for name in ("http_proxy", "https_proxy", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        assert post(f"{server.url}/hook", trusted=(server.url,)).status == 200
        assert proxy.connections == 0


@pytest.mark.parametrize("status", [200, 302, 404, 500])
def test_every_status_is_an_answer_and_a_redirect_is_not_followed(status: int) -> None:
    def redirect(received: Received) -> Reply:
        return Reply(status, headers={"Location": "/again"})

    with serve(redirect) as server:
        assert post(f"{server.url}/hook", trusted=(server.url,)).status == status
        assert len(server.requests) == 1


def test_an_unknown_host_is_said_to_be_unknown(join: Join) -> None:
    with serve(always(Reply(200))) as server:
        join(server).knows("nowhere.example", [])
        with pytest.raises(FetchFailed):
            posting.check("https://nowhere.example/")


def test_failures_quote_no_path() -> None:
    with pytest.raises(FetchError) as caught:
        post("http://127.0.0.1:9/secret-path", trusted=("http://127.0.0.1:9",))
    assert "secret-path" not in str(caught.value)
