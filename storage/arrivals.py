"""Batches that are new in the log store, in any order of commits: for whoever follows it.

A high-water mark would miss whoever commits late. So the mark is a snapshot of PostgreSQL (`xmin:xmax:running`): new is
what is visible now and was not visible then. Unlike the horizon of the oldest running transaction, snapshots do not
stand still while a long transaction runs (an index being built).
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db import connections

from storage import wall
from storage.batch import ENTRIES_A_BATCH
from storage.wall import ALIAS

BATCHES_AT_ONCE = 200
XIDS_AT_ONCE = 20_000

# Not visible in `seen` are the transactions that ran then, and all from its end on: two ranges of the index
# storage_receipt_stored_xid, whatever has been running for how long. The exact test is MVCC's own (PostgreSQL manual,
# 9.28.8). A statement goes through `XIDS_AT_ONCE` transactions at most.
_NEW = f"""
SELECT batch_id, organisation_id, received_at, stored_at, stored_xid, entries
FROM {wall.RECEIPTS}
WHERE {{range}}
  AND (stored_xid, batch_id) >= (%(stored_xid)s::text::xid8, %(first)s)
  AND pg_visible_in_snapshot(stored_xid, %(until)s::pg_snapshot)
  AND stored_at >= coalesce(%(since)s::timestamptz, '-infinity')
  AND organisation_id = ANY(%(organisations)s::bigint[])
ORDER BY stored_xid, batch_id
LIMIT %(limit)s
"""  # noqa: S608 - constants
_RAN_THEN = _NEW.format(range="stored_xid = ANY (ARRAY(SELECT pg_snapshot_xip(%(seen)s::pg_snapshot)))")
_BEGAN_LATER = _NEW.format(
    range="stored_xid >= pg_snapshot_xmax(%(seen)s::pg_snapshot) AND stored_xid < %(before)s::text::xid8"
)
ARRIVALS = f"""
SELECT batch_id, organisation_id, received_at, stored_at, stored_xid::text::bigint, entries
FROM (({_RAN_THEN}) UNION ALL ({_BEGAN_LATER})) AS new
ORDER BY new.stored_xid, batch_id
LIMIT %(limit)s
"""  # noqa: S608 - constants


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """What is visible in the snapshot `until`, was not in `seen`, and was stored from `since` on.

    In the order of transactions and ids: beyond entry `after` of what the transaction `stored_xid` stored.
    """

    seen: str
    until: str
    since: datetime | None = None
    stored_xid: int = 0
    after: int = 0

    def beyond(self, arrival: "Arrival") -> "Window":
        """Return what is left after `arrival`."""
        return replace(self, stored_xid=arrival.stored_xid, after=arrival.last_entry_id)


@dataclass(frozen=True, slots=True)
class Arrival:
    """A batch that was stored, by the transaction `stored_xid`; `entries` are those that it had then."""

    batch_id: int
    organisation_id: int
    received_at: datetime
    stored_at: datetime
    stored_xid: int
    entries: int

    @property
    def first_entry_id(self) -> int:
        """The smallest id that an entry of the batch may have."""
        return self.batch_id * ENTRIES_A_BATCH

    @property
    def last_entry_id(self) -> int:
        """The largest id that an entry of the batch may have."""
        return (self.batch_id + 1) * ENTRIES_A_BATCH - 1


@dataclass(frozen=True, slots=True)
class FoundOf:
    """How many entries of a batch, in a project and an environment, fulfil each of several conditions."""

    batch_id: int
    project: str
    environment: str
    counts: tuple[int, ...]


def snapshot() -> str:
    """Return what is visible now, as PostgreSQL writes a snapshot. On this thread's connection for reads."""
    with connections[ALIAS].cursor() as cursor:
        cursor.execute("SELECT pg_current_snapshot()::text")
        text: str = cursor.fetchone()[0]
        return text


def of(window: Window, *, organisations: Collection[int]) -> tuple[list[Arrival], Window | None]:
    """Return the next batches of `organisations` in `window`, perhaps none, and what is left of it: None at its end."""
    before = min(max(_end(window.seen), window.stored_xid) + XIDS_AT_ONCE, _end(window.until))
    parameters: dict[str, Any] = {
        "seen": window.seen,
        "until": window.until,
        "since": window.since,
        "stored_xid": window.stored_xid,
        "first": (window.after + 1) // ENTRIES_A_BATCH,
        "before": before,
        "organisations": list(organisations),
        "limit": BATCHES_AT_ONCE,
    }
    with wall.behind(organisations, using=ALIAS) as cursor:
        cursor.execute(ARRIVALS, parameters)
        found = [Arrival(*row) for row in cursor.fetchall()]
    if len(found) == BATCHES_AT_ONCE:
        return found, window.beyond(found[-1])
    return found, replace(window, stored_xid=before, after=0) if before < _end(window.until) else None


def _end(snapshot: str) -> int:
    """Return the first transaction that had not begun then (`xmin:xmax:running`)."""
    return int(snapshot.split(":")[1])


def close() -> None:
    """Close this thread's connection for reads; the next question opens a new one."""
    connections[ALIAS].close()
