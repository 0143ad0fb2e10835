"""Downloads for tests, and a toy internet to make them in."""

from __future__ import annotations

import io
import socket
from collections.abc import Callable

from ava.lib import fetch
from ava.lib.fetch import Download
from tests.servers.scripted_http import Received, Reply, ScriptedServer

PUBLIC, PRIVATE = "93.184.216.34", "10.0.0.7"
SECRET = "X-Signature=s3cret"
WAV = b"RIFF\x24\x00\x00\x00WAVEfmt " + b"\x00" * 48


def get(
    url: str,
    *,
    max_bytes: int = 1_000_000,
    seconds: float = 5.0,
    trusted: tuple[str, ...] = (),
    hops: int = 3,
) -> tuple[bytes, Download]:
    sink = io.BytesIO()
    found = fetch.download(
        url,
        to=sink,
        max_bytes=max_bytes,
        deadline_seconds=seconds,
        trusted_origins=frozenset(trusted),
        max_hops=hops,
    )
    return sink.getvalue(), found


def get_trusted(server: ScriptedServer, path: str = f"/a.wav?{SECRET}", **options: float) -> tuple[bytes, Download]:
    return get(f"{server.url}{path}", trusted=(server.url,), **options)  # type: ignore[arg-type]


class Internet:
    """A toy DNS, and a network in which every address is one local server."""

    def __init__(self, server: ScriptedServer) -> None:
        self.server = server
        self.answers: dict[str, list[list[str]]] = {}
        self.lookups: list[str] = []
        self.addresses: list[str] = []

    def knows(self, host: str, *answers: list[str]) -> None:
        """One list of addresses for each look-up; the last one stays."""
        self.answers[host] = list(answers)

    def resolve(self, host: str, port: int) -> list[str]:
        self.lookups.append(host)
        answers = self.answers.get(host, [[PRIVATE]])
        return answers.pop(0) if len(answers) > 1 else answers[0]

    def connect(self, address: str, port: int, timeout: float) -> socket.socket:
        self.addresses.append(address)
        return socket.create_connection(("127.0.0.1", self.server.port), timeout)


Join = Callable[[ScriptedServer], Internet]


def wav(_request: Received) -> Reply:
    return Reply(200, WAV, {"Content-Type": "audio/x-wav"})
