"""The end of the wizard: Ava is launched, and put on the phone where that is possible already."""

from accounts.analytics import track
from assistants import activation
from onboarding.situation import Situation


class TermsMissing(Exception):
    """Nobody has accepted the terms: the one thing that launching needs."""


def launch(situation: Situation) -> str:
    """Complete the onboarding. Returns why Ava does not answer yet, in words; empty when she does, or has no number.

    Raises TermsMissing. A failure at the providers does not undo the launch: the dashboard offers to try again.
    """
    if not situation.user.terms_accepted_at:
        raise TermsMissing
    onboarding = situation.onboarding
    if not onboarding.is_launched and onboarding.mark_launched():
        _tell(situation)
    if not (situation.has_vapi_key and situation.numbers):
        return ""
    try:
        activation.activate(organization=situation.organization)
    except activation.NotPossible as problem:
        return str(problem)
    return ""


def _tell(situation: Situation) -> None:
    onboarding = situation.onboarding
    lasted = onboarding.completed_at - (onboarding.started_at or onboarding.completed_at)  # type: ignore[operator]
    track(
        "onboarding_completed",
        organization=situation.organization,
        user=situation.user,
        duration_seconds=round(lasted.total_seconds()),
        steps_skipped=onboarding.steps_skipped,
        plan=situation.organization.plan,
    )
