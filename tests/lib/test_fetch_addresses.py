"""Where a download may lead: addresses, names, certificates and redirects."""

import socket
import ssl
from pathlib import Path

import pytest

from ava.lib import fetch
from ava.lib.fetch import Download, FetchFailed, UnsafeUrl
from tests.lib.internet import PRIVATE, PUBLIC, SECRET, WAV, Join, get, get_trusted, wav
from tests.servers.scripted_http import Handler, Received, Reply, serve

UNSAFE = [
    "http://files.example/a",
    "http://127.0.0.1/",
    "https://127.0.0.1/",
    "https://127.0.0.1:22/",
    "https://localhost/",
    "https://localhost./",
    "https://LOCALHOST/",
    "https://127.1/",
    "https://127.0.1/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0x7f.1/",
    "https://0177.0.0.1/",
    "https://017700000001/",
    "https://127.0.0.1./",
    "https://127.0.0.0x1/",
    "https://１２７.０.０.１/",
    "https://①②⑦.⓪.⓪.①/",
    "https://127。0。0。1/",
    "https://[::1]/",
    "https://[::]/",
    "https://[::127.0.0.1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:7f00:1]/",
    "https://[0:0:0:0:0:ffff:10.0.0.1]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[64:ff9b::8.8.8.8]/",
    "https://[64:ff9b:1::a00:1]/",
    "https://[2002:7f00:1::]/",
    "https://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/",
    "https://[fe80::1]/",
    "https://[fe80::1%25eth0]/",
    "https://[2606:4700::1%25lo]/",
    "https://[fc00::1]/",
    "https://[fd00:ec2::254]/",
    "https://[fec0::1]/",
    "https://[ff02::1]/",
    "https://[2001:db8::1]/",
    "https://0.0.0.0/",
    "https://0/",
    "https://10.0.0.1/",
    "https://172.16.0.1/",
    "https://192.168.1.1/",
    "https://100.64.0.1/",
    "https://100.100.100.200/",
    "https://169.254.169.254/latest/meta-data/",
    "https://168.63.129.16/",
    "https://192.0.0.192/",
    "https://198.18.0.1/",
    "https://203.0.113.5/",
    "https://224.0.0.1/",
    "https://240.0.0.1/",
    "https://255.255.255.255/",
    "https://metadata.google.internal/computeMetadata/v1/",
    "https://private.example/",
    "https://files.example@127.0.0.1/",
    "https://127.0.0.1@files.example/",
    "https://user:pass@files.example/",
    "https://@files.example/",
    "https://files.example\\@127.0.0.1/",
    "https:\\\\files.example/",
    "https://files.example:8443/",
    "https://files.example:80/",
    "https://files.example:0/",
    "https://files.example:443:80/",
    "https://files.example:４４３/",
    "https://files.example:99999/",
    "https://files%2eexample/",
    "https://127%2e0.0.1/",
    "https://files.example /",
    " https://files.example/",
    "https://fi\tles.example/",
    "https://files.example/\r\nX-Evil: 1",
    "https://files.example\x00.evil/",
    "https://files.exa\u200bmple/",
    "https://ⓕ℀.example/",
    "https://files..example/",
    "https://-files.example/",
    "https://files.example../",
    "https://1.2.3.4.5/",
    "https://256.1.1.1/",
    "https://files.example.1/",
    "https://[::1/",
    "https://[files.example]/",
    "https:///a",
    "https:files.example",
    "//files.example/a",
    "files.example",
    "",
    "file:///etc/passwd",
    "gopher://127.0.0.1:6379/_FLUSHALL",
    "ftp://files.example/",
    "data:audio/wav;base64,UklGRg==",
    "javascript:alert(1)",
    "https://" + "a" * 64 + ".example/",
    "https://files.example/" + "a" * 9000,
]


@pytest.mark.parametrize("url", UNSAFE)
def test_an_unsafe_address_gets_no_connection(url: str, join: Join) -> None:
    with serve(wav) as canary:
        internet = join(canary)
        internet.knows("files.example", [PUBLIC])
        with pytest.raises(UnsafeUrl) as caught:
            get(url)
        assert (canary.connections, internet.addresses) == (0, [])
    assert not caught.value.retryable


def test_loopback_is_refused_by_the_real_resolver_and_network_too(monkeypatch: pytest.MonkeyPatch) -> None:
    with serve(wav) as canary:
        monkeypatch.setattr(fetch, "HTTPS_PORT", canary.port)
        for host in ("localhost", "127.0.0.1", "127.1", "[::ffff:127.0.0.1]", "0x7f.1", "0"):
            with pytest.raises(UnsafeUrl):
                get(f"https://{host}/")
        assert canary.connections == 0


@pytest.mark.parametrize(
    "found",
    [
        [PRIVATE],
        [PUBLIC, PRIVATE],
        [PRIVATE, PUBLIC],
        [PUBLIC, "::1"],
        ["2606:4700::1111", "fe80::1%2"],
        ["::ffff:93.184.216.34"],
        ["64:ff9b::5db8:d822"],
        ["169.254.169.254"],
    ],
)
def test_one_private_answer_spoils_a_name(found: list[str], join: Join) -> None:
    with serve(wav) as canary:
        join(canary).knows("files.example", found)
        with pytest.raises(UnsafeUrl):
            get("https://files.example/")
        assert canary.connections == 0


@pytest.mark.parametrize("address", [PUBLIC, "8.8.8.8", "1.1.1.1", "2606:4700::1111", "2a00:1450:4007::200e"])
def test_ordinary_servers_are_public(address: str) -> None:
    assert fetch.is_public(address)


@pytest.mark.parametrize("spelling", ["files.example", "FILES.Example", "files.example.", "ｆiles。example"])
def test_a_public_host_is_asked_at_the_checked_address_under_its_name(
    spelling: str, join: Join, secure: ssl.SSLContext
) -> None:
    with serve(wav, tls=secure) as server:
        internet = join(server)
        internet.knows("files.example", [PUBLIC])
        body, found = get(f"https://{spelling}/a b.wav?{SECRET}#part".replace(" ", "%20"))
        request = server.requests[0]
    assert (body, found) == (WAV, Download("audio/x-wav", len(WAV)))
    assert internet.addresses == [PUBLIC]
    assert server.server_names == ["files.example"]
    assert request.headers["host"] == "files.example"
    assert request.target == f"/a%20b.wav?{SECRET}"


def test_a_name_is_resolved_once_so_a_flipping_one_gains_nothing(join: Join, secure: ssl.SSLContext) -> None:
    with serve(wav, tls=secure) as server:
        internet = join(server)
        internet.knows("files.example", [PUBLIC], ["127.0.0.1"])
        assert get("https://files.example/")[0] == WAV
        assert internet.lookups == ["files.example"]
        assert internet.addresses == [PUBLIC]
        with pytest.raises(UnsafeUrl):
            get("https://files.example/")
        assert internet.addresses == [PUBLIC]


def test_the_next_address_is_tried_when_one_does_not_answer(
    join: Join, secure: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve(wav, tls=secure) as server:
        internet = join(server)
        internet.knows("files.example", ["2606:4700::1111", PUBLIC])

        def no_ipv6(address: str, port: int, timeout: float) -> socket.socket:
            if ":" in address:
                raise OSError("no route")
            return internet.connect(address, port, timeout)

        monkeypatch.setattr(fetch, "connect", no_ipv6)
        assert get("https://files.example/")[0] == WAV


def test_a_certificate_for_another_name_ends_the_talk_before_the_request(join: Join, secure: ssl.SSLContext) -> None:
    with serve(wav, tls=secure) as server:
        join(server).knows("other.example", [PUBLIC])
        with pytest.raises(FetchFailed, match="SSLCertVerificationError"):
            get("https://other.example/")
        assert server.requests == []


def test_a_certificate_nobody_vouches_for_is_not_accepted(
    join: Join, secure: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "tls_context", ssl.create_default_context)
    with serve(wav, tls=secure) as server:
        join(server).knows("files.example", [PUBLIC])
        with pytest.raises(FetchFailed):
            get("https://files.example/")
        assert server.requests == []


def test_the_real_context_checks_names_and_signers() -> None:
    context = fetch.tls_context()
    assert context.check_hostname
    assert context.verify_mode == ssl.CERT_REQUIRED


def test_only_the_exact_trusted_origin_is_trusted() -> None:
    with serve(wav) as server, serve(wav) as canary:
        assert get(f"{server.url}/a", trusted=(server.url,))[0] == WAV
        assert get(f"http://localhost:{server.port}/a", trusted=(f"http://localhost:{server.port}",))[0] == WAV
        for url in (
            f"{canary.url}/a",
            f"http://localhost:{server.port}/a",
            f"https://127.0.0.1:{server.port}/a",
        ):
            with pytest.raises(UnsafeUrl):
                get(url, trusted=(server.url,))
        with pytest.raises(UnsafeUrl):
            get(f"http://user@127.0.0.1:{server.port}/", trusted=(server.url,))
        assert (len(server.requests), canary.connections) == (2, 0)


def test_no_credentials_and_no_proxy_come_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login ava password hunter2\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with serve(wav) as proxy, serve(wav) as server:
        monkeypatch.setenv("http_proxy", proxy.url)
        get_trusted(server)
        assert proxy.connections == 0
        assert not {"authorization", "cookie", "referer"} & set(server.requests[0].headers)


# Redirects


def redirector(*locations: str) -> Handler:
    """Sends on from /0 to the first location, from /1 to the second..., and gives a recording at /end."""

    def answer(request: Received) -> Reply:
        if request.path == "/end":
            return wav(request)
        return Reply(302, b"moved", {"Location": locations[int(request.path[1:])]})

    return answer


@pytest.mark.parametrize(
    "location",
    [
        "http://127.0.0.1:{port}/",
        "https://127.0.0.1:{port}/",
        "https://169.254.169.254/latest/",
        "https://[::ffff:127.0.0.1]/",
        "https://private.example/",
        "//127.0.0.1:{port}/",
        "//user@files.example/",
        "file:///etc/passwd",
        "gopher://127.0.0.1:{port}/",
        "https://[::1",
        "\\\\127.0.0.1:{port}\\",
    ],
)
def test_a_redirect_to_an_unsafe_address_is_not_followed(location: str) -> None:
    with serve(wav) as canary, serve(redirector(location.format(port=canary.port))) as server:
        with pytest.raises((UnsafeUrl, FetchFailed)):
            get_trusted(server, "/0")
        assert canary.connections == 0
        assert len(server.requests) == 1


def test_a_redirect_is_checked_and_pinned_anew(join: Join, secure: ssl.SSLContext) -> None:
    with serve(redirector("https://files.example/1", "https://private.example/x"), tls=secure) as server:
        internet = join(server)
        internet.knows("files.example", [PUBLIC], ["93.184.216.35"])
        with pytest.raises(UnsafeUrl):
            get("https://files.example/0")
        assert internet.addresses == [PUBLIC, "93.184.216.35"]


def test_three_redirects_are_followed_and_a_fourth_is_not() -> None:
    with serve(redirector("/1", "/2", "/end")) as server:
        assert get_trusted(server, "/0")[0] == WAV
    with serve(redirector("/1", "/2", "/3", "/end")) as server:
        with pytest.raises(UnsafeUrl, match="too many"):
            get_trusted(server, "/0")
        assert len(server.requests) == 4


def test_a_redirect_without_a_target_ends() -> None:
    with serve(lambda _: Reply(302)) as server, pytest.raises(UnsafeUrl):
        get_trusted(server)
