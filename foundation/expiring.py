"""What this process has learned lately: a bounded cache, safe for threads, whose entries end at a time of their own."""

import time
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Generic, TypeVar

from cachetools import TLRUCache

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Expiring(Generic[K, V]):
    """Keeps each value until its time; when it is full, what was asked for least lately goes."""

    def __init__(self, *, capacity: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._entries: TLRUCache[K, tuple[V, float]] = TLRUCache(capacity, _end, timer=clock)
        self._lock = Lock()

    def get(self, key: K) -> V | None:
        """Return what was put under `key`, unless its time is over."""
        with self._lock:
            entry = self._entries.get(key)
        return entry[0] if entry else None

    def put(self, key: K, value: V, *, until: float) -> None:
        """Keep `value` until the clock reads `until`."""
        with self._lock:
            self._entries[key] = (value, until)

    def forget(self, key: K) -> None:
        """Forget what was put under `key`, if anything."""
        with self._lock:
            self._entries.pop(key, None)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._entries.clear()

    def __len__(self) -> int:
        with self._lock:
            return len(self._entries)


def _end(_key: object, entry: tuple[object, float], _now: float) -> float:
    return entry[1]
