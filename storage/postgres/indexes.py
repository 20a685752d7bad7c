"""More indexes for closed days: what the hot partition cannot afford is built when hardly anything arrives any more.

Building is concurrent: readers and late batches go on. An interrupted build leaves an invalid index, which the next
one replaces (PostgreSQL manual, CREATE INDEX).
"""

from datetime import date

import structlog
from django.db import connection
from psycopg import sql

from foundation.postgres import current_day, execute
from storage.postgres import partitions

log = structlog.get_logger(__name__)
#: Searching for a part of a message; trigrams also serve words of any language.
MESSAGE = "CREATE INDEX CONCURRENTLY {index} ON {table} USING gin (message gin_trgm_ops)"
#: One builder at a time, in whatever process.
LOCK = "storage.index_closed_days"


def index_closed_days(*, limit: int) -> list[date]:
    """Index up to `limit` closed days that lack their indexes, the newest first; return those days.

    Without the extension pg_trgm nothing is done, and searches scan.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtext(%s)) FROM pg_extension WHERE extname = 'pg_trgm'", [LOCK])
        if cursor.fetchone() != (True,):
            return []
        try:
            return _index_newest(limit)
        finally:
            cursor.execute("SELECT pg_advisory_unlock(hashtext(%s))", [LOCK])


def _index_newest(limit: int) -> list[date]:
    this_day = current_day()
    indexed: list[date] = []
    for partition in reversed(partitions.list_partitions()):
        if len(indexed) == limit:
            break
        if partition.day < this_day and not partition.is_detaching and index_day(partition.day):
            indexed.append(partition.day)
    return indexed


def index_day(day: date) -> bool:
    """Build what the day lacks; tell whether it lacked anything. Runs outside a transaction."""
    name = f"{partitions.table_name(day)}_message"
    index, table = sql.Identifier(name), sql.Identifier(partitions.table_name(day))
    with connection.cursor() as cursor:
        cursor.execute("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)", [name])
        match cursor.fetchone():
            case (True,):
                return False
            case (False,):
                execute(sql.SQL("DROP INDEX CONCURRENTLY IF EXISTS {index}").format(index=index))
        cursor.execute("SET statement_timeout = 0")
        try:
            execute(sql.SQL(MESSAGE).format(index=index, table=table))
        finally:
            cursor.execute("RESET statement_timeout")
    log.info("closed_day_indexed", day=str(day))
    return True
