"""What answers hold of the memory for reading: the largest at first, their own size then, nothing in the end."""

from typing import Any

import pytest

from explore.answers import BUDGET, COPIES, Answer, Hold
from foundation.refusals import Refusal
from foundation.shares import Shares
from storage.search import PORTION_BYTES

LARGEST = COPIES * PORTION_BYTES
OURS, THEIRS = 1, 2


@pytest.fixture
def budget() -> Shares:
    return Shares(4 * LARGEST, for_each=3 * LARGEST)


def hold(budget: Shares, organisation_id: int = OURS) -> Hold | None:
    try:
        return Hold(organisation_id, budget=budget)
    except Refusal:
        return None


def test_no_more_is_read_at_once_than_there_is_memory_for_the_largest_answers(budget: Shares) -> None:
    assert [bool(hold(budget)) for _ in range(4)] == [True, True, True, False]
    assert [bool(hold(budget, THEIRS)) for _ in range(2)] == [True, False]
    assert budget.taken == budget.for_all


def test_answer_holds_its_own_size_until_its_reader_has_it(budget: Shares) -> None:
    [first, second, third] = [hold(budget) for _ in range(3)]
    assert first
    assert second
    assert third
    answer = Answer("x" * 10_000, hold=first)
    assert budget.taken == 2 * LARGEST + len(answer.content)
    assert not hold(budget)
    second.close()
    waiting = hold(budget)
    assert waiting
    for closed in (answer, answer, waiting, second, third, third):
        closed.close()
    assert budget.taken == 0


@pytest.mark.parametrize("size_bytes", [0, LARGEST, LARGEST + 1])
def test_hold_gives_back_what_it_took_whatever_the_answer_came_to(budget: Shares, size_bytes: int) -> None:
    held = hold(budget)
    assert held
    held.keep(size_bytes)
    assert budget.taken == min(size_bytes, LARGEST)
    held.close()
    assert budget.taken == 0


def test_budget_has_room_for_every_thread_that_reads(settings: Any) -> None:
    assert settings.READS_PER_PROCESS * LARGEST <= BUDGET.for_all == settings.READ_BUDGET_BYTES
    assert BUDGET.for_each < BUDGET.for_all
