"""The connection that reads logs: its own, read-only, bound in time and in number: reading never slows keeping."""

import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any

import msgspec
import psycopg
from django.conf import settings
from django.db import connections, transaction
from django.db.backends.utils import CursorWrapper
from msgspec import Raw
from psycopg.abc import Buffer
from psycopg.adapt import Loader
from psycopg.pq import Format

from foundation.deadlines import deadlines
from foundation.numbers import shorten
from foundation.postgres import DEADLINE_SECONDS
from foundation.refusals import Refusal
from storage import wall
from storage.found import COLUMNS
from storage.places import WAIT_SECONDS, place
from storage.postgres.errors import answering
from storage.wall import ALIAS

#: The first of the two keys of our advisory locks.
LOCK_CLASS = 0x4C4C5244
TAKE_PLACE = f"SELECT pg_try_advisory_xact_lock(%s, %s), {wall.GO_BEHIND}"
PAUSE_SECONDS = 0.05

DOCUMENTS = {name: f"convert_to({name}, 'UTF8') AS {name}" for name in ("metadata", "error")}
#: Documents as bytes: nothing but their readers looks into them.
SELECTED = ", ".join(DOCUMENTS.get(name, name) for name in COLUMNS)

#: What PostgreSQL is to reckon a visit to another page with, as multiples of the next page: entries that lie in the
#: order of time; and where they may not, so that it looks through a large day rather than visit each entry of a range.
IN_ORDER, IN_NO_ORDER = 1.1, 4.0
#: What a statement may take for each of its steps. With PostgreSQL's 4 MB the places of 100,000 entries that an index
#: finds in a day in no order become pages, and every entry of each page is read, and its documents taken apart.
WORK_MEMORY = "64MB"
# Nor are they compiled (`jit`): PostgreSQL reckons so much for documents that it would, for longer than most take.


class Reader:
    """A read-only transaction whose statements share the time that one may take."""

    def __init__(self, cursor: CursorWrapper, *, seconds: float) -> None:
        self._cursor = cursor
        self._deadline = time.monotonic() + seconds

    def rows(self, sql: str, parameters: Sequence[Any] = (), *, page_cost: float = IN_ORDER) -> list[tuple[Any, ...]]:
        """Run one statement and return its rows. Raises: `django.db.OperationalError` when time is up."""
        self._prepare(page_cost)
        self._cursor.execute(sql, parameters)
        rows: list[tuple[Any, ...]] = self._cursor.fetchall()
        return rows

    def stream(
        self, sql: str, parameters: Sequence[Any] = (), *, page_cost: float = IN_ORDER
    ) -> Generator[tuple[Any, ...]]:
        """Run one statement and yield its rows, as `stream` does."""
        self._prepare(page_cost)
        yield from stream(sql, parameters)

    def _prepare(self, page_cost: float) -> None:
        left = max(1, round((self._deadline - time.monotonic()) * 1000))
        self._cursor.execute(
            "SELECT set_config('statement_timeout', %s, true), set_config('random_page_cost', %s, true),"
            " set_config('work_mem', %s, true), set_config('jit', 'off', true)",
            [str(left), str(page_cost), WORK_MEMORY],
        )


class Document(Loader):
    """Take a document's bytes. PostgreSQL writes `jsonb` with blanks behind signs, and its numbers at length."""

    format = Format.BINARY

    def load(self, data: Buffer) -> Raw:
        text = bytes(data)
        return Raw(shorten(msgspec.json.format(text, indent=-1)) if b'": ' in text else text)


def stream(sql: str, parameters: Sequence[Any] = (), *, using: str = ALIAS) -> Generator[tuple[Any, ...]]:
    """Run one statement in the open transaction and yield its rows; two of them, no more, are in memory at a time.

    Close it where it may be left early: the statement is cancelled.
    """
    connection = connections[using]
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        cursor.adapters.register_loader("bytea", Document)
        rows: Any = cursor.stream(sql, parameters, binary=True)
        with closing(rows):
            row = next(rows, None)
            while row is not None:
                ahead = next(rows, None)  # whoever takes the last row leaves nothing to be cancelled
                yield row
                row = ahead


@contextmanager
def reading(organisation_id: int, *, seconds: float | None = None) -> Iterator[Reader]:
    """Open a read-only transaction that sees the organisation's rows and takes one of its few places.

    Its statements end after `seconds`, or as long as reading may take.

    Raises: `Refusal` when there is no place; `Unavailable` when time is up, or PostgreSQL hangs or is away.
    """
    allowed = min(seconds or settings.READ_TIMEOUT_SECONDS, settings.READ_TIMEOUT_SECONDS)
    with answering(organisation_id), place(organisation_id), _answered_in_time(allowed), _transaction() as cursor:
        _take_place(cursor, organisation_id)
        yield Reader(cursor, seconds=allowed)


@contextmanager
def _transaction() -> Iterator[CursorWrapper]:
    with transaction.atomic(using=ALIAS), connections[ALIAS].cursor() as cursor:
        yield cursor
        transaction.set_rollback(True, using=ALIAS)  # nothing to keep; it ends the role where it is nested


@contextmanager
def _answered_in_time(allowed_seconds: float) -> Iterator[None]:
    """Give the connection up when PostgreSQL has not even cancelled what took too long."""
    connection = connections[ALIAS]
    connection.ensure_connection()
    with deadlines.within(DEADLINE_SECONDS, descriptor=connection.connection.fileno()):
        connection.close_if_health_check_failed()
    connection.ensure_connection()
    seconds = allowed_seconds + DEADLINE_SECONDS
    with deadlines.within(seconds, descriptor=connection.connection.fileno()):
        yield


def _take_place(cursor: CursorWrapper, organisation_id: int) -> None:
    """Go behind the wall and lock a place, both until the transaction ends; a process that dies frees it."""
    deadline = time.monotonic() + WAIT_SECONDS
    places = settings.READS_PER_ORGANISATION
    first = organisation_id * places % 2**31
    while True:
        for number in range(first, first + places):
            cursor.execute(TAKE_PLACE, [LOCK_CLASS, number % 2**31, wall.named([organisation_id])])
            if cursor.fetchone()[0]:
                return
        if time.monotonic() > deadline:
            raise Refusal("too_many_queries", retry_after_seconds=2)
        time.sleep(PAUSE_SECONDS)
