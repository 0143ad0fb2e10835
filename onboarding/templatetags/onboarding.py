"""Tags of the wizard's pages."""

from django import template
from django.forms import BoundField

register = template.Library()


@register.filter
def version(field: BoundField) -> str:
    """The version of the value that a field shows."""
    return getattr(field.form, "versions", {}).get(field.name, "")
