"""Reading what is in PostgreSQL and in ClickHouse as one. See `storage.entry_reader.EntryReader`.

No entry is shown by both at once. What only the whole can tell (the newest so many, groups' figures) is made of the
entries themselves, page by page.
"""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from hashlib import blake2b
from heapq import merge
from itertools import islice
from operator import attrgetter

from storage import figures
from storage.aggregates import Aggregate, Aggregated, Field, Said, Values
from storage.arrivals import Arrival, FoundOf
from storage.clickhouse.reader import Reader as NewReader
from storage.clickhouse.shown import Shown
from storage.conditions import EVERYTHING, Condition
from storage.errors import Unavailable
from storage.found import FoundEntry, Portion, Sampled, portion
from storage.matching import matches, to_match
from storage.moving.runs import steadily
from storage.postgres import search as old
from storage.search import EPOCH, FIRST_MOMENT, PORTION_BYTES, LevelCount, Position, Search
from storage.wall import State

AT_A_TIME = 1_000
DAY = timedelta(days=1)
position = attrgetter("position")


class Reader:
    """See `storage.entry_reader.EntryReader`."""

    def __init__(self, new: NewReader) -> None:
        self._new = new

    def page(
        self,
        search: Search,
        *,
        limit: int,
        most_bytes: int = PORTION_BYTES,
        after: Position | None = None,
        newest_first: bool = True,
        seconds: float | None = None,
    ) -> Portion:
        """Return the first `limit` entries in the order of time that come after a position; fewer of `most_bytes`."""

        def ask(runs: list[int]) -> Portion:
            both = [
                reader.page(
                    search,
                    limit=limit,
                    most_bytes=most_bytes,
                    after=after,
                    newest_first=newest_first,
                    seconds=seconds,
                )
                for reader in (old, self._showing(runs))
            ]
            return _merged(both, limit=limit, most_bytes=most_bytes, newest_first=newest_first)

        return steadily(ask)

    def sample(
        self,
        search: Search,
        *,
        but: Condition = EVERYTHING,
        limit: int,
        most_bytes: int = PORTION_BYTES,
        among: int,
        seconds: float,
    ) -> Sampled:
        """Pick up to `limit` of the newest `among` entries of a search, of those that fulfil `but`, by a hash."""
        looked, last, chosen = 0, None, list[tuple[bytes, int]]()
        for entry in islice(self._each(search, seconds), among):
            looked, last = looked + 1, entry.timestamp
            if matches(but, to_match(entry)):
                chosen.append((blake2b(str(entry.id).encode()).digest(), entry.id))
        chosen.sort()
        found = (self.entry(search.organisation_id, id_) for _, id_ in chosen[: limit + 1])
        picked = portion(filter(None, found), limit=limit, most_bytes=most_bytes)
        return Sampled(picked, len(chosen), last if looked == among else None)

    def entry(self, organisation_id: int, entry_id: int) -> FoundEntry | None:
        """Return one entry of the organisation."""
        return steadily(
            lambda runs: old.entry(organisation_id, entry_id) or self._showing(runs).entry(organisation_id, entry_id)
        )

    def batch(self, arrival: Arrival, *, after: int = 0, most_bytes: int = PORTION_BYTES) -> Portion:
        """Return the entries of a batch with an id beyond `after`: all of it is in one of the two."""

        def ask(runs: list[int]) -> Portion:
            there = self._showing(runs).batch(arrival, after=after, most_bytes=most_bytes)
            return there or old.batch(arrival, after=after, most_bytes=most_bytes)

        return steadily(ask)

    def found_in(
        self, arrivals: Sequence[Arrival], conditions: Sequence[Condition], *, seconds: float
    ) -> list[FoundOf]:
        """Count the entries of batches of one organisation that fulfil each condition."""
        return steadily(
            lambda runs: [
                *old.found_in(arrivals, conditions, seconds=seconds),
                *self._showing(runs).found_in(arrivals, conditions, seconds=seconds),
            ]
        )

    def level_counts(self, search: Search, *, step: timedelta, origin: datetime = EPOCH) -> list[LevelCount]:
        """Count entries by level and step; steps begin at multiples of `step` around `origin`."""

        def ask(runs: list[int]) -> list[LevelCount]:
            counts = Counter[tuple[datetime, int]]()
            here = old.level_counts(search, step=step, origin=origin, by_rollups=False)
            for one in [*here, *self._showing(runs).level_counts(search, step=step, origin=origin)]:
                counts[one.start, one.level] += one.count
            return [LevelCount(*key, count) for key, count in counts.items()]

        return steadily(ask)

    def aggregate(self, search: Search, asked: Aggregate, *, seconds: float | None = None) -> Aggregated:
        """Make figures of the entries that a search finds, each of which is read."""
        width = asked.step or DAY

        def step_of(happened: datetime) -> datetime:
            since = (happened - asked.origin) % width
            return happened - since if happened - FIRST_MOMENT > since else FIRST_MOMENT

        return figures.aggregate(figures.each(self._each(search, seconds), asked, step_of), asked)

    def values(self, search: Search, fields: Sequence[Field], *, among: int, most: int, seconds: float) -> Values:
        """Count the values of fields in the newest `among` entries of a search."""
        return figures.values(islice(self._each(search, seconds), among), fields, among=among, most=most)

    def messages(self, search: Search, *, among: int, most_characters: int, seconds: float) -> list[Said]:
        """Return what the newest `among` entries of a search say, cut; the newest first."""
        return steadily(
            lambda runs: sorted(
                [
                    *old.messages(search, among=among, most_characters=most_characters, seconds=seconds),
                    *self._showing(runs).messages(
                        search, among=among, most_characters=most_characters, seconds=seconds
                    ),
                ],
                key=_when,
                reverse=True,
            )[:among]
        )

    def lower(self, text: str) -> str:
        """Write `text` in small letters, as the store does that entries move to."""
        return self._new.lower(text)

    def wall(self) -> State:
        """Tell how much of the wall stands, where it is lower."""
        here, there = old.wall(), self._new.wall()
        return there if here is State.STANDS else here

    def _showing(self, runs: list[int]) -> NewReader:
        return self._new.showing(Shown(runs))

    def _each(self, search: Search, seconds: float | None) -> Iterator[FoundEntry]:
        """Yield the entries of a search, the newest first. Raises: `Unavailable` `query_timeout` when time is up."""
        deadline = None if seconds is None else time.monotonic() + seconds
        after, goes_on = None, True
        while goes_on:
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                raise Unavailable("query_timeout")
            entries = self.page(search, limit=AT_A_TIME, after=after, seconds=left)
            yield from entries
            goes_on = entries.goes_on
            after = entries[-1].position if entries else after


def _merged(both: Sequence[Portion], *, limit: int, most_bytes: int, newest_first: bool) -> Portion:
    """Return the first of two pages; what one has left out may come before what the other has behind that place."""
    ends = [one[-1].position for one in both if one.goes_on]
    end = (max(ends) if newest_first else min(ends)) if ends else None
    entries = merge(*both, key=position, reverse=newest_first)
    if end is not None:
        entries = (one for one in entries if (one.position >= end if newest_first else one.position <= end))
    merged = portion(entries, limit=limit, most_bytes=most_bytes)
    merged.goes_on = merged.goes_on or bool(ends)
    return merged


def _when(said: Said) -> tuple[datetime, int]:
    return said.timestamp, said.id
