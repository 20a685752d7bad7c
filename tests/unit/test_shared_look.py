"""One look for all who ask at once, and another when it is old."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from foundation.shared_look import FRESH_SECONDS, STALE_SECONDS, SharedLook
from tests.waiting import DEADLINE_SECONDS


class Clock:
    """Stands still until it is set."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


class Scene:
    """What is looked at: `looks` counts, and each can be held up."""

    def __init__(self) -> None:
        self.looks, self.begun, self.may_end = 0, Event(), Event()
        self.may_end.set()

    def look(self) -> int:
        self.looks += 1
        self.begun.set()
        assert self.may_end.wait(DEADLINE_SECONDS)
        return self.looks

    def hold(self) -> None:
        self.begun.clear()
        self.may_end.clear()


def test_flood_costs_one_look_until_it_is_old() -> None:
    scene, clock = Scene(), Clock()
    shared = SharedLook(scene.look, clock=clock)
    assert {shared.get() for _ in range(1_000)} == {1}
    clock.now += FRESH_SECONDS
    assert {shared.get() for _ in range(1_000)} == {2}
    shared.forget()
    assert shared.get() == scene.looks == 3


@pytest.mark.parametrize(("age", "told"), [(FRESH_SECONDS, 1), (STALE_SECONDS, 2)])
def test_those_who_come_meanwhile_are_told_of_before_or_wait(age: float, told: int) -> None:
    scene, clock = Scene(), Clock()
    shared = SharedLook(scene.look, clock=clock)
    shared.get()
    clock.now += age
    scene.hold()
    with ThreadPoolExecutor(9) as threads:
        looking = threads.submit(shared.get)
        assert scene.begun.wait(DEADLINE_SECONDS)
        others = [threads.submit(shared.get) for _ in range(8)]
        if told == 1:  # while the look is held up
            assert [one.result(DEADLINE_SECONDS) for one in others] == [1] * 8
        scene.may_end.set()
        assert looking.result(DEADLINE_SECONDS) == 2
        assert [one.result(DEADLINE_SECONDS) for one in others] == [told] * 8
    assert scene.looks == 2


def test_look_that_fails_is_taken_again() -> None:
    results: list[Callable[[], int]] = [lambda: 1 // 0, lambda: 7]
    shared = SharedLook(lambda: results.pop(0)())
    with pytest.raises(ZeroDivisionError):
        shared.get()
    assert shared.get() == 7
