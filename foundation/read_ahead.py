"""What requests ask for again and again, in the memory of the process: read for many by one question.

Whoever has to ask for one value asks for others, too, that are about to grow old and have been in use lately. So many
thousands in use cost hardly more than a few, and nothing has to be done beside the requests.
"""

import time
from collections.abc import Callable, Collection, Hashable, Mapping
from threading import Lock
from typing import Generic, TypeVar

#: Keys of one question: few enough for the request that asks it.
AT_ONCE = 100
#: What was asked for so lately is read along: most who send do so more than once a minute.
IN_USE_SECONDS = 60.0
CAPACITY = 50_000

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class _Kept(Generic[V]):
    __slots__ = ("read_at", "used_at", "value")

    def __init__(self, value: V, *, read_at: float, used_at: float) -> None:
        self.value, self.read_at, self.used_at = value, read_at, used_at


class ReadAhead(Generic[K, V]):
    """Values by key, `most_seconds` old at most when they are returned, counted from before they were asked for.

    `read_all` reads those of several keys, and leaves out the keys without one. What will be too old within
    `ahead_seconds`, or is already, is read along. Of more than `capacity` those that were read longest ago go.
    """

    def __init__(
        self,
        read_all: Callable[[Collection[K]], Mapping[K, V]],
        *,
        most_seconds: float,
        ahead_seconds: float,
        capacity: int = CAPACITY,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read_all, self._clock = read_all, clock
        self._most_seconds, self._ahead_seconds, self._capacity = most_seconds, ahead_seconds, capacity
        self._kept: dict[K, _Kept[V]] = {}  # in the order of reading
        self._on_the_way: set[K] = set()
        self._lock = Lock()

    def recall(self, key: K, *, most_seconds: float | None = None) -> V | None:
        """Return the value of `key`, if it was read lately. No I/O, no lock."""
        kept, now = self._kept.get(key), self._clock()
        if kept is None or now - kept.read_at >= (self._most_seconds if most_seconds is None else most_seconds):
            return None
        kept.used_at = now
        return kept.value

    def read(self, key: K) -> V | None:
        """Read the value of `key` now, and those of others on the way. Raises: as `read_all`."""
        now = self._clock()
        with self._lock:
            others = self._due(now, but=key)
            self._on_the_way.update(others)
        try:
            values = self._read_all([key, *others])
            with self._lock:
                self._keep(key, values, read_at=now, used_at=now)
                for other in others:
                    if kept := self._kept.get(other):
                        self._keep(other, values, read_at=now, used_at=kept.used_at)
        finally:
            with self._lock:
                self._on_the_way.difference_update(others)
        return values.get(key)

    def forget(self, key: K) -> None:
        """Forget the value of `key`."""
        with self._lock:
            self._kept.pop(key, None)

    def clear(self) -> None:
        """Forget all values."""
        with self._lock:
            self._kept.clear()

    def __len__(self) -> int:
        return len(self._kept)

    def _due(self, now: float, *, but: K) -> list[K]:
        """Return what is to be read along, the oldest first; forget what is old and was not used lately."""
        due: list[K] = []
        gone: list[K] = []
        for key, kept in self._kept.items():
            age = now - kept.read_at
            if age < self._most_seconds - self._ahead_seconds or len(due) == AT_ONCE - 1:
                break
            if now - kept.used_at >= IN_USE_SECONDS:
                gone.append(key)
            elif key != but and key not in self._on_the_way:
                due.append(key)
        for key in gone:
            del self._kept[key]
        return due

    def _keep(self, key: K, values: Mapping[K, V], *, read_at: float, used_at: float) -> None:
        self._kept.pop(key, None)
        if key in values:
            self._kept[key] = _Kept(values[key], read_at=read_at, used_at=used_at)
        if len(self._kept) > self._capacity:
            del self._kept[next(iter(self._kept))]
