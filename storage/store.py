"""The door to the log store: what every store can do, and the one that `STORE_URL` names.

Only entries live behind it. Receipts, the spool and the quota are in PostgreSQL whatever the store; nothing outside
knows which store it is.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from importlib import import_module
from typing import Any, NamedTuple, Protocol

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction

from storage.arrivals import Arrival
from storage.batch import Batch, BatchHead
from storage.conditions import Condition
from storage.entry_reader import EntryReader
from storage.errors import Refused
from storage.found import FoundEntry
from storage.receipts import Certified
from storage.tally import Kind, Tally

DAYS_AHEAD = 7
MINIMUM_DAYS_AHEAD = 2

#: Schemes of `STORE_URL`, and the module whose `open_store` makes the store of a URL.
STORES = {
    "": "storage.postgres.store",
    "postgresql": "storage.postgres.store",
    "clickhouse": "storage.clickhouse.store",
}
#: Opens what `STORE_URL` names together with PostgreSQL, whose entries move there.
MOVING = "storage.moving.store"
#: What `bin/luminalog up` starts a server for, and then names by its address.
EMBEDDED = "clickhouse+embedded"


@dataclass(frozen=True, slots=True)
class Presence:
    """How many entries of a batch are stored, the bytes that were charged for them, and those in error groups.

    `copies` are what is there of them more than once.
    """

    batch_id: int
    organisation_id: int
    received_at: datetime
    entries: int
    size_bytes: int
    errors: int
    copies: int = 0


class Place(NamedTuple):
    """Where entries lie: in a batch, as received at one time."""

    batch_id: int
    received_at: datetime


@dataclass(frozen=True, slots=True)
class StoredDay:
    """What is kept of one UTC day of receipt; `entries` may be an estimate."""

    day: date
    entries: int
    size_bytes: int


class EntryWriter(Protocol):
    """Keeps entries, and forgets them. All methods raise `Unavailable`."""

    @property
    def joins_transaction(self) -> bool:
        """Whether a write lasts only if the caller's transaction on PostgreSQL commits, and is seen in its snapshot."""

    @property
    def deletes_at_once(self) -> int:
        """How many entries one `delete` had best take."""

    def write(self, batches: Sequence[Batch]) -> Tally:
        """Store the entries of `batches`, all or none; durably, unless it joins the transaction. Return their tally.

        A store that does not join keeps an entry once, by its id, however many tries bring it. Raises: `Refused`, which
        is proven only where nothing but what the entries hold can be why; the transaction that was joined can then only
        go back to a savepoint.
        """

    def delete(self, organisation_id: int, *, before: datetime, limit: int, but: Sequence[int] = ()) -> int:
        """Delete up to `limit` entries received before `before`, of no batch of `but`; return how many went."""

    def remove(self, batches: Sequence[BatchHead]) -> None:
        """Delete what is stored of `batches`, all of one organisation. In the caller's transaction, if it is joined."""

    def tallies(self, day: date) -> Iterator[Presence]:
        """Count what was received on `day`, by batch, organisation and time of receipt, in that order.

        In bounded memory; in the caller's transaction and its snapshot, if the store joins it.
        """

    def set_error_keys(self, batch: Batch) -> int:
        """Have stored entries carry the keys of `batch`, those that are not None; return how many there were.

        In the caller's transaction, if the store joins it.
        """

    def kinds(self, batches: Sequence[Certified]) -> Iterator[tuple[int, Kind, int]]:
        """Count what is stored of `batches`: yield a batch's id, a kind and how many there are of it."""


class EntryKeeper(Protocol):
    """What the spool asks of a store that does not join its transaction, before it forgets. Raise `Unavailable`.

    Batches are written together by a token. The same batches with the same token are stored once, however often they
    are written, by several at once, too; other batches never have that token.
    """

    @property
    def block_entries(self) -> int:
        """How many entries may be written by one token."""

    @property
    def fill_seconds(self) -> float:
        """For so long a claim that is not full had best wait for more."""

    def deadline(self) -> int:
        """Return until when what is begun now may take effect, in seconds of the store's own clock."""

    def write(self, batches: Sequence[Batch], *, token: str, attempt: int, deadline: int) -> Tally:
        """Store the entries of `batches`, durably, and none of them after `deadline`; return their tally.

        Whatever this raises but `Refused` from what they hold, they may be stored, or be so later: until `deadline`.
        """

    def presence(self, batches: Sequence[BatchHead]) -> dict[int, Presence]:
        """Count what is stored of `batches`, by their ids: of those of which anything is. As durable as they are."""

    def fence(self, token: str, *, deadline: int) -> None:
        """Return once nothing that was written by `token` can appear any more: of tries with at most this deadline.

        Raises: `Unavailable` while that is not so; nobody waits here for a deadline.
        """

    def remove(self, batches: Sequence[BatchHead]) -> None:
        """Delete what is stored of `batches`."""


class EntryEraser(Protocol):
    """Finds, takes out and rewrites entries of one organisation, wherever they are read. Raise `Unavailable`.

    All but `holding` in the caller's transaction; whoever comes second to an organisation's entries waits for its end.
    """

    @property
    def can_rewrite(self) -> bool:
        """Whether an entry can be changed; else it can only go."""

    def holding(self, organisation_id: int, condition: Condition, *, day: date) -> list[Place]:
        """Return where entries received on `day` lie that fulfil `condition`, in order; however long it takes."""

    def found_in(self, organisation_id: int, places: Sequence[Place], condition: Condition) -> Iterator[FoundEntry]:
        """Yield the entries at `places` that fulfil `condition`."""

    def erase(self, organisation_id: int, entries: Sequence[tuple[int, datetime]]) -> set[int]:
        """Delete entries, each by its id and its time of receipt; return the ids of those that were there."""

    def rewrite(self, organisation_id: int, entries: Sequence[FoundEntry]) -> set[int]:
        """Replace environment, message, documents and size of entries; return the ids of those that were there."""


class EntryDays(Protocol):
    """The days of receipt by which entries are kept and dropped."""

    def stored(self) -> list[StoredDay]:
        """Return the days that there is anything of, or a place for, the oldest first."""

    def ahead(self) -> int:
        """Return for how many days after today there is a place without a gap; -1 when there is none for today."""

    def make_ahead(self, days: int) -> list[date]:
        """Make the places that are missing from yesterday to `days` after today; return their days."""

    def drop_before(self, day: date) -> None:
        """Drop all entries received before `day`, and what an interrupted drop has left. Outside a transaction."""

    def index_closed(self, *, limit: int) -> list[date]:
        """Build what searches of up to `limit` closed days lack, the newest first; return those days."""


class BackupFailed(Exception):
    """A log store did not back up or restore its entries; the message is what it said."""


class EntryBackup(Protocol):
    """Copies of all entries, by the store's own means. Raise `Unavailable`, `Refused`, `BackupFailed`."""

    def back_up(self, place: str, *, since: str | None = None) -> None:
        """Write all entries, as of some moment after this is called, to `place`: beyond what the backup `since` has."""

    def restore(self, place: str) -> None:
        """Fill an empty store from `place`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StoreHealth:
    """What operators watch of a log store that is a server of its own. `most_parts` are those of one day."""

    version: str
    missing_migrations: tuple[str, ...]
    most_parts: int
    detached_parts: int
    replication_queue: int
    replica_delay_seconds: int
    absent_replicas: int
    is_readonly: bool


@dataclass(frozen=True, slots=True)
class Store:
    """A log store."""

    writer: EntryWriter
    reader: EntryReader
    days: EntryDays
    eraser: EntryEraser
    #: What a store has that does not join the transaction.
    keeper: EntryKeeper | None = None
    #: Makes what entries are kept in, or brings it up to date; returns the names of what it did.
    migrate: Callable[[], list[str]] = list
    #: How a server of its own is; raises `Unavailable` and `Refused`. None where there is none.
    health: Callable[[], StoreHealth] | None = None
    #: None where PostgreSQL's own backup holds the entries.
    backup: EntryBackup | None = None


#: Stores batches, all or none, as `EntryWriter.write`.
Write = Callable[[Sequence[Batch]], Tally]


def store() -> Store:
    """Return the log store that `STORE_URL` names, opened once a process. Raises: `ImproperlyConfigured`."""
    return _opened(settings.STORE_URL, settings.STORE_MOVES_FROM)


def mover() -> Any:
    """Return the module that moves entries of PostgreSQL. Raises: `ImproperlyConfigured` where none are to move."""
    if store() and not settings.STORE_MOVES_FROM:
        raise ImproperlyConfigured("STORE_MOVES_FROM=postgresql: is not set: no entries are to move.")
    return import_module("storage.moving.mover")


def entries_of(arrival: Arrival, *, after: int = 0) -> Iterator[FoundEntry]:
    """Yield the entries of a batch with an id beyond `after`, in the order of ids, read portion by portion."""
    goes_on = True
    while goes_on:
        portion = store().reader.batch(arrival, after=after)
        yield from portion
        goes_on = portion.goes_on
        after = portion[-1].id if goes_on else after


def write_what_can_be(batch: Batch, tally: Tally, *, write: Write | None = None) -> dict[int, Refused]:
    """Store the entries of `batch` that the store takes, in the caller's transaction; return why not the others.

    What was stored is added to `tally`; the refusals are by the index of the entry. Raises: `Unavailable`.
    """
    write = write or store().writer.write
    try:
        with transaction.atomic():
            tally.add(write([batch]))
    except Refused as refused:
        if len(batch.lines) == 1:
            return {batch.indexes[0]: refused}
        middle = len(batch.lines) // 2
        halves = range(middle), range(middle, len(batch.lines))
        return {
            index: why
            for half in halves
            for index, why in write_what_can_be(batch.only(half), tally, write=write).items()
        }
    return {}


@cache
def _opened(url: str, moves_from: str) -> Store:
    scheme = url.partition(":")[0]
    if moves_from and (moves_from != "postgresql:" or scheme != "clickhouse"):
        raise ImproperlyConfigured("STORE_MOVES_FROM may be postgresql: alone, beside a STORE_URL of clickhouse:.")
    if scheme == EMBEDDED:
        raise ImproperlyConfigured(f"STORE_URL={EMBEDDED}: is a part of `bin/luminalog up`, which is not running.")
    if scheme not in STORES:
        known = ", ".join(f"{name}:" for name in STORES if name)
        raise ImproperlyConfigured(f"STORE_URL names no log store that is known: {known}.")
    opened: Store = import_module(MOVING if moves_from else STORES[scheme]).open_store(url)
    return opened
