"""How often the API may be asked: counted per minute for each person and each organization, over all processes.

The headers are the IETF's: https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/
"""

from dataclasses import dataclass
from time import time

from django.db import connection
from django.utils.translation import gettext as _

from accounts.models import RequestCount
from ava.lib.api.problems import Problem

WINDOW_SECONDS = 60
PER_PERSON = 300
PER_ORGANIZATION = 1200

_COUNT = """
    INSERT INTO accounts_requestcount AS kept (key, minute, count) VALUES {rows}
    ON CONFLICT (key) DO UPDATE SET
        count = CASE WHEN kept.minute = excluded.minute THEN kept.count + 1 ELSE 1 END,
        minute = excluded.minute
    RETURNING key, count
"""


@dataclass(frozen=True)
class Allowance:
    """What is left of the limit that ends first."""

    name: str
    limit: int
    left: int
    reset_seconds: int

    @property
    def headers(self) -> dict[str, str]:
        """The standard headers."""
        return {
            "RateLimit-Policy": f'"{self.name}";q={self.limit};w={WINDOW_SECONDS}',
            "RateLimit": f'"{self.name}";r={max(self.left, 0)};t={self.reset_seconds}',
        }


def count(*, user_id: int, organization_id: int | None) -> Allowance:
    """Count one request. Raises Problem (429) when it is one too many for the person or the organization."""
    minute, second = divmod(int(time()), WINDOW_SECONDS)
    limits = {f"user:{user_id}": ("person", PER_PERSON)}
    if organization_id is not None:
        limits[f"organization:{organization_id}"] = ("organization", PER_ORGANIZATION)
    made = _add_one(list(limits), minute)
    allowances = [
        Allowance(name, limit, limit - made[key], WINDOW_SECONDS - second) for key, (name, limit) in limits.items()
    ]
    scarcest = min(allowances, key=lambda one: one.left)
    if scarcest.left < 0:
        headers = {**scarcest.headers, "Retry-After": str(scarcest.reset_seconds)}
        raise Problem(429, "throttled", _("That was too often. Try again in a minute."), headers)
    return scarcest


def _add_one(keys: list[str], minute: int) -> dict[str, int]:
    """One statement for all keys, always in the same order, so that two requests never wait for each other in turn."""
    rows = ", ".join(["(%s, %s, 1)"] * len(keys))
    with connection.cursor() as cursor:
        cursor.execute(_COUNT.format(rows=rows), [value for key in keys for value in (key, minute)])
        return dict(cursor.fetchall())


def forget_old() -> None:
    """Drop counts of minutes that are over."""
    RequestCount.objects.filter(minute__lt=int(time()) // WINDOW_SECONDS - 1).delete()
