"""Keep what was typed, field by field: right values go to their rows, others stay in the draft as they were typed.

Two pages that change different fields merge. The same field changed elsewhere meanwhile is a conflict, and is told.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import QueryDict
from django.utils import timezone

from accounts.models import Organization, User
from onboarding import values
from onboarding.situation import Situation, read_for_update
from onboarding.steps import Step
from onboarding.values import Typed

LONGEST = 20_000
MOST_VALUES = 50  # of one field; no step offers as many


@dataclass(frozen=True)
class Change:
    """What a page says of a field: what stands in it, and the version of the value it began from ("" when unknown)."""

    typed: Typed
    base: str = ""
    insists: bool = False


@dataclass(frozen=True)
class Page:
    """An open page that saves; the higher `sequence` was typed later. Without a script there is no writer."""

    writer: str = ""
    sequence: int = 0


@dataclass(frozen=True)
class Result:
    """What became of one field: its version now, and what stands there instead of `mine` when there is a conflict."""

    name: str
    version: str
    mine: Typed
    theirs: Typed | None = None

    @property
    def is_conflict(self) -> bool:
        return self.theirs is not None


@dataclass(frozen=True)
class Saved:
    """What became of a save: per field, and what is wrong with the step as it stands now, in words per field."""

    form: Any
    situation: Situation
    results: Mapping[str, Result]
    problems: Mapping[str, Sequence[str]]

    @property
    def conflicts(self) -> list[Result]:
        return [result for result in self.results.values() if result.is_conflict]


def current(step: Step, situation: Situation) -> dict[str, Typed]:
    """What stands in each field of a step: as typed where it is not right yet, else as the row has it."""
    found = {name: values.as_typed(value) for name, value in values.stored(step.name, situation).items()}
    for name, entry in step.entries(situation).items():
        if "typed" in entry:
            found[name] = entry["typed"]
    return found


def form_for(step: Step, situation: Situation, typed: Mapping[str, Typed]) -> Any:
    """The step's form, bound to what was typed; it is judged, never obeyed."""
    data = QueryDict(mutable=True)
    for name, given in typed.items():
        data.setlist(name, given)
    return step.form_class(data, situation=situation, initial=values.stored(step.name, situation))


@transaction.atomic
def save(
    *, organization: Organization, user: User, step: Step, changes: Mapping[str, Change], page: Page | None = None
) -> Saved:
    """Save what changed in a step, all or nothing in the database, right or wrong in the fields."""
    situation = read_for_update(organization, user)
    before, page = current(step, situation), page or Page()
    accepted, conflicts = _sort(step, situation, before, changes, page)
    form = form_for(step, situation, {**before, **accepted})
    accepted = {name: typed for name, typed in accepted.items() if name in form.fields}
    results = {name: conflict for name, conflict in conflicts.items() if name in form.fields}
    problems: dict[str, Sequence[str]] = {
        name: [str(error) for error in errors] for name, errors in form.errors.items()
    }
    if accepted or step.pending(situation):
        problems |= _write(step, situation, form, accepted, problems)
        _keep(step, situation, accepted, problems, page)
    results |= {name: Result(name, values.version(typed), typed) for name, typed in accepted.items()}
    return Saved(form, situation, results, problems)


def save_right(
    *, situation: Situation, step: Step, typed: Mapping[str, Typed], judged: Mapping[str, Any] | None = None
) -> None:
    """Save some fields of a step, all of them or none: for programs, which are told at once what is wrong.

    `typed` is judged by the step's form; `judged` is right already, and what a page's fields cannot say. For a
    transaction that holds the wizard and is undone when this raises ValidationError, by field.
    """
    judged = judged or {}
    rows = {name: values.as_typed(value) for name, value in values.stored(step.name, situation).items()}
    form = form_for(step, situation, {**rows, **typed})
    groups = {step.group_of(name) for name in typed} - {step.group_of(name) for name in judged}
    wrong: dict[str, Any] = {
        name: errors for name, errors in form.errors.as_data().items() if step.group_of(name) in groups
    }
    if not wrong:
        names = {*judged, *(name for name in form.fields if step.group_of(name) in groups)}
        wrong = values.write(step.name, situation, {**form.cleaned_data, **judged}, names)
    if wrong:
        raise ValidationError(wrong)
    _forget_typed(step, situation, [*typed, *judged])


def _forget_typed(step: Step, situation: Situation, names: Iterable[str]) -> None:
    """What waited in these fields has been overtaken."""
    groups = {step.group_of(name) for name in names}
    old = {f"{step.name}.{name}" for name in step.entries(situation) if step.group_of(name) in groups}
    if old:
        draft = situation.draft
        draft.entries = {key: entry for key, entry in draft.entries.items() if key not in old}
        draft.save(update_fields=["entries", "updated_at"])


def _sort(
    step: Step, situation: Situation, before: Mapping[str, Typed], changes: Mapping[str, Change], page: Page
) -> tuple[dict[str, Typed], dict[str, Result]]:
    """What is to be written, and the conflicts."""
    accepted, conflicts, entries = {}, {}, step.entries(situation)
    for name, change in changes.items():
        now = before.get(name, [])
        here = values.version(now)
        entry = entries.get(name, {})
        is_mine = bool(page.writer) and (entry.get("writer"), entry.get("version")) == (page.writer, here)
        if is_mine and page.sequence < entry["sequence"]:
            continue  # overtaken on its way by what was typed later
        if change.insists or is_mine or change.base in {"", here} or values.version(change.typed) == here:
            accepted[name] = change.typed
        else:
            conflicts[name] = Result(name, here, change.typed, theirs=now)
    return accepted, conflicts


def _groups(step: Step, situation: Situation, accepted: Mapping[str, Typed]) -> set[str]:
    """What is judged: the fields that change, and those that waited and may have become right by it."""
    return {step.group_of(name) for name in [*accepted, *step.pending(situation)]}


def _write(
    step: Step, situation: Situation, form: Any, accepted: Mapping[str, Typed], problems: Mapping[str, Sequence[str]]
) -> dict[str, Sequence[str]]:
    """Put what is right into its rows; fields of one group (a week, a plan) only when all of it is right."""
    groups = _groups(step, situation, accepted) - {step.group_of(name) for name in problems}
    right = [name for name in form.fields if step.group_of(name) in groups]
    refused = values.write(step.name, situation, form.cleaned_data, right)
    return {name: [words] for name, words in refused.items()}


def _keep(
    step: Step,
    situation: Situation,
    accepted: Mapping[str, Typed],
    problems: Mapping[str, Sequence[str]],
    page: Page,
) -> None:
    """The draft after a save: who wrote each field last and, of groups that are not right, what was typed."""
    draft, now = situation.draft, timezone.now().isoformat(timespec="seconds")
    wrong = {step.group_of(name) for name in problems}
    settled = _groups(step, situation, accepted) - wrong
    for name, entry in step.entries(situation).items():
        if step.group_of(name) in settled:
            entry.pop("typed", None)
    for name, typed in accepted.items():
        entry = {"at": now, "writer": page.writer, "sequence": page.sequence, "version": values.version(typed)}
        kept = {"typed": typed} if step.group_of(name) in wrong else {}
        draft.entries[f"{step.name}.{name}"] = {**entry, **kept}
    draft.save(update_fields=["entries", "updated_at"])
