"""How often drains claim what is not much: each claim makes a part in a log store of its own."""

import threading
import time


class Pace:
    """About one small claim in so many seconds, of all threads of a process; one that leaves more waits for nothing."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting = threading.Lock()
        self._next_at = 0.0

    def wait(self, seconds: float) -> bool:
        """Wait for one's turn; false where another thread does already, and will claim what is there."""
        if not self._waiting.acquire(blocking=False):
            return False
        try:
            with self._lock:
                left = self._next_at - time.monotonic()
                self._next_at = time.monotonic() + max(left, 0) + seconds
            if left > 0:
                time.sleep(left)
        finally:
            self._waiting.release()
        return True

    def skip(self) -> None:
        """What is claimed next is large enough."""
        with self._lock:
            self._next_at = 0.0
