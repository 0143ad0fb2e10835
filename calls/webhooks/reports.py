"""What the outside told of one call, in our own words, and how several tellings become one."""

from collections.abc import Iterable
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from calls.models import CallStatus


@dataclass(frozen=True, kw_only=True)
class CallReport:
    """One delivery, parsed. What it did not say is "" or None or empty."""

    kind: str
    # How much the telling weighs: a status update, the seeds' shape, Vapi's own report of the ended call.
    rank: int = 0
    told_at: datetime | None = None
    vapi_call_id: str = ""
    vapi_org_id: str = ""
    assistant_id: str = ""
    phone_number_id: str = ""
    number: str = ""
    caller_number: str = ""
    direction: str = ""
    status: str = ""
    ended_reason: str = ""
    started_at: datetime | None = None
    ended_at: datetime | None = None
    duration_seconds: int | None = None
    summary: str = ""
    transcript: list[dict[str, Any]] = field(default_factory=list)
    cost: Decimal | None = None
    presigned_url: str = ""
    presigned_until: datetime | None = None
    recording_url: str = ""

    @property
    def is_final(self) -> bool:
        """Whether this tells of a call that is over, so that its parts can be done."""
        return self.rank > 0


_EMPTY: tuple[Any, ...] = ("", None, [])
_PROGRESS: list[str] = [CallStatus.RINGING, CallStatus.IN_PROGRESS]


def merge(reports: Iterable[CallReport]) -> CallReport:
    """All tellings of one call as one, the same whatever order they arrived in. At least one report is needed.

    Field by field the weightiest telling that says anything wins, among equals the latest; nothing is ever erased by
    silence, and an ended call does not ring again.
    """
    ordered = sorted(reports, key=_weight)
    merged = ordered[-1]
    for report in ordered[-2::-1]:
        missing = {
            one.name: getattr(report, one.name)
            for one in fields(CallReport)
            if getattr(merged, one.name) in _EMPTY and getattr(report, one.name) not in _EMPTY
        }
        merged = replace(merged, **missing)
    return replace(merged, **_signed_link(ordered), status=_furthest(ordered))


def _weight(report: CallReport) -> tuple[int, float, str]:
    return report.rank, report.told_at.timestamp() if report.told_at else 0.0, repr(report)


def _furthest(ordered: list[CallReport]) -> str:
    """The weightiest word on how the call ended, else how far it has come."""
    said = [report.status for report in ordered if report.status]
    ended = [status for status in said if status not in _PROGRESS]
    if ended:
        return ended[-1]
    return max(said, key=_PROGRESS.index, default=CallStatus.RINGING)


def _signed_link(ordered: list[CallReport]) -> dict[str, Any]:
    """The link that lives longest, with its own expiry: each delivery brings fresh ones."""
    linked = [report for report in ordered if report.presigned_url]
    best = max(linked, key=lambda one: one.presigned_until.timestamp() if one.presigned_until else 0.0, default=None)
    return {"presigned_url": best.presigned_url, "presigned_until": best.presigned_until} if best else {}
