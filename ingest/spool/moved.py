"""Batches of a claim that are stored elsewhere: whether all of each is there, and having the spool forget them."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace

import msgspec
import structlog
from django.db import transaction

from foundation.faults import reach
from foundation.postgres import execute
from ingest import metrics
from ingest.spool import claims, failures, replays, storing, table
from ingest.spool.claims import Lasting
from ingest.spool.table import Spooled
from issues.grouping import Grouping, GroupingFailed
from storage import receipts
from storage.batch import Batch
from storage.store import Presence
from storage.tally import Tally, tally_of

log = structlog.get_logger(__name__)

_keys = msgspec.msgpack.Decoder(dict[int, dict[int, int]]).decode


@dataclass(frozen=True, slots=True)
class Moved:
    """Batches of a claim as they are stored, what was found in them, and what they are counted by if that is known."""

    spooled: Sequence[Spooled]
    batches: Sequence[Batch]
    groups: Grouping
    found: replays.Found = field(default_factory=dict)
    tally: Tally | None = None

    def only(self, batch_ids: Collection[int]) -> "Moved":
        """Return the same of these batches."""
        return replace(
            self,
            spooled=[row for row in self.spooled if row.batch_id in batch_ids],
            batches=[batch for batch in self.batches if batch.batch_id in batch_ids],
            tally=None,
        )

    def without_groups(self) -> "Moved":
        """Return the same, with nothing counted as an error."""
        batches = [msgspec.structs.replace(batch, error_keys=None) for batch in self.batches]
        return replace(self, batches=batches, groups=Grouping(is_on=False))


def moved_of(spooled: Sequence[Spooled], groups: Grouping) -> Moved:
    found: replays.Found = {}
    return Moved(spooled, [replays.scrubbed(row, row.batch(), found) for row in spooled], groups, found)


def are_whole(batches: Iterable[Batch], there: dict[int, Presence]) -> bool:
    return all(is_whole(batch, there) for batch in batches)


def is_whole(batch: Batch, there: dict[int, Presence]) -> bool:
    """Tell whether all of a batch is stored, in the bytes that would be written now."""
    found = there.get(batch.batch_id)
    if found is None:
        return False
    metrics.STORED_TWICE.inc(found.copies)
    return (found.entries, found.size_bytes) == (len(batch.lines), sum(map(len, batch.lines)))


def forget(claim: Lasting, moved: Moved, *, failed: Sequence[int] = ()) -> bool:
    """Have the spool forget what is stored, and judge what is not; false if somebody else has ended the claim.

    Where errors cannot be counted they are left to `regroup`.
    """
    try:
        return _forgotten(claim, moved, failed)
    except GroupingFailed as failure:
        log.error("grouping_failed", batch_ids=claim.batch_ids, error=str(failure))
        failure.note()
        return _forgotten(claim, moved.without_groups(), failed)


def _forgotten(claim: Lasting, moved: Moved, failed: Sequence[int]) -> bool:
    """Certify and count what is stored.

    `synchronous_commit = off` is safe here: a commit that a crash loses leaves the claim, and what is stored is found.
    """
    batch_ids = [row.batch_id for row in moved.spooled]
    with transaction.atomic():
        execute("SET LOCAL synchronous_commit = off")
        if not claims.hold(claim):
            return False
        if len(table.take(batch_ids)) != len(batch_ids):
            raise LookupError("somebody else has taken what a claim holds")
        reach("after_delete")
        receipts.write(moved.batches)
        count_stored(moved, moved.tally or tally_of(moved.batches))
        if failed:
            failures.judge(failed, reason="not stored in several tries", is_proven=False)
        reach("before_drain_commit")
    reach("after_drain_commit")
    return True


def count_stored(moved: Moved, tally: Tally) -> None:
    requests = {row.batch_id: row.requests for row in moved.spooled}
    storing.count(moved.batches, requests=requests, tally=tally, found=moved.found, groups=moved.groups)


def keys_of(packed: bytes) -> dict[int, dict[int, int]]:
    """Return what a claim's first attempt has fixed: by batch and index, what an entry is counted for."""
    return _keys(bytes(packed))
