"""Backups of PostgreSQL and of a log store beside it: of one point, which is that of PostgreSQL's.

The log store's is taken after it, and in between nothing is deleted there: so all that PostgreSQL knows to be stored is
in it, and perhaps more. After a restore that is taken out: what has no receipt is in the spool, or was accepted later.
"""

from collections.abc import Iterator, Sequence
from datetime import date
from itertools import groupby, islice
from operator import attrgetter
from pathlib import Path

from django.conf import settings
from django.db import transaction

from foundation.paired import paired
from foundation.postgres import fetch_all
from operations import dump
from storage import erasing, receipts
from storage.batch import head_of
from storage.leaving import nothing_leaves
from storage.store import BackupFailed, EntryBackup, Presence, mover, store

#: So many batches are taken out at once.
BATCHES_AT_ONCE = 1_000
BATCH = attrgetter("batch_id", "organisation_id", "received_at")
OWNER = attrgetter("organisation_id")
#: A claim that is driven has entries in the store, and no receipt yet.
OTHERS = """
SELECT count(*) FROM pg_stat_activity
 WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
"""


def back_up(path: Path, *, store_to: str, since: str | None = None) -> int:
    """Write PostgreSQL to `path`, and the entries of the log store to `store_to`; return the size of the file.

    Raises: `DumpError`, `BackupFailed`, `Unavailable`, `Refused`.
    """
    entries = _entries()
    with nothing_leaves():
        size_bytes = dump.back_up(path)
        entries.back_up(store_to, since=since)
    return size_bytes


def restore_store(place: str | None) -> int:
    """Fill the log store from `place`, and take out what PostgreSQL does not know; return of how many batches.

    Without a place only the latter: a run before was interrupted in it. Raises: as `back_up`.
    """
    entries = _entries()
    if fetch_all(OTHERS) != [(0,)]:
        raise BackupFailed("Somebody else is connected to PostgreSQL: stop every process of the product first.")
    if place:
        entries.restore(place)
    if settings.STORE_MOVES_FROM:
        mover().take_back_all()
    erasing.delete_all_leaving()
    return sum(map(_take_out, _unknown()))


def _entries() -> EntryBackup:
    found = store().backup
    if found is None:
        raise BackupFailed("Entries are in PostgreSQL, and in its backup.")
    return found


def _unknown() -> Iterator[list[Presence]]:
    for stored in store().days.stored():
        yield from _unknown_of(stored.day)


def _unknown_of(day: date) -> Iterator[list[Presence]]:
    """Yield what is stored of a day without a receipt, some batches at a time."""
    with transaction.atomic():
        both = paired(receipts.of_day(day), store().writer.tallies(day), key=BATCH)
        unknown = (stored for receipt, stored in both if stored and not receipt)
        while some := list(islice(unknown, BATCHES_AT_ONCE)):
            yield some


def _take_out(batches: Sequence[Presence]) -> int:
    """Delete these; one whose id has a receipt of another time, by itself: the other's entries have the same ids."""
    certified = {batch_id for batch_id, _ in receipts.among([one.batch_id for one in batches])}
    groups = [[one] for one in batches if one.batch_id in certified]
    others = sorted((one for one in batches if one.batch_id not in certified), key=OWNER)
    groups += [list(of_owner) for _, of_owner in groupby(others, key=OWNER)]
    for group in groups:
        store().writer.remove([head_of(one.batch_id, one.organisation_id, one.received_at) for one in group])
    return len(batches)
