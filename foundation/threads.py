"""What a process does in the background: one kind of thread, for all work that no request may wait for."""

import os
import threading
import time
from collections.abc import Callable
from multiprocessing.util import Finalize

import structlog
from prometheus_client import Counter

from foundation.once import once

log = structlog.get_logger(__name__)

#: How long the end of a process waits for work that was asked for.
LAST_WORK_SECONDS = 1.0


class Background:
    """Does `work` on a daemon thread of this process: `gather` seconds after a `wake`, and every `every` seconds.

    Then it rests for `rest` seconds, however often it is woken meanwhile. Work that fails is logged, counted, and tried
    again `retry` seconds later. A forked child begins anew, without a thread until it is asked; a process that ends
    does once more what it was asked for.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[], object],
        *,
        gather: float = 0,
        every: float | None = None,
        rest: float = 0,
        retry: float = 5,
    ) -> None:
        self.name = name
        self._work = work
        self._gather, self._every, self._rest, self._retry = gather, every, rest, retry
        self._thread: threading.Thread | None = None
        self._is_asked = False
        self._lock = threading.Lock()
        self._stirred, self._is_ending = threading.Event(), threading.Event()
        os.register_at_fork(after_in_child=self._begin_anew)

    def start(self) -> None:
        """Start the thread, unless it runs."""
        if self._thread is None:
            self._start()

    def wake(self) -> None:
        """Ask for the work, and return at once."""
        self._is_asked = True
        self._stirred.set()
        if self._thread is None:
            self._start()

    def stop(self) -> None:
        """End the thread; work that was asked for is done before, if it does not take long."""
        self._is_ending.set()
        self._stirred.set()
        if self._thread:
            self._thread.join(LAST_WORK_SECONDS)

    def _start(self) -> None:
        with self._lock:
            if self._thread or self._is_ending.is_set():
                return
            _failures().labels(self.name)  # a series from the start
            # Not atexit: multiprocessing's children, granian's workers among them, do not come there.
            Finalize(None, self.stop, exitpriority=0)
            self._thread = threading.Thread(target=self._run, name=self.name, daemon=True)
            self._thread.start()

    def _run(self) -> None:
        rests_until = 0.0
        while self._is_asked or not self._is_ending.is_set():  # asked for while it worked, it works once more
            self._stirred.wait(self._every)
            self._is_ending.wait(max(self._gather, rests_until - time.monotonic()))
            self._stirred.clear()
            if self._is_asked or not self._is_ending.is_set():
                self._is_asked = False
                self._try()
                rests_until = time.monotonic() + self._rest

    def _try(self) -> None:
        try:
            self._work()
        except Exception as error:  # whatever it is, the thread lives on
            log.warning("background_work_failed", work=self.name, error=type(error).__name__)
            _failures().labels(self.name).inc()
            self._is_asked = not self._is_ending.wait(self._retry)
            self._stirred.set()

    def _begin_anew(self) -> None:
        """Forget what belongs to the parent: its thread, and locks that may be held for ever."""
        self._thread, self._is_asked = None, False
        self._lock = threading.Lock()
        self._stirred, self._is_ending = threading.Event(), threading.Event()


@once
def _failures() -> Counter:
    """Return the counter; made late, because a metric must not be made before the settings say where it counts."""
    return Counter("luminalog_background_failures", "Failures of what processes do in the background.", ["work"])
