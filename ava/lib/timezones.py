"""The names of time zones."""

import zoneinfo
from functools import cache


@cache
def names() -> frozenset[str]:
    """All that this machine knows, old names among them; reading them from the disk takes longer than a whole page."""
    return frozenset(zoneinfo.available_timezones())
