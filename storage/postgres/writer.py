"""Keeping entries in PostgreSQL: binary COPY into daily partitions. See `storage.store.EntryWriter`."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import repeat
from typing import Any

import msgspec
from django.db import transaction

from foundation.faults import reach
from foundation.levels import BY_NAME
from foundation.postgres import copy_rows, execute
from storage.batch import ENTRIES_A_BATCH, Batch, BatchHead, entry_id
from storage.entry import CanonicalEntry
from storage.errors import Refused
from storage.postgres import partitions
from storage.postgres import tallies as stored
from storage.postgres.errors import writing
from storage.tally import MINUTE, Kind, Tally
from storage.wall import ENTRY_TABLE, OLD_ENTRY_TABLE

COLUMNS = {
    "id": "int8",
    "organisation_id": "int8",
    "received_at": "timestamptz",
    "timestamp": "timestamptz",
    "level": "int2",
    "environment": "text",
    "project": "text",
    "trace_id": "text",
    "span_id": "text",
    "parent_span_id": "text",
    "privacy_mode": "bool",
    "message": "text",
    "metadata": "bytea",  # which is sent as the bytes of a text are
    "error": "bytea",
    "size_bytes": "int4",
    "error_key": "int8",
    "edge": "text",
}
COPY = f"COPY storage_entry ({', '.join(COLUMNS)}) FROM STDIN (FORMAT BINARY)"

#: Sorted and locked one by one would cost each entry a write more: an organisation's are deleted by one at a time.
TAKE_TURN = "SELECT pg_advisory_xact_lock(hashtextextended('storage.delete', %s))"
DELETE = """
DELETE FROM {table}
 WHERE (id, received_at) IN (
       SELECT id, received_at FROM {table}
        WHERE organisation_id = %s AND received_at < %s {but}
        LIMIT %s)
"""
BUT = f"AND id / {ENTRIES_A_BATCH} <> ALL (%s::bigint[])"
#: The primary key, batch by batch; what was loaded is in no older table.
REMOVE = f"""
DELETE FROM storage_entry AS entry USING unnest(%s::bigint[], %s::timestamptz[]) AS batch(batch_id, received_at)
 WHERE entry.received_at = batch.received_at AND entry.organisation_id = %s
   AND entry.id >= batch_id * {ENTRIES_A_BATCH} AND entry.id < (batch_id + 1) * {ENTRIES_A_BATCH}
   AND entry.received_at >= %s AND entry.received_at <= %s
"""  # noqa: S608 - constants
#: By the primary key, in one partition. Those from before documents were text have no column for it.
SET_ERROR_KEYS = """
UPDATE storage_entry AS entry SET error_key = keyed.key
  FROM unnest(%s::bigint[], %s::bigint[]) AS keyed(id, key)
 WHERE entry.id = keyed.id AND entry.received_at = %s AND entry.organisation_id = %s
"""

_decode = msgspec.json.Decoder(CanonicalEntry).decode
_LEVELS = {name: level.value for name, level in BY_NAME.items()}

__all__ = ["delete", "deletes_at_once", "joins_transaction", "kinds", "remove", "set_error_keys", "tallies", "write"]

joins_transaction = True
deletes_at_once = 10_000
kinds, tallies = stored.kinds, stored.tallies


def write(batches: Sequence[Batch]) -> Tally:
    """COPY the entries of `batches` in the caller's transaction; return their tally.

    Raises: `Refused`, `Unavailable`.
    """
    tally = Tally()
    expected = sum(len(batch.lines) for batch in batches)
    with writing(), partitions.made({batch.received_at.astimezone(UTC).date() for batch in batches}):
        written = copy_rows(COPY, _rows(batches, tally), types=list(COLUMNS.values()))
    if written != expected:
        raise Refused("Miscounted", f"COPY wrote {written} of {expected} entries", is_proven=False)
    return tally


def delete(organisation_id: int, *, before: datetime, limit: int, but: Sequence[int] = ()) -> int:
    """Delete up to `limit` entries received before `before`; return how many went. Raises: `Unavailable`."""
    left, kept = (BUT, [list(but)]) if but else ("", [])
    with writing(), transaction.atomic():
        execute(TAKE_TURN, [organisation_id])
        gone = 0
        for table in (OLD_ENTRY_TABLE, ENTRY_TABLE):
            gone += execute(DELETE.format(table=table, but=left), [organisation_id, before, *kept, limit - gone])
        return gone


def remove(batches: Sequence[BatchHead]) -> None:
    """Delete what is stored of `batches`, in the caller's transaction. Raises: `Unavailable`."""
    if not batches:
        return
    ids, times, owners = zip(*((one.batch_id, one.received_at, one.organisation_id) for one in batches), strict=True)
    with writing():
        execute(TAKE_TURN, [owners[0]])
        execute(REMOVE, [list(ids), list(times), owners[0], min(times), max(times)])


def set_error_keys(batch: Batch) -> int:
    """Have stored entries carry the keys of `batch`; return how many there were. Raises: `Unavailable`."""
    keys = [
        (entry_id(batch.batch_id, index), key)
        for index, key in zip(batch.indexes, batch.error_keys or (), strict=False)
        if key is not None
    ]
    if not keys:
        return 0
    with writing():
        return execute(SET_ERROR_KEYS, [*map(list, zip(*keys, strict=True)), batch.received_at, batch.organisation_id])


def _rows(batches: Sequence[Batch], tally: Tally) -> Iterator[tuple[Any, ...]]:
    """Yield the entries as rows in the order of `COLUMNS`, and count them."""
    for batch in batches:
        seen: list[Kind] = []
        keys = batch.error_keys or repeat(None, len(batch.lines))
        for index, line, error_key in zip(batch.indexes, batch.lines, keys, strict=True):
            entry = _decode(line)
            level = _LEVELS[entry.level]
            environment = batch.environment if entry.environment is None else entry.environment
            project = batch.project if entry.project_id is None else entry.project_id
            seen.append((line[MINUTE], level, project, environment))
            yield (
                entry_id(batch.batch_id, index),
                batch.organisation_id,
                batch.received_at,
                entry.timestamp,
                level,
                environment,
                project,
                entry.trace_id,
                entry.span_id,
                entry.parent_span_id,
                entry.privacy_mode,
                entry.message,
                bytes(entry.metadata) or None,
                bytes(entry.error) or None,
                len(line),
                error_key,
                batch.edge,
            )
        tally.of(batch.organisation_id, batch.received_at).update(seen)  # all at once: counted in C
        reach("in_copy")
