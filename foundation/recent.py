"""What this process has met lately, in two generations: bounded, and for what is asked so often that a lock costs."""

import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Recent(Generic[K, V]):
    """Keeps half of `capacity` at least, and all of it at most; each value for half of `seconds` to all of them.

    What is asked for stays where there is no time. Threads may share one: at worst something is forgotten early.
    """

    def __init__(
        self, *, capacity: int, seconds: float = float("inf"), clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._most, self._seconds, self._clock = capacity // 2, seconds / 2, clock  # of a generation
        self._is_timed = seconds < float("inf")
        self.clear()

    def get(self, key: K) -> V | None:
        """Return what was put under `key`, unless it is forgotten."""
        if self._is_timed and self._clock() >= self._ends:
            self._turn()
        found = self._newer.get(key)
        if found is None:
            found = self._older.get(key)
            if found is not None and not self._is_timed:
                self.put(key, found)
        return found

    def put(self, key: K, value: V) -> None:
        """Keep `value`."""
        if len(self._newer) >= self._most or (self._is_timed and self._clock() >= self._ends):
            self._turn()
        self._newer[key] = value

    def forget(self, key: K) -> None:
        """Forget what was put under `key`, if anything."""
        self._newer.pop(key, None)
        self._older.pop(key, None)

    def clear(self) -> None:
        """Forget everything."""
        self._newer: dict[K, V] = {}
        self._older: dict[K, V] = {}
        self._ends = self._clock() + self._seconds

    def __len__(self) -> int:
        return len(self._newer) + len(self._older)

    def _turn(self) -> None:
        now = self._clock()
        is_long_ago = now >= self._ends + self._seconds
        self._older, self._newer = {} if is_long_ago else self._newer, {}
        self._ends = (now if is_long_ago or now < self._ends else self._ends) + self._seconds
