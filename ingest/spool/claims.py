"""Claims: what a drain is about to take, committed before it takes it.

A claim is alive while its row is locked. One without a lock was left by a process that died: its batches are retried
alone and later and later, so that a batch that kills its worker cannot do so for ever, nor hold up the others.
"""

import time
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction

from foundation import statements
from foundation.postgres import execute
from ingest.models import SLOT_SECONDS

GROUP_BATCHES = 64
GROUP_BYTES = 32 * 2**20
MOST_HOPS = 4096
SWEEP_EVERY = 50  # times as long as the last sweep took
DEAD_AFTER_SECONDS = 5  # longer than a live drain needs from committing its claim to locking it

#: Organisations take turns; see there.
CLAIM_GROUP = statements.read(__file__, "claim_group", most_hops=MOST_HOPS, slot_seconds=SLOT_SECONDS)
#: A batch that failed before is taken alone.
CLAIM_RETRY = """
INSERT INTO ingest_drainclaim (batch_ids)
SELECT ARRAY[batch_id] FROM ingest_spooledbatch AS spooled
 WHERE attempts > 0 AND not_before <= now()
   AND NOT EXISTS (SELECT FROM ingest_drainclaim WHERE id >= %(first_claim)s AND spooled.batch_id = ANY (batch_ids))
 ORDER BY not_before LIMIT 1
RETURNING id, batch_ids
"""
#: Plans by index whatever the statistics say: those of a queue are always of another time.
BEGIN_CLAIM = """
SELECT set_config('synchronous_commit', 'off', true), set_config('enable_seqscan', 'off', true),
       set_config('enable_bitmapscan', 'off', true), pg_advisory_xact_lock(hashtext('ingest.claims'))
"""
#: After n failures a batch waits 2^n seconds; the members of a group that failed are first tried alone, at once.
POSTPONE = """
UPDATE ingest_spooledbatch
   SET attempts = attempts + 1, last_error = %(reason)s,
       not_before = now() + CASE WHEN %(is_alone)s THEN interval '1 second' * power(2, attempts) ELSE interval '0' END
 WHERE batch_id = ANY (%(batch_ids)s)
"""
LEFT_BEHIND = """
DELETE FROM ingest_drainclaim WHERE id IN (
       SELECT id FROM ingest_drainclaim
        WHERE id >= %s AND claimed_at < now() - interval '1 second' * %s FOR UPDATE SKIP LOCKED)
RETURNING batch_ids
"""


@dataclass(frozen=True, kw_only=True)
class Claim:
    """Batches that one drain, and no other, is about to take."""

    claim_id: int
    batch_ids: list[int]


class Frontier:
    """Where the oldest living rows of spool and claims lie. What was deleted below is not walked over at each claim.

    While a long transaction looks at it, PostgreSQL cannot clear away what was deleted, and the indexes still lead
    there. Claims are numbered in order; a slot is final some seconds after its end, but for a commit that came very
    late. A sweep from the beginning finds that one; sweeps take at most 2 % of the time.
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
            self._sweep_due_at = now + SWEEP_EVERY * took_seconds
        self.slot, self.claim = slot, claim


frontier = Frontier()


def claim() -> Claim | None:
    """Claim a batch that is due for another try, or else a fair group of new ones, or nothing."""
    began, start = time.monotonic(), frontier.start()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(BEGIN_CLAIM)
        cursor.execute(CLAIM_RETRY, start)
        if retry := cursor.fetchone():
            return Claim(claim_id=retry[0], batch_ids=retry[1])
        cursor.execute(CLAIM_GROUP, start | {"batches": GROUP_BATCHES, "bytes": GROUP_BYTES})
        claim_id, batch_ids, first_slot, first_claim = cursor.fetchone()
    frontier.move(slot=first_slot, claim=first_claim, took_seconds=time.monotonic() - began)
    return Claim(claim_id=claim_id, batch_ids=batch_ids) if claim_id else None


def hold(held: Claim) -> bool:
    """Lock and remove the claim until the transaction ends; false when it was released as dead meanwhile."""
    return execute("DELETE FROM ingest_drainclaim WHERE id = %s", [held.claim_id]) == 1


def release(unused: Claim) -> None:
    """Give up a claim through no fault of its batches: they may be claimed again at once."""
    execute("DELETE FROM ingest_drainclaim WHERE id = %s", [unused.claim_id])


def postpone(failed: Claim, *, reason: str) -> None:
    """Give up a claim whose batches could not be stored, and have them retried one by one."""
    with transaction.atomic():
        if hold(failed):
            _postpone(failed.batch_ids, reason=reason)


def release_dead() -> int:
    """Postpone the batches of drains that died; return how many drains that were."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(LEFT_BEHIND, [frontier.claim, DEAD_AFTER_SECONDS])
        dead = [batch_ids for (batch_ids,) in cursor.fetchall()]
        for batch_ids in dead:
            _postpone(batch_ids, reason="its worker died")
    return len(dead)


def _postpone(batch_ids: list[int], *, reason: str) -> None:
    parameters: dict[str, Any] = {"batch_ids": batch_ids, "reason": reason, "is_alone": len(batch_ids) == 1}
    execute(POSTPONE, parameters)
