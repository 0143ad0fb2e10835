"""Between the steps' fields and the rows behind them: what stands there now, and writing what is right."""

import hashlib
import json
from collections.abc import Callable, Collection
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError

from accounts import plans
from assistants import prompts, studio
from onboarding.models import NumberStrategy
from onboarding.situation import Situation
from telephony import opening
from telephony.forms import flat_week

Typed = list[str]
Cleaned = dict[str, Any]

USER_FIELDS = ("full_name", "locale", "timezone", "marketing_opt_in")
ORGANIZATION_FIELDS = {
    "organization_name": "name",
    "industry": "industry",
    "company_size": "company_size",
    "profession": "profession",
    "country": "country",
}
AVA_FIELDS = ("persona", "job_to_be_done", "languages", "tone", "guidelines")
INTEGRATION_FIELDS = ("calendar", "workspace_apps", "crm")
ASSISTANT_FIELDS = ("name", "first_message", "system_prompt", "voice_speed")
# A field that stands for two columns: "provider:id".
PAIRS = {"voice": ("voice_provider", "voice_id"), "model": ("model_provider", "model_name")}


# --- Reading ----------------------------------------------------------------------------------------------------------


def stored(step: str, situation: Situation) -> dict[str, Any]:
    """What the rows say for a step's fields."""
    reader = _READERS.get(step)
    return reader(situation) if reader else {}


def as_typed(value: Any) -> Typed:
    """A value as a browser would post it."""
    if value is None or value is False:
        return []
    if value is True:
        return ["on"]
    if isinstance(value, list | tuple):
        return [str(one) for one in value]
    if isinstance(value, Decimal):
        return [format(value.normalize(), "f")]
    return [str(value).replace("\r\n", "\n")]


def version(typed: Typed) -> str:
    """A value's fingerprint: who changes a field says which value they saw. Nothing typed and empty are the same."""
    return hashlib.sha256(json.dumps([one for one in typed if one]).encode()).hexdigest()[:16]


def _profile(situation: Situation) -> dict[str, Any]:
    user, organization = situation.user, situation.organization
    return {
        **{name: getattr(user, name) for name in USER_FIELDS},
        **{name: getattr(organization, column) for name, column in ORGANIZATION_FIELDS.items()},
        **_terms(situation),
    }


def _terms(situation: Situation) -> dict[str, Any]:
    return {"accept_terms": bool(situation.user.terms_accepted_at)}


def _ava(situation: Situation) -> dict[str, Any]:
    return {name: getattr(situation.studio, name) for name in AVA_FIELDS}


def _telephony(situation: Situation) -> dict[str, Any]:
    hours = situation.starting_hours
    return {
        **flat_week(hours.weekly),
        "timezone": hours.timezone,
        "fallback_email": hours.fallback_email,
        "number_strategy": situation.onboarding.number_strategy,
    }


def _integrations(situation: Situation) -> dict[str, Any]:
    return {name: getattr(situation.studio, name) for name in INTEGRATION_FIELDS}


def _assistant(situation: Situation) -> dict[str, Any]:
    studio = situation.studio
    found: dict[str, Any] = {name: getattr(studio, name) for name in ASSISTANT_FIELDS}
    found |= {name: ":".join(getattr(studio, column) for column in columns) for name, columns in PAIRS.items()}
    found["first_message"] = found["first_message"] or prompts.draft_first_message(studio)
    found["system_prompt"] = found["system_prompt"] or prompts.draft_instructions(studio)
    return found


def _plan(situation: Situation) -> dict[str, Any]:
    return {"plan": situation.organization.plan, "seats": situation.organization.seats}


# --- Writing ----------------------------------------------------------------------------------------------------------


def write(step: str, situation: Situation, cleaned: Cleaned, names: Collection[str]) -> dict[str, str]:
    """Put the right values of the fields `names` into their rows. Returns what was refused after all, in words."""
    wanted = {name: cleaned[name] for name in names if name in cleaned}
    try:
        if (writer := _WRITERS.get(step)) and wanted:
            writer(situation, wanted, cleaned)
    except ValidationError as error:
        found = error.message_dict if hasattr(error, "error_dict") else {next(iter(wanted)): error.messages}
        return {name: " ".join(messages) for name, messages in found.items()}
    return {}


def settle(step: str, situation: Situation, cleaned: Cleaned) -> None:
    """Who goes on agrees to what was proposed: hours, first message and instructions that were never saved are now."""
    if step == "telephony" and situation.hours is None and "weekly" in cleaned:
        _save_hours(situation, cleaned)
    if step == "assistant":
        empty = [name for name in ("first_message", "system_prompt") if not getattr(situation.studio, name)]
        proposed = {name: cleaned[name] for name in empty if cleaned.get(name)}
        if proposed:
            studio.save(studio=situation.studio, values=proposed, user=situation.user)


def _write_profile(situation: Situation, wanted: Cleaned, _cleaned: Cleaned) -> None:
    user, organization = situation.user, situation.organization
    of_user = [name for name in USER_FIELDS if name in wanted]
    for name in of_user:
        setattr(user, name, wanted[name])
    if wanted.get("accept_terms") and not user.terms_accepted_at:
        user.accept_terms()
        of_user += ["terms_accepted_at", "terms_version"]
    columns = {column: wanted[name] for name, column in ORGANIZATION_FIELDS.items() if name in wanted}
    for column, value in columns.items():
        setattr(organization, column, value)
    if of_user:
        user.save(update_fields=of_user)
    if columns:
        organization.save(update_fields=list(columns))


def _write_studio(situation: Situation, wanted: Cleaned, _cleaned: Cleaned) -> None:
    values = dict(wanted)
    for name in PAIRS.keys() & values.keys():
        chosen = values.pop(name).split(":", 1)
        values |= dict(zip(PAIRS[name], chosen, strict=True))
    studio.save(studio=situation.studio, values=values, user=situation.user)


def _write_telephony(situation: Situation, wanted: Cleaned, cleaned: Cleaned) -> None:
    if "number_strategy" in wanted:
        situation.onboarding.number_strategy = NumberStrategy(wanted["number_strategy"])
        situation.onboarding.save(update_fields=["number_strategy"])
    if set(wanted) - {"number_strategy"}:
        _save_hours(situation, cleaned)


def _save_hours(situation: Situation, cleaned: Cleaned) -> None:
    """Each part for itself: a slip in the week does not keep the e-mail address from being saved."""
    start = situation.starting_hours
    parts = ("timezone", "weekly", "fallback_email")
    values = {name: cleaned.get(name, getattr(start, name)) for name in parts}
    opening.save_hours(organization=situation.organization, **values)


def _write_plan(situation: Situation, wanted: Cleaned, cleaned: Cleaned) -> None:
    organization = situation.organization
    plan, seats = cleaned.get("plan", organization.plan), cleaned.get("seats", organization.seats)
    changed = plans.change_plan(organization=organization, plan=plan, seats=seats)
    organization.plan, organization.seats = changed.plan, changed.seats


_READERS: dict[str, Callable[[Situation], dict[str, Any]]] = {
    "profile": _profile,
    "ava": _ava,
    "telephony": _telephony,
    "integrations": _integrations,
    "assistant": _assistant,
    "plan": _plan,
    "done": _terms,
}
_WRITERS: dict[str, Callable[[Situation, Cleaned, Cleaned], None]] = {
    "profile": _write_profile,
    "ava": _write_studio,
    "telephony": _write_telephony,
    "integrations": _write_studio,
    "assistant": _write_studio,
    "plan": _write_plan,
    "done": _write_profile,
}
