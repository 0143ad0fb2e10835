"""Google Cloud Storage for the tests: the emulator, and a door before it that is slow or fails as told."""

import json
import re
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from http.client import HTTPConnection, HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from google.auth.credentials import AnonymousCredentials
from google.cloud import storage

from tests.servers.processes import Server

Answer = tuple[int, dict[str, str], bytes]
BREAK_OFF = -1
HOP_HEADERS = {"connection", "keep-alive", "transfer-encoding", "content-length"}


def start(bucket: str = "recordings") -> "Gcs":
    return Gcs(bucket).start_again()


class Gcs(Server):
    """The emulator. It keeps objects in memory, checks no signature and ignores `if_generation_match`."""

    name = "gcs"

    def __init__(self, bucket: str) -> None:
        super().__init__()
        self.bucket = bucket
        self.url = f"http://127.0.0.1:{self.port}"

    def command(self) -> list[str]:
        where = ["--host", "127.0.0.1", "--port", str(self.port), "--default-bucket", self.bucket]
        return [sys.executable, "-m", "gcp_storage_emulator", "start", *where, "--in-memory", "--quiet"]

    def answers(self) -> bool:
        with urllib.request.urlopen(self.url, timeout=2) as answer:
            return answer.status == 200

    def client(self) -> storage.Client:
        return client(self.url)

    def names(self) -> list[str]:
        return [blob.name for blob in self.client().list_blobs(self.bucket)]

    def read(self, name: str) -> bytes:
        return self.client().bucket(self.bucket).blob(name).download_as_bytes()

    def wipe(self) -> None:
        """Delete every object; the bucket stays."""
        urllib.request.urlopen(f"{self.url}/wipe?keep-buckets=true", timeout=5).close()


def client(url: str) -> storage.Client:
    return storage.Client("test", credentials=AnonymousCredentials(), client_options={"api_endpoint": url})


class ScriptedGcs:
    """A door before the emulator: slow or failing as told, and it keeps `if_generation_match=0`."""

    def __init__(self, gcs: Gcs) -> None:
        self.gcs = gcs
        self.requests: list[str] = []  # "POST /upload/storage/v1/..."
        self.received = 0  # bytes of request bodies so far; a test may wait for half of its file
        self.bytes_per_second = 0.0
        self._script: list[tuple[str, int]] = []
        self._sessions: dict[str, str] = {}  # upload id → name of an object that must not exist yet
        self._lock = threading.Lock()
        self._server = _DoorServer(self)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def fail(self, times: int = 1, status: int = 503, matching: str = "/upload/") -> None:
        """Answer the next such requests ("DELETE /storage" is such a one) with this status and do nothing."""
        self._script.extend([(matching, status)] * times)

    def drop_answers(self, times: int = 1, matching: str = "/upload/") -> None:
        """Do what the next such requests ask, but break off in place of answering."""
        self._script.extend([(matching, BREAK_OFF)] * times)

    def slow(self, bytes_per_second: float) -> None:
        """Take request bodies no faster than this; 0 is as fast as they come.

        To kill a sender half-way, let it send 8 MB: the kernel still delivers up to some 3 MB for a dead one.
        """
        self.bytes_per_second = bytes_per_second

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self) -> "ScriptedGcs":
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer | None:
        """What to send back; nothing means to break off."""
        request = f"{method} {path}"
        self.requests.append(request)
        status = self._next_in_script(request)
        if status and status != BREAK_OFF:
            return _error(status, "as the test has asked")
        with self._lock:  # looking whether the object exists and making it must be one step
            answer = self._unless_it_exists(method, path, body, lambda: self._forward(method, path, headers, body))
        return None if status == BREAK_OFF else answer

    def _next_in_script(self, request: str) -> int | None:
        with self._lock:
            entry = next((entry for entry in self._script if entry[0] in request), None)
            if entry:
                self._script.remove(entry)
        return entry[1] if entry else None

    def _unless_it_exists(self, method: str, path: str, body: bytes, forward: Callable[[], Answer]) -> Answer:
        query = {name: values[0] for name, values in parse_qs(urlsplit(path).query).items()}
        name = self._sessions.get(query.get("upload_id", ""), "")
        if method == "POST" and query.get("ifGenerationMatch") == "0":
            name = query.get("name") or _name_in(body)
        if name and name in self.gcs.names():
            return _error(412, "At least one of the pre-conditions you specified did not hold.")
        answer = forward()
        location = {key.lower(): value for key, value in answer[1].items()}.get("location", "")
        if name and (upload := re.search(r"upload_id=([^&]+)", location)):
            self._sessions[upload[1]] = name
        return answer

    def _forward(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        connection = HTTPConnection("127.0.0.1", self.gcs.port, timeout=10)
        try:
            connection.request(method, path, body, headers)
            response: HTTPResponse = connection.getresponse()
            return response.status, dict(response.getheaders()), response.read()
        finally:
            connection.close()


def _name_in(body: bytes) -> str:
    """The object's name in the JSON that an upload begins with."""
    text = body.decode(errors="replace")
    return str(json.JSONDecoder().raw_decode(text[text.index("{") :])[0]["name"])


def _error(status: int, message: str) -> Answer:
    body = json.dumps({"error": {"code": status, "message": message}}).encode()
    return status, {"Content-Type": "application/json"}, body


class _Doorman(BaseHTTPRequestHandler):
    """Reads a request, asks the door, answers."""

    server: "_DoorServer"

    def _handle(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self._read(length)
        if len(body) < length:
            return  # the sender died in the middle; like the real one, keep nothing of it
        headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP_HEADERS}
        if answer := self.server.door.answer(self.command, self.path, headers, body):
            self._send(*answer)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = _handle

    def _read(self, length: int) -> bytes:
        door, body = self.server.door, bytearray()
        while len(body) < length and (part := self.rfile.read1(min(16_384, length - len(body)))):
            body += part
            door.received += len(part)
            if door.bytes_per_second:
                time.sleep(len(part) / door.bytes_per_second)
        return bytes(body)

    def _send(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            if name.lower() not in HOP_HEADERS:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Say nothing: `requests` has it."""


class _DoorServer(ThreadingHTTPServer):
    def __init__(self, door: ScriptedGcs) -> None:
        self.door = door
        super().__init__(("127.0.0.1", 0), _Doorman)

    def handle_error(self, *args: object) -> None:
        """Say nothing: a sender that was killed is what these tests are about."""
