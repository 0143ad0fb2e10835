"""Rules as data, and the sentences Vapi writes when one is broken (those of its validator, class-validator).

Unknown properties are refused, never ignored; null passes wherever the field may be left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit
from uuid import UUID


class Rule(Protocol):
    def problems(self, path: str, value: Any) -> list[str]: ...


@dataclass(frozen=True)
class Anything:
    def problems(self, path: str, value: Any) -> list[str]:
        return []


@dataclass(frozen=True)
class Text:
    longest: int | None = None
    shortest: int = 0
    pattern: str | None = None
    hint: str = "must be valid"

    def problems(self, path: str, value: Any) -> list[str]:
        if not isinstance(value, str):
            return [f"{path} must be a string"]
        if self.longest is not None and len(value) > self.longest:
            return [f"{path} must be shorter than or equal to {self.longest} characters"]
        if len(value) < self.shortest:
            return [f"{path} must be longer than or equal to {self.shortest} characters"]
        if self.pattern and not re.fullmatch(self.pattern, value):
            return [f"{path} {self.hint}"]
        return []


@dataclass(frozen=True)
class Number:
    lowest: float | None = None
    highest: float | None = None

    def problems(self, path: str, value: Any) -> list[str]:
        if not isinstance(value, int | float) or isinstance(value, bool):
            return [f"{path} must be a number conforming to the specified constraints"]
        if self.lowest is not None and value < self.lowest:
            return [f"{path} must not be less than {self.lowest:g}"]
        if self.highest is not None and value > self.highest:
            return [f"{path} must not be greater than {self.highest:g}"]
        return []


@dataclass(frozen=True)
class Flag:
    def problems(self, path: str, value: Any) -> list[str]:
        return [] if isinstance(value, bool) else [f"{path} must be a boolean value"]


@dataclass(frozen=True)
class OneOf:
    values: Sequence[str]

    def problems(self, path: str, value: Any) -> list[str]:
        if value in self.values:
            return []
        return [f"{path} must be one of the following values: {', '.join(self.values)}"]


@dataclass(frozen=True)
class Id:
    def problems(self, path: str, value: Any) -> list[str]:
        try:
            UUID(value)
        except (AttributeError, TypeError, ValueError):
            return [f"{path} must be a UUID"]
        return []


@dataclass(frozen=True)
class ListOf:
    item: Rule

    def problems(self, path: str, value: Any) -> list[str]:
        if not isinstance(value, list):
            return [f"{path} must be an array"]
        return [problem for i, item in enumerate(value) for problem in self.item.problems(f"{path}.{i}", item)]


@dataclass(frozen=True)
class Free:
    """An object whose inside Vapi does not prescribe, or whose schema Ava never writes."""

    def problems(self, path: str, value: Any) -> list[str]:
        return [] if isinstance(value, dict) else [f"{path} must be an object"]


@dataclass(frozen=True)
class Shape:
    fields: Mapping[str, Rule]
    required: tuple[str, ...] = ()

    def problems(self, path: str, value: Any) -> list[str]:
        if not isinstance(value, dict):
            return [f"{path} must be an object" if path else "body must be an object"]
        prefix = f"{path}." if path else ""
        found = [f"{prefix}property {name} should not exist" for name in value if name not in self.fields]
        found += [f"{prefix}{name} should not be empty" for name in self.required if not value.get(name)]
        for name, rule in self.fields.items():
            if value.get(name) is not None:
                found += rule.problems(f"{prefix}{name}", value[name])
        return found


@dataclass(frozen=True)
class ByProvider:
    """A sub-object whose schema depends on one of its own fields, such as `voice.provider`."""

    shapes: Mapping[str, Rule]
    key: str = "provider"

    def problems(self, path: str, value: Any) -> list[str]:
        if not isinstance(value, dict):
            return [f"{path} must be an object"]
        chosen = value.get(self.key)
        if chosen is None:
            return [f"{path}.{self.key} should not be empty"]
        if chosen not in self.shapes:
            return OneOf(tuple(self.shapes)).problems(f"{path}.{self.key}", chosen)
        return self.shapes[chosen].problems(path, value)


@dataclass(frozen=True)
class WebhookUrl:
    """https or wss as Vapi asks; the origins the sandbox was told to allow are its one liberty."""

    is_allowed: Callable[[str], bool]

    def problems(self, path: str, value: Any) -> list[str]:
        if isinstance(value, str) and (is_secure(value) or self.is_allowed(value)):
            return []
        return [f"{path} must be a valid URL with https or wss"]


def is_secure(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme in ("https", "wss") and bool(parts.hostname)


def origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()
