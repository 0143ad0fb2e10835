"""Serializers that name and check fields, and take no others."""

from collections.abc import Mapping
from datetime import UTC
from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from ava.lib.api.problems import UnknownField, UnknownParameter

# What JSON has for a field; DRF would take "yes" for true and 0 for "0".
JSON_TYPES: list[tuple[type[serializers.Field], tuple[type, ...]]] = [
    (serializers.BooleanField, (bool,)),
    (serializers.CharField, (str,)),
    (serializers.IntegerField, (int, float)),
    (serializers.FloatField, (int, float)),
]


class StrictSerializer(serializers.Serializer):
    """Refuses fields that it does not know, or that are only ever read, and values of another type."""

    def to_internal_value(self, data: Any) -> Any:
        """The checked values. Raises ValidationError."""
        if isinstance(data, Mapping):
            writable = {name: field for name, field in self.fields.items() if not field.read_only}
            if unknown := sorted(str(name) for name in set(data) - set(writable)):
                raise UnknownField(unknown)
            wrong = [name for name in data if not _is_of_its_type(writable[name], data[name])]
            if wrong:
                raise serializers.ValidationError({name: _type_error(writable[name]) for name in wrong})
        return super().to_internal_value(data)


def take_nothing(data: Any) -> None:
    """For what takes no fields: raises ValidationError when there are some."""
    StrictSerializer(data=data).is_valid(raise_exception=True)


def _is_of_its_type(field: serializers.Field, value: Any) -> bool:
    types = next((types for kind, types in JSON_TYPES if isinstance(field, kind)), None)
    if types is None or value is None:
        return True
    return isinstance(value, types) and isinstance(value, bool) == (bool in types)


def _type_error(field: serializers.Field) -> list[ErrorDetail]:
    return [ErrorDetail(str(field.error_messages["invalid"]), "invalid")]


class DescribedField(serializers.CharField):
    """A text of which the description says more (in JSON Schema's words) than is checked here: the domain judges it."""

    def __init__(self, *, described: dict[str, Any], **kwargs: Any) -> None:
        self.described = described
        super().__init__(**kwargs)


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
