"""Claims: what a drain is about to take, committed before it takes it.

A claim is alive while its row is locked. One without a lock was left by a process that died: its batches are retried
alone and later and later, so that a batch that kills its worker cannot do so for ever, nor hold up the others.
"""

from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction

from luminalog.postgres import execute

GROUP_BATCHES = 64
GROUP_BYTES = 32 * 2**20
DEAD_AFTER_SECONDS = 5  # longer than a live drain needs from committing its claim to locking it

#: Organisations take turns: the oldest batch of each, then the second of each … so that nobody's backlog delays others.
#: Under the advisory lock two drains never claim the same batch.
CLAIM_GROUP = """
WITH RECURSIVE organisation AS (
    SELECT min(organisation_id) AS id FROM ingest_spooledbatch
     UNION ALL
    SELECT (SELECT min(organisation_id) FROM ingest_spooledbatch WHERE organisation_id > organisation.id)
      FROM organisation WHERE organisation.id IS NOT NULL
), claimed AS (
    SELECT unnest(batch_ids) AS batch_id FROM ingest_drainclaim
), turn AS (
    SELECT batch.batch_id, batch.size_bytes, row_number() OVER (PARTITION BY organisation.id ORDER BY batch_id) AS turn
      FROM organisation, LATERAL (
           SELECT batch_id, size_bytes FROM ingest_spooledbatch AS spooled
            WHERE spooled.organisation_id = organisation.id AND attempts = 0
              AND NOT EXISTS (SELECT FROM claimed WHERE claimed.batch_id = spooled.batch_id)
            ORDER BY batch_id LIMIT %(batches)s) AS batch
), fair AS (
    SELECT batch_id, size_bytes, turn, sum(size_bytes) OVER (ORDER BY turn, batch_id) AS running_bytes
      FROM turn ORDER BY turn, batch_id LIMIT %(batches)s
)
INSERT INTO ingest_drainclaim (batch_ids)
SELECT array_agg(batch_id) FROM fair WHERE running_bytes - size_bytes < %(bytes)s
HAVING count(*) > 0
RETURNING id, batch_ids
"""
#: A batch that failed before is taken alone.
CLAIM_RETRY = """
INSERT INTO ingest_drainclaim (batch_ids)
SELECT ARRAY[batch_id] FROM ingest_spooledbatch AS spooled
 WHERE attempts > 0 AND not_before <= now()
   AND NOT EXISTS (SELECT FROM ingest_drainclaim WHERE spooled.batch_id = ANY (batch_ids))
 ORDER BY not_before LIMIT 1
RETURNING id, batch_ids
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
       SELECT id FROM ingest_drainclaim WHERE claimed_at < now() - interval '1 second' * %s FOR UPDATE SKIP LOCKED)
RETURNING batch_ids
"""


@dataclass(frozen=True, kw_only=True)
class Claim:
    """Batches that one drain, and no other, is about to take."""

    claim_id: int
    batch_ids: list[int]


def claim() -> Claim | None:
    """Claim a batch that is due for another try, or else a fair group of new ones, or nothing."""
    return _insert(CLAIM_RETRY) or _insert(CLAIM_GROUP)


def hold(held: Claim) -> bool:
    """Lock and remove the claim until the transaction ends; false when it was released as dead meanwhile."""
    return execute("DELETE FROM ingest_drainclaim WHERE id = %s", [held.claim_id]) == 1


def postpone(failed: Claim, *, reason: str) -> None:
    """Give up a claim whose batches could not be stored, and have them retried one by one."""
    with transaction.atomic():
        if hold(failed):
            _postpone(failed.batch_ids, reason=reason)


def release_dead() -> int:
    """Postpone the batches of drains that died; return how many drains that were."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(LEFT_BEHIND, [DEAD_AFTER_SECONDS])
        dead = [batch_ids for (batch_ids,) in cursor.fetchall()]
        for batch_ids in dead:
            _postpone(batch_ids, reason="its worker died")
    return len(dead)


def _insert(statement: str) -> Claim | None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit = off")
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('ingest.claims'))")
        cursor.execute(statement, {"batches": GROUP_BATCHES, "bytes": GROUP_BYTES})
        row = cursor.fetchone()
    return Claim(claim_id=row[0], batch_ids=row[1]) if row else None


def _postpone(batch_ids: list[int], *, reason: str) -> None:
    parameters: dict[str, Any] = {"batch_ids": batch_ids, "reason": reason, "is_alone": len(batch_ids) == 1}
    execute(POSTPONE, parameters)
