"""The spool: where a batch is safe. One short transaction keeps it and charges for it, or does neither."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import DatabaseError, InterfaceError, connection

from accounts.caller import Caller
from foundation.faults import reach
from foundation.outages import is_outage
from foundation.postgres import (
    PromptTransaction,
    array_of,
    discard_if_dead,
    execute,
    fetch_all,
    fetch_binary,
    fetch_one,
    stream,
)
from ingest.models import SLOT_SECONDS
from ingest.spool import batch_ids
from ingest.spool.claims import AT_ONCE
from ingest.spool.payload import PayloadError, unpack
from quotas import allowance, ledger, room
from quotas.ledger import Amount
from storage.batch import HEAD, Batch, BatchHead
from storage.receipts import HAVE_RECEIPTS, OTHER_HAS_RECEIPT

COLUMNS = (
    "batch_id, organisation_id, api_key_id, project, environment, period, requests, entries, size_bytes, payload,"
    " deferred_until"
)
#: Until when a batch waits that was deferred by so many milliseconds: the beginning of a slot. NULL without any.
DEFERRED_UNTIL = (
    "CASE WHEN {deferred_ms} > 0 THEN to_timestamp({slot} * ceil((extract(epoch FROM now()) + {deferred_ms} / 1000.0)"
    " / {slot})) END"
)
_OF_A_ROW = DEFERRED_UNTIL.format(deferred_ms="%(deferred_ms)s", slot=SLOT_SECONDS)

#: Charges, and keeps the row only if the charge fitted. One statement: one round trip, one commit. The
#: second does not wait for the usage row either, if somebody else holds it.
ACCEPT, ACCEPT_IF_FREE = (
    f"""
WITH charge AS ({charge})
INSERT INTO ingest_spooledbatch ({COLUMNS})
SELECT %(batch_id)s, charge.organisation_id, %(api_key_id)s, %(project)s, %(environment)s, charge.period,
       1, %(part_entries)s, %(part_bytes)s, %(payload)s, {_OF_A_ROW}
  FROM charge
RETURNING batch_id
"""  # noqa: S608 - constants only
    for charge in (ledger.CHARGE, ledger.CHARGE_IF_FREE)
)
#: A further part of a request too large for one row; its charge is in the last part's statement.
KEEP = f"""
INSERT INTO ingest_spooledbatch ({COLUMNS})
VALUES (%(batch_id)s, %(organisation_id)s, %(api_key_id)s, %(project)s, %(environment)s,
        date_trunc('month', now() AT TIME ZONE 'UTC')::date, 0, %(part_entries)s, %(part_bytes)s, %(payload)s,
        {_OF_A_ROW})
"""  # noqa: S608 - constants only
#: Waits for its end; a session that hangs ends before it does anything else.
END_SESSION = """
SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_activity WHERE pid = %s AND usename = current_user
"""
WERE_KEPT = f"""
SELECT array_agg(batch_id) FROM (
       SELECT batch_id FROM ingest_spooledbatch WHERE batch_id = ANY (%(batch_ids)s)
        UNION ALL {HAVE_RECEIPTS}
        UNION ALL SELECT batch_id FROM ingest_forgottenbatch WHERE batch_id = ANY (%(batch_ids)s)
        UNION ALL SELECT batch_id FROM ingest_deadletter WHERE batch_id = ANY (%(batch_ids)s)) AS kept
"""  # noqa: S608 - constants only
HEADS = f"SELECT {', '.join(HEAD)} FROM ingest_spooledbatch WHERE batch_id = ANY (%s) ORDER BY batch_id"  # noqa: S608
#: Of the newest: whoever sends now.
WAITING_KEYS = """
SELECT DISTINCT organisation_id, api_key_id FROM (
       SELECT organisation_id, api_key_id FROM ingest_spooledbatch ORDER BY batch_id DESC LIMIT 200) AS newest
"""
#: After a restore ids may be given out anew: then another batch has a receipt, or dead letters, by this one's id.
ID_IS_TAKEN = f"""
SELECT batch_id FROM ingest_spooledbatch AS spooled
 WHERE batch_id = %s
   AND (EXISTS ({OTHER_HAS_RECEIPT})
        OR EXISTS (SELECT FROM ingest_deadletter AS other WHERE other.batch_id = spooled.batch_id
                      AND (other.organisation_id, other.received_at) <> (spooled.organisation_id, spooled.received_at)))
"""  # noqa: S608 - constants
#: One that has not failed otherwise is as new as it was, and is stored in a group.
RENUMBER = f"UPDATE ingest_spooledbatch SET batch_id = %s, not_before = {AT_ONCE} WHERE batch_id = %s"  # noqa: S608 - constants
AMOUNTS = """
SELECT organisation_id, period, sum(entries)::bigint, sum(size_bytes)::bigint
  FROM ingest_spooledbatch GROUP BY 1, 2 ORDER BY 1, 2
"""
BYTES_OF_KEYS = """
SELECT api_key_id, sum(size_bytes)::bigint FROM ingest_spooledbatch
 WHERE received_at >= %s AND received_at < %s AND api_key_id = ANY (%s) GROUP BY 1
"""
BATCHES = "SELECT batch_id, organisation_id FROM ingest_spooledbatch"

#: The parameters of a part's statement.
Row = dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """Up to 1,000 entries of a request, packed; `size_bytes` is what they are charged."""

    payload: bytes
    entries: int
    size_bytes: int


class Spooled(BatchHead, frozen=True, kw_only=True):
    """A row of the spool, as `take` returns it."""

    requests: int
    entries: int
    size_bytes: int
    payload: bytes
    is_replayed: bool
    attempts: int
    age_seconds: float  # at the beginning of the transaction that takes it, by PostgreSQL's clock

    def batch(self) -> Batch:
        """Unpack it for the log store. Raises: `PayloadError` when it does not hold what was charged."""
        lines = unpack(self.payload)
        if (len(lines), sum(map(len, lines))) != (self.entries, self.size_bytes):
            raise PayloadError("the payload is not what was charged")
        return Batch(**self.head(), lines=lines, indexes=range(len(lines)))

    def empty_batch(self) -> Batch:
        """Return its batch without an entry."""
        return Batch(**self.head(), lines=(), indexes=())


TAKEN = Spooled.__struct_fields__
TAKE = f"""
DELETE FROM ingest_spooledbatch WHERE batch_id = ANY (%s::bigint[])
RETURNING {", ".join(TAKEN[:-1])}, extract(epoch FROM now() - coalesce(deferred_until, received_at))::float8
"""  # noqa: S608 - constants
READ = f"""
SELECT {", ".join(TAKEN[:-1])}, extract(epoch FROM now() - coalesce(deferred_until, received_at))::float8
  FROM ingest_spooledbatch WHERE batch_id = ANY (%s::bigint[]) ORDER BY batch_id
"""  # noqa: S608 - constants
DROP = "DELETE FROM ingest_spooledbatch WHERE batch_id = ANY (%s::bigint[])"


def accept(caller: Caller, parts: Sequence[Part], *, deferred_ms: int = 0) -> None:
    """Keep `parts`, deferred by so much, and charge `caller`'s organisation; when this returns, they are on disk.

    Joins the transaction of a caller that has one. Raises: `Refusal` `quota_exhausted`, or of a public key
    `allowance_exhausted`; `OperationalError`.
    """
    discard_if_dead()
    rows = numbered(rows_of(caller, parts, deferred_ms=deferred_ms))
    last_id, number = rows[-1]["batch_id"], session()
    try:
        with _transaction(rows, caller):
            if caller.is_public:
                allowance.charge(caller, size_bytes=rows[-1]["size_bytes"])
            for row in rows[:-1]:
                fetch_one(KEEP, row)
                reach("after_spool_row")
            _accept_last(rows[-1])
    except (DatabaseError, InterfaceError) as error:
        if not (is_outage(error) and last_id in kept_nevertheless([last_id], session=number)):
            raise


def take(batch_ids: Sequence[int]) -> list[Spooled]:
    """Remove these batches from the spool in the caller's transaction, and return those that were there."""
    rows = fetch_binary(TAKE, [array_of(batch_ids)])
    return [Spooled(**dict(zip(TAKEN, row, strict=True))) for row in rows]


def read(batch_ids: Sequence[int]) -> list[Spooled]:
    """Return those of these batches that wait, and leave them there; in the order of ids."""
    rows = fetch_binary(READ, [array_of(batch_ids)])
    return [Spooled(**dict(zip(TAKEN, row, strict=True))) for row in rows]


def drop(batch_ids: Sequence[int]) -> int:
    """Remove these batches from the spool in the caller's transaction; return how many were there."""
    return execute(DROP, [array_of(batch_ids)])


def where_any(batch_ids: Sequence[int]) -> set[int]:
    """Return those of these batches that are in the spool, stored, or dead letters, in the caller's snapshot."""
    [(found,)] = fetch_all(WERE_KEPT, {"batch_ids": list(batch_ids)})
    return set(found or ())


def heads(batch_ids: Sequence[int]) -> list[BatchHead]:
    """Return the heads of those of these batches that wait, in the order of ids."""
    return [BatchHead(**dict(zip(HEAD, row, strict=True))) for row in fetch_all(HEADS, [list(batch_ids)])]


def waiting_keys() -> set[tuple[int, int]]:
    """Return the organisations and API keys of the newest batches."""
    return {(organisation_id, api_key_id) for organisation_id, api_key_id in fetch_all(WAITING_KEYS)}


def id_is_taken(batch_id: int) -> bool:
    """Tell whether another batch has been stored or buried by this one's id."""
    return bool(fetch_all(ID_IS_TAKEN, [batch_id]))


def renumber(batch_id: int, new_id: int) -> None:
    """Give a batch that waits another id, by which it is tried next."""
    execute(RENUMBER, [new_id, batch_id])


def amounts() -> Iterator[Amount]:
    """Yield what waits, by organisation and month. In the caller's transaction, in bounded memory."""
    return (Amount(*row) for row in stream(AMOUNTS))


def bytes_of_keys(api_key_ids: Collection[int], *, since: datetime, until: datetime) -> dict[int, int]:
    """Return the bytes of these keys' batches that wait and were received then."""
    return dict(fetch_all(BYTES_OF_KEYS, [since, until, list(api_key_ids)]))


def oldest_received() -> datetime | None:
    """Return when the oldest batch was received that is not stored yet, claimed or not; replays are as old as ever."""
    [(oldest,)] = fetch_all("SELECT min(received_at) FROM ingest_spooledbatch")
    return oldest  # type: ignore[no-any-return]


def batches() -> Iterator[tuple[int, int]]:
    """Yield the batches that wait, each with its organisation. As `amounts`."""
    return ((batch_id, organisation_id) for batch_id, organisation_id in stream(BATCHES))


def rows_of(caller: Caller, parts: Sequence[Part], *, deferred_ms: int = 0) -> list[Row]:
    """Return the parameters of each part's statement, but for an id; the totals are what `ledger.CHARGE` charges."""
    shared = {
        "organisation_id": caller.organisation_id,
        "api_key_id": caller.api_key_id,
        "project": caller.project,
        "environment": caller.environment,
        "entries": sum(part.entries for part in parts),
        "size_bytes": sum(part.size_bytes for part in parts),
        "deferred_ms": deferred_ms,
    }
    return [
        shared | {"part_entries": part.entries, "part_bytes": part.size_bytes, "payload": part.payload}
        for part in parts
    ]


def numbered(rows: Sequence[Row]) -> Sequence[Row]:
    """Give an id to each of `rows` that has none. Raises: `OperationalError`."""
    for row in rows:
        if "batch_id" not in row:
            row["batch_id"] = batch_ids.take()
    return rows


def _transaction(rows: Sequence[object], caller: Caller) -> AbstractContextManager[Any]:
    """Return a transaction if there is more than the one statement that is a transaction by itself."""
    return PromptTransaction() if len(rows) > 1 or caller.is_public else nullcontext()


def _accept_last(row: Row) -> None:
    if fetch_one(ACCEPT, row):
        return
    room.make(row["organisation_id"], row["size_bytes"])  # nothing was charged: the month's first batch, or it is spent
    if not fetch_one(ACCEPT, row):
        raise room.refusal(row["organisation_id"])


def session() -> int:
    """Return the number of PostgreSQL's process behind this thread's connection."""
    connection.ensure_connection()
    pid: int = connection.connection.info.backend_pid
    return pid


def _lives(session: int) -> bool:
    """Tell whether that session answers. Where a COMMIT was lost, Django has another one already."""
    raw = connection.connection
    return raw is not None and raw.info.backend_pid == session and connection.is_usable()


def kept_nevertheless(batch_ids: Sequence[int], *, session: int) -> set[int]:
    """Return which of these were kept by the COMMIT whose answer was lost, once PostgreSQL is there again.

    The lost session is ended first: it may be about to commit what we are about to refuse.
    """
    if connection.in_atomic_block or _lives(session):
        return set()
    connection.close()
    fetch_one(END_SESSION, [session])
    found = fetch_one(WERE_KEPT, {"batch_ids": list(batch_ids)})
    return set(found[0] or ()) if found else set()
