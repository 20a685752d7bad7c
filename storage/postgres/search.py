"""Reading entries in PostgreSQL: each question in a transaction of its own, behind the wall.

See `storage.store.EntryReader`.
"""

import time
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import replace
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
from storage.postgres.predicates import compile_condition, of_organisation
from storage.postgres.reads import Reader, reading, stream
from storage.postgres.walking import entries_ahead, is_indexed
from storage.search import EPOCH, PORTION_BYTES, LevelCount, Position, Search, later, received_from
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

#: A search goes through its range in slices, newest (or oldest) first, each four times as long as the one before.
FIRST_SLICE = timedelta(days=1)
DOCUMENTS = {name: f"convert_to({name}, 'UTF8') AS {name}" for name in ("metadata", "error")}
#: Documents as bytes: nothing but their readers looks into them.
SELECTED = ", ".join(DOCUMENTS.get(name, name) for name in COLUMNS)

#: In the order of time, by whether the newest come first: by the index of it, an entry at a time.
ORDER = {True: "timestamp DESC, id DESC", False: "timestamp, id"}
#: The same order, which no index has: whoever asks so looks through everything, and sorts what is found.
SORTED = {True: "timestamp AT TIME ZONE 'UTC' DESC, id DESC", False: "timestamp AT TIME ZONE 'UTC', id"}
# The next so many entries, found or not: those that are found, and the last one to go on from. What the view makes of
# documents is made here, where it is asked for: above a LIMIT the view would make it of every entry.
WALK = f"""
SELECT {SELECTED}, ({{condition}}) IS TRUE, number
  FROM (SELECT {", ".join(COLUMNS)}, row_number() OVER (ORDER BY {{order}}) AS number
          FROM {{entries}} WHERE {{where}}
         ORDER BY {{order}} LIMIT %s) AS walked
 CROSS JOIN LATERAL (SELECT metadata::jsonb AS metadata_value, error::jsonb AS error_value,
                            lower(message || coalesce(metadata, '') || coalesce(error, '')) AS words) AS made
 WHERE ({{condition}}) OR number = %s
 ORDER BY number LIMIT %s
"""  # noqa: S608 - constants
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
        closing(_found(reader, search, rows=limit + 1, after=after, newest_first=newest_first)) as entries,
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


def _found(
    reader: Reader, search: Search, *, rows: int, after: Position | None, newest_first: bool
) -> Generator[FoundEntry]:
    """Yield the first so many entries, each when it is asked for."""
    if search.query == EVERYTHING:
        yield from _asked(reader, search, after, rows=rows, newest_first=newest_first, by=ORDER)
        return
    walk = _Walk(reader, search, after, rows, newest_first)
    yield from walk.found()
    left = rows - walk.found_entries
    if walk.is_over or not left:
        return
    for part in _slices(_remaining(search, walk.after, newest_first), newest_first):
        for entry in _asked(reader, part, walk.after, rows=left, newest_first=newest_first, by=SORTED, whole=search):
            yield entry
            left -= 1
        if not left:
            return


class _Walk:
    """The entries of a search in the order of time, found or not, as long as walking promises to be quick."""

    def __init__(self, reader: Reader, search: Search, after: Position | None, wanted: int, newest_first: bool) -> None:
        self._reader, self._search, self._wanted, self._newest_first = reader, search, wanted, newest_first
        self.after = after
        self.found_entries = 0
        self.is_over = False

    def found(self) -> Iterator[FoundEntry]:
        """Yield what is found."""
        walked, began = 0, time.monotonic()
        indexed = is_indexed(self._search.query)
        while self.found_entries < self._wanted and not self.is_over:
            ahead = entries_ahead(
                walked=walked,
                found=self.found_entries,
                wanted=self._wanted,
                seconds=time.monotonic() - began,
                is_indexed=indexed,
            )
            if ahead is None:
                return
            yield from self._next(ahead)
            walked += ahead

    def _next(self, entries: int) -> Iterator[FoundEntry]:
        search, newest_first = self._search, self._newest_first
        part = replace(_remaining(search, self.after, newest_first), query=EVERYTHING)
        where = found_by(part, received_from=received_from(search.start), after=self.after, newest_first=newest_first)
        condition = compile_condition(search.query)
        order = ORDER[newest_first]
        sql = WALK.format(entries=ENTRIES, condition=condition.sql, where=where.sql, order=order)
        left = self._wanted - self.found_entries
        self.is_over = True
        parameters = [*condition.parameters, *where.parameters, entries, *condition.parameters, entries, left]
        with closing(self._reader.stream(sql, parameters)) as rows:
            for *row, is_found, number in rows:
                entry = found(row)
                self.after = entry.position
                self.is_over = number < entries
                if is_found:
                    self.found_entries += 1
                    yield entry


def _asked(
    reader: Reader,
    search: Search,
    after: Position | None,
    *,
    rows: int,
    newest_first: bool,
    by: dict[bool, str],
    whole: Search | None = None,
) -> Iterator[FoundEntry]:
    """Yield up to `rows` entries of one statement; `search` may be a slice of the `whole`."""
    first_day = received_from((whole or search).start)
    part = _remaining(search, after, newest_first)
    where = found_by(part, received_from=first_day, after=after, newest_first=newest_first)
    sql = f"SELECT {SELECTED} FROM {ENTRIES} WHERE {where.sql} ORDER BY {by[newest_first]} LIMIT %s"  # noqa: S608
    with closing(reader.stream(sql, [*where.parameters, rows], page_cost=page_cost_of(search))) as found_rows:
        yield from map(found, found_rows)


def _remaining(search: Search, after: Position | None, newest_first: bool) -> Search:
    if after is None:
        return search
    if newest_first:
        return replace(search, end=min(search.end, later(after[0], by=timedelta(microseconds=1))))
    return replace(search, start=max(search.start, after[0]))


def _slices(search: Search, newest_first: bool) -> Iterator[Search]:
    """Yield the search in slices: an answer near the beginning then never costs the whole range.

    PostgreSQL cannot know how many entries have a certain value; a slice bounds what a wrong guess costs.
    """
    width = FIRST_SLICE
    start, end = search.start, search.end
    while True:  # also where nothing is left but the last moment
        if newest_first:
            edge = max(start, end - width) if end - start > width else start
            yield replace(search, start=edge, end=end)
            end = edge
        else:
            edge = min(end, start + width) if end - start > width else end
            yield replace(search, start=start, end=edge)
            start = edge
        if start >= end:
            return
        width *= 4
