"""Spool to a log store that does not join the transaction: exactly once, because a claim keeps its members.

A claim lasts until it is settled. Whoever drives it notes the attempt, writes all of it by its token, and verifies that
it is there; then alone the spool forgets it, in one short transaction. None is open while the store works, but to take
a batch apart. After `MOST_ATTEMPTS` a claim is fenced: once nothing of it can come any more, what is there whole is
certified, what is there in part is removed, and the rest is judged as batches are that failed.
"""

import time
from collections.abc import Sequence
from dataclasses import replace

import msgspec
import structlog
from django.db import DatabaseError, transaction

from foundation.breaker import Breaker
from foundation.faults import reach
from foundation.histograms import observe_all
from foundation.outages import is_outage, sqlstate
from ingest import metrics
from ingest.spool import claims, dead_letters, failures, replays, table
from ingest.spool.claims import Lasting
from ingest.spool.failures import StandsStill
from ingest.spool.moved import Moved, are_whole, count_stored, forget, keys_of, moved_of
from ingest.spool.pace import Pace
from ingest.spool.payload import PayloadError
from ingest.spool.settling import remove, settled
from ingest.spool.table import Spooled
from issues.grouping import Grouping, GroupingFailed
from storage.batch import Batch
from storage.errors import Refused, Unavailable
from storage.store import EntryKeeper
from storage.tally import Tally

log = structlog.get_logger(__name__)

MOST_ATTEMPTS = 3
TAKE_APART_AFTER = 5
#: While the log store stands still little is risked at each try.
TRIAL_BYTES = 2**16
UNIQUE_VIOLATION = "23505"
#: While so many claims wait for another attempt nothing new is claimed: it would but wait like them.
MOST_FAILING = 32
#: Nobody else drives a new claim for so long: more than it takes to come to it.
OWN_SECONDS = 5


_pace = Pace()
_breaker = Breaker(failures=1)


def drain(keeper: EntryKeeper, *, budget_seconds: float) -> int:
    """Drive the claims that there are, and then new ones, as `ingest.spool.drain.drain`. Raises: as that."""
    deadline = time.monotonic() + budget_seconds
    if not _is_there(keeper):
        return 0
    dead_letters.bury_hopeless()
    drained = 0
    try:
        for claim_id in claims.due():
            if time.monotonic() >= deadline:
                return drained
            drained += _drive(claim_id, keeper)
        return drained + _drain_new(keeper, deadline)
    except StandsStill as fault:
        log.warning("store_stands_still", error=str(fault))
        return drained


def _is_there(keeper: EntryKeeper) -> bool:
    """Tell whether to go on: nothing is claimed while the store is away, and one drain looks every two seconds."""
    if not _breaker.lets_through():
        return False
    try:
        keeper.deadline()
    except Unavailable:
        _breaker.failed()
        raise
    _breaker.succeeded()
    return True


def _drain_new(keeper: EntryKeeper, deadline: float) -> int:
    most_batches, drained, new_first, goes_on = claims.GROUP_BATCHES, 0, False, True
    most_bytes = TRIAL_BYTES if failures.store_stands_still() else claims.GROUP_BYTES
    while goes_on and time.monotonic() < deadline and _pace.wait(keeper.fill_seconds):
        if claims.are_failing(MOST_FAILING):
            log.warning("claims_are_failing", at_least=MOST_FAILING)
            break
        claim = claims.claim(
            new_first=new_first,
            at_most_batches=most_batches,
            at_most_bytes=most_bytes,
            at_most_entries=keeper.block_entries,
            lasts_for_seconds=OWN_SECONDS,
        )
        if claim is None:
            break
        if claim.may_leave_more:
            _pace.skip()
        moved = _drive(claim.claim_id, keeper)
        drained += moved
        if not moved and len(claim.batch_ids) > 1:
            most_batches = claims.CAREFUL_BATCHES
        goes_on = claim.may_leave_more or new_first or not moved
        new_first = not new_first
    return drained


def _drive(claim_id: int, keeper: EntryKeeper) -> int:
    """Bring a claim a step further; return how many batches left the spool."""
    with claims.turn(claim_id) as claim:
        if claim is None:
            return 0
        began = time.monotonic()
        try:
            moved = settled(claim, keeper) if claim.attempts >= MOST_ATTEMPTS else _driven(claim, keeper)
        except (Refused, PayloadError) as error:
            _give_up(claim, error)
            return 0
        except (Unavailable, DatabaseError) as error:
            claims.frontier.distrust()
            if isinstance(error, Unavailable) or is_outage(error):
                raise  # not the batches' trouble: the claim waits for its next attempt
            _note_failure(claim, f"{type(error).__name__} {sqlstate(error) or ''}".rstrip(), keeper)
            return 0
        if moved is None:
            return 0
        _count(moved, seconds=time.monotonic() - began)
        return len(moved.spooled)


def _driven(claim: Lasting, keeper: EntryKeeper) -> Moved | None:
    deadline = keeper.deadline()  # asked before the attempt is noted: whoever is halted in between has an older one
    spooled = table.read(claim.batch_ids)
    if len(spooled) != len(claim.batch_ids):
        claims.give_up(claim, attempts=MOST_ATTEMPTS)  # another block: the token is not its
        return None
    if any(row.attempts >= TAKE_APART_AFTER for row in spooled):
        return _taken_apart(claim, keeper, spooled, deadline=deadline)
    moved = _begun(claim, spooled, deadline=deadline)
    if moved is None:
        return None
    there = keeper.presence(moved.batches)
    if claim.attempts == 0 and there and not are_whole(moved.batches, there):
        failures.settle(claim, reason="stored before in part", is_proven=False)  # before a restore: each by itself
        return None
    if not are_whole(moved.batches, there):
        tally = keeper.write(moved.batches, token=claim.token, attempt=claim.attempts + 1, deadline=deadline)
        moved = replace(moved, tally=tally)
        if not are_whole(moved.batches, keeper.presence(moved.batches)):
            log.error("store_lost_entries", batch_ids=claim.batch_ids, attempt=claim.attempts + 1)
            metrics.PRESENCE_MISMATCHES.inc()
            return None
    reach("after_verify")
    return moved if forget(claim, moved) else None


def _begun(claim: Lasting, spooled: Sequence[Spooled], *, deadline: int) -> Moved | None:
    """Note the attempt, durably; the first one fixes what entries are counted for."""
    try:
        is_on = claim.attempts == 0 or claim.error_keys is not None
        return _noted(claim, spooled, deadline=deadline, groups=Grouping(is_on=is_on))
    except GroupingFailed as failure:
        log.error("grouping_failed", batch_ids=claim.batch_ids, error=str(failure))
        failure.note()
        return _noted(claim, spooled, deadline=deadline, groups=Grouping(is_on=False))


def _noted(claim: Lasting, spooled: Sequence[Spooled], *, deadline: int, groups: Grouping) -> Moved | None:
    moved = moved_of(spooled, groups)
    fixed = None
    with transaction.atomic():
        if claim.attempts == 0:
            moved = replace(moved, batches=groups.resolve(moved.batches))
            fixed = groups.fixed()
        elif groups.is_on and claim.error_keys is not None:
            moved = replace(moved, batches=groups.recall(moved.batches, keys_of(claim.error_keys)))
        packed = None if fixed is None else msgspec.msgpack.encode(fixed)
        return moved if claims.begin(claim, deadline=deadline, error_keys=packed) else None


def _taken_apart(claim: Lasting, keeper: EntryKeeper, spooled: Sequence[Spooled], *, deadline: int) -> Moved | None:
    """Take a batch apart that failed too often: its parts have tokens of the claim's, so that they are stored once."""

    def write(batches: Sequence[Batch]) -> Tally:
        [batch] = batches
        token = f"{claim.token}-{batch.indexes[0]}.{len(batch.lines)}"
        return keeper.write(batches, token=token, attempt=claim.attempts + 1, deadline=deadline)

    if not claims.begin(claim, deadline=deadline, error_keys=None):
        return None
    groups, tally = Grouping(), Tally()
    found: replays.Found = {}
    with transaction.atomic():
        if not claims.hold(claim):
            return None
        table.take(claim.batch_ids)
        batches = dead_letters.take_apart(spooled, found, tally, groups, write=write)
        if not are_whole(batches, keeper.presence(batches)):
            metrics.PRESENCE_MISMATCHES.inc()
            raise Unavailable(retry_after_seconds=1, clears_batches=True)
        moved = Moved(spooled, batches, groups, found, tally)
        count_stored(moved, tally)
        reach("before_drain_commit")
    return moved


def _give_up(claim: Lasting, error: Refused | PayloadError) -> None:
    """Have batches judged that the store does not take; what may be there of earlier attempts is fenced first."""
    reason = error.kind if isinstance(error, Refused) else type(error).__name__
    is_proven = not isinstance(error, Refused) or error.is_proven
    log.warning("drain_failed", batch_ids=claim.batch_ids, error=reason)
    metrics.DRAIN_FAILURES.inc()
    if claim.attempts == 0:  # one statement, which was answered: nothing of it can come
        failures.settle(claim, reason=reason, is_proven=is_proven)
    else:
        claims.give_up(claim, attempts=MOST_ATTEMPTS)


def _note_failure(claim: Lasting, reason: str, keeper: EntryKeeper) -> None:
    """Leave a claim that PostgreSQL does not certify to its next attempt; in the end take back what is stored.

    At once where an id is taken, which no attempt changes: the first one was answered, and none is on its way.
    """
    log.warning("drain_failed", batch_ids=claim.batch_ids, error=reason)
    metrics.DRAIN_FAILURES.inc()
    if claim.attempts >= MOST_ATTEMPTS or (claim.attempts == 0 and reason.endswith(UNIQUE_VIOLATION)):
        remove(table.heads(claim.batch_ids), keeper)
        failures.settle(claim, reason=reason, is_proven=False)


def _count(moved: Moved, *, seconds: float) -> None:
    """Count for operators, after the commit; both clocks of a batch's delay are PostgreSQL's."""
    metrics.DRAIN_SECONDS.observe(seconds)
    metrics.STORED_BATCHES.inc(len(moved.spooled))
    metrics.STORED_ENTRIES.inc(sum(len(batch.lines) for batch in moved.batches))
    metrics.STORED_BYTES.inc(sum(batch.size_bytes for batch in moved.batches))
    observe_all(metrics.STORED_AFTER, [row.age_seconds + seconds for row in moved.spooled])
