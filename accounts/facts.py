"""Small facts about keys on their way from requests into the keys' rows: never in a request's own time.

They are hints for staff. Without PostgreSQL they wait, in a bounded number; a process that is killed takes those of its
last half second along.
"""

from collections.abc import Callable
from threading import Lock
from typing import Generic, TypeVar

from django.db import connection

from foundation.threads import Background

CAPACITY = 10_000
GATHER_SECONDS = 0.5
RETRY_SECONDS = 5.0

K = TypeVar("K")
V = TypeVar("V")


class Facts(Generic[K, V]):
    """Facts of one kind by whom they are about, the latest of each; `write` puts them into the database."""

    def __init__(self, name: str, write: Callable[[dict[K, V]], None]) -> None:
        self._write = write
        self._waiting: dict[K, V] = {}
        self._lock = Lock()
        self.thread = Background(name, self._flush_and_hang_up, gather=GATHER_SECONDS, retry=RETRY_SECONDS)

    def put(self, key: K, value: V) -> None:
        """Leave a fact for the thread; return at once. What there is no room for is forgotten."""
        with self._lock:
            if len(self._waiting) >= CAPACITY and key not in self._waiting:
                return
            self._waiting[key] = value
        self.thread.wake()

    def flush(self) -> None:
        """Write what waits. Raises: `DatabaseError`; then what nothing newer has replaced waits again."""
        with self._lock:
            facts, self._waiting = self._waiting, {}
        if not facts:
            return
        try:
            self._write(facts)
        except BaseException:
            with self._lock:
                self._waiting = facts | self._waiting
            raise

    def _flush_and_hang_up(self) -> None:
        try:
            self.flush()
        finally:
            connection.close()  # none is held for a statement now and then
