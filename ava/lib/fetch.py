"""Asking an address a stranger gave us, without being led to places only we can reach.

The address is taken apart once, its name resolved once, each answer checked, and the connection made to the
very address that was checked: nothing in between resolves, redirects, adds credentials or asks a proxy.
"""

from __future__ import annotations

import functools
import http.client
import ipaddress
import re
import socket
import ssl
import threading
import time
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import BinaryIO
from urllib.parse import SplitResult, quote, urljoin, urlsplit

import certifi
import idna
from django.utils.translation import gettext_noop

HTTPS_PORT = 443
CONNECT_SECONDS = 5.0
READ_SECONDS = 15.0
CHUNK_BYTES = 64 * 1024
LONGEST_URL = 8192
REDIRECTS = frozenset({301, 302, 303, 307, 308})

_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_TOO_LONG = gettext_noop("it took too long")
_PATH_SAFE = "/%:=&?~+!$,;'@()*[]"

# Unicast addresses that `is_global` lets through although they are not, or not surely, a public server.
_UNSAFE_NETWORKS = [
    ipaddress.ip_network(text)
    for text in (
        "100.64.0.0/10",  # carrier-grade NAT; a cloud's metadata service lives here
        "168.63.129.16/32",  # Azure's host agent, a public address reachable from inside only
        "192.0.0.0/24",  # protocol assignments; another cloud's metadata
        "192.88.99.0/24",  # 6to4 relays
        "2001::/23",  # Teredo and other protocol assignments
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: an IPv4 address inside
        "3fff::/20",  # documentation
    )
]
# Everything public in IPv6 is in here; mapped, compatible, NAT64, local and multicast addresses are not.
_GLOBAL_UNICAST_V6 = ipaddress.ip_network("2000::/3")


class FetchError(Exception):
    """A download did not work. Texts name the host at most: a path or query may open the file."""

    retryable = False


class UnsafeUrl(FetchError):
    """This address, or what answers there, is not one we fetch. Permanent."""


class TooLarge(FetchError):
    """More bytes than allowed. Permanent."""


class FetchRefused(FetchError):
    """The server said no (4xx in `status`). A fresh link may work, this one will not."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message, status)
        self.status = status

    def __str__(self) -> str:
        return f"{self.args[0]} ({self.status})"


class FetchFailed(FetchError):
    """Network, 5xx, or the deadline. Try again later."""

    retryable = True


class TookTooLong(FetchFailed):
    """The deadline came first."""


@dataclass(frozen=True)
class Download:
    """What came; the content type is only what the sender claims."""

    content_type_header: str
    size_bytes: int


@dataclass(frozen=True)
class Target:
    """One address taken apart; what is checked is what is connected to."""

    scheme: str
    host: str
    port: int
    path: str = field(repr=False)

    @property
    def origin(self) -> str:
        """scheme://host:port, the port always written."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


def download(
    url: str,
    *,
    to: BinaryIO,
    max_bytes: int,
    deadline_seconds: float,
    trusted_origins: frozenset[str] = frozenset(),
    max_hops: int = 3,
) -> Download:
    """Stream `url` into `to`, at most `max_bytes` within `deadline_seconds` in all.

    Only https on port 443 of public hosts, except for `trusted_origins`: exact scheme://host:port strings
    that are taken as they are. Up to `max_hops` redirects, each checked anew. No credentials are ever sent.
    Raises UnsafeUrl, FetchRefused, FetchFailed or TooLarge; `to` may then hold a part.
    """
    deadline = Deadline(deadline_seconds)
    for _ in range(max_hops + 1):
        target = parse(url, trusted_origins)
        addresses = addresses_of(target, trusted=target.origin in trusted_origins)
        with ask(target, addresses, deadline) as response:
            if response.status not in REDIRECTS:
                return _save(response, target.host, to, max_bytes, deadline)
            url = _redirect(url, response, target.host)
    raise UnsafeUrl(gettext_noop("too many redirects"))


def resolve(host: str, port: int) -> list[str]:
    """Every IP address of a host name. The only place where names are looked up. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def connect(address: str, port: int, timeout: float) -> socket.socket:
    """A TCP connection to an IP address. The only place where connections are made. Raises OSError."""
    return socket.create_connection((address, port), timeout)


@functools.lru_cache(maxsize=1)
def tls_context() -> ssl.SSLContext:
    """Full verification against the public authorities."""
    return ssl.create_default_context(cafile=certifi.where())


def is_public(text: str) -> bool:
    """Whether an IP address is an ordinary server on the internet."""
    address = ipaddress.ip_address(text)
    if address.version == 6 and address not in _GLOBAL_UNICAST_V6:
        return False
    special = address.is_multicast or address.is_reserved or any(address in net for net in _UNSAFE_NETWORKS)
    return address.is_global and not special


def parse(url: str, trusted_origins: frozenset[str] = frozenset()) -> Target:
    """Take an address apart in one strict way. Raises UnsafeUrl."""
    # The library's parser drops tabs and newlines and reads a backslash as a letter; others do not.
    if len(url) > LONGEST_URL or "\\" in url or any(c.isspace() or not c.isprintable() for c in url):
        raise UnsafeUrl(gettext_noop("the address holds characters that no address has, or too many"))
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise UnsafeUrl(gettext_noop("the address is malformed")) from None
    if parts.scheme not in ("http", "https") or "@" in parts.netloc:
        raise UnsafeUrl(gettext_noop("only https addresses without user names are fetched"))
    if port is None:
        port = HTTPS_PORT if parts.scheme == "https" else 80
    target = Target(parts.scheme, _canonical_host(parts), port, _path(parts))
    if target.origin not in trusted_origins and (target.scheme, target.port) != ("https", HTTPS_PORT):
        raise UnsafeUrl(gettext_noop("only https on its own port is fetched"))
    return target


def _canonical_host(parts: SplitResult) -> str:
    """The host as one spelling: an IP address in its usual form, or a lower-case ASCII name."""
    host = parts.hostname or ""
    if "[" in parts.netloc:
        # A zone (%eth0) would name one of our own interfaces.
        with suppress(ValueError):
            return str(ipaddress.IPv6Address("" if "%" in host else host))
        raise UnsafeUrl(gettext_noop("the host is malformed"))
    host = unicodedata.normalize("NFKC", host).lower().replace("\u3002", ".").removesuffix(".")
    with suppress(idna.IDNAError, UnicodeError):
        host = host if host.isascii() else idna.encode(host, uts46=True, std3_rules=True).decode()
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in host.split(".")):
        raise UnsafeUrl(gettext_noop("the host is malformed"))
    return _ipv4(host) or host


def _ipv4(host: str) -> str:
    """The dotted form of an IPv4 address in any spelling (127.1, 0x7f.1, 2130706433); "" for a name."""
    last = host.rpartition(".")[2]
    if not last[0].isdigit():
        return ""
    with suppress(OSError):
        return socket.inet_ntoa(socket.inet_aton(host))
    # No public name ends so, and some resolvers would read it as an address.
    raise UnsafeUrl(gettext_noop("the host is malformed"))


def _path(parts: SplitResult) -> str:
    path = quote(parts.path or "/", safe=_PATH_SAFE)
    return f"{path}?{quote(parts.query, safe=_PATH_SAFE)}" if parts.query else path


def addresses_of(target: Target, *, trusted: bool) -> list[str]:
    """The addresses to try. One answer that is not public spoils them all: it is an attack or a mistake.

    Raises UnsafeUrl, and FetchFailed when the name has no address.
    """
    is_ip = ":" in target.host or target.host.rpartition(".")[2].isdigit()
    found: list[str] = []
    with suppress(OSError, UnicodeError):
        found = [target.host] if is_ip else resolve(target.host, target.port)
    if not found:
        raise FetchFailed(f"{target.host}: " + gettext_noop("the host has no address"))
    if not trusted and not all(map(is_public, found)):
        raise UnsafeUrl(f"{target.host}: " + gettext_noop("the host is not public"))
    return found


class Deadline:
    """One clock over all steps of an exchange."""

    def __init__(self, seconds: float) -> None:
        self._ends_at = time.monotonic() + seconds
        self._expired = False

    def left(self, at_most: float = float("inf")) -> float:
        """Seconds left, or `at_most`. Raises FetchFailed when there are none."""
        if self.is_over():
            raise TookTooLong(_TOO_LONG)
        return min(self._ends_at - time.monotonic(), at_most)

    def is_over(self) -> bool:
        return self._expired or time.monotonic() >= self._ends_at

    @contextmanager
    def cuts(self, connection: PinnedConnection) -> Iterator[None]:
        """Cut the connection when time is up: a read time-out alone starts anew with every byte."""
        timer = threading.Timer(self.left(), self._cut, [connection])
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _cut(self, connection: PinnedConnection) -> None:
        self._expired = True
        if connection.wire is not None:
            # Not SSLSocket's own shutdown, which takes the TLS state away from the thread still reading.
            with suppress(OSError):
                socket.socket.shutdown(connection.wire, socket.SHUT_RDWR)


class PinnedConnection(http.client.HTTPConnection):
    """HTTP with the name in Host, SNI and certificate check, over addresses checked before."""

    def __init__(self, target: Target, addresses: list[str], deadline: Deadline) -> None:
        super().__init__(target.host, target.port)
        # The standard class knows 80 only; the Host header must not name the usual port of https.
        self.default_port = HTTPS_PORT if target.scheme == "https" else 80
        # The socket under way; the base class forgets `sock` while the body is still being read.
        self.wire: socket.socket | None = None
        self._target = target
        self._addresses = addresses
        self._deadline = deadline

    def connect(self) -> None:
        self.sock = self._first_that_answers()
        if self._target.scheme == "https":
            self.sock = tls_context().wrap_socket(self.sock, server_hostname=self.host)
        self.wire = self.sock
        self.sock.settimeout(self._deadline.left(READ_SECONDS))

    def _first_that_answers(self) -> socket.socket:
        for address in self._addresses:
            with suppress(OSError):
                return connect(address, self.port, self._deadline.left(CONNECT_SECONDS))
        raise ConnectionError("no address answers")


@contextmanager
def ask(
    target: Target,
    addresses: list[str],
    deadline: Deadline,
    *,
    body: bytes | None = None,
    headers: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[http.client.HTTPResponse]:
    """Ask for the target, or post a `body` to it, and give its answer, body unread; the clock runs on over the body."""
    connection = PinnedConnection(target, addresses, deadline)
    with closing(connection), deadline.cuts(connection):
        usual = {"Accept": "*/*", "Accept-Encoding": "identity", "Connection": "close", "User-Agent": "Ava"}
        with network_errors(target.host, deadline):
            connection.request("GET" if body is None else "POST", target.path, body, {**usual, **headers})
            response = connection.getresponse()
        with closing(response):
            yield response


@contextmanager
def network_errors(host: str, deadline: Deadline) -> Iterator[None]:
    """Anything that breaks while talking becomes FetchFailed; the originals may quote the whole address."""
    try:
        yield
    except (OSError, http.client.HTTPException, ValueError) as error:
        if deadline.is_over():
            raise TookTooLong(_TOO_LONG) from None
        failed = gettext_noop("the connection failed")
        raise FetchFailed(f"{host}: {failed} ({type(error).__name__})") from None


def _redirect(url: str, response: http.client.HTTPResponse, host: str) -> str:
    with suppress(ValueError):
        if location := response.getheader("Location"):
            return urljoin(url, location)
    raise UnsafeUrl(f"{host}: " + gettext_noop("the host sends on to nowhere"))


def _save(response: http.client.HTTPResponse, host: str, to: BinaryIO, max_bytes: int, deadline: Deadline) -> Download:
    _check_status(response.status, host)
    # Kept, as newer Pythons count it down while reading.
    announced = response.length
    if _is_encoded(response):
        raise UnsafeUrl(f"{host}: " + gettext_noop("the file came packed, which was not asked for"))
    if announced is not None and announced > max_bytes:
        raise TooLarge(gettext_noop("larger than the most bytes allowed") + f" ({max_bytes})")
    size = 0
    for chunk in _chunks(response, announced, host, deadline):
        size += len(chunk)
        if size > max_bytes:
            raise TooLarge(gettext_noop("larger than the most bytes allowed") + f" ({max_bytes})")
        to.write(chunk)
    return Download(response.getheader("Content-Type") or "", size)


def _check_status(status: int, host: str) -> None:
    # Three of them say "not now" rather than "no".
    if 400 <= status < 500 and status not in (408, 425, 429):
        raise FetchRefused(f"{host}: " + gettext_noop("the download was refused"), status)
    if status != 200:
        raise FetchFailed(f"{host}: " + gettext_noop("the host did not give the file") + f" ({status})")


def _is_encoded(response: http.client.HTTPResponse) -> bool:
    content = (response.getheader("Content-Encoding") or "identity").strip().lower()
    transfer = (response.getheader("Transfer-Encoding") or "chunked").strip().lower()
    return content != "identity" or transfer != "chunked"


def _chunks(
    response: http.client.HTTPResponse, announced: int | None, host: str, deadline: Deadline
) -> Iterator[bytes]:
    """The body as it comes, to the announced length or the end. Raises FetchFailed if it breaks off."""
    size = 0
    while announced is None or size < announced:
        wanted = CHUNK_BYTES if announced is None else min(CHUNK_BYTES, announced - size)
        with network_errors(host, deadline):
            chunk = response.read1(wanted)
        # Also after the last byte: a connection we cut ourselves looks like an end.
        deadline.left()
        if not chunk:
            break
        size += len(chunk)
        yield chunk
    if announced is not None and size < announced:
        raise FetchFailed(f"{host}: " + gettext_noop("the download broke off") + f" ({size} / {announced})")
