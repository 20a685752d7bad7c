"""One thread for the work of many organisations: whoever has had least of it lately is next.

Start-time fair queueing (Goyal, Vin, Cheng 1996): what an organisation's work costs delays that organisation. Another
waits for one job of each at most, so jobs are short: `SLICE_SECONDS`, and the one step in which time was up.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Hashable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

SLICE_SECONDS = 0.02

R = TypeVar("R")
Clock = Callable[[], float]
Job = tuple[Callable[[], Any], "asyncio.Future[Any]"]


class Turns:
    """Runs jobs on a thread of its own, one at a time, in a fair order. Belongs to one event loop."""

    def __init__(self, *, clock: Clock = time.perf_counter) -> None:
        self.clock = clock
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="tail-reader")
        self._waiting: dict[Hashable, deque[Job]] = {}
        self._used: dict[Hashable, float] = {}  # seconds of the thread; only to be compared
        self._now = 0.0  # what whoever is at work had used before
        self._task: asyncio.Task[None] | None = None

    async def run(self, who: Hashable, job: Callable[[], R]) -> R:
        """Return what `job` returns, or raise what it raises, once it was `who`'s turn."""
        done: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        if who not in self._waiting:
            self._waiting[who] = deque()
            self._used[who] = max(self._used.get(who, 0.0), self._now)
        self._waiting[who].append((job, done))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._work())
        return await done

    async def slices(self, who: Hashable, steps: Iterator[R | None]) -> AsyncIterator[list[R]]:
        """Go through `steps` in as many turns as that takes; yield the results of each."""
        is_over = False
        while not is_over:
            results, is_over = await self.run(who, lambda: self._slice(steps))
            yield results

    def _slice(self, steps: Iterator[R | None]) -> tuple[list[R], bool]:
        end, results = self.clock() + SLICE_SECONDS, []
        for result in steps:
            if result is not None:
                results.append(result)
            if self.clock() >= end:
                return results, False
        return results, True

    async def _work(self) -> None:
        while self._waiting:
            who = min(self._waiting, key=self._used.__getitem__)
            self._now = self._used[who]
            job, done = self._next_of(who)
            if not done.done():
                self._used[who] += await self._do(job, done)
                await asyncio.sleep(0)  # whoever waited for it may have more to do
            self._used = {one: used for one, used in self._used.items() if one in self._waiting or used > self._now}

    def _next_of(self, who: Hashable) -> Job:
        jobs = self._waiting[who]
        first = jobs.popleft()
        if not jobs:
            del self._waiting[who]
        return first

    async def _do(self, job: Callable[[], Any], done: "asyncio.Future[Any]") -> float:
        """Run `job` on the thread, settle `done`; return the seconds that it took."""
        result, error, seconds = await asyncio.get_running_loop().run_in_executor(self._thread, self._timed, job)
        if done.cancelled():
            return seconds
        if error is None:
            done.set_result(result)
        else:
            done.set_exception(error)
        return seconds

    def _timed(self, job: Callable[[], Any]) -> tuple[Any, Exception | None, float]:
        began = self.clock()
        try:
            return job(), None, self.clock() - began
        except Exception as error:  # whoever waits for the job gets it
            return None, error, self.clock() - began
