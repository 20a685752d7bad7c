"""Scheduled tasks go on when this machine's clock has run ahead and is set back."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from celery import Celery

from operations import schedule as subject
from operations.schedule import LOOK_EVERY_SECONDS, SteadyScheduler, ran_last

NOW = datetime(2026, 1, 26, 14, 30, tzinfo=UTC)
TASKS = {
    "often": {"task": "often", "schedule": 5.0},
    "rarely": {"task": "rarely", "schedule": 900.0},
}


class Sent(SteadyScheduler):
    """What beat runs, but that the tasks are noted instead of sent."""

    def __init__(self, app: Celery) -> None:
        self.sent: list[str] = []
        super().__init__(app=app, Producer=object)

    def apply_entry(self, entry: Any, producer: Any = None) -> None:  # noqa: ARG002 - Celery's
        self.sent.append(entry.task)

    @property
    def producer(self) -> Any:
        """Nobody: no broker is asked."""
        return None


class Clock:
    """A clock that is set by hand, and Celery's for as long as it is there."""

    def __init__(self) -> None:
        self.now = NOW

    def run(self, scheduler: Sent, *, seconds: float) -> list[str]:
        """Let the clock run on, and the scheduler with it; return what was sent."""
        scheduler.sent.clear()
        until = self.now + timedelta(seconds=seconds)
        while self.now < until:
            slept = scheduler.tick()
            assert slept <= LOOK_EVERY_SECONDS
            self.now += timedelta(seconds=max(slept, 0.01))
        return scheduler.sent


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    ours = Clock()
    monkeypatch.setattr(Celery, "now", lambda _: ours.now)
    monkeypatch.setattr(subject, "app", Celery())
    return ours


@pytest.fixture
def scheduler(clock: Clock) -> Sent:
    app = Celery(broker="memory://", set_as_current=False)
    app.conf.update(beat_schedule=TASKS, timezone="UTC", result_expires=None)
    return Sent(app)


@pytest.mark.parametrize("ahead", [timedelta(minutes=10), timedelta(hours=1), timedelta(days=400)])
def test_everything_goes_on_when_the_clock_is_set_back(clock: Clock, scheduler: Sent, ahead: timedelta) -> None:
    clock.run(scheduler, seconds=20)
    clock.now += ahead
    assert set(clock.run(scheduler, seconds=20)) >= {"often"}
    clock.now -= ahead

    sent = clock.run(scheduler, seconds=1000)

    assert 190 <= sent.count("often") <= 202
    assert sent.count("rarely") == 1


def test_clock_that_goes_as_it_should_changes_nothing(clock: Clock, scheduler: Sent) -> None:
    sent = clock.run(scheduler, seconds=1810)
    assert sent.count("rarely") == 2
    assert 350 <= sent.count("often") <= 362


def test_nothing_ran_in_the_future() -> None:
    assert ran_last(NOW + timedelta(hours=1), now=NOW) == NOW
    assert ran_last(NOW - timedelta(hours=1), now=NOW) == NOW - timedelta(hours=1)
