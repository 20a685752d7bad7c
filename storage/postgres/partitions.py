"""Daily partitions of the log entries: made ahead, dropped by retention; days from before documents were text, too.

Making attaches a finished table and dropping detaches concurrently, so that neither ever waits for, or blocks, a
reader or the drain (PostgreSQL manual, 5.12.2.2).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from django.db import connection, transaction
from psycopg import sql

from foundation.faults import reach
from foundation.postgres import current_day, execute, fetch_all
from storage.store import DAYS_AHEAD
from storage.wall import ENTRY_TABLE

LIST = """
SELECT parent.relname, child.relname, inhdetachpending, pg_total_relation_size(child.oid),
       greatest(child.reltuples, 0)::bigint
  FROM pg_inherits JOIN pg_class child ON child.oid = inhrelid JOIN pg_class parent ON parent.oid = inhparent
 WHERE inhparent IN ('storage_entry'::regclass, 'storage_logentry'::regclass)
 ORDER BY right(child.relname, 8), 1
"""
ATTACHED = """
SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
 WHERE inhparent = 'storage_entry'::regclass AND relname = ANY (%s)
"""
#: As `days_ahead` of one row: how many days after today have a partition without a gap; -1 when today has none.
AHEAD = """
SELECT coalesce(min(n) - 1, 400) AS days_ahead
  FROM generate_series(0, 400) AS n
 WHERE NOT EXISTS (
       SELECT FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
        WHERE inhparent = 'storage_entry'::regclass
          AND relname = 'storage_entry_' || to_char((now() AT TIME ZONE 'UTC')::date + n, 'YYYYMMDD'))
"""
OWNER = "SELECT relowner::regrole::text FROM pg_class WHERE oid = 'storage_entry'::regclass"
#: Whoever makes or drops a day does so alone: ATTACH lets in one at a time anyway, and a drain makes several days.
TAKE_TURN = "SELECT pg_advisory_xact_lock(hashtext('storage.partitions'))"
IS_PARTITION = "SELECT relispartition FROM pg_class WHERE oid = to_regclass(%s)"
DETACHED = r"""
SELECT relname FROM pg_class
 WHERE relname ~ '^storage_(entry|logentry)_\d{8}$' AND relkind = 'r' AND NOT relispartition
   AND relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = 'storage_entry'::regclass)
"""

#: Days that this process has found to be there.
_found: set[date] = set()


@dataclass(frozen=True, kw_only=True)
class Partition:
    """One UTC day of a table. `entries` is PostgreSQL's estimate; `is_detaching` after an interrupted drop."""

    parent: str
    day: date
    size_bytes: int
    entries: int
    is_detaching: bool

    @property
    def name(self) -> str:
        """The name of its table."""
        return table_name(self.day, parent=self.parent)


def table_name(day: date, *, parent: str = ENTRY_TABLE) -> str:
    """Return the name of the table that holds `day`."""
    return f"{parent}_{day:%Y%m%d}"


def list_partitions() -> list[Partition]:
    """Return the attached partitions of both tables, oldest first."""
    return [
        Partition(parent=parent, day=_day(name), is_detaching=detaching, size_bytes=size_bytes, entries=entries)
        for parent, name, detaching, size_bytes, entries in fetch_all(LIST)
    ]


def days_ahead() -> int:
    """Return how many days after today have a partition without a gap; -1 when today itself has none."""
    [(days,)] = fetch_all(AHEAD)
    return int(days)


def make_ahead(days: int = DAYS_AHEAD) -> list[date]:
    """Make the partitions from yesterday to `days` after today that are missing; return their days."""
    first = current_day() - timedelta(days=1)
    return make({first + timedelta(days=n) for n in range(days + 2)})


def make(days: set[date]) -> list[date]:
    """Make the partitions of `days` that are missing; return their days."""
    attached = _attached(days)
    missing = sorted(days - attached)
    for day in missing:
        _make(day)
    _found.update(attached)
    return missing


@contextmanager
def made(days: set[date]) -> Iterator[None]:
    """As `make`, for a block that writes to them. A day that this process has found before, it does not look for again.

    But for those older than yesterday, which may be dropped while a batch of theirs waits in the spool; and after a
    failure, for perhaps somebody took them away.
    """
    first_lasting = _first_lasting_day()
    try:
        if not all(day in _found and day >= first_lasting for day in days):
            make(days)
        yield
    except BaseException:
        _found.clear()
        raise


def drop_before(day: date) -> list[date]:
    """Drop the partitions of the days before `day`; return their days. Runs outside a transaction.

    One whose drop was interrupted goes first: while it is there, PostgreSQL detaches no other.
    """
    old = [partition for partition in list_partitions() if partition.day < day]
    old.sort(key=lambda partition: not partition.is_detaching)
    for partition in old:
        _detach(partition)
        reach("between_detach_and_drop")
        _drop(partition.name)
    return [partition.day for partition in old]


def drop_detached(before: date) -> None:
    """Drop tables of the days before `before` that an interrupted drop has detached and left behind."""
    for (name,) in fetch_all(DETACHED):
        if _day(name) < before:
            _drop(name)


def _attached(days: set[date]) -> set[date]:
    return {_day(name) for (name,) in fetch_all(ATTACHED, [[table_name(day) for day in days]])}


def _first_lasting_day() -> date:
    """Return the first day that every plan still keeps."""
    return datetime.now(UTC).date() - timedelta(days=1)


def _day(name: str) -> date:
    return datetime.strptime(name[-8:], "%Y%m%d").replace(tzinfo=UTC).date()


def _bounds(day: date) -> tuple[str, str]:
    return f"{day} 00:00:00+00", f"{day + timedelta(days=1)} 00:00:00+00"


def _make(day: date) -> None:
    """Make the table apart, with a CHECK that spares ATTACH its scan; all or nothing."""
    name, (start, end) = sql.Identifier(table_name(day)), _bounds(day)
    values = {"name": name, "parent": sql.Identifier(ENTRY_TABLE), "start": sql.Literal(start), "end": sql.Literal(end)}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(TAKE_TURN)
        cursor.execute(IS_PARTITION, [table_name(day)])
        match cursor.fetchone():
            case (True,):
                return  # another process was quicker
            case None:
                cursor.execute(
                    sql.SQL(
                        "CREATE TABLE {name} (LIKE {parent} INCLUDING ALL,"
                        " CONSTRAINT in_bounds CHECK (received_at >= {start} AND received_at < {end}))"
                    ).format(**values)
                )
        reach("between_create_and_attach")
        cursor.execute(OWNER)
        [(owner,)] = cursor.fetchall()  # quoted where it must be; whoever makes a day, the worker can drop it
        cursor.execute(sql.SQL("ALTER TABLE {name} OWNER TO {owner}").format(owner=sql.SQL(owner), **values))
        cursor.execute(
            sql.SQL("ALTER TABLE {parent} ATTACH PARTITION {name} FOR VALUES FROM ({start}) TO ({end})").format(
                **values
            )
        )
        cursor.execute(sql.SQL("ALTER TABLE {name} DROP CONSTRAINT IF EXISTS in_bounds").format(**values))


def _detach(partition: Partition) -> None:
    how = "FINALIZE" if partition.is_detaching else "CONCURRENTLY"
    statement = sql.SQL("ALTER TABLE {} DETACH PARTITION {} {}").format(
        sql.Identifier(partition.parent), sql.Identifier(partition.name), sql.SQL(how)
    )
    execute(statement)


def _drop(name: str) -> None:
    """Drop a detached table, unless it is gone, or a drain has made it a partition again for a late batch."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(TAKE_TURN)
        cursor.execute(IS_PARTITION, [name])
        if cursor.fetchone() == (False,):
            cursor.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(name)))
