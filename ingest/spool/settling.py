"""A claim that failed too often, ended by what of it is in the store once nothing of it can come any more."""

from collections.abc import Sequence
from dataclasses import replace

import structlog

from ingest import metrics
from ingest.spool import claims, table
from ingest.spool.claims import Lasting
from ingest.spool.moved import Moved, forget, is_whole, keys_of, moved_of
from ingest.spool.payload import PayloadError
from ingest.spool.table import Spooled
from issues.grouping import Grouping, GroupingFailed
from storage.batch import BatchHead
from storage.errors import Unavailable
from storage.store import EntryKeeper

log = structlog.get_logger(__name__)

#: Between two looks whether a fence stands.
FENCE_PAUSE_SECONDS = 5


def settled(claim: Lasting, keeper: EntryKeeper) -> Moved | None:
    """Fence a claim that failed too often, and end it. Put off while its fence does not stand."""
    try:
        if claim.deadline is not None:
            keeper.fence(claim.token, deadline=claim.deadline)
    except Unavailable:
        claims.put_off(claim, seconds=FENCE_PAUSE_SECONDS)
        return None
    spooled = table.read(claim.batch_ids)
    moved = _recalled(claim, [row for row in spooled if _is_readable(row)])
    there = keeper.presence(spooled)
    whole = {batch.batch_id for batch in moved.batches if is_whole(batch, there)}
    remove([row for row in spooled if row.batch_id in there.keys() - whole], keeper)
    log.warning("claim_settled", batch_ids=claim.batch_ids, stored=len(whole), removed=len(there) - len(whole))
    metrics.CLAIMS_SETTLED.inc()
    stored = moved.only(whole)
    failed = [row.batch_id for row in spooled if row.batch_id not in whole]
    return stored if forget(claim, stored, failed=failed) else None


def _is_readable(row: Spooled) -> bool:
    try:
        return bool(row.batch().lines)
    except PayloadError:
        return False


def _recalled(claim: Lasting, spooled: Sequence[Spooled]) -> Moved:
    groups = Grouping(is_on=claim.error_keys is not None)
    moved = moved_of(spooled, groups)
    if claim.error_keys is None:
        return moved
    try:
        return replace(moved, batches=groups.recall(moved.batches, keys_of(claim.error_keys)))
    except GroupingFailed as failure:
        failure.note()
        return moved.without_groups()


def remove(partial: Sequence[BatchHead], keeper: EntryKeeper) -> None:
    keeper.remove(partial)
    if keeper.presence(partial):
        raise Unavailable(retry_after_seconds=1, clears_batches=True)
