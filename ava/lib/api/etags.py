"""Versions of what two devices may edit: who says which version they saw does not overwrite a later one.

https://www.rfc-editor.org/rfc/rfc9110#name-conditional-requests
"""

import hashlib
import json
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.utils.http import parse_etags
from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.response import Response

from ava.lib.api.problems import Problem


def etag_of(representation: Any) -> str:
    """A strong entity tag: equal when what is shown is equal."""
    text = json.dumps(representation, cls=DjangoJSONEncoder, sort_keys=True, ensure_ascii=False)
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'


def answer(request: Request, representation: Any, *, status: int = 200) -> Response:
    """The representation under its tag; 304 for a reader who has it already."""
    tag = etag_of(representation)
    if request.method in {"GET", "HEAD"} and _matches(request.headers.get("If-None-Match", ""), tag):
        return Response(status=304, headers={"ETag": tag})
    return Response(representation, status=status, headers={"ETag": tag})


def need_match(request: Request, representation: Any) -> None:
    """Raises Problem (412) when the request names a version and it is not this one."""
    wanted = request.headers.get("If-Match")
    if wanted is not None and not _matches(wanted, etag_of(representation)):
        raise Problem(412, "changed_meanwhile", _("This was changed meanwhile. Read it again, then change it."))


def _matches(header: str, tag: str) -> bool:
    wanted = parse_etags(header)
    return "*" in wanted or tag in [one.removeprefix("W/") for one in wanted]
