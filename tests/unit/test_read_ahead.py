"""Values of many thousands who ask again and again are read by a few questions, and never told when too old."""

from collections.abc import Collection

import pytest

from foundation.read_ahead import AT_ONCE, IN_USE_SECONDS, ReadAhead

MOST_SECONDS, AHEAD_SECONDS = 5.0, 2.0


class Source:
    """What values are read from, and a clock: a value is when it was read."""

    def __init__(self, *, capacity: int = 50_000) -> None:
        self.now = 0.0
        self.questions: list[list[int]] = []
        self.missing: set[int] = set()
        self.answers = True
        self.memory: ReadAhead[int, float] = ReadAhead(
            self.read_all,
            most_seconds=MOST_SECONDS,
            ahead_seconds=AHEAD_SECONDS,
            capacity=capacity,
            clock=lambda: self.now,
        )

    def read_all(self, keys: Collection[int]) -> dict[int, float]:
        if not self.answers:
            raise ConnectionError
        self.questions.append(list(keys))
        return {key: self.now for key in keys if key not in self.missing}

    def ask(self, key: int) -> float | None:
        known = self.memory.recall(key)
        return self.memory.read(key) if known is None else known


@pytest.mark.parametrize("period_seconds", [1, 4, 12, 45])
def test_twelve_thousand_in_turns_cost_few_questions(period_seconds: float) -> None:
    source, owners, rounds = Source(), 12_000, 2
    for round_ in range(1 + rounds):
        if round_ == 1:
            source.questions.clear()
        for owner in range(owners):
            source.now += period_seconds / owners
            read_at = source.ask(owner)
            assert read_at is not None
            assert source.now - read_at < MOST_SECONDS
    lifetimes = rounds * period_seconds / (MOST_SECONDS - AHEAD_SECONDS)
    assert len(source.questions) <= 1.2 * lifetimes * owners / AT_ONCE


def test_value_that_is_gone_is_told_no_more() -> None:
    source = Source()
    source.ask(1)
    source.ask(2)
    source.missing = {1}
    source.now = MOST_SECONDS - AHEAD_SECONDS
    assert source.ask(1) is not None
    source.ask(3)  # reads the others along
    assert source.questions[-1] == [3, 1, 2]
    assert source.memory.recall(1) is None
    assert source.memory.recall(2) == source.now


def test_what_nobody_asks_for_any_more_is_forgotten() -> None:
    source = Source()
    source.ask(1)
    source.now = IN_USE_SECONDS - 1
    source.ask(2)
    source.now = IN_USE_SECONDS
    source.ask(3)
    source.now += MOST_SECONDS
    source.ask(3)
    assert source.questions == [[1], [2, 1], [3], [3, 2]]
    assert len(source.memory) == 2


def test_two_who_ask_at_once_read_nothing_twice() -> None:
    source, inner = Source(), list[float | None]()
    read_all = source.read_all

    def another_asks_meanwhile(keys: Collection[int]) -> dict[int, float]:
        if not inner:
            inner.append(None)
            source.ask(4)
        return read_all(keys)

    for key in (1, 2):
        source.ask(key)
    source.now = MOST_SECONDS
    source.memory._read_all = another_asks_meanwhile
    source.ask(3)
    assert source.questions[2:] == [[4], [3, 1, 2]]


def test_question_without_an_answer_leaves_what_is_known() -> None:
    source = Source()
    source.ask(1)
    source.now, source.answers = MOST_SECONDS - AHEAD_SECONDS, False
    with pytest.raises(ConnectionError):
        source.ask(2)
    assert source.ask(1) == 0


def test_what_was_read_longest_ago_makes_room() -> None:
    source = Source(capacity=100)
    for owner in range(150):
        source.now += 0.001
        source.ask(owner)
    assert len(source.memory) == 100
    assert source.memory.recall(49) is None
    assert source.memory.recall(50) is not None


def test_younger_value_is_read_for_whoever_asks_for_one() -> None:
    source = Source()
    source.ask(1)
    source.now = 1
    assert source.memory.recall(1, most_seconds=1) is None
    assert source.memory.recall(1, most_seconds=2) == 0
