"""How long a batch has really waited, when PostgreSQL's clock was set meanwhile: no longer than time has passed."""

import time
from collections.abc import Callable

#: A look takes less; a clock that differs by more from the time that has passed was set.
SET_SECONDS = 5.0


class WaitingTime:
    """Ages as PostgreSQL's clock tells them at one look after the other; once that clock was set, no older than can be.

    Until then, and at the first look, they are what the clock says.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._looked: tuple[float, float] | None = None  # ours, and PostgreSQL's clock
        self._seconds = 0.0
        self._was_set = False

    def of(self, told_seconds: float, *, clock: float) -> float:
        """Return for how many seconds the batch has waited that waits longest by PostgreSQL's `clock` (seconds)."""
        now = self._monotonic()
        if self._looked:
            passed = now - self._looked[0]
            most = self._seconds + passed
            self._was_set |= abs(clock - self._looked[1] - passed) > SET_SECONDS
            self._was_set &= told_seconds > most + SET_SECONDS
            if self._was_set:
                told_seconds = most
        self._looked, self._seconds = (now, clock), told_seconds
        return told_seconds
