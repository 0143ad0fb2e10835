"""Which voices, models and transcribers can be chosen, and their bounds. Vapi takes more: another id can be typed.

https://docs.vapi.ai/api-reference/assistants/create (ElevenLabsVoice, AzureVoice, VapiVoice, OpenAIVoice, OpenAIModel).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

PROVIDERS = {"11labs": "ElevenLabs", "azure": "Azure", "openai": "OpenAI", "vapi": "Vapi"}
# Bounds of the voice's speed per provider; providers that are not here take no speed.
SPEEDS = {
    "11labs": (Decimal("0.7"), Decimal("1.2")),
    "azure": (Decimal("0.5"), Decimal("2")),
    "vapi": (Decimal("0.25"), Decimal("2")),
    "openai": (Decimal("0.25"), Decimal("4")),
    "playht": (Decimal("0.1"), Decimal("5")),
    "lmnt": (Decimal("0.25"), Decimal("2")),
    "minimax": (Decimal("0.5"), Decimal("2")),
    "xai": (Decimal("0.7"), Decimal("1.5")),
}
NO_SPEED = (Decimal(1), Decimal(1))

MODEL_PROVIDERS = {"openai": "OpenAI", "anthropic": "Anthropic", "google": "Google"}
# The provider, Vapi's name, and what it is called.
MODELS: Sequence[tuple[str, str, str]] = (
    ("openai", "gpt-4o-mini", "GPT-4o mini"),
    ("openai", "gpt-4o", "GPT-4o"),
    ("openai", "gpt-4.1", "GPT-4.1"),
    ("openai", "gpt-4.1-mini", "GPT-4.1 mini"),
    ("openai", "gpt-4.1-nano", "GPT-4.1 nano"),
    ("openai", "gpt-5", "GPT-5"),
    ("openai", "gpt-5-mini", "GPT-5 mini"),
    ("openai", "gpt-5-nano", "GPT-5 nano"),
    ("openai", "gpt-5.1", "GPT-5.1"),
    ("openai", "gpt-5.2", "GPT-5.2"),
    ("anthropic", "claude-3-7-sonnet-20250219", "Claude 3.7 Sonnet"),
    ("anthropic", "claude-sonnet-4-20250514", "Claude Sonnet 4"),
    ("google", "gemini-2.5-flash", "Gemini 2.5 Flash"),
    ("google", "gemini-2.5-pro", "Gemini 2.5 Pro"),
)

# What each transcriber is called, and which of its models can be chosen; "" is the provider's own choice.
TRANSCRIBERS = {
    "deepgram": "Deepgram",
    "11labs": "ElevenLabs Scribe",
    "azure": "Azure",
    "gladia": "Gladia",
    "google": "Google",
    "openai": "OpenAI",
    "soniox": "Soniox",
    "speechmatics": "Speechmatics",
}
# Deepgram's older model does not understand Hebrew.
TRANSCRIBER_LANGUAGES = {("deepgram", "nova-2"): ("en", "fr")}


@dataclass(frozen=True)
class Voice:
    """A voice as Vapi names it, and the languages it is known to speak well."""

    provider: str
    id: str
    label: str
    languages: tuple[str, ...]
    sample_url: str = ""


_EN, _EN_FR, _ALL = ("en",), ("en", "fr"), ("en", "fr", "he")
_ELEVENLABS = "https://storage.googleapis.com/eleven-public-prod/premade/voices"
_OPENAI = "https://cdn.openai.com/API/docs/audio"

VOICES: Sequence[Voice] = (
    Voice(
        "11labs",
        "sarah",
        "Sarah",
        _EN_FR,
        f"{_ELEVENLABS}/EXAVITQu4vr4xnSDxMaL/01a3e33c-6e99-4ee7-8543-ff2216a32186.mp3",
    ),
    Voice(
        "11labs",
        "matilda",
        "Matilda",
        _EN_FR,
        f"{_ELEVENLABS}/XrExE9yKIg1WjnnlVkGX/b930e18d-6b4d-466e-bab2-0ae97c6d8535.mp3",
    ),
    Voice(
        "11labs",
        "drew",
        "Drew",
        _EN_FR,
        f"{_ELEVENLABS}/29vD33N1CtxCmqQRPOHJ/b99fc51d-12d3-4312-b480-a8a45a7d51ef.mp3",
    ),
    Voice(
        "11labs",
        "paul",
        "Paul",
        _EN_FR,
        f"{_ELEVENLABS}/5Q0t7uMcjvnagumLfvZi/a4aaa30e-54c4-44a4-8e46-b9b00505d963.mp3",
    ),
    *(
        Voice("11labs", name, name.capitalize(), _EN_FR)
        for name in ("andrea", "burt", "joseph", "marissa", "mark", "myra", "paula", "phillip", "ryan", "steve")
    ),
    Voice("azure", "en-US-JennyNeural", "Jenny", _EN),
    Voice("azure", "andrew", "Andrew", _EN),
    Voice("azure", "brian", "Brian", _EN),
    Voice("azure", "emma", "Emma", _EN),
    Voice("azure", "fr-FR-DeniseNeural", "Denise", ("fr",)),
    Voice("azure", "fr-FR-HenriNeural", "Henri", ("fr",)),
    Voice("azure", "he-IL-HilaNeural", "Hila", ("he",)),
    Voice("azure", "he-IL-AvriNeural", "Avri", ("he",)),
    *(
        Voice("openai", name, name.capitalize(), _ALL, f"{_OPENAI}/{name}.wav")
        for name in ("alloy", "echo", "fable", "nova", "onyx", "shimmer")
    ),
    *(Voice("openai", name, name.capitalize(), _ALL) for name in ("cedar", "marin")),
    *(
        Voice("vapi", name, name, _EN)
        for name in ("Elliot", "Savannah", "Rohan", "Emma", "Clara", "Nico", "Kai", "Sagar", "Godfrey", "Neil")
    ),
)


def find_voice(provider: str, voice_id: str) -> Voice | None:
    """The voice, if it is one of ours; the tenant may have typed another."""
    return next((voice for voice in VOICES if (voice.provider, voice.id) == (provider, voice_id)), None)


def voices_of(provider: str) -> list[Voice]:
    """A provider's voices."""
    return [voice for voice in VOICES if voice.provider == provider]


def voices_for(languages: Sequence[str]) -> list[Voice]:
    """The voices that speak all of `languages`; where none does, those that speak the first."""
    all_of_them = [voice for voice in VOICES if set(languages) <= set(voice.languages)]
    return all_of_them or [voice for voice in VOICES if set(languages[:1]) <= set(voice.languages)]


def speed_bounds(provider: str) -> tuple[Decimal, Decimal]:
    """The slowest and the fastest a provider's voices speak; both 1 where the speed cannot be chosen."""
    return SPEEDS.get(provider, NO_SPEED)


def hearing_languages(provider: str, model: str) -> tuple[str, ...]:
    """The languages that a transcriber understands with a model."""
    return TRANSCRIBER_LANGUAGES.get((provider, model), _ALL)
