"""Where a secret could come to light, and how it may be spelled there."""

import base64
import json
import re
import threading
from collections.abc import Iterator
from urllib.parse import quote

import redis
from django.contrib.sessions.models import Session
from django.db import connection

_BASE64 = re.compile(rb"[A-Za-z0-9+/]{24,}={0,2}")


def spellings(secret: str) -> set[bytes]:
    """As it is, quoted for an address, escaped for JSON, and what base64 makes of it wherever it stands in a text."""
    raw = secret.encode()
    found = {raw, quote(secret, safe="").encode(), json.dumps(secret)[1:-1].encode()}
    for before in range(3):
        start = (3 - before) % 3
        found.add(base64.b64encode(raw[start : start + (len(raw) - start) // 3 * 3]))
    return found


def unpacked(text: bytes) -> bytes:
    """The text, and what its pieces of base64 hold: a broker's message keeps its body so."""
    pieces = [text]
    for piece in _BASE64.findall(text):
        pieces.append(base64.b64decode(piece + b"=" * (-len(piece) % 4)))
    return b"\n".join(pieces)


def columns() -> Iterator[tuple[str, bytes]]:
    """Every text, JSON and binary column of every table as ("table.column", all that is in it)."""
    kinds = ["text", "character varying", "json", "jsonb", "bytea"]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name, column_name, data_type FROM information_schema.columns "
            "WHERE table_schema = 'public' AND data_type = ANY(%s)",
            [kinds],
        )
        for table, column, kind in cursor.fetchall():
            shown = f'"{column}"' if kind == "bytea" else f"convert_to(\"{column}\"::text, 'UTF8')"
            cursor.execute(f'SELECT {shown} FROM "{table}" WHERE "{column}" IS NOT NULL')
            yield f"{table}.{column}", b"\n".join(bytes(value) for (value,) in cursor.fetchall())


def sessions() -> bytes:
    """What the sessions hold; in their column it is packed."""
    return "\n".join(json.dumps(session.get_decoded(), default=str) for session in Session.objects.all()).encode()


def broker_dump(url: str) -> bytes:
    """Every key of the broker and what it holds now."""
    found: list[bytes] = []
    with redis.Redis.from_url(url) as queue:
        for key in queue.scan_iter("*"):
            kind = queue.type(key)
            found.append(key)
            if kind == b"string":
                found.append(queue.get(key) or b"")
            elif kind == b"list":
                found += queue.lrange(key, 0, -1)
            elif kind == b"hash":
                found += queue.hvals(key)
            elif kind in (b"set", b"zset"):
                found += queue.smembers(key) if kind == b"set" else queue.zrange(key, 0, -1)
    return b"\n".join(found)


class Eavesdropper:
    """Keeps every command that the broker is given, and so every message that passes."""

    def __init__(self, url: str) -> None:
        self.heard: list[str] = []
        self._monitor = redis.Redis.from_url(url, socket_timeout=None).monitor()  # there may be silence for a while
        self._monitor.__enter__()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        try:
            for command in self._monitor.listen():
                self.heard.append(str(command["command"]))
        except (redis.RedisError, OSError, ValueError, AttributeError):
            pass  # hung up

    def text(self) -> bytes:
        return "\n".join(self.heard).replace('\\"', '"').encode()

    def stop(self) -> None:
        self._monitor.connection.disconnect()
