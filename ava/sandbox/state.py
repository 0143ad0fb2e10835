"""What the sandbox remembers: tables of objects, each object also one JSON file, so a restart keeps them.

One file per object keeps every write small and atomic, however many calls pile up.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from threading import RLock
from typing import Any

Object = dict[str, Any]
TABLES = (
    "assistants",
    "phone_numbers",
    "credentials",
    "calls",
    "twilio_accounts",
    "twilio_numbers",
    "recordings",
    "pushes",
    "placed_calls",
    "oauth_codes",
    "oauth_grants",
    "oauth_tokens",
    "calendar_events",
    "hooks",
)


class Table:
    """Objects of one kind by id; what goes in and what comes out are copies."""

    def __init__(self, directory: Path, lock: RLock) -> None:
        self.directory = directory
        self.lock = lock
        directory.mkdir(parents=True, exist_ok=True)
        self._objects: dict[str, Object] = {
            file.stem: json.loads(file.read_text("utf-8")) for file in sorted(directory.glob("*.json"))
        }

    def get(self, object_id: str) -> Object | None:
        with self.lock:
            return deepcopy(self._objects.get(object_id))

    def put(self, object_id: str, value: Object) -> Object:
        with self.lock:
            self._objects[object_id] = deepcopy(value)
            write_atomically(self.directory / f"{object_id}.json", json.dumps(value, ensure_ascii=False).encode())
            return value

    def change(self, object_id: str, **fields: Any) -> Object:
        with self.lock:
            return self.put(object_id, {**self._objects[object_id], **fields})

    def remove(self, object_id: str) -> None:
        with self.lock:
            self._objects.pop(object_id, None)
            (self.directory / f"{object_id}.json").unlink(missing_ok=True)

    def where(self, **fields: Any) -> list[Object]:
        with self.lock:
            found = [row for row in self._objects.values() if all(row.get(k) == v for k, v in fields.items())]
            return deepcopy(found)


class State:
    def __init__(self, directory: str | Path) -> None:
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.lock = RLock()
        self._tables = {name: Table(self.directory / name, self.lock) for name in TABLES}
        self.media = self.directory / "media"
        self.media.mkdir(exist_ok=True)
        self.signing_key = self._signing_key()

    def __getattr__(self, name: str) -> Table:
        try:
            return self.__dict__["_tables"][name]
        except KeyError:
            raise AttributeError(name) from None

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Hold everything still while one request reads, decides and writes."""
        with self.lock:
            yield

    def _signing_key(self) -> bytes:
        file = self.directory / "signing-key"
        if not file.exists():
            write_atomically(file, secrets.token_bytes(32))
        return file.read_bytes()


def write_atomically(file: Path, content: bytes) -> None:
    """A reader, and a restart after a crash, sees the old file or the new one, never half of one."""
    part = file.with_name(f"{file.name}.{secrets.token_hex(4)}.part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
        stream.write(content)
    part.replace(file)
