"""When a digest was due last: in its own time zone, over the days on which clocks change."""

from datetime import UTC, datetime, time

import pytest

from alerts.digests import last_due


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("every", "zone", "now", "due"),
    [
        ("hour", "UTC", "2026-11-27T12:34:56", "2026-11-27T12:00:00"),
        ("hour", "Asia/Kolkata", "2026-11-27T12:34:56", "2026-11-27T12:30:00"),
        ("day", "UTC", "2026-11-27T08:30:00", "2026-11-27T08:30:00"),
        ("day", "UTC", "2026-11-27T08:29:59", "2026-11-26T08:30:00"),
        ("day", "America/New_York", "2026-11-27T13:00:00", "2026-11-26T13:30:00"),
        ("day", "Europe/Berlin", "2026-03-28T12:00:00", "2026-03-28T07:30:00"),
        ("day", "Europe/Berlin", "2026-03-29T12:00:00", "2026-03-29T06:30:00"),  # summer begins
        ("week", "UTC", "2026-11-27T12:00:00", "2026-11-24T08:30:00"),  # Tuesday
        ("week", "UTC", "2026-11-24T08:00:00", "2026-11-17T08:30:00"),
        ("week", "Pacific/Auckland", "2026-11-23T19:30:00", "2026-11-23T19:30:00"),
    ],
)
def test_digest_was_due_last(every: str, zone: str, now: str, due: str) -> None:
    assert last_due(every, at=time(8, 30), weekday=2, zone=zone, now=utc(now)) == utc(due)
