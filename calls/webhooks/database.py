"""The database of a process that takes webhooks in: one thread and one connection, which the loop hands its work to."""

import logging
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from asgiref.sync import sync_to_async
from django.db import InterfaceError, OperationalError, connection

from calls.webhooks.exchange import TRY_AGAIN, Refused

logger = logging.getLogger(__name__)

P = ParamSpec("P")
Result = TypeVar("Result")


async def in_database(ask: Callable[P, Result], *args: P.args, **kwargs: P.kwargs) -> Result:
    """What `ask` returns, asked in the database's thread. Raises Refused (503) while the database is away."""
    try:
        return await sync_to_async(_on_a_living_connection, thread_sensitive=True)(lambda: ask(*args, **kwargs))
    except (OperationalError, InterfaceError) as error:
        logger.error("A webhook could not be stored: %s", type(error).__name__)
        raise Refused(TRY_AGAIN) from error


def _on_a_living_connection(ask: Callable[[], Result]) -> Result:
    """Ask, and once more when the connection turns out to have ended: it may be older than the running database.

    Pages ask for a sign of life before they use a connection. That is a round trip, and a delivery needs few others.
    """
    connection.health_check_done = True  # type: ignore[attr-defined]
    try:
        return ask()
    except (OperationalError, InterfaceError):
        if connection.connection is not None and not connection.is_usable():
            connection.close()
            return ask()
        connection.close()
        raise
