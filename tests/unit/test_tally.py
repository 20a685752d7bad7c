"""The minute of an event is cut out of its canonical line; tallies add up."""

from collections import Counter
from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest

from storage.entry import Entry
from storage.tally import MINUTE, Tally

EAST = timezone(timedelta(hours=5, minutes=45))


@pytest.mark.parametrize(
    ("timestamp", "minute"),
    [
        (datetime(2026, 1, 26, 14, 30, tzinfo=UTC), b"2026-01-26T14:30"),
        (datetime(2026, 1, 26, 14, 30, 59, 999_999, tzinfo=UTC), b"2026-01-26T14:30"),
        (datetime(2026, 1, 26, 0, 30, tzinfo=EAST), b"2026-01-25T18:45"),
        (datetime(1, 1, 1, tzinfo=UTC), b"0001-01-01T00:00"),
        (datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC), b"9999-12-31T23:59"),
    ],
)
def test_minute_stands_at_its_place_in_a_canonical_line(timestamp: datetime, minute: bytes) -> None:
    line = msgspec.json.encode(Entry(timestamp=timestamp.astimezone(UTC), level="info", message="hello"))
    assert line[MINUTE] == minute


def test_tallies_of_a_minute_add_up_and_days_are_in_order() -> None:
    noon, kind = datetime(2026, 1, 26, 12, 0, 30, tzinfo=UTC), (b"2026-01-26T12:00", 20, "shop", "production")
    one, other = Tally(), Tally()
    one.of(2, noon).update([kind])
    other.of(2, noon + timedelta(seconds=20)).update(Counter({kind: 2}))
    other.of(1, noon - timedelta(days=1)).update([kind])
    one.add(other)
    assert [row[-1] for row in one.rows()] == [3, 1]
    assert one.days() == [(1, noon.date() - timedelta(days=1)), (2, noon.date())]
