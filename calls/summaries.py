"""A call's summary: Vapi's, else one of OpenAI's when a key is set, else none."""

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext_noop

from assistants.prompts import language_name
from assistants.sync import studio_of
from ava.clients import openai
from ava.clients.errors import ProviderError, Unreachable
from calls.models import Call, ProcessingStep, StepState
from calls.processing import GiveUp, Outcome, TryLater
from calls.words import remember


def write(step: ProcessingStep) -> Outcome:
    """Make sure the call has a summary if one can be had. Raises TryLater, GiveUp."""
    call = step.call
    if call.summary:
        return Outcome(StepState.DONE)
    if not call.transcript:
        return Outcome(StepState.SKIPPED, gettext_noop("nothing was said"))
    if not settings.OPENAI_API_KEY:
        return Outcome(StepState.SKIPPED, gettext_noop("no summary came, and no OpenAI key is set"))
    try:
        summary = openai.summarize(
            api_key=settings.OPENAI_API_KEY,
            base_url=settings.OPENAI_BASE_URL,
            model=settings.OPENAI_MODEL,
            transcript=[(line["role"], line["text"]) for line in call.transcript],
            language=language_name(studio_of(call.organization).language),
        )
    except Unreachable as error:
        raise TryLater(str(error)) from None
    except ProviderError as error:
        raise GiveUp(str(error)) from None
    _keep(call, summary)
    return Outcome(StepState.DONE)


def _keep(call: Call, summary: str) -> None:
    """Vapi's own may have come meanwhile, and stays."""
    with transaction.atomic():
        waiting = Call.objects.for_organization(call.organization_id).filter(pk=call.pk, summary="")
        if current := waiting.select_for_update().first():
            current.summary = summary
            current.save(update_fields=["summary"])
            remember(current)
