"""What strangers may send to the webhooks' addresses: too much, too slowly, packed, or without end."""

import gzip
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from urllib.parse import urlsplit

import psutil
import pytest

from tests import factories
from tests.faults.senders import Post, send, send_all, slowest
from tests.faults.stack import Sandbox, Tenant
from tests.servers.processes import Processes, Web, eventually

pytestmark = pytest.mark.fault

MEGABYTE = 1_000_000
THREADS = 4


@pytest.fixture(scope="module")
def web(outside: tuple[Processes, Sandbox]) -> Web:
    """It gives large blocks back to the system at once, so that its size says what it holds."""
    processes, _ = outside
    processes.env["MALLOC_MMAP_THRESHOLD_"] = "131072"
    return processes.web(threads=THREADS).wait_ready()


def connect(web: Web) -> socket.socket:
    address = urlsplit(web.url)
    assert address.hostname and address.port
    return socket.create_connection((address.hostname, address.port), timeout=5)


def head(post: Post, *lines: str) -> bytes:
    """The request up to its body, with these lines in place of a length."""
    signed = [f"{name}: {value}" for name, value in post.headers.items()]
    return "\r\n".join([f"POST {post.path} HTTP/1.1", "Host: testserver", *signed, *lines, "", ""]).encode()


def status(wire: socket.socket) -> int:
    answer = b""
    while b"\r\n" not in answer and (part := wire.recv(4096)):
        answer += part
    return int(answer.split()[1])


def chunk(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


def test_a_body_that_is_declared_too_large_is_refused_unread(web, tenant):
    with closing(connect(web)) as wire:
        wire.sendall(head(tenant.post(b"{}"), f"Content-Length: {10 * MEGABYTE}"))
        assert status(wire) == 413


@pytest.mark.parametrize("length", ["-1", "a lot", "1e9", "+5", "5, 6"])
def test_a_length_that_is_none_is_refused(web, tenant, length):
    with closing(connect(web)) as wire:
        wire.sendall(head(tenant.post(b"{}"), f"Content-Length: {length}"))
        assert status(wire) == 400


def test_a_body_in_chunks_is_taken_and_its_signature_is_checked(web, tenant):
    post = tenant.post(tenant.report())
    for body, expected in ((post.body, 200), (post.body + b" ", 401)):
        with closing(connect(web)) as wire:
            half = len(body) // 2
            wire.sendall(head(post, "Transfer-Encoding: chunked"))
            wire.sendall(chunk(body[:half]) + chunk(body[half:]) + b"0\r\n\r\n")
            assert status(wire) == expected
    assert bytes(tenant.events().get().body) == post.body


def send_without_end(web: Web, post: Post) -> int:
    """Chunks until somebody says stop; the status that said so."""
    with closing(connect(web)) as wire:
        wire.sendall(head(post, "Transfer-Encoding: chunked"))
        try:
            for _ in range(600):
                wire.sendall(chunk(b"x" * 64_000))
        except OSError:
            pass  # the other side has closed; what it said is read below
        return status(wire)


def test_bodies_without_end_are_refused_and_take_no_memory(web, tenant):
    [process] = psutil.Process(web.pid).children()
    post = tenant.post(b"{}")
    large = Post(post.path, b"x" * 10 * MEGABYTE, post.headers)
    assert send(web.url, post).status == 200
    before = process.memory_info().rss
    for _ in range(4):
        with ThreadPoolExecutor(THREADS) as pool:
            endless = [pool.submit(send_without_end, web, post) for _ in range(THREADS)]
            assert {answer.status for answer in send_all(web.url, [large] * THREADS)} <= {413, 0}
        assert [one.result() for one in endless] == [413] * THREADS
    grown = (process.memory_info().rss - before) / MEGABYTE
    print(f"{grown:.1f} MB more")
    assert grown < 50


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "identity, gzip"])
def test_a_packed_body_is_refused(web, tenant, encoding):
    post = tenant.post(gzip.compress(b"0" * 10 * MEGABYTE))
    assert send(web.url, Post(post.path, post.body, {**post.headers, "Content-Encoding": encoding})).status == 415
    assert not tenant.events().exists()


class Drip:
    """A body at one byte a second, for ever."""

    def __init__(self, web: Web, post: Post) -> None:
        self.wire = connect(web)
        self.is_over = threading.Event()
        self.wire.sendall(head(post, "Content-Length: 1000"))
        self.thread = threading.Thread(target=self.drip, daemon=True)
        self.thread.start()

    def drip(self) -> None:
        try:
            self.wire.sendall(b"{")
            while not self.is_over.wait(1):
                self.wire.sendall(b" ")
        except OSError:
            pass

    def stop(self) -> None:
        self.is_over.set()
        self.wire.close()


@pytest.fixture
def drips(web: Web, tenant: Tenant) -> Iterator[list[Drip]]:
    drips: list[Drip] = []
    yield drips
    for drip in drips:
        drip.stop()


def test_slow_bodies_do_not_hold_up_the_others(web, tenant, drips):
    drips += [Drip(web, tenant.post(b"{}")) for _ in range(THREADS - 1)]
    answers = send_all(web.url, [tenant.post(tenant.report()) for _ in range(30)])
    assert {answer.status for answer in answers} == {200}
    assert slowest(answers) < 1


@pytest.mark.parametrize("header", [b"\xff\xfe\x80", b"caf\xc3\xa9", b"x" * 5000, b"sha256=", b"0" * 64])
def test_no_signature_is_a_fault_of_ours(web, tenant, header):
    path = factories.webhook_path(tenant.organization).encode()
    with closing(connect(web)) as wire:
        wire.sendall(b"POST " + path + b" HTTP/1.1\r\nHost: testserver\r\nContent-Length: 2\r\n")
        wire.sendall(b"X-Vapi-Signature: " + header + b"\r\n\r\n{}")
        assert status(wire) == 401


def test_the_web_process_is_still_quick_after_all_that(web, tenant):
    eventually(lambda: send(web.url, tenant.post(b"{}")).status == 200)
    started_at = time.monotonic()
    assert send(web.url, tenant.post(tenant.report())).status == 200
    assert time.monotonic() - started_at < 0.5
