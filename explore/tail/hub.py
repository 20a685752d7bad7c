"""One reader a process follows the log store and hands new entries to all listeners."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import ParamSpec, TypeVar

import structlog
from django.db import Error

from explore.tail.listener import Event, Found, Listener, notice
from explore.tail.position import Position
from foundation.refusals import Refusal
from storage import receipts
from storage.errors import Unavailable
from storage.receipts import Arrival, Window
from storage.store import store

POLL_SECONDS = 0.4
MARK_SECONDS = 10
RETRY_SECONDS = 2
STREAMS_AN_OWNER = 20
OLDEST = timedelta(minutes=15)  # how far back a resumed tail reaches
GAP = notice("gap", "Entries stored more than 15 minutes ago were left out. Search for them.")

log = structlog.get_logger(__name__)
P = ParamSpec("P")
R = TypeVar("R")


class Hub:
    """Follows the store while somebody listens; sleeps otherwise."""

    def __init__(self, *, poll_seconds: float = POLL_SECONDS) -> None:
        self.poll_seconds = poll_seconds
        self._listeners: set[Listener] = set()
        self._waiting: list[tuple[Listener, asyncio.Future[str]]] = []
        self._owners: dict[str, int] = {}
        self._task: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self._seen: str | None = None
        self._window: Window | None = None  # being handed out
        self._marked_at = 0.0
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="tail-reader")

    async def join(self, listener: Listener) -> str:
        """Let `listener` hear everything from now on; return the snapshot that "now" is.

        Raises: `Refusal` when its owner has too many tails open.
        """
        if self._owners.get(listener.owner, 0) >= STREAMS_AN_OWNER:
            raise Refusal("too_many_streams", retry_after_seconds=30)
        self._owners[listener.owner] = self._owners.get(listener.owner, 0) + 1
        joined: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._waiting.append((listener, joined))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._follow())
            self._task.add_done_callback(self._ended)
        self._wake.set()
        try:
            return await joined
        except (asyncio.CancelledError, Refusal):
            self.leave(listener)
            raise

    def leave(self, listener: Listener) -> None:
        """Forget `listener`."""
        self._listeners.discard(listener)
        self._waiting = [waiting for waiting in self._waiting if waiting[0] is not listener]
        left = self._owners.pop(listener.owner, 0) - 1
        if left > 0:
            self._owners[listener.owner] = left

    async def missed(self, listener: Listener, *, since: Position, until: str) -> AsyncIterator[Event]:
        """Yield what `listener` missed between the two: a resumed tail."""
        oldest, told = datetime.now(UTC) - OLDEST, False
        for window in since.windows_to(until):
            async for arrival in self._arrivals(window, organisations={listener.organisation_id}):
                if arrival.stored_at < oldest:
                    if not told:
                        yield GAP
                    told = True
                    continue
                found = await self._call(_read, arrival, window.after)
                for event in listener.select(found, window=window):
                    yield event

    async def _follow(self) -> None:
        while self._listeners or self._waiting:
            try:
                await self._step()
            except (Error, Unavailable) as error:
                log.warning("tail_waits_for_storage", error=type(error).__name__)
                await self._call(receipts.close)
                await asyncio.sleep(RETRY_SECONDS)
            await self._sleep()
        self._seen = self._window = None

    async def _step(self) -> None:
        if self._window:  # storage failed within it
            await self._publish()
        now = await self._call(receipts.snapshot)
        self._seen = self._seen or now
        self._admit(self._seen)
        if now != self._seen:
            self._window = Window(seen=self._seen, until=now)
            await self._publish()
        self._mark()

    async def _publish(self) -> None:
        """Hand out the window; after a failure, what is left of it."""
        assert self._window
        organisations = {listener.organisation_id for listener in self._listeners}
        async for arrival in self._arrivals(self._window, organisations=organisations):
            found = await self._call(_read, arrival, self._window.after)
            for listener in list(self._listeners):
                if listener.organisation_id == arrival.organisation_id and not listener.is_cut:
                    listener.offer(await self._call(listener.select, found, window=self._window))
            self._window = replace(self._window, after=arrival.last_entry_id)
        self._seen, self._window = self._window.until, None

    def _mark(self) -> None:
        """Move the position of those who hear nothing, so that they resume from near the end."""
        if time.monotonic() - self._marked_at > MARK_SECONDS:
            self._marked_at = time.monotonic()
            for listener in self._listeners:
                listener.offer([Event(id=self._seen)])

    def _ended(self, task: asyncio.Task[None]) -> None:
        """Let go of everybody when a bug has ended the task: clients come back and start it anew."""
        if task.cancelled() or not (error := task.exception()):
            return
        log.error("tail_failed", exc_info=error)
        for listener in self._listeners:
            listener.is_cut = True
        for _, joined in self._waiting:
            joined.set_exception(Refusal("internal_error"))
        self._waiting.clear()
        self._seen = self._window = None

    def _admit(self, seen: str) -> None:
        for listener, joined in self._waiting:
            if not joined.done():
                self._listeners.add(listener)
                joined.set_result(seen)
        self._waiting.clear()

    async def _arrivals(self, window: Window, *, organisations: set[int]) -> AsyncIterator[Arrival]:
        page: list[Arrival] | None = None
        while page is None or len(page) == receipts.BATCHES_AT_ONCE:
            page = await self._call(receipts.arrivals, window, organisations=organisations)
            for arrival in page:
                yield arrival
                window = replace(window, after=arrival.last_entry_id)

    async def _sleep(self) -> None:
        self._wake.clear()
        if self._waiting:
            return
        try:
            await asyncio.wait_for(self._wake.wait(), self.poll_seconds)
        except TimeoutError:
            return

    async def _call(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        return await asyncio.get_running_loop().run_in_executor(self._thread, lambda: function(*args, **kwargs))


def _read(arrival: Arrival, after: int) -> list[Found]:
    return [Found.of(entry) for entry in store().reader.batch(arrival, after=after)]
