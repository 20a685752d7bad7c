"""A circuit breaker: stop asking a server that does not answer, and look every few seconds whether it does again."""

import threading
import time
from collections.abc import Callable


class Breaker:
    """Opens after `failures` in a row; then one caller may try every `open_seconds`, until a try succeeds."""

    def __init__(
        self, *, failures: int = 5, open_seconds: float = 2.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._allowed = failures
        self._open_seconds = open_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._failures = 0
        self._next_try = 0.0

    def lets_through(self) -> bool:
        """Tell whether to ask the server now."""
        if self._failures < self._allowed:
            return True
        with self._lock:
            now = self._clock()
            if now < self._next_try:
                return False
            self._next_try = now + self._open_seconds
            return True

    def succeeded(self) -> None:
        """The server has answered."""
        self._failures = 0

    def failed(self) -> None:
        """The server has not answered."""
        with self._lock:
            self._failures += 1
            if self._failures == self._allowed:
                self._next_try = self._clock() + self._open_seconds
