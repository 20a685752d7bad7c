"""How much waits between a 200 and the log store, measured at a bounded cost however much it is."""

from dataclasses import dataclass, field
from datetime import datetime

from foundation.postgres import fetch_all, fetch_one
from ingest.waits_for import WaitsFor

#: A spool of up to this many pages (16 MiB without the payloads that lie out of line) is measured exactly, a larger one
#: by as many pages of it, chosen at random; rows that are gone but not yet vacuumed are not counted.
PAGES = 2_048
#: What a row takes besides its payload: its other columns and its entries in the indexes.
ROW_BYTES = 300

SHARE = """
    SELECT least(1, %(pages)s * current_setting('block_size')::float
                    / greatest(pg_relation_size('ingest_spooledbatch'), 1)) AS measured
"""
SAMPLE = """
       TABLESAMPLE SYSTEM (least(100, 100 * %(pages)s * current_setting('block_size')::float
                                      / greatest(pg_relation_size('ingest_spooledbatch'), 1)))
"""
#: From when on a batch waits to be stored: one that is deferred, from then.
DUE_AT = "coalesce(deferred_until, received_at)"
#: What waits for its own place in the log store only must not stop the others, however old it is.
#: `pg_column_size` looks at the pointer to a payload out of line, not at the payload.
MEASURE = f"""
WITH share AS ({SHARE})
SELECT (count(batch_id) / share.measured)::bigint,
       (coalesce(sum(pg_column_size(payload) + %(row_bytes)s), 0) / share.measured)::bigint,
       coalesce(extract(epoch FROM now() - min({DUE_AT})), 0)::float,
       coalesce(extract(epoch FROM now() - min({DUE_AT}) FILTER (WHERE waits_for <> %(place)s)), 0)::float,
       (count(*) FILTER (WHERE attempts > 0) / share.measured)::bigint,
       (count(*) FILTER (WHERE deferred_until > now()) / share.measured)::bigint,
       extract(epoch FROM now())::float
  FROM share LEFT JOIN ingest_spooledbatch {SAMPLE} ON true
 GROUP BY share.measured
"""  # noqa: S608 - constants
#: By organisation.
DEFERRED = f"""
WITH share AS ({SHARE})
SELECT organisation_id, (sum(pg_column_size(payload) + %(row_bytes)s) / share.measured)::bigint
  FROM share CROSS JOIN ingest_spooledbatch {SAMPLE}
 WHERE deferred_until > now() GROUP BY organisation_id, share.measured
"""  # noqa: S608 - constants
SIZES = {"pages": PAGES, "row_bytes": ROW_BYTES}
#: Replays are of batches that came long ago, and are missed by nobody.
FIRST_OF_EACH = """
SELECT organisation_id, min(received_at) FROM ingest_spooledbatch WHERE NOT is_replayed GROUP BY 1
"""


@dataclass(frozen=True, kw_only=True)
class Backlog:
    """The batches in the spool. `bytes` is what they take on disk; estimates once there are very many.

    `oldest_delaying_seconds` leaves out those that wait for their own organisation's or day's place in the log store;
    `failed_rows` have failed and are tried again; `deferred_rows` are not due yet, and no age counts before they are.
    `clock` is PostgreSQL's, in seconds since 1970.
    """

    rows: int
    bytes: int
    oldest_seconds: float
    oldest_delaying_seconds: float = 0.0
    failed_rows: int = 0
    deferred_rows: int = 0
    clock: float = field(default=0.0, compare=False)


def measure() -> Backlog:
    """Measure the spool, in milliseconds even when it is full. Raises: `OperationalError`."""
    row = fetch_one(MEASURE, {**SIZES, "place": WaitsFor.PLACE})
    assert row
    rows, size_bytes, oldest_seconds, oldest_delaying_seconds, failed_rows, deferred_rows, clock = row
    return Backlog(
        rows=rows,
        bytes=size_bytes,
        oldest_seconds=max(0.0, oldest_seconds),
        oldest_delaying_seconds=max(0.0, oldest_delaying_seconds),
        failed_rows=failed_rows,
        deferred_rows=deferred_rows,
        clock=clock,
    )


def deferred_bytes() -> dict[int, int]:
    """Return what is deferred takes on disk, by organisation, at the same cost. Raises: `OperationalError`."""
    return dict(fetch_all(DEFERRED, SIZES))


def first_received() -> dict[int, datetime]:
    """Return when the first batch of each organisation came that is not stored yet, replays aside.

    Whatever was committed before is in the log store: a batch is here until the commit that stores it.
    """
    return dict(fetch_all(FIRST_OF_EACH))
