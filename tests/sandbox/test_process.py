"""The sandbox as a process of its own: it starts, answers and stops cleanly."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys

import pytest
import requests

from tests.sandbox.receiver import wait_until


def is_up(url: str) -> bool:
    try:
        return requests.get(f"{url}/sandbox/health", timeout=1).json() == {"status": "ok"}
    except requests.RequestException:
        return False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_cleanly(tmp_path, number):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "ava.sandbox", "--port", str(port), "--state", str(tmp_path)]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
        try:
            wait_until(lambda: is_up(f"http://127.0.0.1:{port}"))
            process.send_signal(number)
            _, log = process.communicate(timeout=10)
        finally:
            process.kill()
    assert process.returncode == 0
    assert b"Traceback" not in log
