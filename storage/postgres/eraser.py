"""Taking entries out, and rewriting them, in PostgreSQL. See `storage.store.EntryEraser`.

Entries are found through the view that callers read, in the database that is written to: a replica may be late.
"""

from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, date, datetime, time, timedelta

from django.db import transaction

from foundation.postgres import execute, fetch_all
from storage.batch import ENTRIES_A_BATCH
from storage.conditions import Condition, Either
from storage.found import FoundEntry, found
from storage.postgres.errors import writing
from storage.postgres.predicates import compile_condition, of_organisation
from storage.postgres.reads import SELECTED, stream
from storage.postgres.writer import TAKE_TURN
from storage.store import Place
from storage.wall import ENTRIES, ENTRY_TABLE, OLD_ENTRY_TABLE, named

__all__ = ["can_rewrite", "erase", "found_in", "holding", "rewrite"]

can_rewrite = True
#: What the view shows is said once a transaction; our role is not changed, which reads more than the view.
SHOW = "SELECT set_config('luminalog.organisations', %s, true)"
HOLDING = f"""
SELECT DISTINCT id / {ENTRIES_A_BATCH}, received_at FROM {ENTRIES}
 WHERE {{own}} AND received_at >= %s AND received_at < %s AND ({{condition}})
 ORDER BY 1, 2
"""  # noqa: S608 - constants
#: The primary key, batch by batch; the bounds leave out other days' partitions.
FOUND = f"""
SELECT {SELECTED}
  FROM unnest(%s::bigint[], %s::timestamptz[]) AS place(batch_id, batch_received_at)
  JOIN {ENTRIES} ON received_at = batch_received_at
   AND id >= batch_id * {ENTRIES_A_BATCH} AND id < (batch_id + 1) * {ENTRIES_A_BATCH}
 WHERE {{own}} AND received_at >= %s AND received_at <= %s AND ({{condition}})
"""  # noqa: S608 - constants
ERASE = """
DELETE FROM {table} AS entry USING unnest(%s::bigint[], %s::timestamptz[]) AS place(id, received_at)
 WHERE entry.id = place.id AND entry.received_at = place.received_at AND entry.organisation_id = %s
   AND entry.received_at >= %s AND entry.received_at <= %s
RETURNING entry.id
"""
REWRITE = """
UPDATE {table} AS entry
   SET environment = changed.environment, message = changed.message, metadata = changed.metadata::{kind},
       error = changed.error::{kind}, size_bytes = changed.size_bytes
  FROM unnest(%s::bigint[], %s::timestamptz[], %s::text[], %s::text[], %s::text[], %s::text[], %s::int[])
       AS changed(id, received_at, environment, message, metadata, error, size_bytes)
 WHERE entry.id = changed.id AND entry.received_at = changed.received_at AND entry.organisation_id = %s
   AND entry.received_at >= %s AND entry.received_at <= %s
RETURNING entry.id
"""
#: Tables, and the type of their documents.
TABLES = {ENTRY_TABLE: "text", OLD_ENTRY_TABLE: "jsonb"}


def holding(organisation_id: int, condition: Condition, *, day: date) -> list[Place]:
    """Return where entries of a day lie that fulfil `condition`: of several, each is looked for by its own index."""
    if isinstance(condition, Either):
        return sorted({place for one in condition.of for place in holding(organisation_id, one, day=day)})
    own, asked = of_organisation(organisation_id), compile_condition(condition)
    start = datetime.combine(day, time.min, UTC)
    parameters = [*own.parameters, start, start + timedelta(days=1), *asked.parameters]
    with writing(), transaction.atomic():
        execute(SHOW, [named([organisation_id])])
        execute("SET LOCAL statement_timeout = 0")
        rows = fetch_all(HOLDING.format(own=own.sql, condition=asked.sql), parameters)
    return [Place(*row) for row in rows]


def found_in(organisation_id: int, places: Sequence[Place], condition: Condition) -> Iterator[FoundEntry]:
    """Yield the entries at `places` that fulfil `condition`, two of them in memory at a time."""
    if not places:
        return
    own, asked = of_organisation(organisation_id), compile_condition(condition)
    ids, times = (list(column) for column in zip(*places, strict=True))
    parameters = [ids, times, *own.parameters, min(times), max(times), *asked.parameters]
    with writing():
        execute(TAKE_TURN, [organisation_id])
        execute(SHOW, [named([organisation_id])])
        with closing(stream(FOUND.format(own=own.sql, condition=asked.sql), parameters, using="default")) as rows:
            yield from map(found, rows)


def erase(organisation_id: int, entries: Sequence[tuple[int, datetime]]) -> set[int]:
    """Delete entries by their ids and times of receipt; return the ids of those that were there."""
    if not entries:
        return set()
    ids, times = (list(column) for column in zip(*entries, strict=True))
    with writing():
        execute(TAKE_TURN, [organisation_id])
        return {
            gone
            for table in TABLES
            for (gone,) in fetch_all(ERASE.format(table=table), [ids, times, organisation_id, min(times), max(times)])
        }


def rewrite(organisation_id: int, entries: Sequence[FoundEntry]) -> set[int]:
    """Write what entries are to hold from now on; return the ids of those that were there."""
    if not entries:
        return set()
    columns = [
        (one.id, one.received_at, one.environment, one.message, _text(one.metadata), _text(one.error), one.size_bytes)
        for one in entries
    ]
    times = [one.received_at for one in entries]
    parameters = [*(list(column) for column in zip(*columns, strict=True)), organisation_id, min(times), max(times)]
    with writing():
        execute(TAKE_TURN, [organisation_id])
        return {
            changed
            for table, kind in TABLES.items()
            for (changed,) in fetch_all(REWRITE.format(table=table, kind=kind), parameters)
        }


def _text(document: bytes | None) -> str | None:
    return None if document is None else bytes(document).decode()
