"""Work done for all who wait at the same moment: one of them does it, for himself and for the others.

Nobody is kept waiting for company: who comes while nobody works begins at once. Those who come meanwhile are the next
group, and the first of them does its work. (Databases call it group commit, with a leader and its followers.)
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class Lane(Generic[Item, Result]):
    """Does `work` for a group of items at a time: up to `most_items`, or `most_bytes` by `size_of`, but one always.

    `work` returns a result for each item, or an exception for this one's caller alone; what it raises, all get.
    """

    def __init__(
        self,
        work: Callable[[Sequence[Item]], Sequence[Result | Exception]],
        *,
        size_of: Callable[[Item], int],
        most_items: int,
        most_bytes: int,
        patience_seconds: float,
    ) -> None:
        self._work = work
        self._size_of = size_of
        self._most_items, self._most_bytes = most_items, most_bytes
        self._patience_seconds = patience_seconds
        self._lock = threading.Lock()
        self._waiting: deque[_Place[Item, Result]] = deque()
        self._has_leader = False

    def do(self, item: Item) -> Result:
        """Have the work done for `item`; return its result.

        Raises: what the work raises; `TimeoutError` when no work on it has begun within the lane's patience. Once it
        has begun, its end is waited for, since nobody can know before what will have become of the item.
        """
        place: _Place[Item, Result] = _Place(item)
        self._enter(place)
        if not place.stirred.wait(self._patience_seconds) and self._leave(place):
            raise TimeoutError("The lane was busy for too long.")
        place.stirred.wait()
        if place.outcome is None:
            self._lead()
        return place.result()

    def _enter(self, place: "_Place[Item, Result]") -> None:
        with self._lock:
            self._waiting.append(place)
            if not self._has_leader:
                self._has_leader = True
                place.lead()

    def _leave(self, place: "_Place[Item, Result]") -> bool:
        """Take back a place of which nothing has begun; tell whether that was so."""
        with self._lock:
            if place.leads or place not in self._waiting:
                return False
            self._waiting.remove(place)
            return True

    def _lead(self) -> None:
        group = self._next_group()
        outcomes: Sequence[Result | Exception] = [RuntimeError("The work was broken off.")] * len(group)
        try:
            outcomes = self._work([place.item for place in group])
        except Exception as error:  # whatever it is: each of them has to hear of it
            outcomes = [error] * len(group)
        finally:
            self._hand_over()
            for place, outcome in zip(group, outcomes, strict=True):
                place.tell(outcome)

    def _next_group(self) -> list["_Place[Item, Result]"]:
        """Take the next group out of the queue: it begins with its leader."""
        group: list[_Place[Item, Result]] = []
        size = 0
        with self._lock:
            while self._waiting and len(group) < self._most_items:
                size += self._size_of(self._waiting[0].item)
                if group and size > self._most_bytes:
                    break
                group.append(self._waiting.popleft())
        return group

    def _hand_over(self) -> None:
        with self._lock:
            if self._waiting:
                self._waiting[0].lead()
            else:
                self._has_leader = False


class _Place(Generic[Item, Result]):
    """Where one waits: stirred when the result is there, or when it is his turn to lead."""

    __slots__ = ("item", "leads", "outcome", "stirred")

    def __init__(self, item: Item) -> None:
        self.item = item
        self.leads = False
        self.outcome: tuple[Result | Exception] | None = None
        self.stirred = threading.Event()

    def lead(self) -> None:
        self.leads = True
        self.stirred.set()

    def tell(self, outcome: Result | Exception) -> None:
        self.outcome = (outcome,)
        self.stirred.set()

    def result(self) -> Result:
        assert self.outcome
        [outcome] = self.outcome
        if isinstance(outcome, Exception):
            raise outcome
        return outcome
