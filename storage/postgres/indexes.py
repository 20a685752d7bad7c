"""More indexes for closed days: what the hot partition cannot afford, or a day of before an upgrade lacks.

Building is concurrent: readers and late batches go on. An interrupted build leaves an invalid index, which the next
one replaces (PostgreSQL manual, CREATE INDEX).
"""

from datetime import date

import structlog
from psycopg import sql

from foundation.alone import alone
from foundation.postgres import current_day, execute, fetch_all
from storage.postgres import partitions
from storage.wall import ENTRY_TABLE

log = structlog.get_logger(__name__)
#: Searching for a part of a word, of whatever language; the expression is the view's `words`.
WORDS = """
CREATE INDEX CONCURRENTLY {index} ON {table}
 USING gin (lower(message || coalesce(metadata::text, '') || coalesce(error::text, '')) gin_trgm_ops)
"""
#: Looking for the errors of a group; days that are made since `storage_entry` has this index have it from the start.
ERRORS = """
CREATE INDEX CONCURRENTLY {index} ON {table} (organisation_id, error_key, timestamp) WHERE error_key IS NOT NULL
"""
#: Which of the two a day has; that of errors by whatever name.
HAS = """
SELECT EXISTS (SELECT FROM pg_index WHERE indexrelid = to_regclass(%s) AND indisvalid),
       EXISTS (SELECT FROM pg_index WHERE indrelid = to_regclass(%s) AND indisvalid AND pg_get_indexdef(indexrelid)
                 LIKE '%%(organisation_id, error_key, "timestamp") WHERE (error_key IS NOT NULL)')
"""
HAS_TRIGRAMS = "SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_trgm')"
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

    Without the extension pg_trgm words get no index, and searches for them scan.
    """
    with alone(LOCK) as is_alone:
        return _index_newest(limit) if is_alone else []


def _index_newest(limit: int) -> list[date]:
    this_day = current_day()
    indexed: list[date] = []
    for partition in reversed(partitions.list_partitions()):
        if len(indexed) == limit:
            break
        if partition.day < this_day and not partition.is_detaching and _index(partition.name, parent=partition.parent):
            indexed.append(partition.day)
    return indexed


def index_day(day: date) -> bool:
    """Build what the day lacks; tell whether it lacked anything. Runs outside a transaction."""
    return _index(partitions.table_name(day), parent=ENTRY_TABLE)


def _index(table: str, *, parent: str) -> bool:
    """As `index_day`, for a partition of `parent`: entries of days before `storage_entry` have no keys of errors."""
    words, errors = f"{table}_words", f"{table}_error"
    [(has_words, has_errors)] = fetch_all(HAS, [words, table])
    [(has_trigrams,)] = fetch_all(HAS_TRIGRAMS)
    lacks_words = has_trigrams and not has_words
    lacks_errors = parent == ENTRY_TABLE and not has_errors
    if not (lacks_words or lacks_errors):
        return False
    execute("SET statement_timeout = 0")
    try:
        _run(OWN, table=table)
        if lacks_errors:
            _build(ERRORS, index=errors, table=table)
        if lacks_words:
            _pack(table)
            _build(WORDS, index=words, table=table)
            _run(DROP, index=f"{table}_message")  # of before words were looked for in documents, too
    finally:
        execute("RESET statement_timeout")
    log.info("closed_day_indexed", table=table)
    return True


def _build(statement: str, *, index: str, table: str) -> None:
    """Build an index in place of what an interrupted build has left."""
    _run(DROP, index=index)
    _run(statement, index=index, table=table)


def _pack(table: str) -> None:
    """Write the day's btrees anew, the largest part of what a day in another order takes more than its entries."""
    for (index,) in fetch_all(LEFT_BEHIND, [table]):
        execute(sql.SQL("DROP INDEX CONCURRENTLY IF EXISTS {}").format(sql.SQL(index)))
    for (index,) in fetch_all(BTREES, [table]):
        execute(sql.SQL("REINDEX INDEX CONCURRENTLY {}").format(sql.SQL(index)))


def _run(statement: str, **names: str) -> None:
    execute(sql.SQL(statement).format(**{key: sql.Identifier(name) for key, name in names.items()}))
