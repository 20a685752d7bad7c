"""A log store in a dict, which nothing of the product knows: it proves that the door is one, and says what a store is.

It does not join PostgreSQL's transaction, takes conditions at the oracle's word, and forgets when its process ends.
"""

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from hashlib import blake2b
from itertools import groupby

import msgspec
from msgspec.structs import replace

from explore.shape import as_mapping, as_text
from foundation.levels import BY_NAME
from foundation.numbers import shorten
from storage.aggregates import Aggregate, Aggregated, Field, Said, Values
from storage.arrivals import Arrival, FoundOf
from storage.batch import ENTRIES_A_BATCH, Batch, BatchHead, entry_id
from storage.conditions import EVERYTHING, Condition
from storage.entry import CanonicalEntry
from storage.errors import Refused, Unavailable
from storage.found import FoundEntry, Portion, Sampled, portion
from storage.matching import matches
from storage.receipts import Certified
from storage.search import EPOCH, FIRST_MOMENT, LAST_MOMENT, PORTION_BYTES, LevelCount, Position, Search
from storage.store import DAYS_AHEAD, Place, Presence, Store, StoredDay
from storage.tally import Kind, Tally
from storage.wall import State
from tests.contract import figures

#: (organisation, entry) by the entry's id.
Entries = dict[int, tuple[int, FoundEntry]]


def open_store(_url: str) -> Store:
    """Return an empty store."""
    entries: Entries = {}
    writer = Writer(entries)
    return Store(
        writer=writer,
        reader=Reader(entries),
        days=Days(entries),
        eraser=Eraser(entries),
        keeper=Keeper(writer, entries),
    )


class Writer:
    """See `storage.store.EntryWriter`."""

    joins_transaction = False
    deletes_at_once = 10_000
    #: What the next writes meet, if it is not of certain organisations alone.
    trouble: Unavailable | Refused | None = None
    trouble_is_of: int | None = None

    def __init__(self, entries: Entries) -> None:
        self._entries = entries

    def write(self, batches: Sequence[Batch]) -> Tally:
        if self.trouble and self.trouble_is_of in (None, *(batch.organisation_id for batch in batches)):
            raise self.trouble
        rows = [(batch.organisation_id, entry) for batch in batches for entry in _entries_of(batch)]
        for organisation_id, entry in rows:
            self._entries.setdefault(entry.id, (organisation_id, entry))
        tally = Tally()
        for batch in batches:
            for entry in _entries_of(batch):
                tally.of(batch.organisation_id, batch.received_at)[_kind(entry)] += 1
        return tally

    def delete(self, organisation_id: int, *, before: datetime, limit: int, but: Sequence[int] = ()) -> int:
        old = [
            entry.id
            for owner, entry in self._entries.values()
            if owner == organisation_id and entry.received_at < before and entry.id // ENTRIES_A_BATCH not in but
        ][:limit]
        for id_ in old:
            del self._entries[id_]
        return len(old)

    def remove(self, batches: Sequence[BatchHead]) -> None:
        gone = {(one.batch_id, one.received_at) for one in batches}
        for id_, (_, entry) in list(self._entries.items()):
            if (id_ // ENTRIES_A_BATCH, entry.received_at) in gone:
                del self._entries[id_]

    def tallies(self, day: date) -> Iterator[Presence]:
        stored = [
            (entry.id // 1024, owner, entry.received_at, entry.size_bytes, entry.error_key is not None)
            for owner, entry in self._entries.values()
            if entry.received_at.date() == day
        ]
        for (batch_id, owner, received_at), group in groupby(sorted(stored), key=lambda row: row[:3]):
            sizes, errors = zip(*(row[3:] for row in group), strict=True)
            yield Presence(batch_id, owner, received_at, len(sizes), sum(sizes), sum(errors))

    def set_error_keys(self, batch: Batch) -> int:
        keys = {
            entry_id(batch.batch_id, index): key
            for index, key in zip(batch.indexes, batch.error_keys or (), strict=False)
        }
        found = [id_ for id_, key in keys.items() if key is not None and id_ in self._entries]
        for id_ in found:
            owner, entry = self._entries[id_]
            self._entries[id_] = (owner, dataclasses.replace(entry, error_key=keys[id_]))
        return len(found)

    def kinds(self, batches: Sequence[Certified]) -> Iterator[tuple[int, Kind, int]]:
        places = {(one.batch_id, one.organisation_id, one.received_at) for one in batches}
        counts = Counter(
            (entry.id // ENTRIES_A_BATCH, _kind(entry))
            for owner, entry in self._entries.values()
            if (entry.id // ENTRIES_A_BATCH, owner, entry.received_at) in places
        )
        return ((batch_id, kind, counts[batch_id, kind]) for batch_id, kind in sorted(counts))


class Keeper:
    """See `storage.store.EntryKeeper`: what is written is there at once, and nothing comes later."""

    block_entries = 2**18
    fill_seconds = 0.0
    #: The token of each write, in order.
    written: list[str]

    def __init__(self, writer: Writer, entries: Entries) -> None:
        self._writer = writer
        self._entries = entries
        self.written = []

    def deadline(self) -> int:
        return 0

    def write(self, batches: Sequence[Batch], *, token: str, attempt: int, deadline: int) -> Tally:  # noqa: ARG002
        self.written.append(token)
        return self._writer.write(batches)

    def presence(self, batches: Sequence[BatchHead]) -> dict[int, Presence]:
        days = {one.received_at.date() for one in batches}
        ids = {one.batch_id for one in batches}
        return {one.batch_id: one for day in days for one in self._writer.tallies(day) if one.batch_id in ids}

    def fence(self, token: str, *, deadline: int) -> None:
        """Nothing is under way."""

    def remove(self, batches: Sequence[BatchHead]) -> None:
        ids = {one.batch_id for one in batches}
        for id_ in [id_ for id_ in self._entries if id_ // ENTRIES_A_BATCH in ids]:
            del self._entries[id_]


class Eraser:
    """See `storage.store.EntryEraser`."""

    can_rewrite = True

    def __init__(self, entries: Entries) -> None:
        self._entries = entries

    def holding(self, organisation_id: int, condition: Condition, *, day: date) -> list[Place]:
        places = {
            Place(entry.id // ENTRIES_A_BATCH, entry.received_at)
            for owner, entry in self._entries.values()
            if owner == organisation_id and entry.received_at.date() == day and matches(condition, as_mapping(entry))
        }
        return sorted(places)

    def found_in(self, organisation_id: int, places: Sequence[Place], condition: Condition) -> Iterator[FoundEntry]:
        return (
            entry
            for owner, entry in list(self._entries.values())
            if owner == organisation_id
            and (entry.id // ENTRIES_A_BATCH, entry.received_at) in places
            and matches(condition, as_mapping(entry))
        )

    def erase(self, organisation_id: int, entries: Sequence[tuple[int, datetime]]) -> set[int]:
        gone = {id_ for id_, _ in entries if self._entries.get(id_, (None,))[0] == organisation_id}
        for id_ in gone:
            del self._entries[id_]
        return gone

    def rewrite(self, organisation_id: int, entries: Sequence[FoundEntry]) -> set[int]:
        there = [one for one in entries if self._entries.get(one.id, (None,))[0] == organisation_id]
        self._entries.update({one.id: (organisation_id, one) for one in there})
        return {one.id for one in there}


class Reader:
    """See `storage.entry_reader.EntryReader`."""

    def __init__(self, entries: Entries) -> None:
        self._entries = entries

    def page(
        self,
        search: Search,
        *,
        limit: int,
        most_bytes: int = PORTION_BYTES,
        after: Position | None = None,
        newest_first: bool = True,
        seconds: float | None = None,  # noqa: ARG002 - the interface's
    ) -> Portion:
        found = sorted(self._found(search), key=lambda entry: entry.position, reverse=newest_first)
        if after:
            found = [one for one in found if (one.position < after if newest_first else one.position > after)]
        return portion(found, limit=limit, most_bytes=most_bytes)

    def sample(
        self,
        search: Search,
        *,
        but: Condition = EVERYTHING,
        limit: int,
        most_bytes: int = PORTION_BYTES,
        among: int,
        seconds: float,  # noqa: ARG002 - the interface's
    ) -> Sampled:
        newest = self._newest(search, among)
        fulfilling = [entry for entry in newest if matches(but, as_mapping(entry))]
        fulfilling.sort(key=lambda entry: blake2b(str(entry.id).encode()).digest())
        since = newest[-1].timestamp if len(newest) == among else None
        return Sampled(portion(fulfilling, limit=limit, most_bytes=most_bytes), len(fulfilling), since)

    def entry(self, organisation_id: int, entry_id: int) -> FoundEntry | None:
        return next(self._own(organisation_id, lambda entry: entry.id == entry_id), None)

    def batch(self, arrival: Arrival, *, after: int = 0, most_bytes: int = PORTION_BYTES) -> Portion:
        first = max(arrival.first_entry_id, after + 1)
        own = self._own(arrival.organisation_id, lambda entry: first <= entry.id <= arrival.last_entry_id)
        return portion(sorted(own, key=lambda entry: entry.id), limit=ENTRIES_A_BATCH, most_bytes=most_bytes)

    def found_in(
        self,
        arrivals: Sequence[Arrival],
        conditions: Sequence[Condition],
        *,
        seconds: float,  # noqa: ARG002 - the interface's
    ) -> list[FoundOf]:
        of_batch = {arrival.batch_id: arrival for arrival in arrivals}
        counts: dict[tuple[int, str, str], list[int]] = {}
        for owner, entry in self._entries.values():
            arrival = of_batch.get(entry.id // ENTRIES_A_BATCH)
            if arrival and owner == arrival.organisation_id:
                place = (arrival.batch_id, entry.project, entry.environment)
                found = counts.setdefault(place, [0] * len(conditions))
                for at, condition in enumerate(conditions):
                    found[at] += matches(condition, as_mapping(entry))
        return [FoundOf(*place, tuple(found)) for place, found in counts.items() if any(found)]

    def level_counts(self, search: Search, *, step: timedelta, origin: datetime = EPOCH) -> list[LevelCount]:
        starts = sorted((step_of(entry.timestamp, step, origin), entry.level) for entry in self._found(search))
        return [LevelCount(*key, len(list(group))) for key, group in groupby(starts)]

    def aggregate(
        self,
        search: Search,
        asked: Aggregate,
        *,
        seconds: float | None = None,  # noqa: ARG002 - the interface's
    ) -> Aggregated:
        step = asked.step or timedelta(days=1)
        return figures.aggregate(self._found(search), asked, lambda moment: step_of(moment, step, asked.origin))

    def values(
        self,
        search: Search,
        fields: Sequence[Field],
        *,
        among: int,
        most: int,
        seconds: float,  # noqa: ARG002 - the interface's
    ) -> Values:
        newest = self._newest(search, among)
        return figures.values(newest, fields, most=most, is_all=len(newest) < among)

    def messages(
        self,
        search: Search,
        *,
        among: int,
        most_characters: int,
        seconds: float,  # noqa: ARG002 - the interface's
    ) -> list[Said]:
        newest = self._newest(search, among)
        return [Said(one.id, one.timestamp, one.level, one.message[:most_characters]) for one in newest]

    def lower(self, text: str) -> str:
        return text.lower()

    def wall(self) -> State:
        return State.STANDS

    def _newest(self, search: Search, among: int) -> list[FoundEntry]:
        return sorted(self._found(search), key=lambda entry: entry.position, reverse=True)[:among]

    def _found(self, search: Search) -> Iterator[FoundEntry]:
        return self._own(
            search.organisation_id,
            lambda one: (
                search.start <= one.timestamp
                and _ends_after(search, one.timestamp)
                and matches(search.query, as_mapping(one))
            ),
        )

    def _own(self, organisation_id: int, fits: Callable[[FoundEntry], bool]) -> Iterator[FoundEntry]:
        return (entry for owner, entry in self._entries.values() if owner == organisation_id and fits(entry))


def _ends_after(search: Search, moment: datetime) -> bool:
    return moment < search.end or search.end == LAST_MOMENT


class Days:
    """See `storage.store.EntryDays`: a dict needs no places made."""

    def __init__(self, entries: Entries) -> None:
        self._entries = entries

    def stored(self) -> list[StoredDay]:
        received = sorted((entry.received_at.date(), entry.size_bytes) for _, entry in self._entries.values())
        by_day = ((day, [size for _, size in rows]) for day, rows in groupby(received, key=lambda row: row[0]))
        return [StoredDay(day, len(sizes), sum(sizes)) for day, sizes in by_day]

    def ahead(self) -> int:
        return DAYS_AHEAD

    def make_ahead(self, days: int) -> list[date]:  # noqa: ARG002 - the interface's
        return []

    def drop_before(self, day: date) -> None:
        for id_ in [entry.id for _, entry in self._entries.values() if entry.received_at.date() < day]:
            del self._entries[id_]

    def index_closed(self, *, limit: int) -> list[date]:  # noqa: ARG002 - the interface's
        return []


def _entries_of(batch: Batch) -> list[FoundEntry]:
    try:
        lines = [msgspec.json.decode(line, type=CanonicalEntry) for line in batch.lines]
    except msgspec.MsgspecError as error:
        raise Refused(type(error).__name__, "an entry is not canonical") from error
    keys = batch.error_keys or [None] * len(lines)
    parts = zip(batch.indexes, lines, batch.lines, keys, strict=True)
    return [
        _entry(replace(batch, indexes=[index], lines=[line], error_keys=[key]), entry)
        for index, entry, line, key in parts
    ]


def _entry(batch: Batch, entry: CanonicalEntry) -> FoundEntry:
    """Return the one entry of `batch` as it is read back."""
    if b"\\u0000" in batch.lines[0]:
        raise Refused("NulError", "a text holds NUL")
    return FoundEntry(
        id=entry_id(batch.batch_id, batch.indexes[0]),
        received_at=batch.received_at,
        timestamp=entry.timestamp.astimezone(UTC),
        level=BY_NAME[entry.level],
        environment=batch.environment if entry.environment is None else entry.environment,
        project=batch.project if entry.project_id is None else entry.project_id,
        trace_id=entry.trace_id,
        span_id=entry.span_id,
        parent_span_id=entry.parent_span_id,
        privacy_mode=entry.privacy_mode,
        message=entry.message,
        metadata=_document(entry.metadata),
        error=_document(entry.error),
        size_bytes=batch.size_bytes,
        error_key=(batch.error_keys or [None])[0],
        edge=batch.edge,
    )


def _kind(entry: FoundEntry) -> Kind:
    return as_text(entry.timestamp)[:16].encode(), entry.level, entry.project, entry.environment


def _document(raw: msgspec.Raw) -> msgspec.Raw | None:
    return msgspec.Raw(shorten(bytes(raw))) if raw and bytes(raw) != b"null" else None


def step_of(moment: datetime, step: timedelta, origin: datetime) -> datetime:
    since = (moment - origin) % step
    return moment - since if moment - FIRST_MOMENT > since else FIRST_MOMENT
