"""Work done for all who wait at the same moment: one of them does it, for himself and for the others.

Nobody is kept waiting for company: who comes while nobody works begins at once. Those who come meanwhile are the next
group, and the first of them does its work; a helper's thread does it for those who wait on an event loop. (Databases
call it group commit, with a leader and its followers.)
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class Lane(Generic[Item, Result]):
    """Does `work` for a group of items at a time: up to `most_items`, or `most_bytes` by `size_of`, but one always.

    `work` returns a result for each item, or an exception for this one's caller alone; what it raises, all get. One
    that is asked from an event loop has `helpers`.
    """

    def __init__(
        self,
        work: Callable[[Sequence[Item]], Sequence[Result | Exception]],
        *,
        size_of: Callable[[Item], int],
        most_items: int,
        most_bytes: int,
        patience_seconds: float,
        helpers: Executor | None = None,
    ) -> None:
        self._work = work
        self._size_of = size_of
        self._most_items, self._most_bytes = most_items, most_bytes
        self._patience_seconds = patience_seconds
        self._helpers = helpers
        self._lock = threading.Lock()
        self._waiting: deque[_Place[Item]] = deque()
        self._has_leader = False

    def do(self, item: Item) -> Result:
        """Have the work done for `item`; return its result.

        Raises: what the work raises; `TimeoutError` when no work on it has begun within the lane's patience. Once it
        has begun, its end is waited for, since nobody can know before what will have become of the item.
        """
        [outcome] = self.do_all([item])
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def do_all(self, items: Sequence[Item]) -> Sequence[Result | Exception]:
        """As `do`, for items that one brings together, and that stay together; return what became of each."""
        place: _ThreadPlace[Item, Result] = _ThreadPlace(items)
        self._enter(place)
        if not place.stirred.wait(self._patience_seconds) and self._leave(place):
            raise _impatience()
        place.stirred.wait()
        if place.outcomes is None:
            following = self._lead()
            if following:
                self._appoint(following)
        assert place.outcomes is not None
        return place.outcomes

    async def ask(self, item: Item) -> Result:
        """As `do`, for who waits on an event loop: the same one for all who ask."""
        place: _LoopPlace[Item, Result] = _LoopPlace([item])
        giving_up = place.loop.call_later(self._patience_seconds, self._give_up, place)
        self._enter(place)
        try:
            return await place.told
        finally:
            giving_up.cancel()

    def _give_up(self, place: "_LoopPlace[Item, Result]") -> None:
        if self._leave(place) and not place.told.done():
            place.told.set_exception(_impatience())

    def _enter(self, place: "_Place[Item]") -> None:
        with self._lock:
            self._waiting.append(place)
            if self._has_leader:
                return
            self._has_leader = True
        self._appoint(place)

    def _appoint(self, place: "_Place[Item]") -> None:
        if isinstance(place, _ThreadPlace):
            place.lead()
        else:
            assert self._helpers
            self._helpers.submit(self._help)

    def _leave(self, place: "_Place[Item]") -> bool:
        """Take back a place of which nothing has begun; tell whether that was so."""
        with self._lock:
            if place.leads or place not in self._waiting:
                return False
            self._waiting.remove(place)
            return True

    def _help(self) -> None:
        """Lead on a helper's thread, as long as the next in turn waits on an event loop."""
        following = self._lead()
        while isinstance(following, _LoopPlace):
            following = self._lead()
        if following:
            self._appoint(following)

    def _lead(self) -> "_Place[Item] | None":
        """Do the work of the next group, and tell its members; return who is to lead then, if anybody waits."""
        group = self._next_group()
        items = [item for place in group for item in place.items]
        outcomes: Sequence[Result | Exception] = [RuntimeError("The work was broken off.")] * len(items)
        try:
            outcomes = self._work(items) if items else ()
        except Exception as error:  # whatever it is: each of them has to hear of it
            outcomes = [error] * len(items)
        finally:
            following = self._following()
            _tell(group, outcomes)
        return following

    def _next_group(self) -> "list[_Place[Item]]":
        """Take the next group out of the queue: it begins with its leader, unless he has given up."""
        group: list[_Place[Item]] = []
        number = size = 0
        with self._lock:
            while self._waiting:
                first = self._waiting[0]
                number += len(first.items)
                size += sum(map(self._size_of, first.items))
                if group and (number > self._most_items or size > self._most_bytes):
                    break
                group.append(self._waiting.popleft())
        return group

    def _following(self) -> "_Place[Item] | None":
        with self._lock:
            self._has_leader = bool(self._waiting)
            following = self._waiting[0] if self._waiting else None
            if isinstance(following, _ThreadPlace):
                following.leads = True  # from here on it may not leave
            return following


def _impatience() -> TimeoutError:
    return TimeoutError("The lane was busy for too long.")


class _Place(Generic[Item]):
    """Where one waits with what he brings. Who leads may not leave."""

    __slots__ = ("items", "leads")

    def __init__(self, items: Sequence[Item]) -> None:
        self.items = items
        self.leads = False


class _ThreadPlace(_Place[Item], Generic[Item, Result]):
    """Stirred when the results are there, or when it is this thread's turn to lead."""

    __slots__ = ("outcomes", "stirred")

    def __init__(self, items: Sequence[Item]) -> None:
        super().__init__(items)
        self.outcomes: Sequence[Result | Exception] | None = None
        self.stirred = threading.Event()

    def lead(self) -> None:
        self.leads = True
        self.stirred.set()

    def tell(self, outcomes: Sequence[Result | Exception]) -> None:
        self.outcomes = outcomes
        self.stirred.set()


class _LoopPlace(_Place[Item], Generic[Item, Result]):
    """A future of an event loop: who leads for it is a helper, so that it may always leave."""

    __slots__ = ("loop", "told")

    def __init__(self, items: Sequence[Item]) -> None:
        super().__init__(items)
        self.loop = asyncio.get_running_loop()
        self.told: asyncio.Future[Result] = self.loop.create_future()


def _tell(group: Sequence[_Place[Item]], outcomes: Sequence[Result | Exception]) -> None:
    """Tell each what became of his own; those on the event loop all at once."""
    on_loop: list[tuple[asyncio.Future[Result], Result | Exception]] = []
    loop: asyncio.AbstractEventLoop | None = None
    start = 0
    for place in group:
        own = outcomes[start : start + len(place.items)]
        start += len(own)
        if isinstance(place, _LoopPlace):
            on_loop.append((place.told, own[0]))
            loop = place.loop
        elif isinstance(place, _ThreadPlace):
            place.tell(own)
    if loop:
        loop.call_soon_threadsafe(_settle, on_loop)


def _settle(told: "Sequence[tuple[asyncio.Future[Result], Result | Exception]]") -> None:
    for future, outcome in told:
        if future.done():  # who waited has gone
            continue
        if isinstance(outcome, Exception):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)
