"""Claims: what a drain is about to take, committed before it takes it.

A claim is alive while its row is locked. One without a lock was left by a process that died: what becomes of its
batches is decided in `ingest.spool.failures`.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from django.db import DatabaseError, InterfaceError, transaction

from foundation import statements
from foundation.postgres import execute, fetch_all, fetch_binary
from ingest.models import MOST_DEFERRED_SLOTS, SLOT_SECONDS

GROUP_BATCHES = 1_024
#: After a group has failed: so many are tried alone at most.
CAREFUL_BATCHES = 64
GROUP_BYTES = 32 * 2**20
#: More than a group of so many batches holds, unless a log store takes fewer at once.
GROUP_ENTRIES = 2**21
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
#: A claim that lasts is not lost by a crash, as another one may be: a write by its token may be under way.
LAST = "SET LOCAL synchronous_commit = on"
#: A claim of the future is of a clock that was set back since: nobody knows how old it is.
LEFT_BEHIND = """
DELETE FROM ingest_drainclaim WHERE id IN (
       SELECT id FROM ingest_drainclaim
        WHERE id >= %s AND abs(extract(epoch FROM now() - claimed_at)) > %s FOR UPDATE SKIP LOCKED)
RETURNING batch_ids
"""


#: Those that are due, of drains that died or failed; nobody looks for a new one for some seconds.
DUE = """
SELECT id FROM ingest_drainclaim WHERE not_before <= now() OR not_before > now() + interval '2 minutes' ORDER BY id
"""
#: No more are counted than matter.
FAILING = "SELECT count(*) FROM (SELECT FROM ingest_drainclaim WHERE attempts > 0 LIMIT %s) AS failing"
LASTING = """
SELECT id, batch_ids, token::text, attempts, deadline, error_keys FROM ingest_drainclaim WHERE id = %s
"""
#: Ends with the session: whoever dies leaves the claim to others at once.
TAKE_TURN = "SELECT pg_try_advisory_lock(hashtext('ingest.relay'), (%s %% 2147483648)::int)"
END_TURN = "SELECT pg_advisory_unlock(hashtext('ingest.relay'), (%s %% 2147483648)::int)"
#: Whoever comes second to the same attempt, stops.
BEGIN = """
UPDATE ingest_drainclaim
   SET attempts = attempts + 1, deadline = greatest(deadline, %(deadline)s),
       error_keys = coalesce(error_keys, %(error_keys)s),
       not_before = now() + least(interval '1 second' * power(2, attempts), interval '1 minute')
 WHERE id = %(id)s AND attempts = %(attempts)s
"""
PUT_OFF = "UPDATE ingest_drainclaim SET not_before = now() + interval '1 second' * %s WHERE id = %s"
GIVE_UP = "UPDATE ingest_drainclaim SET attempts = greatest(attempts, %s) WHERE id = %s"


@dataclass(frozen=True, kw_only=True)
class Claim:
    """Batches that one drain, and no other, is about to take; `may_leave_more` unless they were all that waited."""

    claim_id: int
    batch_ids: list[int]
    may_leave_more: bool = True


@dataclass(frozen=True, kw_only=True)
class Lasting(Claim):
    """A claim that keeps its members until it is settled; `deadline` is that of its latest write, if there was any."""

    token: str
    attempts: int
    deadline: int | None
    error_keys: bytes | None


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
    *,
    new_first: bool = False,
    at_most_batches: int = GROUP_BATCHES,
    at_most_bytes: int = GROUP_BYTES,
    at_most_entries: int = GROUP_ENTRIES,
    lasts_for_seconds: float | None = None,
) -> Claim | None:
    """Claim what is to be tried at once; else a batch that is due for another try or a fair group of new ones.

    `new_first` says which of the two is looked for first: who claims again and again lets them take turns. None when
    there is nothing to claim. One that lasts is nobody else's for so many seconds.
    """
    limits = {"batches": at_most_batches, "bytes": at_most_bytes, "entries": at_most_entries}
    with transaction.atomic():
        fetch_binary(BEGIN_CLAIM, prepare=True)
        if new_first:
            made = _claim_one(CLAIM_AT_ONCE) or _claim_group(limits) or _claim_one(CLAIM_RETRY)
        else:
            made = _claim_one(CLAIM_RETRY) or _claim_group(limits)
        if made and lasts_for_seconds is not None:
            execute(LAST)
            execute(PUT_OFF, [lasts_for_seconds, made.claim_id])
        return made


def due() -> list[int]:
    """Return the ids of claims that are to be driven on, the oldest first."""
    return [claim_id for (claim_id,) in fetch_all(DUE)]


def are_failing(number: int) -> bool:
    """Tell whether so many claims were begun and have not ended: tried in vain, but for those that are in work now."""
    [(failing,)] = fetch_all(FAILING, [number])
    return bool(failing >= number)


@contextmanager
def turn(claim_id: int) -> Iterator[Lasting | None]:
    """Have a claim that lasts to oneself for a block; None where somebody else has it, or it is settled."""
    if not fetch_all(TAKE_TURN, [claim_id])[0][0]:
        yield None
        return
    try:
        rows = fetch_all(LASTING, [claim_id])
        names = ("claim_id", "batch_ids", "token", "attempts", "deadline", "error_keys")
        yield Lasting(**dict(zip(names, rows[0], strict=True))) if rows else None
    finally:
        with suppress(DatabaseError, InterfaceError):  # it has ended with its session
            execute(END_TURN, [claim_id])


def begin(lasting: Lasting, *, deadline: int, error_keys: bytes | None) -> bool:
    """Note an attempt before it is made, in the caller's transaction; false if the claim is somebody else's by now."""
    parameters = {
        "id": lasting.claim_id,
        "attempts": lasting.attempts,
        "deadline": deadline,
        "error_keys": error_keys,
    }
    return execute(BEGIN, parameters) == 1


def put_off(lasting: Lasting, *, seconds: float) -> None:
    """Have nobody drive a claim for so many seconds."""
    execute(PUT_OFF, [seconds, lasting.claim_id])


def give_up(lasting: Lasting, *, attempts: int) -> None:
    """Have a claim be settled, as after so many attempts."""
    execute(GIVE_UP, [attempts, lasting.claim_id])


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
