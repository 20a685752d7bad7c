"""Errors that nobody has counted: of before there were groups, or stored while grouping failed, or by an older worker.

A batch at a time, each in one transaction: what its entries carry, the counts, and the receipt's number.
"""

import time
from collections.abc import Iterator

import msgspec
from django.db import transaction

from foundation.postgres import execute
from issues.grouping import Grouping
from storage import ungrouped
from storage.arrivals import Arrival
from storage.batch import ENTRIES_A_BATCH, Batch
from storage.found import FoundEntry
from storage.store import entries_of, store

#: One at a time, in whatever process.
TAKE_TURN = "SELECT pg_advisory_xact_lock(hashtext('issues.regroup'))"
BATCHES_AT_ONCE = 500

_encode = msgspec.json.Encoder().encode


class _NotAllThere(Exception):
    """Not every entry could be given a key: it is kept in a way that has none."""


def regroup(*, budget_seconds: float, with_old: bool = False) -> int:
    """Group the errors of batches that nobody has looked into, until the time is up; return how many batches.

    `with_old` says those of before there were groups, too, the newest first. Raises: `Unavailable`, `DatabaseError`.
    """
    deadline = time.monotonic() + budget_seconds
    done = 0
    for batch in _batches(with_old=with_old):
        if time.monotonic() >= deadline:
            break
        _regroup(batch)
        done += 1
    return done


def _batches(*, with_old: bool) -> Iterator[Arrival]:
    while found := ungrouped.failed(limit=BATCHES_AT_ONCE):
        yield from found
    before = 2**62
    while with_old and (found := ungrouped.of_before(before=before, limit=BATCHES_AT_ONCE)):
        yield from found
        before = found[-1].batch_id


def _regroup(batch: Arrival) -> None:
    with transaction.atomic():
        execute(TAKE_TURN)
        if not ungrouped.hold(batch.batch_id):
            return  # somebody else was quicker
        try:
            with transaction.atomic():
                errors = _group(_again(batch))
        except _NotAllThere:
            errors = 0
        ungrouped.note_errors(batch.batch_id, errors)


def _again(batch: Arrival) -> Batch:
    """Return the batch as a drain had it, as far as errors are concerned."""
    entries = [entry for entry in entries_of(batch) if entry.error_key is None]
    return Batch(
        batch_id=batch.batch_id,
        organisation_id=batch.organisation_id,
        api_key_id=0,
        project="",
        environment="",
        received_at=batch.received_at,
        period=batch.received_at.date(),
        lines=[_line(entry) for entry in entries],
        indexes=[entry.id % ENTRIES_A_BATCH for entry in entries],
    )


def _line(entry: FoundEntry) -> bytes:
    members = {
        "timestamp": entry.timestamp,
        "level": entry.level.label,
        "message": entry.message,
        "environment": entry.environment,
        "project_id": entry.project,
    }
    documents = {"metadata": entry.metadata, "error": entry.error}
    return _encode(members | {name: document for name, document in documents.items() if document is not None})


def _group(batch: Batch) -> int:
    groups = Grouping()
    [keyed] = groups.resolve([batch])
    errors = keyed.errors or 0
    if errors:
        if store().writer.set_error_keys(keyed) != errors:
            raise _NotAllThere
        groups.count([keyed])
    return errors
