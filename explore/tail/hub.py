"""One reader a process follows the log store and hands new entries to all listeners, each organisation in its lane."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial

import structlog
from django.db import Error

from explore.grouped import with_groups
from explore.metrics import SKIPS
from explore.query import Node
from explore.tail.hearing import Heard, hearing
from explore.tail.lane import LAG_WORTH_TELLING_SECONDS, LAGGING, Lane, Waiting
from explore.tail.listener import Event, Listener
from explore.tail.places import Places
from explore.tail.position import OLDEST, Position, Positions
from explore.tail.turns import Clock, Turns
from foundation.refusals import Refusal
from storage import arrivals
from storage.arrivals import Arrival, Window
from storage.errors import Unavailable
from storage.found import FoundEntry
from storage.store import store

POLL_SECONDS = 0.4
MARK_SECONDS = 10
RETRY_SECONDS = 2
#: Whose turn it is when the hub looks for what is new: no organisation's.
HUB = 0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Present:
    """A snapshot of PostgreSQL, and when it was taken."""

    snapshot: str
    at: datetime


class Hub:
    """Follows the store while somebody listens; sleeps otherwise."""

    def __init__(self, *, poll_seconds: float = POLL_SECONDS, turns: Turns | None = None) -> None:
        self.poll_seconds = poll_seconds
        self.turns = turns or Turns()
        self._places = Places()
        self._lanes: dict[int, Lane] = {}
        self._joining: list[tuple[Listener, asyncio.Future[Present]]] = []
        self._task: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self._seen: Present | None = None
        self._until: Present | None = None
        self._window: Window | None = None  # between the two, as far as it was not looked through
        self._number = 0  # of windows
        self._marked_at = 0.0

    @property
    def clock(self) -> Clock:
        """The clock that turns are measured by."""
        return self.turns.clock

    async def join(self, listener: Listener) -> Present:
        """Let `listener` hear everything from now on; return what "now" is.

        Raises: `Refusal` when there is no place for it.
        """
        self._places.take(listener)
        try:
            joined: asyncio.Future[Present] = asyncio.get_running_loop().create_future()
            self._joining.append((listener, joined))
            if self._task is None or self._task.done():
                self._task = asyncio.create_task(self._follow())
                self._task.add_done_callback(self._ended)
            self._wake.set()
            return await joined
        except BaseException:
            self.leave(listener)
            raise

    def id_of(self, listener: Listener, present: Present) -> str:
        """Return the id of an event after which `listener` has heard everything up to `present`."""
        return _id(Positions(listener.organisation_id), present)

    def leave(self, listener: Listener) -> None:
        """Forget `listener`."""
        self._places.leave(listener)
        self._joining = [joining for joining in self._joining if joining[0] is not listener]
        lane = self._lanes.get(listener.organisation_id)
        if lane:
            lane.listeners.discard(listener)
            if not lane.listeners:
                del self._lanes[lane.organisation_id]

    def close(self) -> None:
        """Stop following the store."""
        for task in (self._task, *(lane.task for lane in self._lanes.values())):
            if task:
                task.cancel()

    async def missed(self, listener: Listener, *, since: Position, until: Present) -> AsyncIterator[list[Event]]:
        """Yield what `listener` missed between the two, piece by piece: a resumed tail."""
        positions, queries = Positions(listener.organisation_id), {listener.query: listener.node}
        for window in since.windows_to(until.snapshot, since=datetime.now(UTC) - OLDEST):
            left: Window | None = window
            while left:
                here = left
                look = partial(arrivals.of, here, organisations=[listener.organisation_id])
                found, left = await self.turns.run(listener.organisation_id, look)
                for arrival in found:
                    async for _, heard in self._hear(arrival, here, queries, seen_at=since.at, positions=positions):
                        yield [event for _, event in heard]
                    here = here.beyond(arrival)

    async def _hear(
        self, arrival: Arrival, window: Window, queries: dict[str, Node], *, seen_at: datetime, positions: Positions
    ) -> AsyncIterator[tuple[Window, list[Heard]]]:
        """Yield what `queries` find in `arrival`, a turn at a time, with what of `window` is left then."""
        who, left = arrival.organisation_id, arrival.entries
        while left > 0 and (entries := await self.turns.run(who, partial(_read, arrival, window.after))):
            place = Position(at=seen_at, seen=window.seen, until=window.until, stored_xid=arrival.stored_xid)
            steps = hearing(entries, queries, name=partial(_id_after, positions, place))
            async for heard in self.turns.slices(who, steps):
                yield window, heard
            left, window = left - len(entries), replace(window, after=entries[-1].id)
            yield window, []

    async def _follow(self) -> None:
        while self._lanes or self._joining:
            try:
                await self._step()
            except (Error, Unavailable) as error:
                await self._wait_for_storage(error, HUB)
            await self._sleep()
        self._seen = self._until = self._window = None

    async def _wait_for_storage(self, error: Exception, who: int) -> None:
        log.warning("tail_waits_for_storage", error=type(error).__name__)
        await self.turns.run(who, arrivals.close)
        await asyncio.sleep(RETRY_SECONDS)

    async def _step(self) -> None:
        if self._window:  # storage failed within it
            await self._look_through()
        now = Present(at=datetime.now(UTC), snapshot=await self.turns.run(HUB, arrivals.snapshot))
        self._seen = self._seen or now
        self._admit(self._seen)
        if now.snapshot != self._seen.snapshot:
            self._until, self._window = now, Window(seen=self._seen.snapshot, until=now.snapshot)
            await self._look_through()
        self._mark()

    async def _look_through(self) -> None:
        """Find the batches of the window, and let each wait in its organisation's lane."""
        assert self._seen
        while self._window:
            look = partial(arrivals.of, self._window, organisations=list(self._lanes))
            found, left = await self.turns.run(HUB, look)
            window = replace(self._window, after=0)
            for arrival in found:
                if lane := self._lanes.get(arrival.organisation_id):
                    lane.waiting.append(Waiting(arrival, window, self._number, self._seen.at, self.clock()))
                    self._serve(lane)
            self._window = left
        self._seen, self._until = self._until, None
        self._number += 1

    def _serve(self, lane: Lane) -> None:
        if lane.task is None or lane.task.done():
            lane.task = asyncio.create_task(self._hand_out(lane))
            lane.task.add_done_callback(lambda task: self._lane_ended(lane, task))

    async def _hand_out(self, lane: Lane) -> None:
        while lane.waiting and lane.listeners:
            try:
                await self._read_first(lane)
            except (Error, Unavailable) as error:
                await self._wait_for_storage(error, lane.organisation_id)
            if lane.is_too_late(self.clock()):
                self._skip(lane)

    async def _read_first(self, lane: Lane) -> None:
        """Hand out the first of the batches that wait, for as long as that is worth while."""
        first = lane.waiting[0]
        queries = lane.queries(first.number)
        hear = self._hear(first.arrival, first.window, queries, seen_at=first.seen_at, positions=lane.positions)
        async for left, heard in hear:
            lane.hand_out(heard, first.number)
            lane.waiting[0] = replace(first, window=left)
            if lane.is_too_late(self.clock()) or not lane.listeners:
                return
        lane.waiting.popleft()

    def _skip(self, lane: Lane) -> None:
        assert self._seen
        log.warning("tail_skips", organisation_id=lane.organisation_id, batches=len(lane.waiting))
        SKIPS.inc()
        lane.skip(_id(lane.positions, self._seen))

    def _mark(self) -> None:
        """Move the position of those who hear nothing, so that they resume from near the end; tell who is behind."""
        if self.clock() - self._marked_at < MARK_SECONDS:
            return
        self._marked_at = self.clock()
        assert self._seen
        for lane in self._lanes.values():
            if not lane.waiting:
                lane.tell(Event(id=_id(lane.positions, self._seen)))
            elif lane.lag_seconds(self.clock()) > LAG_WORTH_TELLING_SECONDS:
                lane.tell(LAGGING)

    def _admit(self, seen: Present) -> None:
        for listener, joined in self._joining:
            if joined.done():
                continue
            who = listener.organisation_id
            lane = self._lanes.get(who) or self._lanes.setdefault(who, Lane(organisation_id=who))
            listener.joined = self._number
            lane.listeners.add(listener)
            joined.set_result(seen)
        self._joining.clear()

    def _lane_ended(self, lane: Lane, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()):
            log.error("tail_failed", exc_info=error, organisation_id=lane.organisation_id)
            lane.waiting.clear()
            lane.cut()

    def _ended(self, task: asyncio.Task[None]) -> None:
        """Let go of everybody when a bug has ended the task: clients come back and start it anew."""
        if task.cancelled() or not (error := task.exception()):
            return
        log.error("tail_failed", exc_info=error)
        for lane in self._lanes.values():
            lane.cut()
        for _, joined in self._joining:
            if not joined.done():
                joined.set_exception(Refusal("internal_error"))
        self._joining.clear()
        self._seen = self._until = self._window = None

    async def _sleep(self) -> None:
        self._wake.clear()
        if self._joining:
            return
        try:
            async with asyncio.timeout(self.poll_seconds):
                await self._wake.wait()
        except TimeoutError:
            return


def _read(arrival: Arrival, after: int) -> list[FoundEntry]:
    entries = store().reader.batch(arrival, after=after if after <= arrival.last_entry_id else 0)
    return with_groups(arrival.organisation_id, entries)


def _id_after(positions: Positions, place: Position, entry: FoundEntry) -> str:
    return positions.write(replace(place, after=entry.id))


def _id(positions: Positions, present: Present) -> str:
    return positions.write(Position(at=present.at, seen=present.snapshot))
