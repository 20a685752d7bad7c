"""Entries of a day on their way to another store: read in the order of their ids, and the day let go at the end."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta

from django.db import OperationalError, transaction
from psycopg import sql

from foundation.outages import LOCK_NOT_AVAILABLE, sqlstate
from foundation.postgres import execute, fetch_all
from storage.found import COLUMNS, OwnedEntry, found
from storage.postgres import partitions
from storage.postgres.partitions import Partition
from storage.postgres.reads import DOCUMENTS, stream

_WRITTEN = {name: DOCUMENTS.get(name, name) for name in COLUMNS}
_OLD = {
    **_WRITTEN,
    "metadata": "convert_to(metadata::text, 'UTF8')",
    "error": "convert_to(error::text, 'UTF8')",
    "error_key": "NULL::bigint",
    "edge": "NULL::text",
}
#: By the primary key of the day's tables, of which the one or the other is mostly empty.
ENTRIES = f"""
(SELECT organisation_id, {", ".join(_WRITTEN.values())} FROM storage_entry
  WHERE received_at >= %s AND received_at < %s AND id > %s ORDER BY storage_entry.id LIMIT %s)
UNION ALL
(SELECT organisation_id, {", ".join(_OLD.values())} FROM storage_logentry
  WHERE received_at >= %s AND received_at < %s AND id > %s ORDER BY storage_logentry.id LIMIT %s)
ORDER BY 2 LIMIT %s
"""  # noqa: S608 - constants
#: How long a reader may hold up whoever lets a day go, who holds up all that come after.
LET_GO_SECONDS = 1


def days() -> list[date]:
    """Return the days that there is anything of, the oldest first."""
    tables = {partition.day: partition for partition in partitions.list_partitions()}
    return [day for day in sorted(tables) if _holds_any(day)]


def entries(day: date, *, after: int, at_most: int) -> list[OwnedEntry]:
    """Return the next entries of `day` with ids beyond `after`, in the order of ids."""
    start = datetime.combine(day, time.min, UTC)
    part = [start, start + timedelta(days=1), after, at_most]
    with transaction.atomic():
        execute("SET LOCAL statement_timeout = 0")
        rows = stream(ENTRIES, [*part, *part, at_most], using="default")
        return [(row[0], found(row[1:])) for row in rows]


@contextmanager
def held(day: date) -> Iterator[list[Partition]]:
    """Have nobody write what is of `day`, for a block in a transaction; yield its tables. Readers go on."""
    with transaction.atomic():
        execute("SET LOCAL statement_timeout = 0")
        execute("SET LOCAL lock_timeout = '60s'")
        tables = [partition for partition in partitions.list_partitions() if partition.day == day]
        for table in tables:
            execute(sql.SQL("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE").format(sql.Identifier(table.name)))
        yield tables


def let_go(tables: list[Partition]) -> bool:
    """Take tables out of what is read and drop them, as the transaction commits; false if readers are in the way."""
    try:
        with transaction.atomic():
            execute(f"SET LOCAL lock_timeout = '{LET_GO_SECONDS}s'")
            for table in tables:
                names = {"parent": sql.Identifier(table.parent), "name": sql.Identifier(table.name)}
                execute(sql.SQL("ALTER TABLE {parent} DETACH PARTITION {name}").format(**names))
                execute(sql.SQL("DROP TABLE {name}").format(**names))
    except OperationalError as error:
        if sqlstate(error) == LOCK_NOT_AVAILABLE:
            return False
        raise
    return True


def _holds_any(day: date) -> bool:
    start = datetime.combine(day, time.min, UTC)
    asked = [start, start + timedelta(days=1)] * 2
    [(there,)] = fetch_all(
        "SELECT EXISTS (SELECT FROM storage_entry WHERE received_at >= %s AND received_at < %s)"
        " OR EXISTS (SELECT FROM storage_logentry WHERE received_at >= %s AND received_at < %s)",
        asked,
    )
    return bool(there)
