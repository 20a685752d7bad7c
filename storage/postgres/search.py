"""Reading entries in PostgreSQL: each question in a transaction of its own, behind the wall.

See `storage.store.EntryReader`.
"""

from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta

from storage.batch import ENTRIES_A_BATCH
from storage.conditions import EVERYTHING
from storage.found import COLUMNS, FoundEntry, Portion, found, portion
from storage.postgres.errors import answering
from storage.postgres.letters import letters, lower
from storage.postgres.predicates import Predicate, compile_condition, of_organisation
from storage.postgres.reads import Reader, reading, stream
from storage.receipts import Arrival
from storage.search import LAST_MOMENT, PORTION_BYTES, SKEW, LevelCount, Position, Search, earlier, later
from storage.wall import ALIAS, ENTRIES, State, behind, state

__all__ = ["batch", "entry", "level_counts", "lower", "page", "wall"]

#: A search goes through its range in slices, newest (or oldest) first, each four times as long as the one before.
FIRST_SLICE = timedelta(hours=6)

STEP = "greatest(date_bin(make_interval(secs => %s), timestamp, '1970-01-01 00:00Z'), '0001-01-01 00:00Z')"
# The primary key, in one partition.
BATCH = f"""
SELECT {COLUMNS} FROM {ENTRIES}
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
) -> Portion:
    """Return the first `limit` entries in the order of time that come after a position; fewer of `most_bytes`."""
    with (
        reading(search.organisation_id) as reader,
        closing(_found(reader, search, rows=limit + 1, after=after, newest_first=newest_first)) as entries,
    ):
        return portion(entries, limit=limit, most_bytes=most_bytes)


def entry(organisation_id: int, entry_id: int) -> FoundEntry | None:
    """Return one entry of the organisation."""
    own = of_organisation(organisation_id)
    sql = f"SELECT {COLUMNS} FROM {ENTRIES} WHERE {own.sql} AND id = %s"  # noqa: S608 - constants
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


def level_counts(search: Search, *, step: timedelta) -> list[LevelCount]:
    """Count entries by level and step; steps begin at multiples of `step` since 1970, empty ones are left out."""
    where = _where(search, received_from=earlier(search.start, by=SKEW))
    with reading(search.organisation_id) as reader:
        rows = reader.rows(
            f"SELECT {STEP}, level, count(*) FROM {ENTRIES} WHERE {where.sql} GROUP BY 1, 2",  # noqa: S608
            [step.total_seconds(), *where.parameters],
        )
    return [LevelCount(*row) for row in rows]


def wall() -> State:
    """Tell how much of the wall stands for this process's database user."""
    return state()


def _found(
    reader: Reader, search: Search, *, rows: int, after: Position | None, newest_first: bool
) -> Generator[FoundEntry]:
    """Yield the first so many entries, each when it is asked for."""
    beyond, direction = ("<", "DESC") if newest_first else (">", "ASC")
    beginning = f" AND (timestamp, id) {beyond} (%s, %s)" if after else ""
    left = rows
    for part in _slices(_remaining(search, after, newest_first), newest_first):
        where = _where(part, received_from=earlier(search.start, by=SKEW))
        sql = (
            f"SELECT {COLUMNS} FROM {ENTRIES} WHERE {where.sql}{beginning}"  # noqa: S608 - constants, see predicates
            f" ORDER BY timestamp {direction}, id {direction} LIMIT %s"
        )
        with closing(reader.stream(sql, [*where.parameters, *(after or ()), left])) as found_rows:
            for row in found_rows:
                yield found(row)
                left -= 1
        if not left:
            return


def _where(search: Search, *, received_from: datetime) -> Predicate:
    """Bind the organisation and the time; `received_from` leaves out the partitions of earlier days."""
    own, condition = of_organisation(search.organisation_id), compile_condition(search.query)
    return Predicate(
        f"{own.sql} AND timestamp >= %s AND timestamp < %s AND received_at >= %s AND ({condition.sql})",
        (*own.parameters, search.start, _end(search), received_from, *condition.parameters),
    )


def _end(search: Search) -> datetime | str:
    """Return what timestamps must be below: beyond the last moment there is only infinity (PostgreSQL manual, 8.5)."""
    return "infinity" if search.end == LAST_MOMENT else search.end


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
    if search.query == EVERYTHING:
        yield search
        return
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
