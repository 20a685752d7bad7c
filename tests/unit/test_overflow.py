"""How much the bucket behind another holds."""

import pytest

from quotas.overflow import capacity_behind


@pytest.mark.parametrize(
    ("capacity", "per_minute", "behind"),
    [(60, 60, 600), (5, 60, 50), (1, 1_800, 10), (1_000, 60, 3_600), (100, 1, 60)],
)
def test_it_holds_ten_bursts_but_no_more_than_an_hour_gives(capacity: int, per_minute: int, behind: int) -> None:
    assert capacity_behind(capacity, per_minute=per_minute) == behind
