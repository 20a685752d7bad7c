"""Deadlines on our side of a connection: a server that hangs, or a network that swallows, must not hold a request.

PostgreSQL's own time-outs need a PostgreSQL that runs, and psycopg waits for ever.
"""

import itertools
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from foundation.threads import Background

LOOK_EVERY_SECONDS = 0.25


class Deadlines:
    """Shuts the sockets of overdue statements down; whoever waits on one gets an `OperationalError`."""

    def __init__(self) -> None:
        self._tokens = itertools.count()
        self._thread = Background("deadlines", self._shut_down_overdue, every=LOOK_EVERY_SECONDS)
        self.forget()

    @contextmanager
    def within(self, seconds: float, *, descriptor: int) -> Iterator[None]:
        """Shut the socket `descriptor` down if the block takes longer than `seconds`."""
        token = next(self._tokens)
        with self._lock:
            self._running[token] = (time.monotonic() + seconds, descriptor)
        self._thread.start()
        try:
            yield
        finally:
            with self._lock:  # from here on the descriptor may be closed, and be somebody else's
                self._running.pop(token, None)

    def forget(self) -> None:
        """Begin anew, as in a process that was just forked."""
        self._lock = threading.Lock()
        self._running: dict[int, tuple[float, int]] = {}

    def _shut_down_overdue(self) -> None:
        now = time.monotonic()
        with self._lock:
            overdue = [token for token, (deadline, _) in self._running.items() if deadline <= now]
            for token in overdue:
                _shut_down(self._running.pop(token)[1])


def _shut_down(descriptor: int) -> None:
    with socket.socket(fileno=os.dup(descriptor)) as connection:
        try:
            connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # it is gone already


deadlines = Deadlines()
os.register_at_fork(after_in_child=deadlines.forget)
