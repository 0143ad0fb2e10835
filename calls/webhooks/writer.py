"""Storing together what arrives together: while one statement is on its way to the disk, the next one gathers."""

import asyncio

from calls import inbox
from calls.inbox import Arrival
from calls.webhooks.database import in_database
from calls.webhooks.exchange import TRY_AGAIN, Refused

ANSWER_SECONDS = 10
MOST_WAITING = 1_000
MOST_ROWS = 32
MOST_BYTES = 4_000_000  # in one statement, unless a single body is larger


class Writer:
    """One at a time is at the database; the others wait for the next turn, which takes all of them.

    A commit waits for the disk, so storing ten together costs little more than storing one.
    """

    def __init__(self) -> None:
        self._waiting: list[tuple[Arrival, asyncio.Future[bool]]] = []
        self._task: asyncio.Task[None] | None = None

    async def store(self, arrival: Arrival) -> bool:
        """Keep a delivery; committed when this returns. False when its tenant is gone. Raises Refused (503)."""
        if len(self._waiting) >= MOST_WAITING:
            raise Refused(TRY_AGAIN)
        stored: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append((arrival, stored))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._write())
        try:
            return await asyncio.wait_for(stored, ANSWER_SECONDS)
        except TimeoutError:
            raise Refused(TRY_AGAIN) from None

    async def _write(self) -> None:
        while self._waiting:
            turn = self._take_turn()
            try:
                outcomes = await in_database(inbox.store_all, [arrival for arrival, _ in turn])
            except Exception as error:  # each one's sender is told
                for _, stored in turn:
                    if not stored.done():
                        stored.set_exception(error)
            else:
                for (_, stored), outcome in zip(turn, outcomes, strict=True):
                    if not stored.done():
                        stored.set_result(outcome)

    def _take_turn(self) -> list[tuple[Arrival, asyncio.Future[bool]]]:
        count = size = 0
        for arrival, _ in self._waiting[:MOST_ROWS]:
            size += len(arrival.body)
            if count and size > MOST_BYTES:
                break
            count += 1
        turn, self._waiting = self._waiting[:count], self._waiting[count:]
        return turn


writer = Writer()
