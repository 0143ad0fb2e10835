"""Reading a request's JSON, whatever a stranger makes of it."""

from typing import Any

from django.utils.translation import gettext as _
from rest_framework import parsers
from rest_framework.exceptions import ParseError


class JSONParser(parsers.JSONParser):
    """JSON that is nested no deeper than can be read."""

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        """The values. Raises ParseError (400), RequestDataTooBig (413 in `problems`)."""
        try:
            parser_context["request"]._request.body  # noqa: B018  reading it this way counts the bytes
            return super().parse(stream, media_type, parser_context)
        except RecursionError:
            raise ParseError(_("The JSON is nested too deeply.")) from None
        except ParseError:  # the library's own words are Python's, and English
            raise ParseError(_("The request's body is no JSON.")) from None
