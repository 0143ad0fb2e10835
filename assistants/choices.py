"""Which choices go together: a voice and a speed with their provider, a model with its own."""

from collections.abc import Iterable, Sequence
from decimal import Decimal, InvalidOperation

from django.http import QueryDict
from django.utils.formats import number_format
from django.utils.translation import gettext

from assistants import voices


def suit_voice(data: QueryDict) -> QueryDict:
    """What was typed, with a voice and a speed that the newly chosen provider has."""
    provider = data.get("voice_provider", "")
    suited = data.copy()
    languages = [data.get("first_language", ""), *data.getlist("languages")]
    first = max(voices.voices_of(provider), key=lambda voice: _suits(voice, languages), default=None)
    if first and not voices.find_voice(provider, data.get("voice_id", "")):
        suited["voice_id"], suited["other_voice"] = first.id, ""
    slowest, fastest = voices.speed_bounds(provider)
    try:
        suited["voice_speed"] = str(min(max(Decimal(data.get("voice_speed", "1")), slowest), fastest))
    except InvalidOperation:
        suited["voice_speed"] = "1"
    return suited


def suit_model(data: QueryDict) -> QueryDict:
    """What was typed, with a model that the newly chosen provider has."""
    suited = data.copy()
    names = [name for provider, name, _label in voices.MODELS if provider == data.get("model_provider")]
    if names and data.get("model_name") not in names:
        suited["model_name"] = names[0]
    return suited


def speed_hint(provider: str) -> str:
    """Within which bounds a provider's voices speak."""
    slowest, fastest = voices.speed_bounds(provider)
    values = {
        "provider": voices.PROVIDERS.get(provider, provider),
        "slowest": number_format(slowest),
        "fastest": number_format(fastest),
    }
    if provider not in voices.SPEEDS:
        return gettext("%(provider)s decides the speed itself.") % values
    return gettext("%(provider)s speaks from %(slowest)s to %(fastest)s; 1 is the usual speed.") % values


def voice_label(voice: voices.Voice) -> str:
    """A voice's name with the languages it speaks."""
    return f"{voice.label} ({', '.join(voice.languages)})"


def with_kept(offered: dict[str, str], kept: str) -> dict[str, str]:
    """What is offered; a value that is kept already stays possible."""
    return offered if kept in offered else {**offered, kept: kept}


def first_of(name: str, names: Iterable[str]) -> Sequence[str]:
    """The names, with one of them in front."""
    return sorted(names, key=lambda one: one != name)


def _suits(voice: voices.Voice, languages: Sequence[str]) -> tuple[bool, bool]:
    """How well: the first language counts before the others. (Among equals the first in the list is taken.)"""
    return languages[0] in voice.languages, set(languages) <= set(voice.languages)
