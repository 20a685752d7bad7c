"""What Django's ORM does not give: COPY, prepared statements and a look at a connection's health without a round trip.

All of it runs on Django's own connection, inside its transaction, and raises Django's error classes.
"""

import select
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any, TypeVar

import psycopg
from django.db import DEFAULT_DB_ALIAS, connection
from django.db.transaction import Atomic
from psycopg.rows import class_row
from psycopg.sql import Composed

from foundation import arrays  # noqa: F401 - how they are sent, before anybody connects: a connection copies what is there
from foundation.deadlines import deadlines

Row = TypeVar("Row")

#: A request's statements take milliseconds, or wait at most `lock_timeout`.
DEADLINE_SECONDS = 2.5
#: Of a server-side cursor: few enough for memory, and enough that the round trips do not count.
ROWS_AT_ONCE = 1_000


def discard_if_dead() -> None:
    """Close this thread's idle connection when the server has hung up, so that the next statement reconnects.

    An idle connection has nothing to read: readable means a goodbye or an end of file.
    """
    raw = connection.connection
    if raw is None or connection.in_atomic_block:
        return
    try:
        dead = raw.closed or bool(select.select([raw.fileno()], [], [], 0)[0])
    except (psycopg.Error, OSError, ValueError):
        dead = True
    if dead:
        connection.close()


@contextmanager
def answered_in_time() -> Iterator[None]:
    """Give up on this thread's connection when the block's statements take longer than `DEADLINE_SECONDS`."""
    connection.ensure_connection()
    with connection.wrap_database_errors:
        descriptor = connection.connection.fileno()
    with deadlines.within(DEADLINE_SECONDS, descriptor=descriptor):
        yield


class PromptTransaction(Atomic):
    """A transaction whose COMMIT or ROLLBACK is given up like any other statement; within another it is no more.

    BEGIN goes with the first statement.
    """

    def __init__(self) -> None:
        super().__init__(DEFAULT_DB_ALIAS, savepoint=False, durable=False)

    def __enter__(self) -> None:
        discard_if_dead()
        super().__enter__()

    def __exit__(self, *exception: Any) -> None:
        raw = connection.connection
        if raw is None or raw.closed:
            return super().__exit__(*exception)
        with deadlines.within(DEADLINE_SECONDS, descriptor=raw.fileno()):
            return super().__exit__(*exception)


def fetch_one(sql: str, parameters: Sequence[Any] | Mapping[str, Any]) -> tuple[Any, ...] | None:
    """Run one server-prepared statement with binary parameters; return its first row, if any.

    Raises: `OperationalError` also when PostgreSQL has not answered within `DEADLINE_SECONDS`.
    """
    with answered_in_time(), connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        cursor.execute(sql, parameters, prepare=True)
        return cursor.fetchone() if cursor.description else None


def fetch_as(kind: type[Row], sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> Row:
    """Run one statement of one row; return a `kind`, whose fields have the columns' names.

    Raises: `OperationalError` also when PostgreSQL has not answered within `DEADLINE_SECONDS`.
    """
    with answered_in_time(), connection.wrap_database_errors:
        rows = psycopg.Cursor(connection.connection, row_factory=class_row(kind))
        row = rows.execute(sql, parameters or None).fetchone()
    assert row is not None
    return row


def fetch_all(sql: str | Composed, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> list[tuple[Any, ...]]:
    """Run one statement; return its rows."""
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters or None)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def fetch_binary(
    sql: str, parameters: Sequence[Any] | Mapping[str, Any] = (), *, prepare: bool = False
) -> list[tuple[Any, ...]]:
    """As `fetch_all`, with values in binary: for many rows, or large ones. `prepare` has PostgreSQL keep the plan."""
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        cursor.execute(sql, parameters or None, prepare=prepare, binary=True)
        return cursor.fetchall()


def array_of(numbers: Iterable[int]) -> str:
    """Write what goes where a statement says `%s::bigint[]`: psycopg takes ten times as long for a list."""
    return "{" + ",".join(map(str, numbers)) + "}"


def current_time() -> datetime:
    """Return when the current transaction began, by PostgreSQL's clock."""
    [(now,)] = fetch_all("SELECT now()")
    assert isinstance(now, datetime)
    return now


def current_day() -> date:
    """Return the current UTC day by PostgreSQL's clock, which is the one that sets `received_at`."""
    [(day,)] = fetch_all("SELECT (now() AT TIME ZONE 'UTC')::date")
    assert isinstance(day, date)
    return day


def stream(sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> Iterator[tuple[Any, ...]]:
    """Run one statement in the open transaction; yield its rows, of which `ROWS_AT_ONCE` at most are in memory."""
    with connection.chunked_cursor() as cursor:
        cursor.execute(sql, parameters)
        while rows := cursor.fetchmany(ROWS_AT_ONCE):
            yield from rows


def execute(sql: str | Composed, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> int:
    """Run one statement; return how many rows it touched."""
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        rows: int = cursor.rowcount
        return rows


def execute_prepared(sql: str, parameters: Sequence[Any] | Mapping[str, Any]) -> int:
    """Run one server-prepared statement, however long it waits; return how many rows it touched."""
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        return cursor.execute(sql, parameters, prepare=True).rowcount


def copy_rows(statement: str, rows: Iterable[Sequence[Any]], *, types: Sequence[str]) -> int:
    """COPY `rows` in binary by `statement` (`COPY … FROM STDIN (FORMAT BINARY)`); return how many were written.

    `types` are PostgreSQL's types whose binary form the columns take.
    """
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        with cursor.copy(statement) as copy:
            copy.set_types(types)
            for row in rows:
                copy.write_row(row)
        return cursor.rowcount
