"""Reading entries in PostgreSQL: each question in a transaction of its own, behind the wall.

See `storage.entry_reader.EntryReader`.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

from storage.arrivals import Arrival
from storage.batch import ENTRIES_A_BATCH
from storage.conditions import EVERYTHING, Condition
from storage.found import COLUMNS, FoundEntry, Portion, Sampled, found, portion
from storage.postgres import rolled
from storage.postgres.aggregate import aggregate
from storage.postgres.arrived import found_in
from storage.postgres.errors import answering
from storage.postgres.finding import found_by, page_cost_of
from storage.postgres.letters import letters, lower
from storage.postgres.newest import messages, values
from storage.postgres.ordered import found_in_order
from storage.postgres.predicates import compile_condition, of_organisation
from storage.postgres.reads import SELECTED, Reader, reading, stream
from storage.search import EPOCH, PORTION_BYTES, LevelCount, Position, Search, received_from
from storage.wall import ALIAS, ENTRIES, State, behind, state

__all__ = [
    "aggregate",
    "batch",
    "entry",
    "found_in",
    "level_counts",
    "lower",
    "messages",
    "page",
    "sample",
    "values",
    "wall",
]

#: Picked by a hash of the id: as good as chance, and the same each time. Only what is picked is fetched whole, each by
#: its place: nothing else of an entry is in memory with a hundred thousand others.
SAMPLE = f"""
WITH newest AS MATERIALIZED (
    SELECT id, received_at, timestamp, ({{but}}) IS TRUE AS fulfils FROM {{entries}} WHERE {{where}}
     ORDER BY timestamp DESC LIMIT %s),
picked AS (
    SELECT id AS picked_id, received_at AS picked_at FROM newest WHERE fulfils ORDER BY hashint8(id), id LIMIT %s)
SELECT {SELECTED}, (SELECT count(*) FROM newest WHERE fulfils),
       (SELECT CASE WHEN count(*) = %s THEN min(timestamp) END FROM newest)
  FROM picked
 CROSS JOIN LATERAL (SELECT {", ".join(COLUMNS)} FROM {{entries}}
                      WHERE {{own}} AND id = picked_id AND received_at = picked_at OFFSET 0) AS whole
 ORDER BY hashint8(id), id
"""  # noqa: S608 - constants
STEP = rolled.STEP.format(moment="timestamp")
# The primary key, in one partition.
BATCH = f"""
SELECT {SELECTED} FROM {ENTRIES}
WHERE id BETWEEN %s AND %s AND received_at = %s AND organisation_id = %s
ORDER BY id
"""  # noqa: S608 - constants


def page(
    search: Search,
    *,
    limit: int,
    most_bytes: int = PORTION_BYTES,
    after: Position | None = None,
    newest_first: bool = True,
    seconds: float | None = None,
) -> Portion:
    """Return the first `limit` entries in the order of time that come after a position; fewer of `most_bytes`."""
    with (
        reading(search.organisation_id, seconds=seconds) as reader,
        closing(found_in_order(reader, search, rows=limit + 1, after=after, newest_first=newest_first)) as entries,
    ):
        return portion(entries, limit=limit, most_bytes=most_bytes)


def sample(
    search: Search,
    *,
    but: Condition = EVERYTHING,
    limit: int,
    most_bytes: int = PORTION_BYTES,
    among: int,
    seconds: float,
) -> Sampled:
    """Pick up to `limit` of the newest `among` entries of a search, of those that fulfil `but`."""
    own, condition = of_organisation(search.organisation_id), compile_condition(but)
    where = found_by(search, received_from=received_from(search.start))
    sql = SAMPLE.format(entries=ENTRIES, own=own.sql, but=condition.sql, where=where.sql)
    parameters = [*condition.parameters, *where.parameters, among, limit, among, *own.parameters]
    fulfilled, since = 0, None

    def picked(rows: Iterator[tuple[Any, ...]]) -> Iterator[FoundEntry]:
        nonlocal fulfilled, since
        for *row, fulfilled, since in rows:  # noqa: B007 - the same in each
            yield found(row)

    with (
        reading(search.organisation_id, seconds=seconds) as reader,
        closing(reader.stream(sql, parameters, page_cost=page_cost_of(search))) as rows,
    ):
        entries = portion(picked(rows), limit=limit, most_bytes=most_bytes)
    return Sampled(entries, fulfilled, since)


def entry(organisation_id: int, entry_id: int) -> FoundEntry | None:
    """Return one entry of the organisation."""
    own = of_organisation(organisation_id)
    sql = f"SELECT {SELECTED} FROM {ENTRIES} WHERE {own.sql} AND id = %s"  # noqa: S608 - constants
    with reading(organisation_id) as reader:
        return next(map(found, reader.stream(sql, [*own.parameters, entry_id])), None)


def batch(arrival: Arrival, *, after: int = 0, most_bytes: int = PORTION_BYTES) -> Portion:
    """Return the entries of a batch with an id beyond `after`. The live tail has one reader: it takes no place."""
    letters()  # whoever matches these entries needs them, and may be on a thread without a connection
    first = max(arrival.first_entry_id, after + 1)
    parameters = [first, arrival.last_entry_id, arrival.received_at, arrival.organisation_id]
    with (
        answering(arrival.organisation_id),
        behind([arrival.organisation_id], using=ALIAS),
        closing(stream(BATCH, parameters)) as rows,
    ):
        return portion(map(found, rows), limit=ENTRIES_A_BATCH, most_bytes=most_bytes)


def level_counts(
    search: Search, *, step: timedelta, origin: datetime = EPOCH, by_rollups: bool = True
) -> list[LevelCount]:
    """Count entries by level and step; steps begin at multiples of `step` around `origin`, empty ones are left out.

    Rollups tell of entries wherever they are: not `by_rollups`, it counts those that are here.
    """
    counts: Counter[tuple[datetime, int]] = Counter()
    first_day, starts = received_from(search.start), (step.total_seconds(), origin)
    with reading(search.organisation_id) as reader:
        told = rolled.tell(reader, search, step=step, origin=origin) if by_rollups else rolled.untold(search)
        left = (_count(reader, part, starts=starts, first_day=first_day) for part in told.left)
        for start, level, count in chain(told.rows, *left):
            counts[start, level] += count
    return [LevelCount(*key, count) for key, count in counts.items()]


def wall() -> State:
    """Tell how much of the wall stands for this process's database user."""
    return state()


def _count(
    reader: Reader, part: rolled.Part, *, starts: tuple[float, datetime], first_day: datetime
) -> list[tuple[Any, ...]]:
    where = found_by(part.search, received_from=first_day)
    sql = f"SELECT {STEP}, level, count(*) FROM {ENTRIES} WHERE {where.sql} AND ({part.received.sql}) GROUP BY 1, 2"  # noqa: S608
    parameters = [*starts, *where.parameters, *part.received.parameters]
    return reader.rows(sql, parameters, page_cost=page_cost_of(part.search))
