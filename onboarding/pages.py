"""What the pages of the steps show."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from accounts.forms import TwilioAccountForm, VapiKeyForm
from accounts.models import Organization
from accounts.models.organizations import Plan
from accounts.plans import OFFERS
from accounts.tenancy import TenantRequest
from assistants import prompts
from assistants.models import Studio
from ava.lib import bidi, phones
from onboarding import saving, steps, values
from onboarding.saving import Result
from onboarding.situation import Situation
from onboarding.steps import STEPS, Step
from onboarding.values import Typed
from telephony import hours
from telephony.views import number_context

# What can be changed right in the summary; the rest is a link away.
INLINE: Mapping[str, Sequence[str]] = {
    "profile": ("full_name", "organization_name", "profession"),
    "ava": ("job_to_be_done", "tone"),
    "telephony": ("fallback_email",),
    "integrations": ("calendar", "crm"),
    "assistant": ("name", "first_message"),
    "plan": ("plan", "seats"),
}


@dataclass(frozen=True)
class Shown:
    """A step as the stepper shows it."""

    step: Step
    state: str
    missing: Sequence[str]


@dataclass(frozen=True)
class Group:
    """A step's part of the summary: what it says, and the form for what can be changed in place."""

    shown: Shown
    rows: Sequence[tuple[str, str]]
    form: Any
    fields: Sequence[Any]

    @property
    def step(self) -> Step:
        return self.shown.step


def step_page(
    request: TenantRequest, step: Step, situation: Situation, saved: saving.Saved | None = None
) -> dict[str, Any]:
    """Everything a step's page needs, from the database as it is now."""
    form = page_form(step, situation, saved)
    shown = [Shown(one, one.state(situation), one.missing(situation)) for one in STEPS]
    here = shown[step.number - 1]
    context = {
        "step": step,
        "here": here,
        "steps": shown,
        "form": form,
        "situation": situation,
        "next_step": steps.after(step),
        "previous_step": STEPS[step.number - 2] if step.number > 1 else None,
        "greeting": prompts.first_message(situation.studio),
        "greeting_pattern": greeting_pattern(situation.studio),
        "conflicts": saved.conflicts if saved else (),
    }
    if step.name == "vapi":
        context["key_form"] = VapiKeyForm()
    elif step.name == "twilio":
        context["key_form"] = TwilioAccountForm()
    elif step.name == "telephony":
        context |= number_context(request)
    elif step.name == "plan":
        context["offers"] = [(plan, OFFERS[plan]) for plan in Plan]
    elif step.name == "done":
        context["groups"] = list(summary(situation, shown))
    return context


def page_form(step: Step, situation: Situation, saved: saving.Saved | None = None) -> Any:
    """The step's form with all that was typed in it, right or wrong; what is wrong stands in `cautions`."""
    typed = saving.current(step, situation)
    conflicts = saved.conflicts if saved else []
    typed |= {conflict.name: conflict.mine for conflict in conflicts}
    form = saving.form_for(step, situation, typed)
    problems: dict[str, Sequence[str]] = {
        name: [str(error) for error in errors] for name, errors in form.errors.items()
    }
    problems |= dict(saved.problems) if saved else {}
    form._errors.clear()  # they warn; a step is never refused
    was_left = step.name in situation.onboarding.steps
    touched = {name for name, entry in step.entries(situation).items() if "typed" in entry}
    told = {name: words for name, words in problems.items() if was_left or name in touched}
    form.cautions = cautions_of(form, told, conflicts)
    form.versions = {name: values.version(given) for name, given in typed.items() if name in form.fields}
    for name in form.fields:
        form.versions.setdefault(name, values.version([]))
    return form


def note_of(name: str) -> str:
    """Beside which field a warning stands: the hours of a week have one place for all."""
    return "week" if name.startswith("day-") else name


def cautions_of(form: Any, problems: Mapping[str, Sequence[str]], conflicts: Sequence[Result]) -> dict[str, SafeString]:
    """What is said beside the fields, as HTML: warnings, and conflicts with both values and two buttons."""
    warnings: dict[str, list[str]] = {}
    for name, words in problems.items():
        warnings.setdefault(note_of(name), []).extend(words)
    clashes: dict[str, list[dict[str, Any]]] = {}
    for conflict in conflicts:
        clashes.setdefault(note_of(conflict.name), []).append(_in_words(form, conflict))
    return {
        note: render_to_string(
            "onboarding/caution.html",
            {"warnings": list(dict.fromkeys(warnings.get(note, ()))), "conflicts": clashes.get(note, ())},
        )
        for note in {**warnings, **clashes}
    }


def _in_words(form: Any, conflict: Result) -> dict[str, Any]:
    field = form.fields[conflict.name]
    return {
        "name": conflict.name,
        "label": field.label,
        "version": conflict.version,
        "mine": words_for(field, conflict.mine),
        "theirs": words_for(field, conflict.theirs or []),
        "typed": conflict.theirs or [],
    }


def words_for(field: Any, typed: Typed) -> str:
    """A value as people read it."""
    if not hasattr(field, "choices"):
        return _("Yes") if typed == ["on"] else " ".join(typed).strip() or "—"
    labels: dict[str, str] = {}
    for value, label in field.choices:
        inner = label if isinstance(label, list | tuple) else [(value, label)]
        labels |= {str(one): str(name) for one, name in inner}
    return ", ".join(labels.get(one, one) for one in typed if one) or "—"


def greeting_pattern(studio: Studio) -> str:
    """The greeting with its gaps, so that the page can fill them while somebody types."""
    gaps = Studio(name="{name}", languages=studio.languages, organization=Organization(name="{organization}"))
    return prompts.draft_first_message(gaps)


def summary(situation: Situation, shown: Sequence[Shown]) -> Iterator[Group]:
    """All steps but the last, in words."""
    for one in shown[:-1]:
        form = page_form(one.step, situation)
        rows = _KEYS[one.step.name](situation) if one.step.name in _KEYS else _rows(one.step, situation, form)
        fields = [form[name] for name in INLINE.get(one.step.name, ())]
        yield Group(one, rows, form, fields)


def _rows(step: Step, situation: Situation, form: Any) -> list[tuple[str, str]]:
    typed = saving.current(step, situation)
    names = [name for name in form.fields if not name.startswith("day-") and name != "accept_terms"]
    rows = [(str(form.fields[name].label), words_for(form.fields[name], typed.get(name, []))) for name in names]
    if step.name == "telephony":
        home = situation.organization.country
        numbers = ", ".join(phones.readable(number.number, home_country=home) for number in situation.numbers)
        rows = [(_("Number"), numbers or _("none yet")), *rows, (_("Business hours"), _week(situation))]
    return rows


def _week(situation: Situation) -> str:
    if situation.hours is None:
        return _("not set yet")
    closed = _("Closed")
    lines = []
    for day in hours.week_days():
        spans = ", ".join(bidi.plain_span(*span) for span in situation.hours.weekly.get(str(day), ()))
        lines.append(f"{hours.day_name(day)} · {spans or closed}")
    return "\n".join(lines)


def _vapi(situation: Situation) -> list[tuple[str, str]]:
    if situation.vapi:
        return [(_("Vapi key"), f"{bidi.isolate(situation.vapi.preview)} · {situation.vapi.get_status_display()}")]
    return [(_("Vapi key"), _("the operator's") if situation.has_vapi_key else _("none yet"))]


def _twilio(situation: Situation) -> list[tuple[str, str]]:
    account = situation.twilio
    words = f"{bidi.isolate(account.preview)} · {account.get_status_display()}" if account else _("none yet")
    return [(_("Twilio account"), words)]


_KEYS = {"vapi": _vapi, "twilio": _twilio}
