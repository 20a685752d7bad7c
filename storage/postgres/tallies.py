"""What is stored of a day, batch by batch, for whoever compares it with the receipts."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta

from foundation.postgres import stream
from storage.batch import ENTRIES_A_BATCH
from storage.store import Presence

#: A table's primary key holds an id once at one time of receipt: what is counted here are different entries.
TALLIES = f"""
SELECT id / {ENTRIES_A_BATCH}, organisation_id, received_at, count(*), sum(size_bytes)::bigint
  FROM (SELECT id, organisation_id, received_at, size_bytes FROM storage_entry
         UNION ALL
        SELECT id, organisation_id, received_at, size_bytes FROM storage_logentry) AS entry
 WHERE received_at >= %s AND received_at < %s
 GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""  # noqa: S608 - constants only


def tallies(day: date) -> Iterator[Presence]:
    """Count what was received on `day`, by batch, organisation and time of receipt, in that order.

    In the caller's transaction, of which there must be one.
    """
    start = datetime.combine(day, time.min, UTC)
    for row in stream(TALLIES, [start, start + timedelta(days=1)]):
        yield Presence(*row)
