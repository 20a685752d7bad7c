"""The age of a backlog, whatever PostgreSQL's clock does."""

from ingest.spool.waiting_time import WaitingTime


class Clocks:
    """Time that passes when it is told to, and PostgreSQL's clock beside it."""

    def __init__(self) -> None:
        self.passed = 0.0
        self.postgresql = 1_000_000.0
        self.waiting = WaitingTime(lambda: self.passed)

    def after(self, seconds: float, *, received_at: float | None, set_by: float = 0) -> float:
        self.passed += seconds
        self.postgresql += seconds + set_by
        told = 0 if received_at is None else max(0, self.postgresql - received_at)
        return self.waiting.of(told, clock=self.postgresql)


def test_age_is_what_the_clock_says() -> None:
    clocks = Clocks()
    first = clocks.postgresql
    assert clocks.after(0, received_at=first - 950) == 950
    assert clocks.after(5, received_at=first - 950) == 955
    assert clocks.after(5, received_at=first - 3000) == 3010  # somebody put an old one there
    assert clocks.after(5, received_at=None) == 0


def test_batches_of_a_clock_that_was_behind_are_as_old_as_they_are() -> None:
    clocks = Clocks()
    clocks.after(5, received_at=None)
    assert clocks.after(5, received_at=None, set_by=-3600) == 0
    behind = clocks.postgresql
    assert clocks.after(5, received_at=behind) == 5
    assert clocks.after(5, received_at=behind, set_by=3600) == 10
    assert clocks.after(5, received_at=behind) == 15
    assert clocks.after(895, received_at=behind) == 910  # it does wait for too long
    assert clocks.after(5, received_at=None) == 0
    assert clocks.after(5, received_at=clocks.postgresql - 400) == 405  # and the clock is trusted again


def test_batches_of_a_clock_that_was_ahead_have_no_age_yet() -> None:
    clocks = Clocks()
    ahead = clocks.postgresql + 3600
    assert clocks.after(5, received_at=ahead) == 0
    assert clocks.after(5, received_at=clocks.postgresql) == 5
