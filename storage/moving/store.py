"""What `storage.store` opens while `STORE_MOVES_FROM` names PostgreSQL: written is to ClickHouse, read is from both."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime
from heapq import merge
from itertools import chain
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from storage.batch import Batch, BatchHead
from storage.clickhouse.days import Days as NewDays
from storage.clickhouse.eraser import Eraser as NewEraser
from storage.clickhouse.reader import Reader as NewReader
from storage.clickhouse.shown import Shown
from storage.clickhouse.store import open_store as open_clickhouse
from storage.clickhouse.writer import Writer as NewWriter
from storage.conditions import Condition
from storage.found import FoundEntry
from storage.moving.reader import Reader
from storage.moving.runs import held, steadily
from storage.postgres import days as old_days
from storage.postgres import eraser as old_eraser
from storage.postgres import writer as old_writer
from storage.receipts import Certified
from storage.store import Place, Presence, Store, StoredDay
from storage.tally import Kind, Tally


def open_store(url: str) -> Store:
    """Return both stores as one. Raises: `ImproperlyConfigured`."""
    new = open_clickhouse(url)
    writer, reader, days, eraser = new.writer, new.reader, new.days, new.eraser
    if not (
        isinstance(writer, NewWriter)
        and isinstance(reader, NewReader)
        and isinstance(days, NewDays)
        and isinstance(eraser, NewEraser)
    ):
        raise ImproperlyConfigured("STORE_MOVES_FROM needs a STORE_URL of clickhouse:.")
    return replace(new, writer=Writer(writer), reader=Reader(reader), days=Days(days), eraser=Eraser(eraser))


class Writer:
    """See `storage.store.EntryWriter`. What counts, and what changes, waits while a day is let go."""

    joins_transaction = False

    def __init__(self, new: NewWriter) -> None:
        self._new = new
        self.deletes_at_once = new.deletes_at_once

    def write(self, batches: Sequence[Batch]) -> Tally:
        """Store the entries of `batches` in ClickHouse."""
        return self._new.write(batches)

    def delete(self, organisation_id: int, *, before: datetime, limit: int, but: Sequence[int] = ()) -> int:
        """Delete up to `limit` entries received before `before`, of no batch of `but`, and what is on its way."""
        gone, goes_on = 0, True
        while goes_on and gone < limit:
            some = min(limit - gone, old_writer.deletes_at_once)
            with held():
                went = old_writer.delete(organisation_id, before=before, limit=some, but=but)
            gone, goes_on = gone + went, went == some
        left = limit - gone
        return gone if goes_on else gone + self._new.delete(organisation_id, before=before, limit=left, but=but)

    def remove(self, batches: Sequence[BatchHead]) -> None:
        """Delete what is stored of `batches`, and what is on its way of them."""
        with held():
            old_writer.remove(batches)
            self._new.remove(batches)

    def tallies(self, day: date) -> Iterator[Presence]:
        """Count what was received on `day`, by batch, organisation and time of receipt, in that order."""
        with held() as runs:
            yield from merge(old_writer.tallies(day), self._new.showing(Shown(runs)).tallies(day), key=_place)

    def set_error_keys(self, batch: Batch) -> int:
        """Have stored entries carry the keys of `batch`; return how many there were."""
        with held() as runs:
            return old_writer.set_error_keys(batch) + self._new.showing(Shown(runs)).set_error_keys(batch)

    def kinds(self, batches: Sequence[Certified]) -> Iterator[tuple[int, Kind, int]]:
        """Count what is stored of `batches`, by batch and kind."""
        with held() as runs:
            yield from chain(old_writer.kinds(batches), self._new.showing(Shown(runs)).kinds(batches))


class Eraser:
    """See `storage.store.EntryEraser`. Until a transaction that takes entries out has ended, no day is let go."""

    can_rewrite = False

    def __init__(self, new: NewEraser) -> None:
        self._new = new

    def holding(self, organisation_id: int, condition: Condition, *, day: date) -> list[Place]:
        """Return where entries received on `day` lie that fulfil `condition`, in order."""

        def ask(runs: list[int]) -> list[Place]:
            there = self._new.showing(Shown(runs)).holding(organisation_id, condition, day=day)
            return sorted({*old_eraser.holding(organisation_id, condition, day=day), *there})

        return steadily(ask)

    def found_in(self, organisation_id: int, places: Sequence[Place], condition: Condition) -> Iterator[FoundEntry]:
        """Yield the entries at `places` that fulfil `condition`."""
        with held() as runs:
            yield from old_eraser.found_in(organisation_id, places, condition)
            yield from self._new.showing(Shown(runs)).found_in(organisation_id, places, condition)

    def erase(self, organisation_id: int, entries: Sequence[tuple[int, datetime]]) -> set[int]:
        """Delete entries wherever they are, and what is on its way of them; return the ids of those that were there."""
        with held():
            gone = old_eraser.erase(organisation_id, entries)
            return gone | self._new.erase(organisation_id, entries)

    def rewrite(self, organisation_id: int, entries: Sequence[FoundEntry]) -> set[int]:
        """Refuse: see `can_rewrite`."""
        return self._new.rewrite(organisation_id, entries)


class Days:
    """See `storage.store.EntryDays`. No day is made in PostgreSQL any more."""

    def __init__(self, new: NewDays) -> None:
        self._new = new

    def stored(self) -> list[StoredDay]:
        """Return the days of both."""
        days = dict[date, StoredDay]()
        for one in [*old_days.stored(), *self._new.stored()]:
            before = days.get(one.day, StoredDay(one.day, 0, 0))
            days[one.day] = StoredDay(one.day, before.entries + one.entries, before.size_bytes + one.size_bytes)
        return [days[day] for day in sorted(days)]

    def ahead(self) -> int:
        """Return how many days ahead there is a place for."""
        return self._new.ahead()

    def make_ahead(self, days: int) -> list[date]:
        """Return what was made: nothing."""
        return self._new.make_ahead(days)

    def drop_before(self, day: date) -> None:
        """Drop the days before `day` in both."""
        old_days.drop_before(day)
        self._new.drop_before(day)

    def index_closed(self, *, limit: int) -> list[date]:
        """Index closed days that are in PostgreSQL still."""
        return old_days.index_closed(limit=limit)


def _place(presence: Presence) -> Any:
    return presence.batch_id, presence.organisation_id, presence.received_at
