"""What is newly stored, in whatever order it was committed. On Django's connection of the calling thread.

A high-water mark would miss whoever commits late. So the mark is a snapshot of PostgreSQL (`xmin:xmax:running`): new is
what is visible now and was not visible then. Unlike the horizon of the oldest running transaction, snapshots do not
stand still while a long transaction runs (an index being built).
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connections

from storage import wall
from storage.batch import ENTRIES_A_BATCH
from storage.found import COLUMNS, FoundEntry, found
from storage.wall import ALIAS

BATCHES_AT_ONCE = 200

# storage_receipt_stored_xid serves the range; the exact test is MVCC's own (PostgreSQL manual, 9.28.8).
RECEIPTS = f"""
SELECT batch_id, organisation_id, received_at, stored_at
FROM {wall.RECEIPTS}
WHERE stored_xid >= pg_snapshot_xmin(%(seen)s::pg_snapshot)
  AND stored_xid < pg_snapshot_xmax(%(until)s::pg_snapshot)
  AND NOT pg_visible_in_snapshot(stored_xid, %(seen)s::pg_snapshot)
  AND pg_visible_in_snapshot(stored_xid, %(until)s::pg_snapshot)
  AND batch_id >= %(first)s
  AND organisation_id = ANY(%(organisations)s::bigint[])
ORDER BY batch_id
LIMIT %(limit)s
"""  # noqa: S608 - constants
# The primary key, in one partition.
ENTRIES = f"""
SELECT {COLUMNS} FROM {wall.ENTRIES}
WHERE id BETWEEN %s AND %s AND received_at = %s AND organisation_id = %s
ORDER BY id
"""  # noqa: S608 - constants


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """What is visible in the snapshot `until` and was not in `seen`, beyond entry `after`, in the order of ids."""

    seen: str
    until: str
    after: int = 0


@dataclass(frozen=True, slots=True)
class Arrival:
    """A batch that was stored."""

    batch_id: int
    organisation_id: int
    received_at: datetime
    stored_at: datetime

    @property
    def last_entry_id(self) -> int:
        """The largest id that an entry of the batch may have."""
        return (self.batch_id + 1) * ENTRIES_A_BATCH - 1


def snapshot() -> str:
    """Return what is visible now, as PostgreSQL writes a snapshot."""
    with connections[ALIAS].cursor() as cursor:
        cursor.execute("SELECT pg_current_snapshot()::text")
        text: str = cursor.fetchone()[0]
        return text


def arrivals(window: Window, *, organisations: Collection[int]) -> list[Arrival]:
    """Return the first batches of `organisations` in `window`; fewer than `BATCHES_AT_ONCE` are the last."""
    parameters: dict[str, Any] = {
        "seen": window.seen,
        "until": window.until,
        "first": (window.after + 1) // ENTRIES_A_BATCH,
        "organisations": list(organisations),
        "limit": BATCHES_AT_ONCE,
    }
    with wall.behind(organisations, using=ALIAS) as cursor:
        cursor.execute(RECEIPTS, parameters)
        return [Arrival(*row) for row in cursor.fetchall()]


def entries(arrival: Arrival, *, after: int = 0) -> list[FoundEntry]:
    """Return the entries of a batch with an id beyond `after`."""
    first = max(arrival.batch_id * ENTRIES_A_BATCH, after + 1)
    with wall.behind([arrival.organisation_id], using=ALIAS) as cursor:
        cursor.execute(ENTRIES, [first, arrival.last_entry_id, arrival.received_at, arrival.organisation_id])
        return [found(row) for row in cursor.fetchall()]


def close() -> None:
    """Close this thread's connection; the next question opens a new one."""
    connections[ALIAS].close()
