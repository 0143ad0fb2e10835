"""Widgets that several apps need."""

from typing import Any

from django import forms
from django.forms.utils import flatatt
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString


class LongSelect(forms.Select):
    """A select of hundreds of options. Django's own renders two templates for each of them, which is felt."""

    def render(self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None) -> SafeString:
        """The select as Django's own would write it."""
        context = self.get_context(name, value, attrs)["widget"]
        groups = [_group(label, options) for label, options, _index in context["optgroups"]]
        attributes = flatatt({"name": context["name"], **context["attrs"]})
        return format_html("<select{}>{}</select>", attributes, SafeString("".join(groups)))


def _group(label: str | None, options: list[dict[str, Any]]) -> str:
    written = format_html_join(
        "", '<option value="{}"{}>{}</option>', ((one["value"], flatatt(one["attrs"]), one["label"]) for one in options)
    )
    return format_html('<optgroup label="{}">{}</optgroup>', label, written) if label else written
