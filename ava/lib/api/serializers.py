"""Serializers that name and check fields, and take no others."""

from collections.abc import Mapping
from datetime import UTC
from typing import Any

from rest_framework import serializers

from ava.lib.api.problems import UnknownField


class StrictSerializer(serializers.Serializer):
    """Refuses fields that it does not know, or that are only ever read."""

    def to_internal_value(self, data: Any) -> Any:
        """The checked values. Raises ValidationError."""
        if isinstance(data, Mapping):
            writable = {name for name, field in self.fields.items() if not field.read_only}
            if unknown := sorted(str(name) for name in set(data) - writable):
                raise UnknownField(unknown)
        return super().to_internal_value(data)


class MomentField(serializers.DateTimeField):
    """A moment with its offset, read and written; always UTC on the way out."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(default_timezone=UTC, **kwargs)
