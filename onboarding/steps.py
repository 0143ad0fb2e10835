"""The nine steps: what each is called, what it asks, and what is missing in it. The flow is a list."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from onboarding.forms import (
    AssistantForm,
    AvaForm,
    IntegrationsForm,
    NoFields,
    PlanForm,
    ProfileForm,
    StepForm,
    TelephonyForm,
    TermsForm,
)
from onboarding.models import StepState
from onboarding.situation import Situation

HERE, DONE, SKIPPED, INCOMPLETE, OPEN = "here", "done", "skipped", "incomplete", "open"


@dataclass(frozen=True)
class Step:
    """One step; `missing_in` says in words what is still to be done in it."""

    number: int
    name: str
    title: str | Promise
    form_class: type[StepForm] | type[TelephonyForm]
    missing_in: Callable[[Situation], Iterator[str]]
    icon: str

    def entries(self, situation: Situation) -> dict[str, dict[str, Any]]:
        """The step's part of the draft, by field."""
        beginning = f"{self.name}."
        entries = situation.draft.entries.items()
        return {key.removeprefix(beginning): entry for key, entry in entries if key.startswith(beginning)}

    def pending(self, situation: Situation) -> list[str]:
        """The fields that are kept as typed; the terms are asked for by themselves."""
        return [name for name, entry in self.entries(situation).items() if "typed" in entry and name != "accept_terms"]

    def group_of(self, field: str) -> str:
        """Fields that are right or wrong together: the hours of a week, the plan and its seats."""
        if self.name == "telephony" and (field == "weekly" or field.startswith("day-")):
            return "week"
        return "plan" if self.name == "plan" else field

    def missing(self, situation: Situation) -> list[str]:
        """What is still to be done, in words; a value that is kept as typed counts."""
        wrong = [_("Something typed here is not right yet.")] if self.pending(situation) else []
        return [*self.missing_in(situation), *wrong]

    def state(self, situation: Situation) -> str:
        """done, skipped, incomplete, or open when nobody has been through it."""
        left = situation.onboarding.steps.get(self.name)
        missing = self.missing(situation)
        if self.name in {"vapi", "twilio"} and not missing:
            return DONE
        if left == StepState.SKIPPED:
            return SKIPPED
        if left == StepState.COMPLETED:
            return INCOMPLETE if missing else DONE
        return INCOMPLETE if self.pending(situation) else OPEN


def _profile(situation: Situation) -> Iterator[str]:
    if not situation.user.full_name:
        yield _("Your name")
    if not situation.organization.name:
        yield _("The name of your organization")
    if not situation.organization.country:
        yield _("Your country")
    yield from _terms(situation)


def _terms(situation: Situation) -> Iterator[str]:
    if not situation.user.terms_accepted_at:
        yield _("The accepted terms: Ava cannot be launched without them")


def _vapi(situation: Situation) -> Iterator[str]:
    if not situation.has_vapi_key:
        yield _("A Vapi key: without it Ava has no voice")


def _ava(situation: Situation) -> Iterator[str]:
    if not situation.studio.job_to_be_done:
        yield _("What Ava is to do for your callers")


def _twilio(situation: Situation) -> Iterator[str]:
    if situation.twilio is None and not situation.numbers:
        yield _("A Twilio account, or a number from us in the next step")


def _telephony(situation: Situation) -> Iterator[str]:
    if not situation.numbers:
        yield _("A phone number that your callers can dial")
    if situation.hours is None:
        yield _("Your business hours")


def _assistant(situation: Situation) -> Iterator[str]:
    if not situation.studio.vapi_id:
        yield _("The assistant is not created at Vapi yet")


def _nothing(_situation: Situation) -> Iterator[str]:
    yield from ()


STEPS = [
    Step(1, "profile", gettext_lazy("You and your organization"), ProfileForm, _profile, "user-circle"),
    Step(2, "vapi", gettext_lazy("Vapi, the voice"), NoFields, _vapi, "key"),
    Step(3, "ava", gettext_lazy("Who Ava is"), AvaForm, _ava, "sparkles"),
    Step(4, "twilio", gettext_lazy("Twilio, the line"), NoFields, _twilio, "phone"),
    Step(5, "telephony", gettext_lazy("Number and hours"), TelephonyForm, _telephony, "clock"),
    Step(6, "integrations", gettext_lazy("Your tools"), IntegrationsForm, _nothing, "calendar"),
    Step(7, "assistant", gettext_lazy("Voice and words"), AssistantForm, _assistant, "microphone"),
    Step(8, "plan", gettext_lazy("Plan and seats"), PlanForm, _nothing, "credit-card"),
    Step(9, "done", gettext_lazy("Ready to launch"), TermsForm, _terms, "check-circle"),
]
BY_NAME = {step.name: step for step in STEPS}


def after(step: Step) -> Step:
    """The step that follows; the last one follows itself."""
    return STEPS[min(step.number, len(STEPS) - 1)]


def find(name: str) -> Step | None:
    """The step of that name."""
    return BY_NAME.get(name)
