"""What a browser sends of the studio's page, and what comes back."""

import html
from typing import Any

from assistants import studio, sync
from assistants.models import Studio

PAGE = "/en/studio/"
HTMX = {"HX-Request": "true"}


def row_of(organization: Any) -> Studio:
    return Studio.objects.for_organization(organization).get()


def typed(organization: Any, **fields: Any) -> dict[str, Any]:
    """What a browser sends of the page as it is, with some fields typed anew."""
    row = sync.studio_of(organization)
    latest = studio.latest_version(row)
    data = {name: getattr(row, name) for name in studio.SETTINGS if name not in {"calendar", "workspace_apps", "crm"}}
    data |= {"first_language": row.language, "other_voice": "", "recording_enabled": "on"}
    return {**data, "version": latest.number if latest else 0, **fields}


def text_of(response: Any) -> str:
    return html.unescape(response.content.decode())
