"""The system prompt: the operator's, filled for the tenant, then the tenant's own words."""

import re
from typing import Any

from django.utils import translation
from django.utils.translation import gettext, gettext_lazy, pgettext_lazy

from accounts.models import Organization
from assistants.models import GlobalPrompt, Persona, Studio

DEFAULT_PROMPT = (
    "You are [ASSISTANT_NAME], the receptionist of [ORGANIZATION_NAME] on the phone. The person you work for is "
    "[USER_NAME] ([PROFESSION]). Speak [LANGUAGE] unless the caller prefers another of these: [LANGUAGES]. Be [TONE], "
    "short and warm; one question at a time. Take the caller's name, the reason for the call and a call-back number. "
    "Never invent facts, prices or appointments. When you have what is needed, repeat it, and say goodbye."
)
TONES = {
    "professional": pgettext_lazy("tone", "professional"),
    "warm": pgettext_lazy("tone", "warm"),
    "friendly": pgettext_lazy("tone", "friendly"),
    "formal": pgettext_lazy("tone", "formal"),
    "cheerful": pgettext_lazy("tone", "cheerful"),
    "calm": pgettext_lazy("tone", "calm"),
}
# What a persona is there for, in the assistant's own language.
_JOBS: dict[str, Any] = {
    Persona.SECRETARY: gettext_lazy(
        "You answer the telephone as a secretary: find out who is calling and why, take a message or an appointment "
        "request, and a number to call back."
    ),
    Persona.CONCIERGE: gettext_lazy(
        "You answer the telephone as a concierge: welcome each caller like a guest, answer what you know about the "
        "house, and note what they wish with their name and number."
    ),
    Persona.SDR: gettext_lazy(
        "You answer the telephone as a sales representative: understand what the caller needs, by when and for whom, "
        "and arrange that a colleague calls back with an offer."
    ),
    Persona.CUSTOMER_SUCCESS: gettext_lazy(
        "You answer the telephone for existing customers: listen to what does not work, note the steps and their "
        "name, and say when somebody will call back."
    ),
}
_PLACEHOLDER = re.compile(r"\[([A-Z_]+)\]")
_ENGLISH_NAMES = {"en": "English", "fr": "French", "he": "Hebrew"}


def build(studio: Studio) -> str:
    """An assistant's whole instruction: global prompt, what it is for, the tenant's instructions and guidelines."""
    prompt = GlobalPrompt.current(studio.persona)
    values = placeholders(studio)
    texts = (studio.job_to_be_done, studio.system_prompt, studio.guidelines)
    job, own, guidelines = (fill(text, values).strip() for text in texts)
    parts = [
        fill(prompt.text if prompt else DEFAULT_PROMPT, values).strip(),
        f"Your job: {job}" if job else "",
        own,
        f"Guidelines of {studio.organization.name}:\n{guidelines}" if guidelines else "",
    ]
    return "\n\n".join(part for part in parts if part)


def fill(text: str, values: dict[str, str]) -> str:
    """`text` with its [PLACEHOLDERS] filled; one that is not known stays, so that the operator sees the slip."""
    return _PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]), text)


def placeholders(studio: Studio) -> dict[str, str]:
    """Every placeholder and what it stands for in this organization."""
    organization: Organization = studio.organization
    owner = organization.owner
    with translation.override("en"):  # the prompt is the same whoever looks at it
        persona = str(studio.get_persona_display())
    return {
        "USER_NAME": owner.full_name if owner and owner.full_name else organization.name,
        "ORGANIZATION_NAME": organization.name or "the business",
        "PROFESSION": organization.profession or organization.industry or "professional",
        "INDUSTRY": organization.industry,
        "COMPANY_SIZE": organization.company_size,
        "COUNTRY": organization.country,
        "TIMEZONE": owner.timezone if owner else "UTC",
        "LANGUAGE": language_name(studio.language),
        "LANGUAGES": ", ".join(language_name(code) for code in studio.languages),
        "ASSISTANT_NAME": studio.name,
        "PERSONA": persona,
        "TONE": studio.tone,
    }


def language_name(code: str) -> str:
    """The English name of a language, as a model understands it best."""
    return _ENGLISH_NAMES.get(code, code)


def first_message(studio: Studio) -> str:
    """What the caller hears first, in the assistant's language; the recording notice belongs to it."""
    greeting = studio.first_message or draft_first_message(studio)
    return filled(f"{greeting} {studio.consent_notice}".strip(), studio)


def filled(text: str, studio: Studio) -> str:
    """A text of the tenant's own, with its placeholders filled."""
    return fill(text, placeholders(studio)) if _PLACEHOLDER.search(text) else text


def unknown_placeholders(text: str, studio: Studio) -> list[str]:
    """What looks like a placeholder in a text and is none: it would be read out as it stands."""
    found = dict.fromkeys(_PLACEHOLDER.findall(text))
    known = placeholders(studio) if found else {}
    return [f"[{name}]" for name in found if name not in known]


def draft_first_message(studio: Studio) -> str:
    """A greeting in the assistant's language, for who has written none."""
    with translation.override(studio.language):
        values = {"organization": studio.organization.name, "name": studio.name}
        if not studio.organization.name:
            return gettext("Hello. I am %(name)s, the assistant. How can I help you?") % values
        return gettext("%(organization)s, hello. I am %(name)s, the assistant. How can I help you?") % values


def draft_instructions(studio: Studio) -> str:
    """Instructions to begin with, from persona and tone, in the assistant's language."""
    with translation.override(studio.language):
        lines = [
            str(_JOBS.get(studio.persona, "")),
            gettext("Tone: %(tone)s.") % {"tone": tone_label(studio.tone)},
            gettext("Speak in short sentences, one question at a time. Repeat names and numbers to be sure of them."),
            gettext("If you do not know something, say so, and promise that somebody will call back."),
        ]
    return "\n".join(line for line in lines if line)


def tone_label(tone: str) -> str:
    """A tone in the reader's language, where it is one of the usual ones; else as it was typed."""
    return str(TONES.get(tone, tone))


def tone_named(typed: str) -> str:
    """The tone somebody typed; one of the usual ones under its own name, in whatever language it was typed."""
    wanted = typed.strip().casefold()
    return next((tone for tone, label in TONES.items() if str(label).casefold() == wanted), typed.strip())
