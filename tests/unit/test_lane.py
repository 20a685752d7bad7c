"""A lane: who comes alone begins at once, who waits shares a group, and each hears what became of his own."""

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from foundation.lane import Lane
from tests.waiting import DEADLINE_SECONDS, wait_until

Work = Callable[[Sequence[int]], Sequence[int | Exception]]


def make_lane(work: Work, *, most_items: int = 256, patience: float = DEADLINE_SECONDS) -> Lane[int, int]:
    """A lane of numbers, each as large as it is."""
    return Lane(work, size_of=lambda n: n, most_items=most_items, most_bytes=1_000, patience_seconds=patience)


class Gate:
    """Work that is held until it is let go: the group before which others gather."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.groups: list[list[int]] = []

    def __call__(self, items: Sequence[int]) -> Sequence[int | Exception]:
        self.groups.append(list(items))
        assert self.open.wait(DEADLINE_SECONDS)
        return [ValueError(item) if item == 13 else 2 * item for item in items]


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(20) as pool:
        yield pool


def gathered(lane: Lane[int, int], gate: Gate, items: Sequence[int], threads: ThreadPoolExecutor) -> list[Future[int]]:
    """Send `items` one by one into a lane whose first group is held with a 1 in it."""
    first = threads.submit(lane.do, 1)
    wait_until(lambda: gate.groups)
    futures = [first]
    for number, item in enumerate(items, start=1):
        futures.append(threads.submit(lane.do, item))
        wait_until(lambda number=number: len(lane._waiting) == number)  # type: ignore[misc]
    return futures


def test_one_alone_begins_at_once() -> None:
    groups: list[list[int]] = []

    def work(items: Sequence[int]) -> list[int | Exception]:
        groups.append(list(items))
        return [2 * item for item in items]

    lane = make_lane(work)
    assert [lane.do(n) for n in (1, 2, 3)] == [2, 4, 6]
    assert groups == [[1], [2], [3]]


def test_those_who_wait_share_a_group_and_each_hears_his_own(threads: ThreadPoolExecutor) -> None:
    gate = Gate()
    lane = make_lane(gate)
    futures = gathered(lane, gate, [5, 13, 7], threads)
    gate.open.set()
    outcomes = [future.exception() or future.result() for future in futures]
    assert [repr(one) for one in outcomes] == ["2", "10", "ValueError(13)", "14"]
    assert gate.groups == [[1], [5, 13, 7]]


def test_groups_are_bounded_in_items_and_in_bytes_and_one_is_always_taken(threads: ThreadPoolExecutor) -> None:
    gate = Gate()
    lane = make_lane(gate, most_items=3)
    futures = gathered(lane, gate, [1, 2, 3, 4, 2_000, 600, 400, 1], threads)
    gate.open.set()
    assert [future.result() for future in futures] == [2, 2, 4, 6, 8, 4_000, 1_200, 800, 2]
    assert gate.groups == [[1], [1, 2, 3], [4], [2_000], [600, 400], [1]]


def test_who_has_waited_too_long_is_not_worked_for(threads: ThreadPoolExecutor) -> None:
    gate = Gate()
    patient, lane = make_lane(gate), make_lane(gate)
    held = threads.submit(lane.do, 1)
    wait_until(lambda: gate.groups)
    lane._patience_seconds = 0.01
    with pytest.raises(TimeoutError):
        lane.do(2)
    gate.open.set()
    assert held.result() == 2
    assert patient.do(3) == lane.do(3) == 6
    assert [item for group in gate.groups for item in group] == [1, 3, 3]


def test_who_is_worked_for_waits_for_the_end() -> None:
    """However long: nobody can know before what will have become of it."""
    gate = Gate()
    lane = make_lane(gate, patience=0.01)
    with ThreadPoolExecutor() as threads:
        held = threads.submit(lane.do, 1)
        wait_until(lambda: gate.groups)
        threading.Timer(0.1, gate.open.set).start()
        assert held.result() == 2


def test_work_that_breaks_is_heard_of_by_all_and_the_lane_goes_on(threads: ThreadPoolExecutor) -> None:
    gate = Gate()
    broken = True

    def work(items: Sequence[int]) -> Sequence[int | Exception]:
        done = gate(items)
        if broken and len(items) > 1:
            raise ConnectionError
        return done

    lane = make_lane(work)
    futures = gathered(lane, gate, [5, 7], threads)
    gate.open.set()
    assert futures[0].result() == 2
    assert [type(future.exception()) for future in futures[1:]] == [ConnectionError] * 2
    broken = False
    assert lane.do(4) == 8


def test_many_threads_are_each_answered_once() -> None:
    done: list[int] = []

    def work(items: Sequence[int]) -> list[int | Exception]:
        done.extend(items)
        return [-item for item in items]

    lane = make_lane(work)
    with ThreadPoolExecutor(16) as threads:
        assert list(threads.map(lane.do, range(2_000))) == [-n for n in range(2_000)]
    assert sorted(done) == list(range(2_000))


@pytest.fixture
def helped(threads: ThreadPoolExecutor) -> Callable[..., Lane[int, int]]:
    """Return a function that makes a lane which may be asked from an event loop."""

    def make(work: Work, *, patience: float = DEADLINE_SECONDS) -> Lane[int, int]:
        return Lane(
            work, size_of=lambda n: n, most_items=256, most_bytes=1_000, patience_seconds=patience, helpers=threads
        )

    return make


def test_those_on_an_event_loop_share_groups_that_a_helper_does(helped: Callable[..., Lane[int, int]]) -> None:
    gate = Gate()
    lane = helped(gate)

    async def ask_all() -> list[int | BaseException]:
        first = asyncio.ensure_future(lane.ask(1))
        await asyncio.to_thread(wait_until, lambda: gate.groups)
        others = [asyncio.ensure_future(lane.ask(item)) for item in (2, 13, 4)]
        await asyncio.to_thread(wait_until, lambda: len(lane._waiting) == 3)
        gate.open.set()
        return await asyncio.gather(first, *others, return_exceptions=True)

    first, second, third, fourth = asyncio.run(ask_all())
    assert (first, second, fourth) == (2, 4, 8)
    assert isinstance(third, ValueError)
    assert gate.groups == [[1], [2, 13, 4]]


def test_threads_and_an_event_loop_share_a_lane_and_lead_in_turn(
    helped: Callable[..., Lane[int, int]], threads: ThreadPoolExecutor
) -> None:
    """Whoever the turn comes to, somebody does the work: a thread that waits, or a helper."""
    lane = helped(lambda items: [2 * item for item in items])

    async def ask_all() -> list[int]:
        return await asyncio.gather(*(lane.ask(item) for item in range(200)))

    futures = [threads.submit(lane.do, item) for item in range(200)]
    assert asyncio.run(ask_all()) == [2 * item for item in range(200)]
    assert [future.result(DEADLINE_SECONDS) for future in futures] == [2 * item for item in range(200)]
    assert not lane._has_leader


def test_one_on_an_event_loop_gives_up_even_when_the_helper_is_on_its_way(
    helped: Callable[..., Lane[int, int]],
) -> None:
    """Nothing of it has begun then; the helper finds nobody, and the lane goes on."""
    gate, held = Gate(), threading.Event()
    gate.open.set()
    with ThreadPoolExecutor(1) as busy:
        busy.submit(held.wait, DEADLINE_SECONDS)
        lane: Lane[int, int] = Lane(
            gate, size_of=lambda n: n, most_items=256, most_bytes=1_000, patience_seconds=0.01, helpers=busy
        )
        with pytest.raises(TimeoutError):
            asyncio.run(lane.ask(1))
        held.set()
    assert gate.groups == []
    assert lane.do(3) == 6


def test_what_one_brings_together_stays_together() -> None:
    groups: list[list[int]] = []

    def work(items: Sequence[int]) -> list[int | Exception]:
        groups.append(list(items))
        return [ValueError(item) if item == 13 else 2 * item for item in items]

    outcomes = make_lane(work).do_all([5, 13, 7])
    assert (outcomes[0], outcomes[2]) == (10, 14)
    assert isinstance(outcomes[1], ValueError)
    assert groups == [[5, 13, 7]]
