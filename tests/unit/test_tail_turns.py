"""One thread for many organisations: what somebody's work costs delays nobody else, by more than a job of theirs."""

import asyncio
from collections.abc import Iterator
from functools import partial

import pytest

from explore.tail.turns import SLICE_SECONDS, Turns


class Clock:
    """Stands still but for the work that says what it costs."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def order_of(costs: dict[str, list[float]]) -> list[str]:
    """Return the order in which the jobs of some, all there at once, are done."""
    clock, done = Clock(), []
    turns = Turns(clock=clock)

    def job(who: str, seconds: float) -> None:
        clock.now += seconds
        done.append(who)

    async def run() -> None:
        await asyncio.gather(*(turns.run(who, partial(job, who, cost)) for who in costs for cost in costs[who]))

    asyncio.run(run())
    return done


def test_many_jobs_of_one_delay_another_by_one() -> None:
    assert order_of({"heavy": [1.0] * 50, "light": [1.0]})[:2] == ["heavy", "light"]


def test_each_of_many_heavy_ones_delays_another_by_one_job() -> None:
    heavy = {f"heavy {n}": [1.0] * 9 for n in range(10)}
    assert order_of(heavy | {"light": [1.0]}).index("light") == len(heavy)


def test_time_is_shared_and_not_the_number_of_jobs() -> None:
    done = order_of({"large": [3.0] * 20, "small": [1.0] * 60})
    assert done[:40].count("small") == pytest.approx(30, abs=2)


def test_who_comes_later_does_not_catch_up_on_what_others_had() -> None:
    clock, done = Clock(), []
    turns = Turns(clock=clock)

    async def work(who: str, jobs: int) -> None:
        for _ in range(jobs):
            await turns.run(who, lambda: setattr(clock, "now", clock.now + 1.0))
            done.append(who)

    async def run() -> None:
        first = asyncio.create_task(work("first", 40))
        while len(done) < 20:
            await asyncio.sleep(0)
        await asyncio.gather(first, work("later", 20))

    asyncio.run(run())
    assert done[22:36].count("first") == pytest.approx(7, abs=1)


def test_slices_end_when_their_time_is_up_and_lose_nothing() -> None:
    clock = Clock()

    def steps() -> Iterator[int | None]:
        for number in range(100):
            clock.now += SLICE_SECONDS / 10
            yield number if number % 2 else None

    async def run() -> list[list[int]]:
        return [results async for results in Turns(clock=clock).slices("one", steps())]

    slices = asyncio.run(run())
    assert [number for results in slices for number in results] == list(range(1, 100, 2))
    assert all(len(results) <= 6 for results in slices)


def test_whoever_waits_gets_the_error_and_others_go_on() -> None:
    async def run() -> tuple[object, object]:
        turns = Turns()
        return await asyncio.gather(
            turns.run("a", lambda: 1 // 0), turns.run("b", lambda: "fine"), return_exceptions=True
        )

    failed, fine = asyncio.run(run())
    assert isinstance(failed, ZeroDivisionError)
    assert fine == "fine"


def test_job_whose_caller_has_gone_is_not_done() -> None:
    done = []

    async def run() -> None:
        turns = Turns()
        gone = asyncio.create_task(turns.run("a", lambda: done.append("a")))
        await asyncio.sleep(0)
        gone.cancel()
        await turns.run("b", lambda: done.append("b"))

    asyncio.run(run())
    assert done == ["b"]
