"""Runs that move a day each: noted before anything is brought, and over in the transaction that lets the day go.

So whoever sees the same runs before and after it has asked both stores has seen each entry once: see `steadily`.
"""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

from django.db import DEFAULT_DB_ALIAS, connections, transaction

from foundation.postgres import execute, fetch_all
from storage.errors import Unavailable
from storage.wall import ALIAS

T = TypeVar("T")
#: A day is let go in between at most once in so many tries.
TRIES = 4
SEEN = "SELECT id, is_over FROM storage_move ORDER BY id"
#: While a day is let go nobody takes entries out of it, or counts what is there.
HOLD = "SELECT pg_advisory_xact_lock_shared(hashtext('storage.move'))"
LET_GO = "SELECT pg_try_advisory_xact_lock(hashtext('storage.move'))"
BEGIN = "INSERT INTO storage_move (id, day) VALUES (%s, %s)"
OPEN = "SELECT id, day, after_id FROM storage_move WHERE day = %s AND NOT is_over ORDER BY id DESC LIMIT 1"
ALL_OPEN = "SELECT id, day, after_id FROM storage_move WHERE NOT is_over ORDER BY id"
NOTE = "UPDATE storage_move SET after_id = %s, entries = entries + %s WHERE id = %s"
END = "UPDATE storage_move SET is_over = true, ended_at = now() WHERE id = %s"
FORGET = "DELETE FROM storage_move WHERE id = %s"


@dataclass(frozen=True, slots=True)
class Run:
    """A run that moves `day`; all with ids up to `after_id` is there."""

    run_id: int
    day: date
    after_id: int = -1


def begin(day: date) -> Run:
    """Note that `day` is being moved, or return the run that was interrupted."""
    for row in fetch_all(OPEN, [day]):
        return Run(*row)
    run_id = 1 + secrets.randbelow(2**31 - 1)  # of no run that a restored PostgreSQL has forgotten
    execute(BEGIN, [run_id, day])
    return Run(run_id, day)


def unfinished() -> list[Run]:
    """Return the runs that are not over."""
    return [Run(*row) for row in fetch_all(ALL_OPEN)]


def note(run: Run, *, after_id: int, entries: int) -> None:
    """Note how far a run has come."""
    execute(NOTE, [after_id, entries, run.run_id])


def end(run: Run) -> None:
    """Have what a run has brought be shown, as the caller's transaction commits."""
    execute(END, [run.run_id])


def forget(run: Run) -> None:
    """Forget a run of which nothing is left."""
    execute(FORGET, [run.run_id])


def over(*, using: str = DEFAULT_DB_ALIAS) -> list[int]:
    """Return the runs whose entries are shown."""
    return [run_id for run_id, is_over in _seen(using) if is_over]


def steadily(ask: Callable[[list[int]], T]) -> T:
    """Ask both stores, told which runs are over, until no day was let go meanwhile. Raises: `Unavailable`."""
    for _ in range(TRIES):
        before = _seen(ALIAS)
        answer = ask([run_id for run_id, is_over in before if is_over])
        if _seen(ALIAS) == before:
            return answer
    raise Unavailable(retry_after_seconds=1)


@contextmanager
def held() -> Iterator[list[int]]:
    """Have no day be let go until the transaction ends, the caller's or an own one; yield the runs that are over."""
    with transaction.atomic():
        execute(HOLD)
        yield over()


def _seen(using: str) -> list[tuple[int, bool]]:
    with connections[using].cursor() as cursor:
        cursor.execute(SEEN)
        return [(run_id, is_over) for run_id, is_over in cursor.fetchall()]
