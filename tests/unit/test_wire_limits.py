"""Each limit of an entry, a byte below, at and above it, in characters of one to four bytes."""

import json
from typing import Any

import pytest

from foundation.refusals import Refusal
from ingest.canonical import MAX_ENTRIES
from ingest.protocols.luminalog.wire import parse_batch

ENTRY = {"timestamp": "2026-01-26T14:30:00Z", "level": "info", "message": "m"}
CHARACTERS = ["x", "é", "€", "💥"]
SHORT_TEXTS = ["environment", "project_id", "trace_id", "span_id", "parent_span_id"]


def of_bytes(size: int, character: str) -> str:
    """Return text of `size` bytes in UTF-8, mostly `character`."""
    width = len(character.encode())
    return character * (size // width) + "." * (size % width)


def padded(value: dict[str, Any], name: str, *, size: int, character: str) -> dict[str, Any]:
    """Return `value` with a string so long that its compact JSON has `size` bytes."""
    empty = json.dumps(value | {name: ""}, separators=(",", ":"), ensure_ascii=False)
    return value | {name: of_bytes(size - len(empty.encode()), character)}


def codes(*entries: dict[str, Any], ascii_only: bool) -> list[tuple[str, str]]:
    """Return what is wrong with a batch of these entries."""
    try:
        parse_batch(json.dumps({"logs": entries}, ensure_ascii=ascii_only).encode(), lenient=False)
    except Refusal as error:
        return [(e.pointer, e.code) for e in error.errors]
    return []


@pytest.mark.parametrize("ascii_only", [True, False], ids=["escaped", "as it is"])
@pytest.mark.parametrize("character", CHARACTERS)
@pytest.mark.parametrize(
    ("name", "limit"), [("message", 10_240), *((name, 128) for name in SHORT_TEXTS)], ids=lambda value: str(value)
)
def test_text_has_a_limit_in_bytes(name, limit, character, ascii_only):
    for size in (limit - 1, limit):
        assert codes(ENTRY | {name: of_bytes(size, character)}, ascii_only=ascii_only) == []
    too_long = of_bytes(limit + 1, character)
    assert codes(ENTRY | {name: too_long}, ascii_only=ascii_only) == [(f"/logs/0/{name}", "field_too_large")]


@pytest.mark.parametrize("character", CHARACTERS)
@pytest.mark.parametrize(
    ("name", "inside", "value", "limit"),
    [
        ("metadata", "k", {"a": [1, {"b": None}], "é": 1.5}, 102_400),
        ("error", "message", {"type": "E", "stack_trace": ["a", "b"], "context": {"c": 1}}, 262_144),
    ],
    ids=["metadata", "error"],
)
def test_object_has_a_limit_in_bytes_of_compact_json(name, inside, value, limit, character):
    for size in (limit - 1, limit):
        fits = padded(value, inside, size=size, character=character)
        if name == "error":  # the canonical order has `message` behind `type`; the size is the same
            assert len(json.dumps(fits, separators=(",", ":"), ensure_ascii=False).encode()) == size
        assert codes(ENTRY | {name: fits}, ascii_only=False) == []
    too_large = padded(value, inside, size=limit + 1, character=character)
    assert codes(ENTRY | {name: too_large}, ascii_only=True) == [(f"/logs/0/{name}", "field_too_large")]


def test_white_space_and_what_is_not_kept_do_not_count():
    metadata = padded({}, "k", size=102_400, character="x")
    payload = json.dumps({"logs": [ENTRY | {"metadata": metadata, "unknown": "x" * 50_000}]}, indent=20).encode()
    assert len(parse_batch(payload, lenient=False).entries) == 1


def test_null_and_unknown_fields_of_an_error_do_not_count():
    error = padded({}, "message", size=262_144, character="x")
    assert codes(ENTRY | {"error": error | {"type": None, "extra": "x" * 1_000}}, ascii_only=False) == []


@pytest.mark.parametrize(("count", "expected"), [(999, []), (1_000, []), (1_001, [("/logs", "too_many_entries")])])
def test_batch_has_a_limit_of_entries(count, expected):
    assert codes(*[ENTRY] * count, ascii_only=True) == expected


def test_a_million_elements_are_counted_without_being_kept():
    payload = b'{"logs":[' + b"0," * (4 * 2**20) + b"0]}"
    with pytest.raises(Refusal, match="too_many_entries"):
        parse_batch(payload, lenient=True)


@pytest.mark.parametrize("entries", [1, MAX_ENTRIES])
def test_entry_of_too_much_text_is_refused_unread(entries):
    huge = b'{"metadata":{"a":[' + b"0," * (2**20) + b"0]}}"
    payload = b'{"logs":[' + b",".join([huge] + [b"0"] * (entries - 1)) + b"]}"
    with pytest.raises(Refusal) as caught:
        parse_batch(payload, lenient=False)
    assert (caught.value.errors[0].pointer, caught.value.code) == ("/logs/0", "field_too_large")


def test_entry_of_much_white_space_is_accepted():
    payload = b'{"logs":[' + json.dumps(ENTRY).encode().replace(b"{", b"{" + b" " * (3 * 2**20)) + b"]}"
    assert parse_batch(payload, lenient=False).entries == [json.dumps(ENTRY, separators=(",", ":")).encode()]


@pytest.mark.parametrize("wrap", [lambda deep: [deep], lambda deep: {"k": deep}], ids=["lists", "objects"])
@pytest.mark.parametrize(("levels", "is_allowed"), [(63, True), (64, True), (65, False), (400, False)])
def test_nesting_has_a_limit(wrap, levels, is_allowed):
    deep: object = "]]]]}}}}"
    for _ in range(levels - 2):
        deep = wrap(deep)
    wrong = [] if is_allowed else [("/logs/0/metadata", "nesting_too_deep")]
    assert codes(ENTRY | {"metadata": {"k": wrap(deep)}}, ascii_only=True) == wrong
    wrong = [] if is_allowed else [("/logs/0/error/context", "nesting_too_deep")]
    assert codes(ENTRY | {"error": {"context": {"k": deep}}}, ascii_only=True) == wrong


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'[{"a":'])
@pytest.mark.parametrize(
    "place", [b'{"logs":', b'{"logs":[{"metadata":{"a":', b'{"logs":[{"unknown":', b'{"unknown":', b""]
)
def test_abyss_is_refused(place, opening):
    with pytest.raises(Refusal, match="nesting_too_deep"):
        parse_batch(place + opening * 100_000, lenient=True)
