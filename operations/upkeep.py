"""The whole schedule in one process, for an installation without a broker: each task on a thread of its own.

What beat and a worker do together, but for nudges: a batch is stored within a second or so.
"""

import threading
import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from celery import current_app as app
from celery.schedules import maybe_schedule
from django.conf import settings

from operations.schedule import LOOK_EVERY_SECONDS, ran_last


@dataclass(kw_only=True)
class ScheduledTask:
    """One line of `CELERY_BEAT_SCHEDULE`: a task, and when it is due."""

    name: str
    schedule: Any
    last_run_at: datetime = field(default_factory=app.now)

    def run(self) -> None:
        """Run the task here and now, as a worker would: with its signals, and with failures logged, not raised."""
        self.last_run_at = app.now()
        app.tasks[self.name].apply()

    def run_for_ever(self) -> None:
        """Run the task whenever it is due."""
        while True:
            self.last_run_at = ran_last(self.last_run_at, now=app.now())
            is_due, seconds_left = self.schedule.is_due(self.last_run_at)
            if is_due:
                self.run()
            else:
                time.sleep(min(seconds_left, LOOK_EVERY_SECONDS))


def scheduled_tasks() -> list[ScheduledTask]:
    """Return the schedule."""
    app.loader.import_default_modules()
    return [
        ScheduledTask(name=line["task"], schedule=maybe_schedule(line["schedule"], app=app))
        for line in settings.CELERY_BEAT_SCHEDULE.values()
    ]


def run_once() -> None:
    """Run each task of the schedule once, whether it is due or not."""
    for task in scheduled_tasks():
        task.run()


def run_for_ever() -> None:
    """Run each task whenever it is due."""
    threads = [threading.Thread(target=task.run_for_ever, name=task.name, daemon=True) for task in scheduled_tasks()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
