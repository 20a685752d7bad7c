"""More indexes for closed days: what the hot partition cannot afford is built when hardly anything arrives any more.

Building is concurrent: readers and late batches go on. An interrupted build leaves an invalid index, which the next
one replaces (PostgreSQL manual, CREATE INDEX).
"""

from datetime import date

import structlog
from django.db import connection
from psycopg import sql

from foundation.postgres import current_day, execute, fetch_all
from storage.postgres import partitions

log = structlog.get_logger(__name__)
#: Searching for a part of a word, of whatever language; the expression is the view's `words`.
WORDS = """
CREATE INDEX CONCURRENTLY {index} ON {table}
 USING gin (lower(message || coalesce(metadata::text, '') || coalesce(error::text, '')) gin_trgm_ops)
"""
DROP = "DROP INDEX CONCURRENTLY IF EXISTS {index}"
#: The btrees of entries that came in another order than they are sorted in are half empty.
BTREES = """
SELECT indexrelid::regclass::text
  FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid JOIN pg_am ON pg_am.oid = relam
 WHERE indrelid = to_regclass(%s) AND amname = 'btree' ORDER BY 1
"""
#: An owner whose rights were written down, as by `database_roles`, lacks MAINTAIN, which came with PostgreSQL 17.
OWN = "GRANT ALL ON {table} TO CURRENT_USER"
#: An interrupted REINDEX CONCURRENTLY leaves what it was making (PostgreSQL manual, REINDEX).
LEFT_BEHIND = r"""
SELECT indexrelid::regclass::text FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
 WHERE indrelid = to_regclass(%s) AND NOT indisvalid AND relname ~ '_cc(new|old)\d*$' ORDER BY 1
"""
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
        if partition.day < this_day and not partition.is_detaching and index_table(partition.name):
            indexed.append(partition.day)
    return indexed


def index_day(day: date) -> bool:
    """Build what the day lacks; tell whether it lacked anything. Runs outside a transaction."""
    return index_table(partitions.table_name(day))


def index_table(table: str) -> bool:
    """As `index_day`, for the partition of this name."""
    name = f"{table}_words"
    [(is_valid,)] = fetch_all("SELECT (SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s))", [name])
    if is_valid:
        return False
    execute("SET statement_timeout = 0")
    try:
        if is_valid is False:
            _run(DROP, index=name)
        _run(OWN, table=table)
        _pack(table)
        _run(WORDS, index=name, table=table)
        _run(DROP, index=f"{table}_message")  # of before words were looked for in documents, too
    finally:
        execute("RESET statement_timeout")
    log.info("closed_day_indexed", table=table)
    return True


def _pack(table: str) -> None:
    """Write the day's btrees anew, the largest part of what a day in another order takes more than its entries."""
    for (index,) in fetch_all(LEFT_BEHIND, [table]):
        execute(sql.SQL("DROP INDEX CONCURRENTLY IF EXISTS {}").format(sql.SQL(index)))
    for (index,) in fetch_all(BTREES, [table]):
        execute(sql.SQL("REINDEX INDEX CONCURRENTLY {}").format(sql.SQL(index)))


def _run(statement: str, **names: str) -> None:
    execute(sql.SQL(statement).format(**{key: sql.Identifier(name) for key, name in names.items()}))
