"""The providers' side of a webhook: many connections at once, each answer timed."""

import http.client
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Post:
    """A delivery, ready to be sent any number of times."""

    path: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """What came back, `status` 0 when nothing did."""

    status: int
    seconds: float
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


def send(url: str, post: Post, *, timeout: float = 20, before: Callable[[], object] = lambda: None) -> Answer:
    """Connect, wait for `before`, post and read the answer."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=timeout)
    started_at = time.monotonic()
    try:
        connection.connect()
        before()
        started_at = time.monotonic()
        connection.request("POST", post.path, post.body, {"Content-Type": "application/json", **post.headers})
        response = connection.getresponse()
        body = response.read()
        return Answer(response.status, time.monotonic() - started_at, response.headers, body)
    except (OSError, http.client.HTTPException):
        return Answer(0, time.monotonic() - started_at)
    finally:
        connection.close()


def send_together(url: str, posts: Iterable[Post]) -> list[Answer]:
    """Each on a connection of its own, all of them let go at one moment."""
    waiting = list(posts)
    barrier = threading.Barrier(len(waiting))
    with ThreadPoolExecutor(len(waiting)) as pool:
        return list(pool.map(lambda post: send(url, post, before=barrier.wait), waiting))


def send_all(url: str, posts: Iterable[Post], *, concurrency: int = 16) -> list[Answer]:
    """One after the other on `concurrency` lanes, as a busy hour would bring them."""
    with ThreadPoolExecutor(concurrency) as pool:
        return list(pool.map(lambda post: send(url, post), posts))


def slowest(answers: Iterable[Answer], share: float = 1.0) -> float:
    """The longest anybody waited, of the `share` that waited least."""
    waited = sorted(answer.seconds for answer in answers)
    return waited[max(0, round(len(waited) * share) - 1)]
