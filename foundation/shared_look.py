"""A look at something that many ask for at once: one thread takes it, and the others share what it saw."""

import time
from collections.abc import Callable
from threading import Lock
from typing import Generic, TypeVar

V = TypeVar("V")

#: What was seen lately is told again. While somebody looks, others are told what was seen before, if not too long ago.
FRESH_SECONDS, STALE_SECONDS = 1.0, 5.0


class SharedLook(Generic[V]):
    """Looks once a second at most, however many ask; what changes is told a second and one look later at most."""

    def __init__(self, look: Callable[[], V], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._look, self._clock = look, clock
        self._lock = Lock()
        self._seen: tuple[V, float] | None = None

    def forget(self) -> None:
        """Have the next one look."""
        self._seen = None

    def get(self) -> V:
        """Return what was seen; without anything worth telling, look, or wait for whoever looks. Raises as the look."""
        if seen := self._since(FRESH_SECONDS):
            return seen[0]
        stale = self._since(STALE_SECONDS)
        if not self._lock.acquire(blocking=stale is None) and stale:
            return stale[0]
        try:
            seen = self._since(FRESH_SECONDS)  # by whoever was waited for
            if seen is None:
                seen = self._seen = (self._look(), self._clock())
            return seen[0]
        finally:
            self._lock.release()

    def _since(self, seconds: float) -> tuple[V, float] | None:
        seen = self._seen
        return seen if seen and self._clock() - seen[1] < seconds else None
