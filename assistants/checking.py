"""The studio's settings as a program gives them, judged by the rules of the pages."""

import copy
from typing import Any

from django.core.exceptions import ValidationError

from assistants import voices
from assistants.forms import IntegrationsForm, StudioForm
from assistants.models import Studio
from assistants.studio import SETTINGS

# Where the page has two fields for one setting.
SETTING_OF = {"first_language": "languages", "other_voice": "voice_id"}


def check(*, studio: Studio, values: dict[str, Any]) -> dict[str, Any]:
    """The settings in `values`, cleaned; what is not among them counts as it stands. Raises ValidationError by setting.

    A setting that goes with another may be named though it was not given: a voice is of a provider.
    """
    typed = _typed({name: getattr(studio, name) for name in SETTINGS} | values)
    forms = [form(typed, instance=copy.copy(studio)) for form in (StudioForm, IntegrationsForm)]
    errors: dict[str, list[ValidationError]] = {}
    for form in forms:
        for name, found in form.errors.as_data().items():
            errors.setdefault(SETTING_OF.get(name, name), []).extend(found)
    if errors:
        raise ValidationError(errors)
    return {name: getattr(form.instance, name) for form in forms for name in form.fields if name in values}


def _typed(values: dict[str, Any]) -> dict[str, Any]:
    """As the pages' fields would hold them."""
    languages = list(dict.fromkeys(values["languages"]))
    voice_id = values["voice_id"]
    is_listed = any(voice.id == voice_id for voice in voices.VOICES)
    return {
        **values,
        "languages": languages,
        "first_language": languages[0] if languages else "",
        "voice_id": voice_id if is_listed else "",
        "other_voice": "" if is_listed else voice_id,
        "workspace_apps": list(dict.fromkeys(values["workspace_apps"])),
    }
