"""Walking through the steps: beginning, going on, leaving out, and what is told to analytics."""

from typing import Any

from accounts.analytics import track
from accounts.models import User
from onboarding.models import StepState
from onboarding.situation import Situation
from onboarding.steps import Step


def begin(situation: Situation) -> None:
    """The wizard is opened for the first time; opening it again changes nothing."""
    onboarding = situation.onboarding
    if onboarding.started_at is None and onboarding.mark_begun():
        track("onboarding_started", organization=situation.organization, user=situation.user)


def leave(situation: Situation, step: Step, state: StepState) -> None:
    """A step is left, completed or skipped; told once per change."""
    onboarding = situation.onboarding
    if onboarding.steps.get(step.name) == state:
        return
    onboarding.mark_step(step.name, state)
    about: dict[str, Any] = {"step": step.name, "number": step.number}
    is_skipped = state == StepState.SKIPPED
    people: dict[str, Any] = {"organization": situation.organization, "user": situation.user}
    track("onboarding_step_completed", **people, **about, skipped=is_skipped)
    if is_skipped:
        track("onboarding_step_skipped", **people, **about)


def take_up(situation: Situation, step: Step) -> None:
    """A step that was skipped is open again."""
    if situation.onboarding.steps.get(step.name) == StepState.SKIPPED:
        situation.onboarding.forget_step(step.name)


def filled(situation: Situation, step: Step) -> None:
    """A program has saved a step; on the way to the launch it is done as soon as nothing is missing in it."""
    if not situation.onboarding.is_launched and not step.missing(situation):
        leave(situation, step, StepState.COMPLETED)


def key_saved(situation: Situation, step: Step, user: User) -> None:
    """A key was accepted inside the wizard."""
    leave(situation, step, StepState.COMPLETED)
    if step.name == "vapi":
        track("vapi_configured", organization=situation.organization, user=user, method="inline")


def assistant_created(situation: Situation) -> None:
    """The assistant exists at Vapi; told the first time."""
    onboarding = situation.onboarding
    if not onboarding.assistant_created and onboarding.mark_assistant_created():
        track("assistant_created", organization=situation.organization, user=situation.user)
