"""Serializers that name and check fields, and take no others."""

from collections.abc import Mapping
from datetime import UTC
from typing import Any

from rest_framework import serializers

from ava.lib.api.problems import UnknownField, UnknownParameter


class StrictSerializer(serializers.Serializer):
    """Refuses fields that it does not know, or that are only ever read."""

    def to_internal_value(self, data: Any) -> Any:
        """The checked values. Raises ValidationError."""
        if isinstance(data, Mapping):
            writable = {name for name, field in self.fields.items() if not field.read_only}
            if unknown := sorted(str(name) for name in set(data) - writable):
                raise UnknownField(unknown)
        return super().to_internal_value(data)


class QuerySerializer(serializers.Serializer):
    """The parameters of an address. A list's may be said several times; of others the last one counts."""

    def to_internal_value(self, data: Any) -> Any:
        """The checked values of a QueryDict. Raises ValidationError."""
        if unknown := sorted(set(data) - set(self.fields)):
            raise UnknownParameter(unknown)
        lists = {name for name, field in self.fields.items() if isinstance(field, serializers.ListField)}
        return super().to_internal_value({name: data.getlist(name) if name in lists else data[name] for name in data})


class MomentField(serializers.DateTimeField):
    """A moment with its offset, read and written; always UTC on the way out."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(default_timezone=UTC, **kwargs)
