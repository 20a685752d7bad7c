"""Matching for live tails: a step a term, and the same verdict as the search language's."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from explore.query import matches, parse
from explore.tail.hearing import fulfils, hearing
from foundation.levels import Level
from storage.found import FoundEntry

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
ENTRY = FoundEntry(
    id=1024, received_at=NOW, timestamp=NOW, level=Level.ERROR, environment="production", project="shop",
    trace_id="t-1", span_id=None, parent_span_id=None, privacy_mode=None, message="Payment failed",
    metadata=None, error=None, size_bytes=80,
)  # fmt: skip


def steps(query: str, entry: dict[str, Any]) -> tuple[int, bool]:
    """Return how many steps it takes to match, and the verdict."""
    count, going = 0, fulfils(parse(query), entry)
    while True:
        try:
            next(going)
        except StopIteration as over:
            return count, over.value
        count += 1


@pytest.mark.parametrize(
    ("query", "terms"),
    [
        ("", 0),
        ("payment", 1),
        ("payment failed", 2),
        ("nothing failed", 1),
        ("payment OR failed", 1),
        ("nothing OR failed OR payment", 2),
        ("NOT nothing", 1),
        ("payment NOT (nothing OR level:error)", 3),
        ("level:>=warn project:shop -env:staging", 3),
    ],
)
def test_a_step_is_a_term_and_no_term_is_asked_in_vain(query: str, terms: int) -> None:
    entry = {"level": "error", "message": "Payment failed", "project": "shop", "environment": "production"}
    assert steps(query, entry) == (terms, matches(parse(query), entry))


def test_query_of_many_terms_is_many_steps() -> None:
    query = " OR ".join(f"q{n}" for n in range(100))
    assert steps(query, {"level": "info", "message": "x"}) == (100, False)


def test_entry_is_written_once_for_all_queries_and_named_once() -> None:
    named = []

    def name(entry: FoundEntry) -> str:
        named.append(entry.id)
        return f"after {entry.id}"

    entries = [ENTRY, replace(ENTRY, id=1025, message="fine"), replace(ENTRY, id=1026)]
    queries = {query: parse(query) for query in ("payment", "failed", "refund")}
    found = [one for one in hearing(entries, queries, name=name) if one]
    assert [(query, event.id) for query, event in found] == [
        (query, f"after {number}") for number in (1024, 1026) for query in ("payment", "failed")
    ]
    assert named == [1024, 1026]
    assert found[0][1] is found[1][1]
