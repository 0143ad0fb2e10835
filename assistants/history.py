"""What changed between two versions of the studio, as a person reads it."""

import difflib
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db import models
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from assistants import prompts, voices
from assistants.models import Studio, WorkspaceApp
from assistants.studio import SETTINGS

_LISTED: dict[str, dict[str, Any]] = {
    "languages": dict(settings.LANGUAGES),
    "workspace_apps": dict(WorkspaceApp.choices),
}
_NAMED: dict[str, dict[str, Any]] = {
    "voice_provider": voices.PROVIDERS,
    "model_provider": voices.MODEL_PROVIDERS,
    "transcriber_provider": voices.TRANSCRIBERS,
    "voice_id": {voice.id: voice.label for voice in voices.VOICES},
    "model_name": {name: label for _provider, name, label in voices.MODELS},
    "tone": prompts.TONES,
}


@dataclass(frozen=True)
class Line:
    """A line of a text: `ins`, `del` or `same`."""

    kind: str
    text: str


@dataclass(frozen=True)
class Change:
    """A setting that differs: before and after, or, for long texts, line by line."""

    label: str
    before: str
    after: str
    lines: list[Line] = field(default_factory=list)


def differences(before: dict[str, Any], after: dict[str, Any]) -> list[Change]:
    """The settings that differ between two versions."""
    return [
        _change(name, before[name], after[name])
        for name in SETTINGS
        if name in before and name in after and before[name] != after[name]
    ]


def label(name: str) -> str:
    """What a setting is called."""
    return str(capfirst(Studio._meta.get_field(name).verbose_name))  # type: ignore[union-attr]


def readable(name: str, value: Any) -> str:
    """A setting's value in words."""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if name in _LISTED:
        return ", ".join(str(_LISTED[name].get(one, one)) for one in value)
    if name in _NAMED:
        return str(_NAMED[name].get(value, value))
    if shown := dict(getattr(Studio._meta.get_field(name), "flatchoices", ())).get(value):
        return str(shown)
    return str(value)


def _change(name: str, before: Any, after: Any) -> Change:
    is_text = isinstance(Studio._meta.get_field(name), models.TextField)
    lines = line_by_line(before, after) if is_text else []
    return Change(label(name), readable(name, before), readable(name, after), lines)


def line_by_line(before: str, after: str) -> list[Line]:
    """Two texts as one, with the lines that went and those that came."""
    old, new = before.splitlines(), after.splitlines()
    lines: list[Line] = []
    for kind, first, last, new_first, new_last in difflib.SequenceMatcher(a=old, b=new).get_opcodes():
        if kind == "equal":
            lines += [Line("same", text) for text in old[first:last]]
        else:
            lines += [Line("del", text) for text in old[first:last]]
            lines += [Line("ins", text) for text in new[new_first:new_last]]
    return lines
