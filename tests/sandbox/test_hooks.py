"""The sandbox's catch-all receiver: what arrives can be read, and can do nothing."""

from pathlib import Path

import pytest
from werkzeug.test import Client

from ava.sandbox import hooks, server


@pytest.fixture
def sandbox(tmp_path: Path) -> Client:
    return Client(server.create_app(tmp_path))


def test_what_is_posted_is_listed_newest_first_with_its_signature(sandbox):
    assert "Nothing has arrived yet" in sandbox.get("/hooks").text
    for number in (1, 2):
        body = f'{{"type": "call.completed", "n": {number}}}'
        answer = sandbox.post("/hooks/crm", data=body, headers={"webhook-signature": "v1,abc", "Cookie": "no"})
        assert answer.status_code == 200
    shown = sandbox.get("/hooks").text
    assert shown.index("&quot;n&quot;: 2") < shown.index("&quot;n&quot;: 1")
    assert "webhook-signature: v1,abc" in shown
    assert "crm" in shown
    assert "cookie" not in shown


def test_what_arrives_may_run_nothing(sandbox):
    sandbox.post("/hooks/x", data="<script>alert(1)</script>")
    shown = sandbox.get("/hooks")
    assert "<script>" not in shown.text
    assert shown.headers["Content-Security-Policy"].startswith("default-src 'none'")


def test_the_latest_are_kept_over_a_restart(tmp_path, monkeypatch):
    monkeypatch.setattr(hooks, "MOST_KEPT", 2)
    first = Client(server.create_app(tmp_path))
    for number in range(4):
        first.post("/hooks/x", data=f"number {number}")
    shown = Client(server.create_app(tmp_path)).get("/hooks").text
    assert [f"number {number}" in shown for number in range(4)] == [False, False, True, True]


def test_only_posts_are_taken(sandbox):
    assert sandbox.get("/hooks/x").status_code == 405
