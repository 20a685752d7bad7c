"""Receipts: proof that a batch was stored, in PostgreSQL whatever the store. What is new is told by `arrivals`."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from foundation.postgres import copy_rows, execute, fetch_all, stream
from quotas.ledger import Amount
from storage.batch import Batch, BatchHead

#: As a receipt's errors: nobody has looked whether there are any.
NOT_GROUPED = -1

COLUMNS = {
    "batch_id": "int8",
    "organisation_id": "int8",
    "api_key_id": "int8",
    "period": "date",
    "received_at": "timestamptz",
    "edge_received_at": "timestamptz",
    "entries": "int4",
    "size_bytes": "int8",
    "is_rolled_up": "bool",
    "errors": "int4",
}
COPY = f"COPY storage_receipt ({', '.join(COLUMNS)}) FROM STDIN (FORMAT BINARY)"
#: Those of what was loaded name their part: nobody is to roll them up, or to look for errors in them.
LOADED = {**COLUMNS, "loaded_part_id": "int8"}
COPY_LOADED = f"COPY storage_receipt ({', '.join(LOADED)}) FROM STDIN (FORMAT BINARY)"
FORGET_LOADED = """
WITH gone AS (
    DELETE FROM storage_receipt
     WHERE batch_id = ANY (ARRAY(
           SELECT batch_id FROM storage_receipt WHERE loaded_part_id = %s ORDER BY batch_id FOR UPDATE))
    RETURNING batch_id)
DELETE FROM storage_erased WHERE batch_id IN (SELECT batch_id FROM gone)
"""
ERASE = """
INSERT INTO storage_erased (batch_id, organisation_id, entries, size_bytes, errors)
SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::int[], %s::bigint[], %s::int[])
"""
#: For a statement of another room that asks in one snapshot where batches are: those that are stored.
HAVE_RECEIPTS = "SELECT batch_id FROM storage_receipt WHERE batch_id = ANY (%(batch_ids)s)"
#: Written since the row `spooled` of a statement of another room failed, in the order of transactions, which no clock
#: changes; storage_receipt_stored_xid serves it. The hour leaves out those that were restored from another PostgreSQL.
_SINCE = """
SELECT received_at FROM storage_receipt
 WHERE stored_xid > spooled.failed_in AND stored_xid < pg_snapshot_xmax(pg_current_snapshot())
   AND stored_at > now() - interval '1 hour' AND loaded_part_id IS NULL
"""
#: As a condition: whether anything was stored since `spooled` failed.
ANYTHING_IS_STORED = f"EXISTS ({_SINCE})"
#: As a condition: whether a batch received on the same UTC day was.
DAY_IS_STORED = f"""
EXISTS (SELECT FROM ({_SINCE} LIMIT 100000) AS since
         WHERE (since.received_at AT TIME ZONE 'UTC')::date = (spooled.received_at AT TIME ZONE 'UTC')::date)
"""
#: A receipt of another batch with the same id.
OTHER_HAS_RECEIPT = """
SELECT 1 FROM storage_receipt AS other WHERE other.batch_id = spooled.batch_id
   AND (other.organisation_id, other.received_at) <> (spooled.organisation_id, spooled.received_at)
"""
#: As one column of one row: the largest id of a batch that has a receipt.
LAST_ID = "SELECT max(batch_id) FROM storage_receipt"
#: The beginning of the days that were never dropped.
NOT_DROPPED = """
SELECT coalesce((max(day) + 1)::timestamp AT TIME ZONE 'UTC', '-infinity') FROM storage_droppedpartition
"""
#: As a condition on `receipt`: it came from a client, and not from an archive.
NOT_LOADED = "receipt.loaded_part_id IS NULL"
#: As a condition on `retention`, which may be missing, and `receipt`: neither dropped nor emptied; what was loaded is
#: kept while it says so itself.
IS_KEPT = f"""
CASE WHEN {NOT_LOADED} THEN receipt.received_at >= greatest(retention.emptied_before, ({NOT_DROPPED}))
     ELSE EXISTS (SELECT FROM storage_loaded_part AS loaded WHERE loaded.id = receipt.loaded_part_id AND is_whole) END
"""
#: As conditions on the same: its entries are in the rollups; it is of before there were any, and nobody knows whether.
IS_ROLLED_UP = f"""
({NOT_LOADED} AND (receipt.is_rolled_up OR receipt.is_rolled_up IS NULL AND {IS_KEPT} AND NOT EXISTS (
    SELECT FROM storage_unrolled_day AS unrolled
     WHERE unrolled.day = (receipt.received_at AT TIME ZONE 'UTC')::date AND receipt.batch_id > unrolled.through)))
"""
IS_FORGOTTEN = f"(receipt.is_rolled_up IS NULL AND NOT ({IS_KEPT}))"
#: As a join to `receipt`: what of its batch was erased, or changed in length; erased_batch serves it.
WITH_ERASED = """
CROSS JOIN LATERAL (SELECT coalesce(sum(entries), 0)::int AS entries, coalesce(sum(errors), 0)::int AS errors,
                           coalesce(sum(size_bytes), 0)::bigint AS size_bytes
                      FROM storage_erased WHERE storage_erased.batch_id = receipt.batch_id) AS erased
"""
#: What was taken from dead letters was charged, and is stored nowhere: it has a receipt and is erased, both at once.
#: Nobody is to take it for a sign that the log store works: it was stored at no time that counts.
CERTIFY_ERASED = """
WITH receipt AS (
    INSERT INTO storage_receipt (batch_id, organisation_id, api_key_id, period, received_at, edge_received_at,
                                 stored_at, entries, size_bytes, is_rolled_up, errors)
    VALUES (%(batch_id)s, %(organisation_id)s, %(api_key_id)s, %(period)s, %(received_at)s,
            %(edge_received_at)s, to_timestamp(0), %(entries)s, %(size_bytes)s, true, 0))
INSERT INTO storage_erased (batch_id, organisation_id, entries, size_bytes)
VALUES (%(batch_id)s, %(organisation_id)s, %(entries)s, %(size_bytes)s)
"""
#: In one order. Who has them, and nobody else, groups errors of these batches: see `ungrouped.HOLD`.
HOLD = "SELECT FROM storage_receipt WHERE batch_id = ANY (%s) AND organisation_id = %s ORDER BY batch_id FOR UPDATE"
#: What a group of an organisation's batches holds, and whether it is in the rollups.
STANDING = f"""
SELECT batch_id, receipt.received_at, size_bytes, {IS_ROLLED_UP}
  FROM storage_receipt AS receipt LEFT JOIN storage_retention AS retention USING (organisation_id)
 WHERE batch_id = ANY (%s) AND organisation_id = %s
"""  # noqa: S608 - constants
#: Not visible in a snapshot: what ran then and what began later, as in `arrivals`.
STORED_SINCE = """
SELECT batch_id, received_at FROM storage_receipt
 WHERE stored_xid >= pg_snapshot_xmin(%(seen)s::pg_snapshot) AND organisation_id = %(organisation_id)s
   AND NOT pg_visible_in_snapshot(stored_xid, %(seen)s::pg_snapshot)
 ORDER BY batch_id
"""

#: Of `receipt` and `erased`: how many of its entries are errors that are counted; -1 and NULL, as
#: the receipt says, where nobody knows.
ERRORS = "CASE WHEN receipt.errors > 0 THEN receipt.errors - erased.errors ELSE receipt.errors END"
#: What was dropped or emptied is not missed; receipt_received_at serves the day.
OF_DAY = f"""
SELECT batch_id, organisation_id, receipt.received_at,
       receipt.entries - erased.entries, receipt.size_bytes - erased.size_bytes, {IS_KEPT}, {ERRORS}
  FROM storage_receipt AS receipt LEFT JOIN storage_retention AS retention USING (organisation_id) {WITH_ERASED}
 WHERE receipt.received_at >= %s AND receipt.received_at < %s
 ORDER BY batch_id
"""  # noqa: S608 - constants
DAYS = f"""
SELECT DISTINCT (received_at AT TIME ZONE 'UTC')::date FROM storage_receipt WHERE received_at >= ({NOT_DROPPED})
"""  # noqa: S608 - constants
#: Errors of a day by organisation, and how many batches nobody has looked into.
ERRORS_OF_DAY = f"""
SELECT organisation_id, coalesce(sum({ERRORS}) FILTER (WHERE receipt.errors > 0), 0)::bigint,
       count(*) FILTER (WHERE receipt.errors = {NOT_GROUPED})
  FROM storage_receipt AS receipt {WITH_ERASED}
 WHERE receipt.received_at >= %s AND receipt.received_at < %s AND receipt.errors <> 0
 GROUP BY 1 ORDER BY 1
"""  # noqa: S608 - constants
LAST_KEY = """
SELECT organisation_id, api_key_id FROM storage_receipt WHERE loaded_part_id IS NULL ORDER BY stored_xid DESC LIMIT 1
"""
AMONG = "SELECT batch_id, organisation_id FROM storage_receipt WHERE batch_id = ANY (%s)"
#: As it was charged, whatever was erased since; receipt_received_at serves it.
BYTES_OF_KEYS = """
SELECT api_key_id, sum(size_bytes)::bigint FROM storage_receipt
 WHERE received_at >= %s AND received_at < %s AND api_key_id = ANY (%s) GROUP BY 1
"""
#: receipt_received_at serves it; a page asks so once, and for two hours at most.
FIRST_OF_KEY = """
SELECT batch_id, received_at FROM storage_receipt
 WHERE received_at >= %s AND api_key_id = %s ORDER BY received_at, batch_id LIMIT 1
"""
AMOUNTS = """
SELECT organisation_id, period, sum(entries)::bigint, sum(size_bytes)::bigint
  FROM storage_receipt WHERE loaded_part_id IS NULL GROUP BY 1, 2 ORDER BY 1, 2
"""


@dataclass(frozen=True, slots=True)
class Certified:
    """What a receipt says was stored of a batch, less what was erased.

    `is_kept` unless retention has taken it, or is taking it. `errors` is -1 or None where nobody has looked for them.
    """

    batch_id: int
    organisation_id: int
    received_at: datetime
    entries: int
    size_bytes: int
    is_kept: bool
    errors: int | None = None


@dataclass(frozen=True, slots=True)
class ErrorsOfDay:
    """The errors that an organisation's receipts of a day say are counted; `not_grouped` batches say nothing."""

    organisation_id: int
    errors: int
    not_grouped: int


@dataclass(frozen=True, slots=True)
class Standing:
    """What a receipt says of a batch that something is to be taken from."""

    received_at: datetime
    size_bytes: int
    is_rolled_up: bool


@dataclass(frozen=True, slots=True)
class First:
    """The first batch of a key since some moment."""

    batch_id: int
    received_at: datetime


def first_of_key(api_key_id: int, *, since: datetime) -> First | None:
    """Return what was received first of a key since a moment, and is stored."""
    rows = fetch_all(FIRST_OF_KEY, [since, api_key_id])
    return First(*rows[0]) if rows else None


def write(batches: Sequence[Batch]) -> None:
    """Certify in the caller's transaction that the entries of `batches` are stored."""
    rows = (
        (b.batch_id, b.organisation_id, b.api_key_id, b.period, b.received_at, b.edge_received_at, len(b.lines),
         b.size_bytes, True, NOT_GROUPED if b.errors is None else b.errors)
        for b in batches
    )  # fmt: skip
    copy_rows(COPY, rows, types=list(COLUMNS.values()))
    erase([(b.batch_id, b.organisation_id, 0, b.erased_bytes, 0) for b in batches if b.charged and b.erased_bytes])


def write_loaded(batches: Sequence[Batch], *, part_id: int) -> None:
    """Certify in the caller's transaction that entries of an archive are stored again; charge nobody."""
    rows = (
        (b.batch_id, b.organisation_id, b.api_key_id, b.period, b.received_at, b.edge_received_at, len(b.lines),
         b.size_bytes, True, 0, part_id)
        for b in batches
    )  # fmt: skip
    copy_rows(COPY_LOADED, rows, types=list(LOADED.values()))


def forget_loaded(part_id: int) -> None:
    """Forget the receipts of a part that was loaded, in the caller's transaction."""
    execute(FORGET_LOADED, [part_id])


def erase(rows: Sequence[tuple[int, int, int, int, int]]) -> None:
    """Note in the caller's transaction what is no longer stored, signed: batch, organisation, entries, bytes, errors.

    Errors are those of the entries that are counted in groups.
    """
    if rows:
        execute(ERASE, [list(column) for column in zip(*rows, strict=True)])


def certify_erased(head: BatchHead, *, entries: int, size_bytes: int) -> None:
    """Certify in the caller's transaction what was charged, and is erased without ever having been stored."""
    execute(CERTIFY_ERASED, head.head() | {"entries": entries, "size_bytes": size_bytes})


def hold(organisation_id: int, batch_ids: Sequence[int]) -> None:
    """Lock the receipts of these batches until the transaction ends: whoever would group their errors waits."""
    execute(HOLD, [list(batch_ids), organisation_id])


def standing(organisation_id: int, batch_ids: Sequence[int]) -> dict[int, Standing]:
    """Return how those of these batches stand that have a receipt, by their ids."""
    return {row[0]: Standing(*row[1:]) for row in fetch_all(STANDING, [list(batch_ids), organisation_id])}


def stored_since(seen: str, *, organisation_id: int) -> list[tuple[int, datetime]]:
    """Return the organisation's batches that the snapshot `seen` did not show: ids and times of receipt."""
    rows: list[Any] = fetch_all(STORED_SINCE, {"seen": seen, "organisation_id": organisation_id})
    return rows


def days() -> list[date]:
    """Return the UTC days of receipt of all batches, but for those up to the last day that was dropped."""
    return [day for (day,) in fetch_all(DAYS)]


def of_day(day: date) -> Iterator[Certified]:
    """Yield the receipts of batches received on `day`, by batch. In the caller's transaction, in bounded memory."""
    start = datetime.combine(day, time.min, UTC)
    return (Certified(*row) for row in stream(OF_DAY, [start, start + timedelta(days=1)]))


def errors_of_day(day: date) -> list[ErrorsOfDay]:
    """Return the errors of what was received on `day`, by organisation."""
    start = datetime.combine(day, time.min, UTC)
    return [ErrorsOfDay(*row) for row in fetch_all(ERRORS_OF_DAY, [start, start + timedelta(days=1)])]


def among(batch_ids: Sequence[int]) -> set[tuple[int, int]]:
    """Return the batches and organisations of those receipts that there are."""
    return {(batch_id, organisation_id) for batch_id, organisation_id in fetch_all(AMONG, [list(batch_ids)])}


def last_key() -> set[tuple[int, int]]:
    """Return the organisation and the API key of the batch that was stored last; none before the first."""
    return {(organisation_id, api_key_id) for organisation_id, api_key_id in fetch_all(LAST_KEY)}


def amounts() -> Iterator[Amount]:
    """Yield what was stored, as it was charged, by organisation and month. As `of_day`."""
    return (Amount(*row) for row in stream(AMOUNTS))


def bytes_of_keys(api_key_ids: Collection[int], *, since: datetime, until: datetime) -> dict[int, int]:
    """Return the bytes that were stored of these keys' batches received then, as they were charged."""
    return dict(fetch_all(BYTES_OF_KEYS, [since, until, list(api_key_ids)]))
