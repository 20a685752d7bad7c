"""A circuit breaker: stop asking a server that does not answer, and look every few seconds whether it does again."""

import threading
import time

FAILURES = 5
OPEN_SECONDS = 2.0


class Breaker:
    """Opens after `FAILURES` in a row; then one caller may try every `OPEN_SECONDS`, until a try succeeds."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failures = 0
        self._next_try = 0.0

    def lets_through(self) -> bool:
        """Tell whether to ask the server now."""
        if self._failures < FAILURES:
            return True
        with self._lock:
            now = time.monotonic()
            if now < self._next_try:
                return False
            self._next_try = now + OPEN_SECONDS
            return True

    def succeeded(self) -> None:
        """The server has answered."""
        self._failures = 0

    def failed(self) -> None:
        """The server has not answered."""
        with self._lock:
            self._failures += 1
            if self._failures == FAILURES:
                self._next_try = time.monotonic() + OPEN_SECONDS
