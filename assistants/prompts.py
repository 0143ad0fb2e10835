"""The system prompt: the operator's, filled for the tenant, then the tenant's own words."""

import re

from django.utils import translation

from accounts.models import Organization
from assistants.models import GlobalPrompt, Studio

DEFAULT_PROMPT = (
    "You are [ASSISTANT_NAME], the receptionist of [ORGANIZATION_NAME] on the phone. The person you work for is "
    "[USER_NAME] ([PROFESSION]). Speak [LANGUAGE] unless the caller prefers another of these: [LANGUAGES]. Be [TONE], "
    "short and warm; one question at a time. Take the caller's name, the reason for the call and a call-back number. "
    "Never invent facts, prices or appointments. When you have what is needed, repeat it, and say goodbye."
)
_PLACEHOLDER = re.compile(r"\[([A-Z_]+)\]")
_ENGLISH_NAMES = {"en": "English", "fr": "French", "he": "Hebrew"}


def build(studio: Studio) -> str:
    """An assistant's whole instruction: global prompt, what it is for, the tenant's instructions and guidelines."""
    prompt = GlobalPrompt.current(studio.persona)
    parts = [
        fill(prompt.text if prompt else DEFAULT_PROMPT, placeholders(studio)),
        f"Your job: {studio.job_to_be_done}" if studio.job_to_be_done else "",
        studio.system_prompt,
        f"Guidelines of {studio.organization.name}:\n{studio.guidelines}" if studio.guidelines else "",
    ]
    return "\n\n".join(part.strip() for part in parts if part.strip())


def fill(text: str, values: dict[str, str]) -> str:
    """`text` with its [PLACEHOLDERS] filled; one that is not known stays, so that the operator sees the slip."""
    return _PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]), text)


def placeholders(studio: Studio) -> dict[str, str]:
    """Every placeholder and what it stands for in this organization."""
    organization: Organization = studio.organization
    owner = organization.owner
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
        "PERSONA": studio.get_persona_display(),
        "TONE": studio.tone,
    }


def language_name(code: str) -> str:
    """The English name of a language, as a model understands it best."""
    return _ENGLISH_NAMES.get(code, code)


def first_message(studio: Studio) -> str:
    """What the caller hears first, in the assistant's language; the recording notice belongs to it."""
    with translation.override(studio.language):
        greeting = studio.first_message or translation.gettext(
            "%(organization)s, hello. I am %(name)s, the assistant. How can I help you?"
        ) % {"organization": studio.organization.name, "name": studio.name}
    return f"{greeting} {studio.consent_notice}".strip()
