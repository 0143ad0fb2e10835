"""Nothing in a delivery can be relied upon, and nothing in it can break us."""

import json
import random
from collections.abc import Iterator
from contextlib import suppress
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from calls import tasks
from calls.models import EventState, WebhookEvent
from calls.redaction import redact
from calls.webhooks import parsers
from calls.webhooks.parsers import NotUnderstood, parse, read
from tests.factories import deliver, encode, payload, report, seeds_report, work

SAMPLES = [payload(name) for name in ("end-of-call-report", "status-update", "assistant-request")] + [seeds_report("s")]


ODD = [
    None,
    True,
    0,
    -1,
    10**300,
    1e300,
    float("nan"),
    "",
    "\x00",
    "\ud800",
    "x" * 30_000,
    [],
    {},
    [[]],
    [None],
    {"": 1},
]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a JSON value."""
    if path:
        yield path
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in entries:
        yield from places(inner, (*path, key))


def at(value: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        value = value[key]
    return value


def without(value: Any, path: tuple[Any, ...]) -> Any:
    changed = deepcopy(value)
    del at(changed, path[:-1])[path[-1]]
    return changed


def with_other(value: Any, path: tuple[Any, ...], other: Any) -> Any:
    changed = deepcopy(value)
    at(changed, path[:-1])[path[-1]] = other
    return changed


def survives(event: Any) -> None:
    """Read, or refused in words; and what people may see of it can be stored."""
    try:
        found = parse(event)
    except NotUnderstood:
        found = None
    shown = redact(event)
    stored = json.dumps([shown, found.transcript if found else []], allow_nan=False)
    assert "\\u0000" not in stored
    stored.encode().decode()
    if found:
        assert found.cost is None or found.cost < 1_000_000
        assert found.duration_seconds is None or 0 <= found.duration_seconds < 2**31
        texts = (found.vapi_call_id, found.number, found.caller_number, found.summary, found.kind, found.ended_reason)
        assert all("\x00" not in text and text.encode() is not None for text in texts)
        assert [len(found.vapi_call_id) <= 200, len(found.kind) <= 60, len(found.ended_reason) <= 200] == [True] * 3


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: parse(sample).kind)
def test_any_field_may_be_missing(sample):
    for path in places(sample):
        survives(without(sample, path))


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: parse(sample).kind)
def test_any_field_may_be_null_or_of_another_type(sample):
    for path in places(sample):
        for other in random.Random(repr(path)).sample(ODD, 4):
            survives(with_other(sample, path, other))


texts = st.text(st.characters(codec=None), max_size=30) | st.sampled_from(["\x00", "\ud800", "𐏿", "x" * 9_000, "://?"])
numbers = st.integers() | st.floats() | st.sampled_from([10**400, -(10**400), 2**63, 1e308, float("inf")])
json_values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
PLACES = [(encode(sample), list(places(sample))) for sample in SAMPLES]


def damage(seed: int, others: list[Any]) -> Any:
    """A sample with some places holding something else, or nothing."""
    chance = random.Random(seed)
    body, known = chance.choice(PLACES)
    event = json.loads(body)
    for other in [*others, *chance.choices(ODD, k=2)]:
        path = chance.choice(known)
        with suppress(KeyError, IndexError, TypeError):  # an earlier change has taken that place away
            holder = at(event, path[:-1])
            holder[path[-1]] = deepcopy(other)
            if chance.random() < 0.5:
                del holder[path[-1]]
    return event


mutated = st.builds(damage, st.integers(0, 2**32), st.lists(json_values, max_size=3))


quick = settings(deadline=None, database=None, suppress_health_check=list(HealthCheck), derandomize=True)


@pytest.mark.fuzz
@pytest.mark.slow
@settings(quick, max_examples=1_500)
@given(mutated)
def test_a_damaged_sample_is_read_or_refused(event):
    survives(event)


@pytest.mark.fuzz
@pytest.mark.slow
@settings(quick, max_examples=1_500)
@given(json_values | st.fixed_dictionaries({"message": json_values}) | st.fixed_dictionaries({"call": json_values}))
def test_any_json_is_read_or_refused(event):
    survives(event)


@pytest.mark.fuzz
@pytest.mark.slow
@settings(quick, max_examples=3_200)
@given(st.binary(max_size=200) | texts.map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_are_read_or_refused(body):
    try:
        read(body)
    except NotUnderstood as refusal:
        assert str(refusal)


@pytest.mark.fuzz
@pytest.mark.slow
@settings(quick, max_examples=1_000)
@given(st.data())
def test_bytes_changed_on_the_way_are_read_or_refused(data):
    body = bytearray(encode(data.draw(st.sampled_from(SAMPLES))))
    for place in data.draw(st.lists(st.integers(0, len(body) - 1), max_size=5)):
        body[place] = data.draw(st.integers(0, 255))
    try:
        survives(parsers.decode(bytes(body)))
    except NotUnderstood as refusal:
        assert str(refusal)


def message(fields: bytes) -> bytes:
    return b'{"message": {' + fields + b"}}"


NASTY = {
    "deep arrays": b"[" * 100_000 + b"]" * 100_000,
    "deep objects": b'{"message":' * 50_000,
    "deep, but not too deep to be read": message(b'"call": {"id": "c"}, "x": ' + b"[" * 400 + b"]" * 400),
    "not a number": message(b'"cost": NaN, "timestamp": Infinity, "call": {"id": -Infinity}'),
    "a huge number": message(b'"timestamp": ' + b"9" * 4_000 + b', "call": {"id": ' + b"9" * 4_000 + b"}"),
    "a number too long to be read": message(b'"timestamp": ' + b"9" * 10_000),
    "a float out of range": message(b'"timestamp": 1e999, "cost": -1e999, "call": {"id": "c", "x": 1e999}'),
    "null characters": message(rb'"type": "\u0000", "\u0000": 1, "call": {"id": "a\u0000b"}, "summary": "\u0000"'),
    "half surrogates": message(rb'"type": "\ud800", "\udfff": 1, "call": {"id": "a\ud800", "phoneNumberId": "\ud800"}'),
    "the call doubled": message(b'"call": {"id": "a"}, "call": {"id": "c"}, "call": null'),
    "a long text": message(b'"call": {"id": "c"}, "summary": "' + b"x" * 3_000_000 + b'"'),
    "a long key": message(b'"call": {"id": "c"}, "' + b"k" * 1_000_000 + b'": 1'),
    "many lines": message(b'"call": {"id": "c"}, "messages": [' + b'{"role":"user","message":"x"},' * 20_000 + b"0]"),
    "UTF-16": json.dumps(report()).encode("utf-16"),
    "a brace": b"{",
}


@pytest.mark.parametrize("name", NASTY)
def test_a_nasty_body_is_taken_kept_and_brought_to_an_end(organization, name):
    assert deliver(organization, NASTY[name]).status_code == 200
    work()
    assert WebhookEvent.objects.get().state in {EventState.PROCESSED, EventState.INVALID}


@pytest.mark.fuzz
@pytest.mark.slow
@settings(quick, max_examples=150)
@given(mutated)
def test_a_damaged_delivery_is_taken_kept_and_brought_to_an_end(organization, event):
    WebhookEvent.objects.all().delete()
    body = json.dumps(event).encode("utf-8", "surrogatepass")
    assert deliver(organization, body).status_code == 200
    WebhookEvent.objects.get()
    tasks.drain_inbox()
    assert WebhookEvent.objects.get().state in {EventState.PROCESSED, EventState.INVALID}
