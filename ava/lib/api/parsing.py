"""Reading a request's JSON, whatever a stranger makes of it."""

from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.utils.translation import gettext as _
from rest_framework import parsers
from rest_framework.exceptions import ParseError

from ava.lib.api.problems import Problem


class JSONParser(parsers.JSONParser):
    """JSON, at most DATA_UPLOAD_MAX_MEMORY_SIZE bytes of it."""

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        """The values. Raises ParseError (400), Problem (413)."""
        try:
            parser_context["request"]._request.body  # noqa: B018  reading it this way counts the bytes
        except RequestDataTooBig:
            raise Problem(413, "too_large", _("The request is too large.")) from None
        try:
            return super().parse(stream, media_type, parser_context)
        except RecursionError:
            raise ParseError(_("The JSON is nested too deeply.")) from None
