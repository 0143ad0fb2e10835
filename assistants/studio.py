"""Changing the studio: every save that changes something is a version; two people editing merge, or are told."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.db import models, transaction
from django.utils import timezone

from accounts.models import Organization, User
from assistants.metadata import clean as clean_metadata
from assistants.models import Studio, StudioVersion

# Every setting of the studio, in the order of the page.
SETTINGS = (
    "name",
    "persona",
    "job_to_be_done",
    "tone",
    "languages",
    "first_message",
    "system_prompt",
    "guidelines",
    "end_call_message",
    "consent_notice",
    "voice_provider",
    "voice_id",
    "voice_speed",
    "model_provider",
    "model_name",
    "temperature",
    "max_tokens",
    "transcriber_provider",
    "transcriber_model",
    "recording_enabled",
    "max_duration_seconds",
    "calendar",
    "workspace_apps",
    "crm",
)
# A voice is of a provider: these are changed and merged as one.
TOGETHER = (
    ("voice_provider", "voice_id", "voice_speed"),
    ("model_provider", "model_name"),
    ("transcriber_provider", "transcriber_model"),
)
VERSIONS_KEPT = 100
# Saves of one person that follow each other sooner than this are one version: who types saves every few seconds.
TYPING_PAUSE = timedelta(minutes=10)


@dataclass(eq=False)
class Conflict(Exception):
    """Somebody else changed the same settings meanwhile. Nothing was saved.

    `theirs` is the studio as it stands now; `names` the settings that both changed.
    """

    theirs: Studio
    names: list[str]


@transaction.atomic
def save(*, studio: Studio, values: dict[str, Any], user: User | None) -> Studio:
    """Save what differs among `values` and keep a version of it; no difference, no version.

    What the same person saved here a moment ago becomes part of that version. Returns `studio`, brought up to date.
    Raises ValidationError for a value that the setting cannot hold.
    """
    kept = _locked(studio)
    _write(kept, values, user=user, is_passing=True)
    return _bring_up_to_date(studio, kept)


@transaction.atomic
def edit(*, studio: Studio, values: dict[str, Any], base: int, user: User | None) -> list[str]:
    """Save what was changed since version `base`, which the page showed. Other people's settings stay as they are.

    Returns the names of the settings that are otherwise now, and brings `studio` up to date. Raises Conflict when
    somebody else has changed the same settings to something else meanwhile.
    """
    kept = _locked(studio)
    shown = _values_at(kept, base)
    before, wanted = snapshot(kept), _as_json(values)
    mine = _changed_since(shown, wanted)
    clashing = [
        name
        for name in mine
        if wanted[name] != before[name] and (shown is None or before[name] != shown.get(name, before[name]))
    ]
    if clashing:
        raise Conflict(theirs=kept, names=clashing)
    changed = _write(kept, {name: values[name] for name in mine}, user=user)
    _bring_up_to_date(studio, kept)
    return changed


@transaction.atomic
def restore(*, studio: Studio, number: int, user: User | None) -> list[str]:
    """Bring the settings of an earlier version back, as a new version. Raises StudioVersion.DoesNotExist.

    Returns the names of the settings that are otherwise now, and brings `studio` up to date.
    """
    version = StudioVersion.objects.for_organization(studio.organization_id).get(number=number)
    kept = _locked(studio)
    values = {name: value for name, value in version.values.items() if name in SETTINGS}
    changed = _write(kept, values, user=user, restored=number)
    _bring_up_to_date(studio, kept)
    return changed


def keep_metadata(*, studio: Studio, metadata: Any) -> None:
    """Keep a client's own object with the assistant, in the place of an earlier one. Raises ValidationError."""
    studio.metadata = clean_metadata(metadata)
    studio.save(update_fields=["metadata"])


def versions_of(organization: Organization | int) -> models.QuerySet[StudioVersion]:
    """The history, the latest version first."""
    return StudioVersion.objects.for_organization(organization).filter(is_superseded=False)


def latest_version(studio: Studio) -> StudioVersion | None:
    """Who changed the studio last, and when; None while it is as it began."""
    return versions_of(studio.organization_id).defer("values").select_related("created_by").first()


def merged(conflict: Conflict, *, values: dict[str, Any], base: int) -> dict[str, Any]:
    """What to show after a conflict: all that was typed, and the others' changes where nothing was typed."""
    mine = _changed_since(_values_at(conflict.theirs, base), _as_json(values))
    return {name: value if name in mine else getattr(conflict.theirs, name) for name, value in values.items()}


def snapshot(studio: Studio) -> dict[str, Any]:
    """All settings as JSON, equal when the settings are equal."""
    return _as_json({name: getattr(studio, name) for name in SETTINGS})


def clean(name: str, value: Any) -> Any:
    """A setting's value as the database gives it back."""
    field: Any = Studio._meta.get_field(name)
    value = field.to_python(value)
    if isinstance(field, models.DecimalField) and value is not None:
        return Decimal(value).quantize(Decimal(1).scaleb(-int(field.decimal_places or 0)))
    if isinstance(value, str):
        return value.replace("\r\n", "\n").strip()  # a browser sends other line ends than it was given
    return list(value) if isinstance(value, tuple) else value


def _as_json(values: dict[str, Any]) -> dict[str, Any]:
    unknown = set(values) - set(SETTINGS)
    if unknown:
        raise ValueError(f"Not settings of the studio: {sorted(unknown)}")
    cleaned = {name: clean(name, value) for name, value in values.items()}
    return {name: str(value) if isinstance(value, Decimal) else value for name, value in cleaned.items()}


def _locked(studio: Studio) -> Studio:
    rows = Studio.objects.for_organization(studio.organization_id).select_related("organization")
    return rows.select_for_update(of=("self",)).get()


def _values_at(studio: Studio, number: int) -> dict[str, Any] | None:
    """The settings that a page showed: 0 is a page from before the first change, which became version 1."""
    versions = StudioVersion.objects.for_organization(studio.organization_id)
    if number == 0 and not versions.exists():
        return snapshot(studio)
    version = versions.filter(number=max(number, 1)).first()
    return version.values if version else None


def _changed_since(shown: dict[str, Any] | None, wanted: dict[str, Any]) -> list[str]:
    """The settings that somebody changed on the page they were shown; what belongs together as a whole."""
    chosen = {name for name in wanted if shown is None or wanted[name] != shown.get(name)}
    for together in TOGETHER:
        if chosen & set(together):
            chosen |= set(together) & set(wanted)
    return [name for name in SETTINGS if name in chosen]


def _write(
    kept: Studio, values: dict[str, Any], *, user: User | None, restored: int | None = None, is_passing: bool = False
) -> list[str]:
    before, wanted = snapshot(kept), _as_json(values)
    changed = [name for name in SETTINGS if name in wanted and wanted[name] != before[name]]
    if not changed:
        return []
    for name in changed:
        setattr(kept, name, clean(name, values[name]))
    kept.clean_fields(exclude=[field.name for field in Studio._meta.fields if field.name not in changed])
    kept.save(update_fields=changed)
    version = StudioVersion(
        organization_id=kept.organization_id,
        values=snapshot(kept),
        changed=changed,
        restored=restored,
        created_by=user,
        is_passing=is_passing,
    )
    _keep(version, before)
    return changed


def _keep(version: StudioVersion, before: dict[str, Any]) -> None:
    every = StudioVersion.objects.for_organization(version.organization_id)
    history = versions_of(version.organization_id)
    number = every.aggregate(latest=models.Max("number"))["latest"] or 0
    latest = history.first()
    if latest is None or latest.values != before:  # how it began, or what something else than this module wrote
        number += 1
        latest = every.create(organization_id=version.organization_id, number=number, values=before)
    if _is_replaced(latest, version):
        every.filter(pk=latest.pk).update(is_superseded=True)
        version.changed = [name for name in SETTINGS if name in {*latest.changed, *version.changed}]
        earlier = history.first()
        if earlier and earlier.values == version.values:
            return  # all is as it was before
    version.number = number + 1
    version.save()
    every.filter(is_superseded=True, number__lte=version.number - VERSIONS_KEPT).delete()
    every.filter(number__in=list(history.values_list("number", flat=True)[VERSIONS_KEPT:])).delete()


def _is_replaced(latest: StudioVersion, version: StudioVersion) -> bool:
    is_theirs = version.created_by_id is not None and latest.created_by_id == version.created_by_id
    is_recent = latest.created_at > timezone.now() - TYPING_PAUSE
    return latest.is_passing and version.is_passing and is_theirs and is_recent


def _bring_up_to_date(studio: Studio, kept: Studio) -> Studio:
    for name in SETTINGS:
        setattr(studio, name, getattr(kept, name))
    return studio
