"""Reading entries in ClickHouse. See `storage.store.EntryReader`."""

from collections.abc import Generator, Sequence
from contextlib import closing
from copy import copy
from datetime import datetime, timedelta
from functools import cached_property
from hashlib import blake2b
from itertools import islice
from typing import Self

from storage import figures
from storage.aggregates import Aggregate, Aggregated, Field, Said, Values
from storage.arrivals import Arrival, FoundOf
from storage.batch import ENTRIES_A_BATCH
from storage.clickhouse import aggregate, counts, letters
from storage.clickhouse.entries import Entries, once
from storage.clickhouse.errors import answering
from storage.clickhouse.reading import Asking, asking, reading
from storage.clickhouse.rows import SELECTED, at, entry_of, micros, moment
from storage.clickhouse.server import Server
from storage.clickhouse.shown import ALL_SHOWN, Shown
from storage.clickhouse.wall import state
from storage.conditions import EVERYTHING, Condition
from storage.found import FoundEntry, Portion, Sampled, portion
from storage.letters import Letters
from storage.search import EPOCH, PORTION_BYTES, LevelCount, Position, Search
from storage.wall import State

BATCH = f"""
SELECT {SELECTED} FROM entry
 WHERE organisation_id = {{owner:UInt64}} AND received_at = {at("{received:Int64}")}
   AND id BETWEEN {{first:UInt64}} AND {{last:UInt64}}{{shown}}
 ORDER BY id
"""  # noqa: S608 - constants
#: Of entries that are read in their order for figures.
AT_A_TIME = 1_000


class Reader:
    """See `storage.store.EntryReader`. Who has no reader of its own is the writer, and has no wall."""

    def __init__(self, server: Server, *, behind: Server | None) -> None:
        self._writer = server
        self._behind = behind
        self._server = behind or server
        self._shown = ALL_SHOWN

    def showing(self, shown: Shown) -> Self:
        """Return a reader that is shown only these."""
        other = copy(self)
        other._shown = shown
        return other

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
        with (
            reading(self._server, search.organisation_id, seconds=seconds) as ask,
            closing(
                self._entries(ask, search.organisation_id).found(
                    search, rows=limit + 1, most_bytes=most_bytes, after=after, newest_first=newest_first
                )
            ) as entries,
        ):
            return portion(entries, limit=limit, most_bytes=most_bytes)

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
        with reading(self._server, search.organisation_id, seconds=seconds) as ask:
            found = self._entries(ask, search.organisation_id)
            newest = list(found.newest(search, but, among=among))
            chosen = sorted((blake2b(str(id_).encode()).digest(), id_) for id_, _, is_picked in newest if is_picked)
            since = moment(newest[-1][1]) if len(newest) == among else None
            entries = found.by_ids([id_ for _, id_ in chosen[: limit + 1]])
            return Sampled(portion(entries, limit=limit, most_bytes=most_bytes), len(chosen), since)

    def entry(self, organisation_id: int, entry_id: int) -> FoundEntry | None:
        """Return one entry of the organisation."""
        with reading(self._server, organisation_id) as ask:
            return next(self._entries(ask, organisation_id).by_ids([entry_id]), None)

    def batch(self, arrival: Arrival, *, after: int = 0, most_bytes: int = PORTION_BYTES) -> Portion:
        """Return the entries of a batch with an id beyond `after`. The live tail has one reader: it takes no place."""
        parameters = {
            "owner": arrival.organisation_id,
            "received": micros(arrival.received_at),
            "first": max(arrival.first_entry_id, after + 1),
            "last": arrival.last_entry_id,
        }
        ask = asking(self._server, arrival.organisation_id)
        with (
            answering(arrival.organisation_id),
            closing(ask.stream(BATCH.replace("{shown}", self._shown.also), parameters)) as rows,
        ):
            return portion(once(map(entry_of, rows)), limit=ENTRIES_A_BATCH, most_bytes=most_bytes)

    def found_in(
        self, arrivals: Sequence[Arrival], conditions: Sequence[Condition], *, seconds: float
    ) -> list[FoundOf]:
        """Count the entries of batches of one organisation that fulfil each condition."""
        if not arrivals or not conditions:
            return []
        owner = arrivals[0].organisation_id
        ask = asking(self._server, owner, seconds=seconds)
        with answering(owner):
            return counts.of_batches(ask, self._entries(ask, owner).question(), arrivals, conditions)

    def level_counts(self, search: Search, *, step: timedelta, origin: datetime = EPOCH) -> list[LevelCount]:
        """Count entries by level and step; steps begin at multiples of `step` around `origin`."""
        with reading(self._server, search.organisation_id) as ask:
            question = self._entries(ask, search.organisation_id).question()
            return counts.by_level(ask, question, search, step=step, origin=origin)

    def aggregate(self, search: Search, asked: Aggregate, *, seconds: float | None = None) -> Aggregated:
        """Make figures of the entries that a search finds."""
        with reading(self._server, search.organisation_id, seconds=seconds) as ask:
            return aggregate.aggregate(self._entries(ask, search.organisation_id), search, asked)

    def values(self, search: Search, fields: Sequence[Field], *, among: int, most: int, seconds: float) -> Values:
        """Count the values of fields in the newest `among` entries of a search."""
        with reading(self._server, search.organisation_id, seconds=seconds) as ask:
            told = aggregate.values(self._entries(ask, search.organisation_id), search, fields, among=among, most=most)
            if told is not None:
                return told
            with closing(self._in_order(ask, search)) as entries:
                return figures.values(islice(once(entries), among), fields, among=among, most=most)

    def messages(self, search: Search, *, among: int, most_characters: int, seconds: float) -> list[Said]:
        """Return what the newest `among` entries of a search say, cut; the newest first."""
        with reading(self._server, search.organisation_id, seconds=seconds) as ask:
            found = self._entries(ask, search.organisation_id)
            told = found.said(search, among=among, most_characters=most_characters)
            if told is not None:
                return told
            with closing(self._in_order(ask, search)) as entries:
                return [
                    Said(one.id, one.timestamp, one.level, one.message[:most_characters])
                    for one in islice(once(entries), among)
                ]

    def lower(self, text: str) -> str:
        """Write `text` in small letters. The first text that is not ASCII asks ClickHouse how."""
        return text.lower() if text.isascii() else self._letters.lower(text)

    def wall(self) -> State:
        """Tell how much of the wall stands."""
        return state(self._writer, self._behind)

    @cached_property
    def _letters(self) -> Letters:
        return letters.ask(self._server)

    def _entries(self, ask: Asking, organisation_id: int) -> Entries:
        return Entries(ask, organisation_id, self.lower, self._shown)

    def _in_order(self, ask: Asking, search: Search) -> Generator[FoundEntry]:
        """Yield the newest entries, many at a time."""
        return self._entries(ask, search.organisation_id).found(search, rows=AT_A_TIME, most_bytes=PORTION_BYTES)
