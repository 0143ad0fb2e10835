"""Reading single values out of a payload in which anything may be missing, null, doubled or of another type."""

import math
import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

# PostgreSQL takes neither NUL nor half a surrogate pair in a text.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_EARLIEST, _LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
_MILLISECONDS_FROM = 100_000_000_000  # as seconds this would be the year 5138


def mapping(value: Any) -> dict[str, Any]:
    """The value if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def items(value: Any) -> list[Any]:
    """The value if it is an array, else an empty one."""
    return value if isinstance(value, list) else []


def text(value: Any, *, longest: int = 20_000) -> str:
    """The value as a trimmed text that a database takes; "" for what is no text."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return clean(str(value))[:longest].strip()


def clean(value: str) -> str:
    """Without the characters that a database refuses."""
    return _UNSTORABLE.sub("", value)


def number(value: Any, *, most: float) -> float | None:
    """A finite number from 0 to `most`, also when it comes as a text; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        parsed = float(value)
    except (ValueError, OverflowError):
        return None
    return parsed if math.isfinite(parsed) and 0 <= parsed <= most else None


def money(value: Any) -> Decimal | None:
    """An amount up to 100,000 with six decimals; None for anything else."""
    amount = number(value, most=100_000)
    return None if amount is None else Decimal(f"{amount:.6f}")


def moment(value: Any) -> datetime | None:
    """A point in time from an ISO text or an epoch in seconds or milliseconds; None for anything else."""
    try:
        if isinstance(value, str) and not value.replace(".", "", 1).isdigit():
            parsed = datetime.fromisoformat(value.strip())
            parsed = parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
        else:
            epoch = number(value, most=1e15)
            if epoch is None:
                return None
            parsed = datetime.fromtimestamp(epoch / 1000 if epoch >= _MILLISECONDS_FROM else epoch, UTC)
        return parsed.astimezone(UTC) if _EARLIEST <= parsed <= _LATEST else None
    except (ValueError, OverflowError, OSError):
        return None


def first(*values: str) -> str:
    """The first text that says something."""
    return next((value for value in values if value), "")
