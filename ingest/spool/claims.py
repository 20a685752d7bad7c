"""Claims: what a drain is about to take, committed before it takes it.

A claim is alive while its row is locked. One without a lock was left by a process that died: what becomes of its
batches is decided in `ingest.spool.failures`.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass

from django.db import transaction

from foundation import statements
from foundation.postgres import execute, fetch_all, fetch_binary
from ingest.models import MOST_DEFERRED_SLOTS, SLOT_SECONDS

GROUP_BATCHES = 1_024
#: After a group has failed: so many are tried alone at most.
CAREFUL_BATCHES = 64
GROUP_BYTES = 32 * 2**20
MOST_HOPS = 4096
SWEEP_EVERY = 50  # times as long as the last sweep took
SWEEP_WITHIN_SECONDS = 4.0  # at the latest, unless sweeps would take a fifth of the time
SWEEP_AT_MOST_EVERY = 5
DEAD_AFTER_SECONDS = 5  # longer than a live drain needs from committing its claim to locking it

#: Organisations take turns; see there.
CLAIM_GROUP = statements.read(
    __file__, "claim_group", most_hops=MOST_HOPS, slot_seconds=SLOT_SECONDS, most_slots=MOST_DEFERRED_SLOTS
)
#: `not_before` of what is to be tried before anything else.
AT_ONCE = "to_timestamp(0)"
IS_FREE = """
NOT EXISTS (SELECT FROM ingest_drainclaim WHERE id >= %(first_claim)s AND spooled.batch_id = ANY (batch_ids))
"""
#: No batch that failed waits for longer.
LONGEST_WAIT = "1 minute"
#: A batch that failed before is taken alone; what is to be tried at once, before what is due again. One that was to
#: wait until a moment of a clock that was set back since, has waited.
_CLAIM_FAILED = f"""
INSERT INTO ingest_drainclaim (batch_ids)
(SELECT ARRAY[batch_id] FROM ingest_spooledbatch AS spooled
  WHERE attempts > 0 AND not_before <= {{due}} AND {IS_FREE}
  ORDER BY not_before LIMIT 1)
UNION ALL
(SELECT ARRAY[batch_id] FROM ingest_spooledbatch AS spooled
  WHERE attempts > 0 AND not_before > now() + interval '{LONGEST_WAIT}' AND {IS_FREE}
  ORDER BY not_before LIMIT 1)
LIMIT 1
RETURNING id, batch_ids
"""  # noqa: S608 - constants
CLAIM_AT_ONCE, CLAIM_RETRY = _CLAIM_FAILED.format(due=AT_ONCE), _CLAIM_FAILED.format(due="now()")
#: Plans by index whatever the statistics say: those of a queue are always of another time.
BEGIN_CLAIM = """
SELECT set_config('synchronous_commit', 'off', true), set_config('enable_seqscan', 'off', true),
       set_config('enable_bitmapscan', 'off', true), pg_advisory_xact_lock(hashtext('ingest.claims'))
"""
#: A claim of the future is of a clock that was set back since: nobody knows how old it is.
LEFT_BEHIND = """
DELETE FROM ingest_drainclaim WHERE id IN (
       SELECT id FROM ingest_drainclaim
        WHERE id >= %s AND abs(extract(epoch FROM now() - claimed_at)) > %s FOR UPDATE SKIP LOCKED)
RETURNING batch_ids
"""


@dataclass(frozen=True, kw_only=True)
class Claim:
    """Batches that one drain, and no other, is about to take; `may_leave_more` unless they were all that waited."""

    claim_id: int
    batch_ids: list[int]
    may_leave_more: bool = True


class Frontier:
    """Where the oldest living rows of spool and claims lie. What was deleted below is not walked over at each claim.

    While a long transaction looks at it, PostgreSQL cannot clear away what was deleted, and the indexes still lead
    there. Claims are numbered in order; a slot is final some seconds after its end, but for a commit that came very
    late, a clock that was wrong, or a PostgreSQL that crashed and has forgotten a deletion. A sweep from the beginning
    finds those: after each outage, and every 4 s at the latest. Sweeps take 2 % of the time, a fifth at most.
    """

    def __init__(self) -> None:
        self.slot = self.claim = 0
        self._sweep_due_at = 0.0

    def start(self) -> dict[str, int]:
        """Return where a claim is to begin."""
        if time.monotonic() >= self._sweep_due_at:
            return {"first_slot": 0, "first_claim": 0}
        return {"first_slot": self.slot, "first_claim": self.claim}

    def move(self, *, slot: int, claim: int, took_seconds: float) -> None:
        """Note where a claim that took this long found the first living rows."""
        now = time.monotonic()
        if now >= self._sweep_due_at:
            latest = max(SWEEP_WITHIN_SECONDS, SWEEP_AT_MOST_EVERY * took_seconds)
            self._sweep_due_at = now + min(SWEEP_EVERY * took_seconds, latest)
        self.slot, self.claim = slot, claim

    def distrust(self) -> None:
        """Have the next claim sweep: what was deleted may be there again."""
        self._sweep_due_at = 0.0


frontier = Frontier()


def claim(
    *, new_first: bool = False, at_most_batches: int = GROUP_BATCHES, at_most_bytes: int = GROUP_BYTES
) -> Claim | None:
    """Claim what is to be tried at once; else a batch that is due for another try or a fair group of new ones.

    `new_first` says which of the two is looked for first: who claims again and again lets them take turns. None when
    there is nothing to claim.
    """
    limits = {"batches": at_most_batches, "bytes": at_most_bytes}
    with transaction.atomic():
        fetch_binary(BEGIN_CLAIM, prepare=True)
        if new_first:
            return _claim_one(CLAIM_AT_ONCE) or _claim_group(limits) or _claim_one(CLAIM_RETRY)
        return _claim_one(CLAIM_RETRY) or _claim_group(limits)


def hold(held: Claim) -> bool:
    """Lock and remove the claim until the transaction ends; false when it was released as dead meanwhile."""
    return execute("DELETE FROM ingest_drainclaim WHERE id = %s", [held.claim_id]) == 1


def release(unused: Claim) -> None:
    """Give up a claim through no fault of its batches: they may be claimed again at once."""
    execute("DELETE FROM ingest_drainclaim WHERE id = %s", [unused.claim_id])


def take_dead() -> list[list[int]]:
    """Remove the claims of drains that died in the caller's transaction; return the batches of each."""
    return [batch_ids for (batch_ids,) in fetch_all(LEFT_BEHIND, [frontier.start()["first_claim"], DEAD_AFTER_SECONDS])]


def _claim_one(statement: str) -> Claim | None:
    claimed = fetch_binary(statement, frontier.start(), prepare=True)
    return next((Claim(claim_id=claim_id, batch_ids=batch_ids) for claim_id, batch_ids in claimed), None)


def _claim_group(limits: Mapping[str, int]) -> Claim | None:
    began = time.monotonic()
    [(claim_id, batch_ids, first_slot, first_claim, may_leave_more)] = fetch_binary(
        CLAIM_GROUP, {**frontier.start(), **limits}, prepare=True
    )
    frontier.move(slot=first_slot, claim=first_claim, took_seconds=time.monotonic() - began)
    return Claim(claim_id=claim_id, batch_ids=batch_ids, may_leave_more=may_leave_more) if claim_id else None
