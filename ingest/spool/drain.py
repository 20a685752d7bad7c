"""Spool to log store: take batches, write them, forget them, in one transaction on one connection."""

import time
from collections.abc import Sequence

import structlog
from django.conf import settings
from django.db import DatabaseError, transaction

from foundation.faults import reach
from foundation.histograms import observe_all
from foundation.outages import DISK_FULL, LOCK_NOT_AVAILABLE, is_outage, sqlstate
from foundation.postgres import execute
from ingest import metrics
from ingest.spool import claims, dead_letters, failures, relay, replays, storing, table
from ingest.spool.claims import Claim
from ingest.spool.failures import StandsStill
from ingest.spool.payload import PayloadError
from ingest.spool.table import Spooled
from issues.grouping import Grouping, GroupingFailed
from storage.batch import Batch
from storage.errors import Refused, Unavailable
from storage.store import store
from storage.tally import Tally

log = structlog.get_logger(__name__)

TAKE_APART_AFTER = 5
#: May last for long, and no batch brings it about: five minutes of it must not bury them all.
NOT_THEIR_FAULT = (DISK_FULL, LOCK_NOT_AVAILABLE)
#: While the log store stands still little is risked at each try.
TRIAL_BYTES = 2**16


def drain(*, budget_seconds: float = 30) -> int:
    """Store what is in the spool, until that is done or the time is up; return how many batches left it.

    What comes meanwhile is left to the next drain: so those that come one by one are stored together. Less is done
    while the log store takes nothing: what is due is tried, and a few new batches. Raises: `Unavailable`,
    `DatabaseError`.
    """
    if settings.CORE_URL:
        return 0  # an edge stores nothing: `edges.forwarding`
    if keeper := store().keeper:
        return relay.drain(keeper, budget_seconds=budget_seconds)
    deadline = time.monotonic() + budget_seconds
    failures.release_dead()
    dead_letters.bury_hopeless()
    most_batches = claims.GROUP_BATCHES
    most_bytes = TRIAL_BYTES if failures.store_stands_still() else claims.GROUP_BYTES
    drained, new_first, goes_on = 0, False, True
    while goes_on and time.monotonic() < deadline:
        claim = claims.claim(new_first=new_first, at_most_batches=most_batches, at_most_bytes=most_bytes)
        if claim is None:
            break
        try:
            moved = _drain(claim)
        except StandsStill as fault:
            log.warning("store_stands_still", error=str(fault))
            break
        drained += moved
        if not moved and len(claim.batch_ids) > 1:
            most_batches = claims.CAREFUL_BATCHES
        goes_on = claim.may_leave_more or new_first or not moved  # with new ones first, what is due is still to be seen
        new_first = not new_first  # so that neither what fails again and again nor what is new holds up the other
    return drained


def _drain(claim: Claim) -> int:
    try:
        return _move_grouped_or_not(claim)
    except (Unavailable, DatabaseError) as error:
        claims.frontier.distrust()
        if _clears_batches(error):
            claims.release(claim)
        if isinstance(error, Unavailable) or is_outage(error):
            raise  # not the batches' trouble: the claim is released like that of a killed drain
        return _give_up(claim, reason=_kind(error), is_proven=False)
    except Refused as error:
        return _give_up(claim, reason=error.kind, is_proven=error.is_proven)
    except PayloadError as error:
        return _give_up(claim, reason=type(error).__name__, is_proven=True)


def _move_grouped_or_not(claim: Claim) -> int:
    """Move the claim's batches; without groups where grouping fails, which is made up for later (`issues.regroup`)."""
    try:
        return _move(claim)
    except GroupingFailed as failure:
        log.error("grouping_failed", batch_ids=claim.batch_ids, error=str(failure))
        failure.note()
        return _move(claim, is_grouped=False)


def _move(claim: Claim, *, is_grouped: bool = True) -> int:
    """Move the claim's batches into the log store.

    `synchronous_commit = off` is safe here: a commit that a crash loses, loses its DELETE too.
    """
    began, tally = time.monotonic(), Tally()
    found: replays.Found = {}
    groups = Grouping(is_on=is_grouped)
    with transaction.atomic():
        execute("SET LOCAL synchronous_commit = off")
        if not claims.hold(claim):
            return 0
        spooled = table.take(claim.batch_ids)
        reach("after_delete")
        if any(row.attempts >= TAKE_APART_AFTER for row in spooled):
            stored = dead_letters.take_apart(spooled, found, tally, groups)
        elif stored := groups.resolve([replays.scrubbed(row, row.batch(), found) for row in spooled]):
            tally = storing.write(stored)
        requests = {row.batch_id: row.requests for row in spooled}
        storing.count(stored, requests=requests, tally=tally, found=found, groups=groups)
        reach("before_drain_commit")
    reach("after_drain_commit")
    _count(spooled, stored, seconds=time.monotonic() - began)
    return len(spooled)


def _kind(error: DatabaseError) -> str:
    """Name an error as far as it quotes nothing."""
    return f"{type(error).__name__} {sqlstate(error) or ''}".rstrip()


def _clears_batches(error: Unavailable | DatabaseError) -> bool:
    return error.clears_batches if isinstance(error, Unavailable) else sqlstate(error) in NOT_THEIR_FAULT


def _give_up(claim: Claim, *, reason: str, is_proven: bool) -> int:
    log.warning("drain_failed", batch_ids=claim.batch_ids, error=reason)
    metrics.DRAIN_FAILURES.inc()
    failures.settle(claim, reason=reason, is_proven=is_proven)
    return 0


def _count(spooled: Sequence[Spooled], stored: Sequence[Batch], *, seconds: float) -> None:
    """Count for operators, after the commit; both clocks of a batch's delay are PostgreSQL's."""
    metrics.DRAIN_SECONDS.observe(seconds)
    metrics.STORED_BATCHES.inc(len(spooled))
    metrics.STORED_ENTRIES.inc(sum(len(batch.lines) for batch in stored))
    metrics.STORED_BYTES.inc(sum(batch.size_bytes for batch in stored))
    observe_all(metrics.STORED_AFTER, [row.age_seconds + seconds for row in spooled])
