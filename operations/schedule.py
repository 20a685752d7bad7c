"""When scheduled tasks are due, for beat and for `bin/luminalog upkeep`, whatever is done to this machine's clock.

Celery remembers the time at which a task ran last. Where the clock has run ahead and is set back, that time is in the
future, and the task is not due before the clock is there again: hours without partitions, retention and notices.
"""

from datetime import datetime
from typing import Any

from celery import current_app as app
from celery.beat import Scheduler

#: How late a clock that was set is noticed.
LOOK_EVERY_SECONDS = 5


def ran_last(last_run_at: datetime, *, now: datetime) -> datetime:
    """Return when a task ran last: now at the latest."""
    return min(last_run_at, now)


class SteadyScheduler(Scheduler):
    """Beat's scheduler, in memory: a schedule that never changes needs no file, which a crash can leave damaged."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.max_interval = LOOK_EVERY_SECONDS
        self._ticked_at = app.now()

    def tick(self, *arguments: Any, **options: Any) -> float:
        """Run one due task; return for how many seconds to sleep, `LOOK_EVERY_SECONDS` at most."""
        now = app.now()
        if now < self._ticked_at:
            self._forget_the_future(now)
        self._ticked_at = now
        seconds: float = super().tick(*arguments, **options)
        return seconds

    def _forget_the_future(self, now: datetime) -> None:
        for entry in self.schedule.values():
            entry.last_run_at = ran_last(entry.last_run_at or now, now=now)
        self._heap = None  # in the order of moments that are no more
