"""Lists that come page by page."""

from urllib.parse import urlencode

from django.conf import settings
from rest_framework.request import Request


def page_url(request: Request, cursor: str) -> str | None:
    """The same address with another cursor, under the address that the operator gave; None without a cursor."""
    if not cursor:
        return None
    others = [(name, one) for name, found in request.query_params.lists() for one in found if name != "cursor"]
    return f"{settings.PUBLIC_URL}{request.path}?{urlencode([*others, ('cursor', cursor)])}"
