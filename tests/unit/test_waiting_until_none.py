"""Waiting ends by what happens, not by how long it takes."""

import pytest

from tests.waiting import wait_until_none


def test_waiting_goes_on_while_less_is_left_and_ends_when_it_stands_still() -> None:
    left = [2, 1, 0]
    wait_until_none(lambda: left.pop(0) if len(left) > 1 else left[0], what="falls", seconds=0)
    with pytest.raises(AssertionError, match="stands still"):
        wait_until_none(lambda: 1, what="stands still", seconds=0)
