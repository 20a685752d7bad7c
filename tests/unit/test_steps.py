"""Steps of a histogram as clocks show them: local midnights, weeks from Monday, days of 23 and of 25 hours."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from explore.steps import Ruler, default_step
from storage.search import FIRST_MOMENT, LAST_MOMENT

BERLIN, KOLKATA = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Kolkata")
DAY = timedelta(days=1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


CASES = {
    "UTC": ("2026-03-28T10:00", "2026-03-30T12:00", DAY, None, "2026-03-28T00:00 2026-03-29T00:00 2026-03-30T00:00"),
    "23 hours": ("2026-03-28T10:00", "2026-03-30T12:00", DAY, BERLIN,
                 "2026-03-27T23:00 2026-03-28T23:00 2026-03-29T22:00"),
    "25 hours": ("2026-10-24T23:00", "2026-10-26T12:00", DAY, BERLIN, "2026-10-24T22:00 2026-10-25T23:00"),
    "7 hours": ("2026-10-24T23:00", "2026-10-25T10:00", DAY / 4, BERLIN, "2026-10-24T22:00 2026-10-25T05:00"),
    "weeks": ("2026-11-25T10:00", "2026-12-02T10:00", 7 * DAY, BERLIN, "2026-11-22T23:00 2026-11-29T23:00"),
    "half hours": ("2026-11-25T10:10", "2026-11-25T11:10", DAY / 24, KOLKATA, "2026-11-25T09:30 2026-11-25T10:30"),
    "minutes": ("2026-11-25T10:10", "2026-11-25T10:12", DAY / 1440, KOLKATA, "2026-11-25T10:10 2026-11-25T10:11"),
}  # fmt: skip


@pytest.mark.parametrize(("start", "end", "step", "zone", "starts"), CASES.values(), ids=CASES)
def test_steps_begin_as_clocks_show(start: str, end: str, step: timedelta, zone: ZoneInfo | None, starts: str) -> None:
    assert Ruler(at(start), at(end), step, zone).starts() == [at(one) for one in starts.split()]


def test_each_moment_of_two_years_lies_in_the_step_of_its_own_day() -> None:
    """A step that a count falls into is one of the steps, whatever clocks did: the store counts by each piece."""
    ruler = Ruler(at("2025-06-15T12:00"), at("2027-06-15T12:00"), DAY, BERLIN)
    starts = ruler.starts()
    assert len(ruler.pieces) == 5
    assert [one.astimezone(BERLIN).hour for one in starts] == [0] * 731
    for piece in ruler.pieces:
        moment = piece.start
        while moment < piece.end:
            start = moment - (moment - ruler.origin(piece)) % DAY
            assert ruler.begins(piece, start).astimezone(BERLIN).date() == moment.astimezone(BERLIN).date()
            moment += timedelta(hours=7)


@pytest.mark.parametrize("zone", [None, BERLIN])
def test_all_time_has_steps_too(zone: ZoneInfo | None) -> None:
    step = timedelta(seconds=default_step(FIRST_MOMENT, LAST_MOMENT, zone=zone))
    starts = Ruler(FIRST_MOMENT, LAST_MOMENT, step, zone).starts()
    assert starts[0] == FIRST_MOMENT
    assert 58 <= len(starts) <= 62


def test_default_steps_in_a_zone_are_weeks_beyond_days() -> None:
    start = at("2026-01-01T00:00")
    assert default_step(start, start + 30 * DAY, zone=BERLIN) == 43_200
    assert default_step(start, start + 90 * DAY, zone=BERLIN) == 604_800
    assert default_step(start, start + 90 * DAY) == 172_800
