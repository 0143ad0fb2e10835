"""Tell the workers that there is something to do, without ever making a request wait for the broker."""

import logging
import os
import threading
import time
from collections.abc import Callable
from typing import Any

logger = logging.getLogger(__name__)


class Doorbell:
    """Rings at most once every `every_seconds` per process, from a thread of its own.

    Publishing a task costs more than storing a webhook, and a frozen broker would hold the request up: so a request
    only sets a flag. What is rung while the broker is away is not lost: the sweeper looks into the database anyway.
    """

    def __init__(self, publish: Callable[[], object], *, every_seconds: float, rest_seconds: float) -> None:
        self._publish = publish
        self._every_seconds = every_seconds
        self._rest_seconds = rest_seconds
        self._rung = threading.Event()
        self._lock = threading.Lock()
        self._pid = 0

    def ring(self) -> None:
        """Ask for one publication soon; returns at once."""
        if self._pid != os.getpid():
            self._start()
        self._rung.set()

    def _start(self) -> None:
        """A thread does not survive a fork, so each process starts its own with its first ring."""
        with self._lock:
            if self._pid != os.getpid():
                self._pid = os.getpid()
                threading.Thread(target=self._serve, name="doorbell", daemon=True).start()

    def _serve(self) -> None:
        while True:
            self._rung.wait()
            self._rung.clear()
            try:
                self._publish()
            except Exception as error:  # whatever the broker's library raises: the sweeper makes up for it
                logger.warning(
                    "The broker did not take a message (%s); the sweeper will find it.", type(error).__name__
                )
                time.sleep(self._rest_seconds)
            time.sleep(self._every_seconds)


class Messenger:
    """Publishes at once, unless it has just failed: then it rests, so that nobody waits for one timeout after another.

    What it drops is not lost either: the sweeper looks into the database.
    """

    def __init__(self, publish: Callable[..., object], *, rest_seconds: float) -> None:
        self._publish = publish
        self._rest_seconds = rest_seconds
        self._resting_until = 0.0

    def send(self, *args: Any) -> None:
        """Publish, or let it be."""
        if time.monotonic() < self._resting_until:
            return
        try:
            self._publish(*args)
        except Exception as error:  # whatever the broker's library raises
            self._resting_until = time.monotonic() + self._rest_seconds
            logger.warning("The broker did not take a message (%s); the sweeper will find it.", type(error).__name__)
