"""What is stored of a day, batch by batch, for whoever compares it with the receipts."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta

from foundation.postgres import fetch_all, stream
from storage.batch import ENTRIES_A_BATCH
from storage.receipts import Certified
from storage.store import Presence
from storage.tally import Kind

#: A table's primary key holds an id once at one time of receipt: what is counted here are different entries.
TALLIES = f"""
SELECT id / {ENTRIES_A_BATCH}, organisation_id, received_at, count(*), sum(size_bytes)::bigint, count(error_key)
  FROM (SELECT id, organisation_id, received_at, size_bytes, error_key FROM storage_entry
         UNION ALL
        SELECT id, organisation_id, received_at, size_bytes, NULL FROM storage_logentry) AS entry
 WHERE received_at >= %s AND received_at < %s
 GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""  # noqa: S608 - constants only

#: The primary key, batch by batch: entries of a batch have its time of receipt.
KINDS = f"""
SELECT batch_id, to_char(timestamp AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI'), level, project, environment, count(*)
  FROM unnest(%s::bigint[], %s::bigint[], %s::timestamptz[]) AS batch(batch_id, organisation_id, received_at)
  JOIN (SELECT id, organisation_id, received_at, timestamp, level, project, environment FROM storage_entry
         UNION ALL
        SELECT id, organisation_id, received_at, timestamp, level, project, environment FROM storage_logentry) AS entry
    ON entry.received_at = batch.received_at AND entry.organisation_id = batch.organisation_id
   AND entry.id >= batch_id * {ENTRIES_A_BATCH} AND entry.id < (batch_id + 1) * {ENTRIES_A_BATCH}
 WHERE entry.received_at >= %s AND entry.received_at < %s
 GROUP BY 1, 2, 3, 4, 5 ORDER BY 1
"""  # noqa: S608 - constants only


def tallies(day: date) -> Iterator[Presence]:
    """Count what was received on `day`, by batch, organisation and time of receipt, in that order.

    In the caller's transaction, of which there must be one.
    """
    start = datetime.combine(day, time.min, UTC)
    for row in stream(TALLIES, [start, start + timedelta(days=1)]):
        yield Presence(*row)


def kinds(batches: Sequence[Certified]) -> Iterator[tuple[int, Kind, int]]:
    """Count what is stored of `batches`, by batch and kind. In the caller's transaction."""
    ids, owners, times = zip(*((one.batch_id, one.organisation_id, one.received_at) for one in batches), strict=True)
    parameters = [list(ids), list(owners), list(times), min(times), max(times) + timedelta(microseconds=1)]
    for batch_id, minute, *rest, entries in fetch_all(KINDS, parameters):
        yield batch_id, (minute.encode(), *rest), entries
