"""The load: signed webhooks over keep-alive connections, written by hand so that the client costs little.

It runs in a process of its own (`python -m benchmarks.load`): an `Order` as JSON comes in, its `Outcome` goes out.
"""

import asyncio
import hashlib
import hmac
import json
import random
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import uvloop

FIXTURE = Path(__file__).parents[1] / "tests/fixtures/vapi/vapi-end-of-call-report.json"
BODY_BYTES = 20_000
BODIES_PER_TARGET = 4
MARK = "the call id"


@dataclass(frozen=True)
class Target:
    """An address, and the secret that its deliveries are signed with."""

    path: str
    secret: str


@dataclass(frozen=True)
class Order:
    """What to send: each connection goes on until `seconds` are over. With `repeat`, one body again and again."""

    port: int
    targets: list[Target]
    connections: int
    seconds: float
    repeat: bool = False


@dataclass
class Outcome:
    """What came back. `broken` counts the connections that ended before their answer."""

    statuses: dict[str, int] = field(default_factory=dict)
    broken: int = 0
    elapsed: float = 0.0
    p50_ms: float = 0.0
    p99_ms: float = 0.0

    @property
    def count(self) -> int:
        return sum(self.statuses.values())

    @property
    def rate(self) -> float:
        return self.count / self.elapsed


class Template:
    """A body whose call id comes last, so that a new id costs a few bytes of hashing and not all twenty thousand."""

    def __init__(self, target: Target, seed: int) -> None:
        self.head, self.tail = sample(seed)
        self.signing = hmac.new(target.secret.encode(), self.head, hashlib.sha256)
        length = len(self.head) + 36 + len(self.tail)
        self.before_signature = (
            f"POST {target.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: bench\r\nAccept: */*\r\n"
            f"Content-Type: application/json\r\nContent-Length: {length}\r\nX-Vapi-Signature: "
        ).encode()

    def request(self, call_id: str) -> bytes:
        rest = call_id.encode() + self.tail
        signing = self.signing.copy()
        signing.update(rest)
        return b"".join((self.before_signature, signing.hexdigest().encode(), b"\r\n\r\n", self.head, rest))


def sample(seed: int) -> tuple[bytes, bytes]:
    """What stands before and after the call id in an end-of-call report of about `BODY_BYTES`, worded after `seed`."""
    report = json.loads(FIXTURE.read_bytes())
    message = report["message"]
    lines = message["artifact"]["messages"]
    words = [word for line in lines for word in line.get("message", "").split()]
    lines += _talk(random.Random(seed), words, BODY_BYTES - len(_encode(report)))
    call = message.pop("call")
    call.pop("id")
    head, tail = _encode({"message": {**message, "call": {**call, "id": MARK}}}).split(MARK.encode())
    return head, tail


def _encode(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def _talk(chance: random.Random, words: list[str], size: int) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = []
    while size > 0:
        said = " ".join(chance.choices(words, k=12))
        at = round(chance.uniform(0, 600), 3)
        lines.append({"role": chance.choice(["bot", "user"]), "message": said, "secondsFromStart": at})
        size -= len(_encode(lines[-1])) + 2
    return lines


class Load:
    """All connections of one order."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.seconds: list[float] = []
        self.statuses: Counter[str] = Counter()
        self.broken = 0
        self.until = 0.0
        self._sent = 0
        self._ids = str(uuid4())[:24]

    def next_id(self) -> str:
        self._sent += not self.order.repeat
        return f"{self._ids}{self._sent:012x}"

    async def run(self) -> Outcome:
        loop = asyncio.get_running_loop()
        targets, each = self.order.targets, 1 if self.order.repeat else BODIES_PER_TARGET
        templates = [[Template(target, seed) for seed in range(each)] for target in targets]
        connections = [Connection(self, templates[one % len(targets)]) for one in range(self.order.connections)]
        for connection in connections:
            await loop.create_connection(lambda one=connection: one, "127.0.0.1", self.order.port)
        started = time.perf_counter()
        self.until = started + self.order.seconds
        for connection in connections:
            connection.send()
        await asyncio.wait_for(asyncio.gather(*(one.done for one in connections)), self.order.seconds + 20)
        return self._outcome(time.perf_counter() - started)

    def _outcome(self, elapsed: float) -> Outcome:
        ordered = sorted(self.seconds) or [0.0]
        p50, p99 = (round(ordered[int(len(ordered) * part)] * 1000, 2) for part in (0.5, 0.99))
        return Outcome(dict(self.statuses), self.broken, elapsed, p50, p99)


class Connection(asyncio.Protocol):
    """Sends, waits for the whole answer, sends the next."""

    transport: asyncio.Transport

    def __init__(self, load: Load, templates: list[Template]) -> None:
        self.load = load
        self.templates = templates
        self.answer = b""
        self.turn = 0
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]

    def send(self) -> None:
        if time.perf_counter() >= self.load.until:
            self.done.set_result(None)
            self.transport.close()
            return
        self.turn = (self.turn + 1) % len(self.templates)
        request = self.templates[self.turn].request(self.load.next_id())
        self.sent_at = time.perf_counter()
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self.answer += data
        if not is_whole(self.answer):
            return
        self.load.seconds.append(time.perf_counter() - self.sent_at)
        self.load.statuses[self.answer[9:12].decode()] += 1
        self.answer = b""
        self.send()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.load.broken += 1
            self.done.set_result(None)


def is_whole(answer: bytes) -> bool:
    """Whether a request or an answer has arrived to its end, be its length declared or its body in chunks."""
    head, end, body = answer.partition(b"\r\n\r\n")
    if not end:
        return False
    head = head.lower()
    at = head.find(b"content-length:")
    return body.endswith(b"0\r\n\r\n") if at < 0 else len(body) >= int(head[at + 15 :].partition(b"\r\n")[0])


class TrivialAnswer(asyncio.Protocol):
    """Reads and answers, and does nothing else: what the load reaches here is its own limit."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport, self.request = transport, b""

    def data_received(self, data: bytes) -> None:
        self.request += data
        if is_whole(self.request):
            self.request = b""
            self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")  # type: ignore[attr-defined]


async def answer_trivially(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(TrivialAnswer, "127.0.0.1", port)
    await server.serve_forever()


def main() -> None:
    if sys.argv[1:2] == ["--answer"]:
        uvloop.run(answer_trivially(int(sys.argv[2])))
        return
    given = json.load(sys.stdin)
    targets = [Target(**target) for target in given.pop("targets")]

    async def run() -> Outcome:
        return await Load(Order(targets=targets, **given)).run()

    json.dump(asdict(uvloop.run(run())), sys.stdout)


if __name__ == "__main__":
    main()
