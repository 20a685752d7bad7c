"""Keys and values of a sample: bounded, whatever its entries are made of."""

import tracemalloc
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from msgspec import Raw

from explore.summary import MAX_NAME_CHARACTERS, MAX_VALUE_CHARACTERS, MOST_TALLIED, Summary, summarise
from foundation.levels import Level
from ingest.canonical import MAX_METADATA_BYTES
from storage.found import FoundEntry

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
ENTRIES = 20
#: What an answer holds of the read budget while it is made, but for its entries.
MOST_BYTES = 6 * 2**20


def entry(metadata: object) -> FoundEntry:
    text = metadata if isinstance(metadata, bytes) else msgspec.json.encode(metadata)
    return FoundEntry(
        id=1024, received_at=NOW, timestamp=NOW, level=Level.INFO, environment="production", project="shop",
        trace_id=None, span_id=None, parent_span_id=None, privacy_mode=None, message="m",
        metadata=Raw(text), error=None, size_bytes=len(text),
    )  # fmt: skip


def summary(*documents: object) -> Summary:
    return summarise(map(entry, documents), limit=500)


@pytest.mark.parametrize(
    "document",
    [
        lambda n: {f"key {n} {i}": 1 for i in range(MOST_TALLIED // 8)},
        lambda n: {"key": [f"value {n} {i}" for i in range(MOST_TALLIED // 4)]},
        lambda n: {f"key {n} {i}": i for i in range(MOST_TALLIED // 8)},
    ],
    ids=["keys", "values", "both"],
)
def test_sample_ends_when_it_holds_so_many_keys_and_values(document: Any) -> None:
    found = summarise((entry(document(number)) for number in range(ENTRIES)), limit=MOST_TALLIED)
    assert 4 <= found.entries <= 5
    assert summary(*[document(0)] * ENTRIES).entries == ENTRIES


def test_one_entry_cannot_hold_more_than_a_sample() -> None:
    found = summarise([entry({f"k{n}": 1 for n in range(2 * MOST_TALLIED)})], limit=2 * MOST_TALLIED)
    assert MOST_TALLIED // 2 <= len(found.fields) <= MOST_TALLIED


def test_keys_that_fit_no_query_are_left_out() -> None:
    longest = "k" * MAX_NAME_CHARACTERS
    outer, inner = "o" * 400, "i" * (MAX_NAME_CHARACTERS - 401)
    found = summary({longest: 1, longest + "k": 2, outer: {inner: 3, inner + "i": 4}, longest + "l": {"m": 5}})
    assert {one.name for one in found.fields} == {longest, f"{outer}.{inner}"}


def test_values_that_are_long_are_counted_and_not_listed() -> None:
    text, digits = "v" * MAX_VALUE_CHARACTERS, 10**150
    long = {"text": text + "v", "number": 10**4_299, "list": [text + "v", 10**4_299, [1], {"a": 1}]}
    found = summary({"text": text, "number": digits, "list": [text, digits]}, long, {"number": -(10**4_298)})
    shown = {one.name: (one.count, [value.value for value in one.values]) for one in found.fields}
    assert shown == {"text": (2, [text]), "number": (3, [digits]), "list": (2, [text, digits])}


def _filled(begin: str, items: Iterable[str], end: str) -> bytes:
    """Return a document of almost as many items as an entry's metadata may hold."""
    return (f"{begin}{','.join(items)}"[: MAX_METADATA_BYTES - 20].rpartition(",")[0] + end).encode()


def _numbers(entry_number: int) -> range:
    return range(entry_number * 20_000, (entry_number + 1) * 20_000)


@pytest.mark.parametrize(
    "document",
    [
        lambda _: _filled('{"k":[', ["[]"] * 40_000, "]}"),
        lambda n: _filled("{", (f'"{key:x}":1' for key in _numbers(n)), "}"),
        lambda n: _filled('{"k":[', map(str, _numbers(n)), "]}"),
        lambda n: _filled('{"\N{EVERGREEN TREE}' + "p" * 700 + '":{', (f'"{key:x}":1' for key in _numbers(n)), "}}"),
    ],
    ids=["lists", "keys", "values", "keys beneath a long one"],
)
def test_sample_takes_little_memory_whatever_it_is_made_of(document: Any) -> None:
    entries = [entry(document(number)) for number in range(3)]
    tracemalloc.start()
    try:
        found = summarise(entries, limit=500)
        assert tracemalloc.get_traced_memory()[1] < MOST_BYTES
    finally:
        tracemalloc.stop()
    assert found.fields
