"""When a group became frequent."""

from datetime import timedelta

import pytest

from assist.spike import spike_began
from tests.entries import NOW

MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("counts", "began"),
    [
        ({}, None),
        ({10: 1, 200: 2, 900: 1}, None),  # now and then
        (dict.fromkeys(range(1_000), 10), None),  # evenly
        (dict.fromkeys(range(1_000), 10) | {500: 29}, None),
        (dict.fromkeys(range(1_000), 10) | {500: 30, 501: 80, 505: 40}, 500),
        ({n * 50: 1 for n in range(20)} | dict.fromkeys(range(700, 990), 20), 700),  # it lasts for hours
        ({100: 12, 101: 12} | {600: 3, 609: 40, 615: 50}, 600),  # the highest of two
        ({3: 400}, 3),
    ],
)
def test_spike_begins_with_its_first_high_minute(counts: dict[int, int], began: int | None) -> None:
    minutes = [(NOW + n * MINUTE, count) for n, count in sorted(counts.items())]
    found = spike_began(minutes, start=NOW, end=NOW + 1_000 * MINUTE)
    assert found == (None if began is None else NOW + began * MINUTE)
