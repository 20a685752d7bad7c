"""What fits a recording, and what is left out first."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec import Raw, json

from assist import recording
from foundation.levels import Level
from storage.found import FoundEntry

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)


def entry(id_: int, *, seconds: float = 0, metadata: Any = None, **fields: Any) -> FoundEntry:
    default = FoundEntry(
        id=id_, received_at=NOON, timestamp=NOON + timedelta(seconds=seconds), level=Level.INFO, environment="live",
        project="shop", trace_id=None, span_id=None, parent_span_id=None, privacy_mode=None, message="x",
        metadata=None, error=None, size_bytes=100, error_key=None,
    )  # fmt: skip
    return replace(default, metadata=None if metadata is None else Raw(json.encode(metadata)), **fields)


def noise(length: int) -> str:
    """Text that cannot be compressed much."""
    return random.Random(length).randbytes(length // 2).hex()


def test_entries_are_read_as_they_were_kept() -> None:
    one = entry(2, seconds=1, metadata={"n": 10**30, "u": 1.50, "ü": "\u2028"}, error_key=-7, privacy_mode=True,
                trace_id="t", span_id="s", parent_span_id="p", error=Raw(b"{}"), level=Level.PANIC)  # fmt: skip
    packed = recording.pack([one, entry(1), entry(3, seconds=0.5, environment="")])
    assert [found.id for found in packed.entries] == [1, 3, 2]
    assert recording.read(packed.frame) == list(packed.entries)
    assert recording.read(packed.frame)[-1] == one
    assert packed.left_out == 0


def test_least_important_are_left_out_first_and_the_first_stays() -> None:
    many = [entry(n, message=noise(5_000 + n)) for n in range(100)]
    packed = recording.pack(many, most_bytes=40_000)
    assert len(packed.frame) <= 40_000
    kept = sorted(found.id for found in packed.entries)
    assert kept == list(range(len(kept)))
    assert len(kept) > 5
    assert packed.left_out == 100 - len(kept)

    huge = entry(7, metadata={"a": noise(60_000)}, error=Raw(json.encode({"message": noise(20_001)})))
    [left] = recording.pack([huge, *many], most_bytes=40_000).entries
    assert (left.metadata, left.error) == (None, huge.error)
    [left] = recording.pack([huge], most_bytes=4_000).entries
    assert (left.message, left.metadata, left.error) == ("x", None, None)


def test_trace_is_more_important_than_neighbours_and_the_nearest_than_others() -> None:
    the_one = entry(1, metadata={"traceId": "t"})
    entries = [
        entry(2, seconds=0.1), entry(3, seconds=-9, trace_id="t"), entry(4, seconds=5, metadata={"trace_id": "t"}),
        the_one, entry(5, seconds=-2), entry(6, metadata={"trace_id": 5}), entry(7, seconds=3, metadata=["trace"]),
    ]  # fmt: skip
    assert [found.id for found in recording.ranked(entries, 1)] == [1, 4, 3, 6, 2, 5, 7]
    assert recording.ranked(entries, 99) == entries
    assert recording.trace_of(entry(8, metadata={"traceId": "x" * 300})) is None
