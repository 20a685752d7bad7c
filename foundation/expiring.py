"""A mapping in the process's memory that forgets: by age, and its oldest entries when it is full."""

from collections.abc import Hashable
from threading import Lock
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class ExpiringMap(Generic[K, V]):
    """Safe for threads: a read is one dictionary look-up, a write takes a lock."""

    def __init__(self, *, capacity: int) -> None:
        self.capacity = capacity
        self._entries: dict[K, tuple[V, float]] = {}
        self._lock = Lock()

    def get(self, key: K, *, now: float) -> V | None:
        """Return what was put under `key`, unless its time is over."""
        entry = self._entries.get(key)
        return entry[0] if entry and now < entry[1] else None

    def put(self, key: K, value: V, *, until: float) -> None:
        """Keep `value` until the clock reads `until`."""
        with self._lock:
            self._entries.pop(key, None)  # so that order of insertion is order of age
            if len(self._entries) >= self.capacity:
                del self._entries[next(iter(self._entries))]
            self._entries[key] = (value, until)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._entries.clear()

    def __len__(self) -> int:
        return len(self._entries)
