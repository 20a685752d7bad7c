"""The thresholds of what operators watch."""

import pytest

from operations.thresholds import Ahead, Connections, Disk, Waiting


@pytest.mark.parametrize(("seconds", "late", "very_late"), [(0, 0, 0), (15, 0, 0), (16, 1, 0), (60, 1, 0), (61, 1, 1)])
def test_spool_is_late_by_its_oldest_batch(seconds: float, late: bool, very_late: bool) -> None:
    waiting = Waiting(batches=1, bytes=1, oldest_seconds=seconds)
    assert (waiting.is_late, waiting.is_very_late) == (late, very_late)


@pytest.mark.parametrize(("free", "little", "too_little"), [(15, 0, 0), (14, 1, 0), (7, 1, 0), (6, 1, 1)])
def test_disk_is_judged_by_its_free_part(free: int, little: bool, too_little: bool) -> None:
    disk = Disk(path="/", size_bytes=100, free_bytes=free)
    assert (disk.has_little, disk.has_too_little) == (little, too_little)


@pytest.mark.parametrize(("days", "enough", "in_time"), [(-1, 0, 0), (1, 0, 0), (2, 1, 0), (5, 1, 0), (6, 1, 1)])
def test_days_ahead_are_enough_before_they_are_in_time(days: int, enough: bool, in_time: bool) -> None:
    assert (Ahead(days=days).are_enough, Ahead(days=days).are_made_in_time) == (enough, in_time)


@pytest.mark.parametrize(("used", "many"), [(85, False), (86, True)])
def test_connections_are_many_before_the_last(used: int, many: bool) -> None:
    assert Connections(connections=used, max_connections=100, oldest_transaction_seconds=0).are_many is many
