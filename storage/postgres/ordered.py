"""The entries that a search finds, in the order of time: walked one by one while that is quick, else slice by slice."""

import time
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta

from storage.conditions import EVERYTHING
from storage.found import COLUMNS, FoundEntry, found
from storage.postgres.finding import found_by, page_cost_of
from storage.postgres.predicates import compile_condition
from storage.postgres.reads import SELECTED, Reader
from storage.postgres.walking import entries_ahead, is_indexed
from storage.search import Position, Search, later, received_from
from storage.wall import ENTRIES

#: A search goes through its range in slices, newest (or oldest) first, each four times as long as the one before.
FIRST_SLICE = timedelta(days=1)
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


def found_in_order(
    reader: Reader, search: Search, *, rows: int, after: Position | None, newest_first: bool
) -> Generator[FoundEntry]:
    """Yield the first so many entries after a position, each when it is asked for."""
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
