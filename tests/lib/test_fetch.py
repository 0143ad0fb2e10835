"""How much a download may bring, how long it may take, and what is said when it fails."""

import gzip
import io
import socket
import ssl
import time
import tracemalloc
from collections.abc import Callable, Iterator
from typing import BinaryIO

import pytest

from ava.lib import fetch
from ava.lib.audio import sniff_audio
from ava.lib.fetch import FetchError, FetchFailed, FetchRefused, TooLarge, UnsafeUrl
from tests.lib.internet import PUBLIC, SECRET, WAV, Join, get, get_trusted, wav
from tests.servers.scripted_http import Raw, Received, Reply, always, drip, serve, silence


class Counter(io.RawIOBase):
    """Counts what is written, and keeps nothing."""

    size = 0

    def write(self, data: object) -> int:
        length = len(data)  # type: ignore[arg-type]
        self.size += length
        return length


def endless(_request: Received) -> Reply:
    def stream() -> Iterator[bytes]:
        piece = b"x" * 65_536
        while True:
            yield piece

    return Reply(stream=stream())


def test_an_endless_stream_is_cut_at_the_limit_with_memory_flat() -> None:
    sink = Counter()
    with serve(endless) as server:
        tracemalloc.start()
        try:
            with pytest.raises(TooLarge) as caught:
                fetch.download(
                    f"{server.url}/",
                    to=sink,  # type: ignore[arg-type]
                    max_bytes=30_000_000,
                    deadline_seconds=20,
                    trusted_origins=frozenset({server.url}),
                )
            assert tracemalloc.get_traced_memory()[1] < 3_000_000
        finally:
            tracemalloc.stop()
    assert 29_000_000 < sink.size <= 30_000_000
    assert not caught.value.retryable


def test_an_announced_length_over_the_limit_is_not_even_read() -> None:
    with (
        serve(lambda _: Reply(200, b"", {"Content-Length": "99999999999"})) as server,
        pytest.raises(TooLarge),
    ):
        get_trusted(server)


def test_a_body_of_just_the_limit_passes() -> None:
    with serve(lambda _: Reply(200, b"x" * 1000)) as server:
        assert get_trusted(server, max_bytes=1000)[1].size_bytes == 1000
        with pytest.raises(TooLarge):
            get_trusted(server, max_bytes=999)


def test_a_body_shorter_than_announced_is_a_failure_to_repeat() -> None:
    with (
        serve(lambda _: Reply(stream=[b"x" * 10], headers={"Content-Length": "50"})) as server,
        pytest.raises(FetchFailed, match="broke off"),
    ):
        get_trusted(server)


def test_a_body_longer_than_announced_ends_where_it_was_announced() -> None:
    with serve(lambda _: Reply(stream=[b"x" * 100], headers={"Content-Length": "10"})) as server:
        assert get_trusted(server)[0] == b"x" * 10


def test_a_chunked_body_is_put_together_and_a_broken_one_fails() -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    with serve(lambda _: Raw([head, b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"])) as server:
        assert get_trusted(server)[0] == b"abcde"
    for tail in (b"3\r\nab", b"zz\r\nab", b"3\r\nabc\r\n"):
        with serve(always(Raw([head, tail]))) as server, pytest.raises(FetchFailed):
            get_trusted(server)


@pytest.mark.parametrize("header", ["Content-Encoding", "Transfer-Encoding"])
def test_a_packed_body_is_refused_unread(header: str) -> None:
    bomb = gzip.compress(b"\x00" * 1_000_000)
    with serve(lambda _: Reply(200, bomb, {header: "gzip"})) as server:
        with pytest.raises(UnsafeUrl, match="packed"):
            get_trusted(server)
        assert server.requests[0].headers["accept-encoding"] == "identity"


HEAD = b"HTTP/1.1 200 OK\r\n"
SLOW: dict[str, Callable[[], Reply | Raw]] = {
    "body without a length": lambda: Reply(stream=drip()),
    "body with a length": lambda: Reply(stream=drip(), headers={"Content-Length": "100000"}),
    "one endless header": lambda: Raw(drip(b"x", first=HEAD + b"X-Long: ")),
    "many headers": lambda: Raw(drip(b"X: y\r\n", 0.02, first=HEAD)),
    "chunk size": lambda: Raw(drip(b"0", first=HEAD + b"Transfer-Encoding: chunked\r\n\r\n")),
    "chunk trailer": lambda: Raw(drip(b"X: y\r\n", first=HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n")),
    "go on, for ever": lambda: Raw(drip(b"HTTP/1.1 100 Continue\r\n\r\n", 0.02)),
    "nothing": lambda: Raw(silence()),
}


@pytest.mark.parametrize("kind", SLOW)
def test_a_dripping_answer_ends_at_the_deadline(kind: str) -> None:
    with serve(lambda _: SLOW[kind]()) as server:
        started = time.monotonic()
        with pytest.raises(FetchFailed, match="too long") as caught:
            get_trusted(server, seconds=0.3)
        assert time.monotonic() - started < 2
    assert caught.value.retryable


def test_a_dripping_answer_over_tls_ends_at_the_deadline(join: Join, secure: ssl.SSLContext) -> None:
    with serve(lambda _: Raw(drip(b"x", first=HEAD + b"X-Long: ")), tls=secure) as server:
        join(server).knows("files.example", [PUBLIC])
        started = time.monotonic()
        with pytest.raises(FetchFailed, match="too long"):
            get("https://files.example/", seconds=0.3)
        assert time.monotonic() - started < 2


def test_a_handshake_that_never_comes_ends_at_the_deadline(join: Join) -> None:
    with serve(wav) as mute:
        join(mute).knows("files.example", [PUBLIC])
        with pytest.raises(FetchFailed):
            get("https://files.example/", seconds=0.3)


def test_redirects_share_one_deadline() -> None:
    def slowly(request: Received) -> Reply:
        time.sleep(0.15)
        return Reply(302, headers={"Location": "/again"})

    with serve(slowly) as server, pytest.raises(FetchFailed, match="too long"):
        get_trusted(server, seconds=0.35)


# What is said about it


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, FetchRefused),
        (403, FetchRefused),
        (404, FetchRefused),
        (410, FetchRefused),
        (408, FetchFailed),
        (429, FetchFailed),
        (500, FetchFailed),
        (503, FetchFailed),
        (204, FetchFailed),
        (304, FetchFailed),
    ],
)
def test_a_status_becomes_its_typed_error_without_the_links_signature(status: int, kind: type[FetchError]) -> None:
    with (
        serve(lambda _: Reply(status, headers={"Content-Length": "0"})) as server,
        pytest.raises(FetchError) as caught,
    ):
        get_trusted(server)
    assert type(caught.value) is kind
    assert getattr(caught.value, "status", status) == status
    assert str(status) in str(caught.value)
    assert "s3cret" not in f"{caught.value} {caught.value!r}"


def test_no_failure_quotes_the_links_signature(join: Join) -> None:
    with serve(lambda _: Raw([b"nonsense\r\n"])) as server:
        internet = join(server)
        internet.knows("nowhere.example", [])
        for host in ("private.example", "nowhere.example", "10.0.0.1", "[::1", "a b", "files.example:81"):
            with pytest.raises(FetchError) as caught:
                get(f"https://{host}/a.wav?{SECRET}")
            assert "s3cret" not in f"{caught.value} {caught.value!r}"
        with pytest.raises(FetchFailed) as broken:
            get(f"http://sandbox:81/a?{SECRET}", trusted=("http://sandbox:81",))
        assert "s3cret" not in f"{broken.value} {broken.value!r}"


def test_a_closed_port_and_an_unknown_name_are_failures_to_repeat(monkeypatch: pytest.MonkeyPatch) -> None:
    with serve(wav) as server:
        url = server.url
    with pytest.raises(FetchFailed):
        get(f"{url}/", trusted=(url,))

    def unknown(host: str, port: int) -> list[str]:
        raise socket.gaierror("unknown")

    monkeypatch.setattr(fetch, "resolve", unknown)
    with pytest.raises(FetchFailed):
        get("https://files.example/")


def test_a_full_disk_is_not_taken_for_a_network_failure() -> None:
    class Full(io.BytesIO):
        def write(self, data: object) -> int:
            raise OSError(28, "No space left on device")

    sink: BinaryIO = Full()
    with serve(wav) as server, pytest.raises(OSError, match="No space left"):
        fetch.download(
            f"{server.url}/",
            to=sink,
            max_bytes=1000,
            deadline_seconds=5,
            trusted_origins=frozenset({server.url}),
        )


# What came


def test_a_page_named_mp3_is_no_audio() -> None:
    page = b"<!doctype html><html><body>Not found</body></html>"
    with serve(lambda _: Reply(200, page, {"Content-Type": "audio/mpeg"})) as server:
        body, found = get_trusted(server, "/a.mp3")
    assert found.content_type_header == "audio/mpeg"
    assert sniff_audio(body) is None


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (WAV, ("audio/wav", "wav")),
        (b"ID3\x04\x00" + b"\x00" * 60, ("audio/mpeg", "mp3")),
        (b"\xff\xfb\x90\x64" + b"\x00" * 60, ("audio/mpeg", "mp3")),
        (b"\xff\xf3\x48\xc4" + b"\x00" * 60, ("audio/mpeg", "mp3")),
        (b"OggS\x00\x02" + b"\x00" * 60, ("audio/ogg", "ogg")),
        (b"fLaC\x00\x00\x00\x22" + b"\x00" * 60, ("audio/flac", "flac")),
        (b"\x00\x00\x00\x20ftypM4A \x00\x00", ("audio/mp4", "m4a")),
        (b"\x00\x00\x00\x20ftypisom\x00\x00", ("audio/mp4", "m4a")),
        (b"\x1aE\xdf\xa3\x9fB\x86\x81\x01B\x82\x84webm", ("audio/webm", "webm")),
        (b"\x1aE\xdf\xa3\x9fB\x86\x81\x01B\x82\x88matroska", None),
        (b"\x00\x00\x00\x20ftypheic\x00\x00", None),
        (b"RIFF\x24\x00\x00\x00AVI LIST", None),
        (b"RIFF\x24\x00\x00\x00WEBPVP8 ", None),
        (b"\xff\xfe<\x00h\x00t\x00m\x00l\x00", None),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", None),
        (b"\xff\xf1\x50\x80", None),
        (b"\xff\xff\xff\xff", None),
        (b"PK\x03\x04", None),
        (b"<html>", None),
        (b"\x1f\x8b\x08", None),
        (b"\xff", None),
        (b"", None),
    ],
)
def test_audio_is_told_by_its_first_bytes(head: bytes, expected: tuple[str, str] | None) -> None:
    assert sniff_audio(head) == expected
