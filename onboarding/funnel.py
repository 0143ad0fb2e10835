"""How many organizations came how far, for the operator."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Count, F
from django.db.models.fields.json import KeyTextTransform

from accounts.models import AnalyticsEvent
from onboarding.steps import STEPS


@dataclass(frozen=True)
class Stage:
    """One stage of the way: organizations that came through it, and how many of them left it out."""

    title: str
    reached: int
    skipped: int
    share: int


def stages() -> Sequence[Stage]:
    """Begun, the nine steps, and launched; each organization counts once per stage."""
    events = AnalyticsEvent.objects.unscoped()
    whole = dict(
        events.filter(name__in=["onboarding_started", "onboarding_completed"])
        .values_list("name")
        .annotate(organizations=Count("organization", distinct=True))
    )
    begun = whole.get("onboarding_started", 0)
    through = _by_step("onboarding_step_completed")
    skipped = _by_step("onboarding_step_skipped")
    named = [(f"{step.number}. {step.title}", through.get(step.name, 0), skipped.get(step.name, 0)) for step in STEPS]
    rows = [("", begun, 0), *named, ("", whole.get("onboarding_completed", 0), 0)]
    return [Stage(title, reached, left_out, _share(reached, begun)) for title, reached, left_out in rows]


def _by_step(name: str) -> dict[str, int]:
    rows = AnalyticsEvent.objects.unscoped().filter(name=name).annotate(at=KeyTextTransform("step", F("properties")))
    return dict(rows.values_list("at").annotate(organizations=Count("organization", distinct=True)))


def _share(part: int, whole: int) -> int:
    return min(100, round(100 * part / whole)) if whole else 0
