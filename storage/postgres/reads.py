"""The connection that reads logs: its own, read-only, bound in time and in number: reading never slows keeping."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.db import connections, transaction
from django.db.backends.utils import CursorWrapper

from foundation.deadlines import deadlines
from foundation.postgres import DEADLINE_SECONDS
from foundation.refusals import Refusal
from storage import wall
from storage.postgres.errors import answering
from storage.wall import ALIAS

#: The first of the two keys of our advisory locks.
LOCK_CLASS = 0x4C4C5244
TAKE_PLACE = f"SELECT pg_try_advisory_xact_lock(%s, %s), {wall.GO_BEHIND}"
WAIT_SECONDS = 1.0
PAUSE_SECONDS = 0.05

WAITING_THREADS = 2
#: So many of this process's threads read, and a few more wait to; the others are there to take logs in.
_threads = threading.BoundedSemaphore(settings.READS_PER_PROCESS)
_door = threading.BoundedSemaphore(settings.READS_PER_PROCESS + WAITING_THREADS)


class Reader:
    """A read-only transaction whose statements share the time that one may take."""

    def __init__(self, cursor: CursorWrapper) -> None:
        self._cursor = cursor
        self._deadline = time.monotonic() + settings.READ_TIMEOUT_SECONDS

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run one statement and return its rows. Raises: `django.db.OperationalError` when time is up."""
        left = max(1, round((self._deadline - time.monotonic()) * 1000))
        self._cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(left)])
        self._cursor.execute(sql, parameters)
        rows: list[tuple[Any, ...]] = self._cursor.fetchall()
        return rows


@contextmanager
def reading(organisation_id: int) -> Iterator[Reader]:
    """Open a read-only transaction that sees the organisation's rows and takes one of its few places.

    Raises: `Refusal` when there is no place; `Unavailable` when time is up, or PostgreSQL hangs or is away.
    """
    with answering(organisation_id), _thread(), _answered_in_time(), _transaction() as cursor:
        _take_place(cursor, organisation_id)
        yield Reader(cursor)


@contextmanager
def _transaction() -> Iterator[CursorWrapper]:
    with transaction.atomic(using=ALIAS), connections[ALIAS].cursor() as cursor:
        yield cursor
        transaction.set_rollback(True, using=ALIAS)  # nothing to keep; it ends the role where it is nested


@contextmanager
def _answered_in_time() -> Iterator[None]:
    """Give the connection up when PostgreSQL has not even cancelled what took too long."""
    connection = connections[ALIAS]
    connection.ensure_connection()
    with deadlines.within(DEADLINE_SECONDS, descriptor=connection.connection.fileno()):
        connection.close_if_health_check_failed()
    connection.ensure_connection()
    seconds = settings.READ_TIMEOUT_SECONDS + DEADLINE_SECONDS
    with deadlines.within(seconds, descriptor=connection.connection.fileno()):
        yield


@contextmanager
def _thread() -> Iterator[None]:
    if not _door.acquire(blocking=False):
        raise Refusal("overloaded", retry_after_seconds=2)
    try:
        if not _threads.acquire(timeout=WAIT_SECONDS):
            raise Refusal("overloaded", retry_after_seconds=2)
        try:
            yield
        finally:
            _threads.release()
    finally:
        _door.release()


def _take_place(cursor: CursorWrapper, organisation_id: int) -> None:
    """Go behind the wall and lock a place, both until the transaction ends; a process that dies frees it."""
    deadline = time.monotonic() + WAIT_SECONDS
    places = settings.READS_PER_ORGANISATION
    first = organisation_id * places % 2**31
    while True:
        for place in range(first, first + places):
            cursor.execute(TAKE_PLACE, [LOCK_CLASS, place % 2**31, wall.named([organisation_id])])
            if cursor.fetchone()[0]:
                return
        if time.monotonic() > deadline:
            raise Refusal("too_many_queries", retry_after_seconds=2)
        time.sleep(PAUSE_SECONDS)
