"""Moving a day from PostgreSQL to ClickHouse, in steps of which each may be the last one that is taken.

What is brought is hidden until all of the day is there, compared batch by batch with what PostgreSQL has; then the
day's tables go in the transaction that shows it. Interrupted, the run goes on where it was; a day that has changed
meanwhile (somebody was erased) is brought anew.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from itertools import zip_longest

import structlog
from django.conf import settings
from django.db import transaction

from foundation.faults import reach
from foundation.postgres import execute, fetch_all
from storage.clickhouse.moved import Arrivals
from storage.clickhouse.server import Server
from storage.clickhouse.store import server_of
from storage.errors import Unavailable
from storage.moves import TURN
from storage.moving import runs
from storage.moving.runs import Run
from storage.postgres import moving as old
from storage.postgres import writer as old_writer
from storage.store import Presence

log = structlog.get_logger(__name__)

#: Of one INSERT, which is a part of ClickHouse's and some ten megabytes here.
ENTRIES_AT_ONCE = 20_000
#: A day that differs each time is nobody's erasure: `verify_ledger` says what is wrong.
TRIES = 3
LET_GO_TRIES = 120
PAUSE_SECONDS = 0.5
FENCE_PAUSE_SECONDS = 5
TAKE_TURN = f"SELECT pg_try_advisory_lock({TURN})"
END_TURN = f"SELECT pg_advisory_unlock({TURN})"


class Differs(Exception):
    """What has come of a day is not what PostgreSQL has, however often it is brought."""


class Busy(Exception):
    """Somebody else moves, or readers do not let a day go."""


@dataclass(frozen=True, slots=True)
class Moved:
    """A day that is in ClickHouse now, and how many entries were brought for it."""

    day: date
    entries: int


def days() -> list[date]:
    """Return the days that PostgreSQL has anything of, the oldest first."""
    return old.days()


@contextmanager
def turn() -> Iterator[None]:
    """Be the only one that moves, for a block. Raises: `Busy`."""
    if not fetch_all(TAKE_TURN)[0][0]:
        raise Busy("somebody else moves entries already")
    try:
        yield
    finally:
        execute(END_TURN)


def move(day: date, *, say: Callable[[int], None] = lambda _: None) -> Moved:
    """Move a day; `say` hears how many entries came. Raises: `Differs`, `Busy`, `Unavailable`, `DatabaseError`."""
    server = server_of(settings.STORE_URL)
    for _ in range(TRIES):
        run = runs.begin(day)
        Arrivals(server, run=run.run_id, day=day).remove_others({run.run_id, *runs.over()})
        brought = _bring(run, server, say)
        if _let_go(run, server):
            return Moved(day, brought)
        log.warning("moved_day_differs", day=f"{day}", run=run.run_id)
        _take_back(run, server)
    raise Differs(day)


def take_back_all() -> None:
    """Begin anew with each day that is not let go: a restored ClickHouse knows no token. Raises: as `move`."""
    server = server_of(settings.STORE_URL)
    for run in runs.unfinished():
        _take_back(run, server)


def _bring(run: Run, server: Server, say: Callable[[int], None]) -> int:
    """Bring what is left of a day; return how many entries that were."""
    arrivals, brought = Arrivals(server, run=run.run_id, day=run.day), 0
    while entries := old.entries(run.day, after=run.after_id, at_most=ENTRIES_AT_ONCE):
        arrivals.write(entries)
        run = replace(run, after_id=entries[-1][1].id)
        runs.note(run, after_id=run.after_id, entries=len(entries))
        brought += len(entries)
        say(len(entries))
    return brought


def _let_go(run: Run, server: Server) -> bool:
    """Show what was brought, and drop what it was brought from; false if they differ."""
    reach("before_day_let_go")
    with _alone(), old.held(run.day) as tables:
        here = old_writer.tallies(run.day)
        there = Arrivals(server, run=run.run_id, day=run.day).tallies()
        if any(_as_told(one) != _as_told(other) for one, other in zip_longest(here, there)):
            return False
        for _ in range(LET_GO_TRIES):
            if old.let_go(tables):
                break
            time.sleep(PAUSE_SECONDS)
        else:
            raise Busy("readers do not let the day go")
        runs.end(run)
        reach("before_move_commit")
    return True


@contextmanager
def _alone() -> Iterator[None]:
    """Have nobody take entries out, or count them, in the block: a transaction. Nobody queues up behind who waits."""
    for _ in range(LET_GO_TRIES):
        with transaction.atomic():
            if fetch_all(runs.LET_GO)[0][0]:
                yield
                return
        time.sleep(PAUSE_SECONDS)
    raise Busy("somebody erases entries, or verifies the ledger")


def _as_told(presence: Presence | None) -> Presence | None:
    """Return what is to be equal: all but copies, which are one entry."""
    return presence and replace(presence, copies=0)


def _take_back(run: Run, server: Server) -> None:
    """Delete what was brought, and forget the run."""
    arrivals = Arrivals(server, run=run.run_id, day=run.day)
    deadline = arrivals.deadline()
    while True:
        try:
            arrivals.remove(deadline=deadline)
            break
        except Unavailable:
            time.sleep(FENCE_PAUSE_SECONDS)
    runs.forget(run)
