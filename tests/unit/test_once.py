"""Making something once, however many threads ask for it first."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event

import pytest

from foundation.once import once
from tests.waiting import DEADLINE_SECONDS

THREADS = 8


def test_threads_that_come_first_share_one_making() -> None:
    gate, begun, may_end, made = Barrier(THREADS), Event(), Event(), []

    @once
    def thing() -> object:
        made.append(object())
        begun.set()
        assert may_end.wait(DEADLINE_SECONDS)
        return made[-1]

    def ask() -> object:
        gate.wait(DEADLINE_SECONDS)
        return thing()

    with ThreadPoolExecutor(THREADS) as threads:
        asked = [threads.submit(ask) for _ in range(THREADS)]
        assert begun.wait(DEADLINE_SECONDS)
        may_end.set()
        assert {id(one.result(DEADLINE_SECONDS)) for one in asked} == {id(made[0])}
    assert len(made) == 1


def test_failure_is_nothing_to_keep() -> None:
    tries = iter([ZeroDivisionError, None])

    @once
    def thing() -> str:
        if failure := next(tries):
            raise failure
        return "made"

    with pytest.raises(ZeroDivisionError):
        thing()
    assert (thing(), thing()) == ("made", "made")
