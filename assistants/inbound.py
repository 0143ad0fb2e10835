"""What Vapi is told when it asks which assistant shall answer a call."""

from django.utils import translation
from django.utils.translation import gettext as _

from assistants.models import Studio


def answer(organization_id: int) -> dict[str, str]:
    """The assistant's id, or the sentence that the caller hears while Ava does not answer.

    https://docs.vapi.ai/server-url/events#retrieving-assistants
    """
    studio = Studio.objects.for_organization(organization_id).first()
    if studio and studio.is_active and studio.vapi_id:
        return {"assistantId": studio.vapi_id}
    with translation.override(studio.language if studio else None):
        return {"error": _("We cannot take your call at the moment. Please try again later.")}
