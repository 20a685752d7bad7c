"""Whose fault is it that batches could not be stored: their own, or the log store's? They are buried only for theirs.

Of several that failed together each is tried alone, at once; those of a large group in smaller ones before. But not
while the store takes nothing of anybody. A failure alone is held against a batch only if the store takes a plain entry
in its place now (`storing.would_take`), and
- the failure itself proves it: a damaged payload, a value that PostgreSQL cannot store;
- or another batch received on the same day was stored since it failed last, in whichever worker: receipts say so;
- or it has waited for two minutes and nobody else came: then the plain entry is proof enough.
Otherwise it waits: an eighth of its age, a second to a minute. So does everything else in a standstill, untried.
"""

import random
from collections.abc import Sequence

from django.db import transaction
from msgspec.structs import replace

from foundation.postgres import current_time, execute, fetch_all
from ingest.spool import batch_ids, claims, storing, table
from ingest.spool.claims import Claim
from ingest.waits_for import WaitsFor
from storage import receipts
from storage.batch import BatchHead

#: So many plain entries are tried at random, before the log store is said to take nothing of anybody.
MOST_TRIALS = 16
#: After that a batch that nobody came with is judged by the plain entry alone.
ALONE_AFTER_SECONDS = 120

#: The members of a group are tried before anything else, whatever the clock says.
TRY_AT_ONCE = f"""
UPDATE ingest_spooledbatch
   SET attempts = greatest(attempts, 1), failed_in = pg_current_xact_id(), last_error = %(reason)s, waits_for = '',
       not_before = {claims.AT_ONCE}
 WHERE batch_id = ANY (%(batch_ids)s)
"""  # noqa: S608 - constants
#: After n failures that are held against it a batch waits 2^n seconds, a minute at most.
HOLD_AGAINST = f"""
UPDATE ingest_spooledbatch
   SET attempts = attempts + 1, failed_in = pg_current_xact_id(), last_error = %(reason)s, waits_for = '',
       not_before = now() + least(interval '1 second' * power(2, attempts), interval '{claims.LONGEST_WAIT}')
 WHERE batch_id = %(batch_id)s
"""  # noqa: S608 - constants
#: In a standstill a batch that has not failed yet is left as new as it is, if another one waits already: so all that
#: came meanwhile is stored in groups, once the store is repaired.
HAVE_WAIT = f"""
UPDATE ingest_spooledbatch AS spooled
   SET attempts = greatest(attempts, 1), failed_in = pg_current_xact_id(), last_error = %(reason)s,
       waits_for = %(waits_for)s,
       not_before = now() + least(greatest((now() - received_at) / 8, interval '1 second'),
                                  interval '{claims.LONGEST_WAIT}')
 WHERE batch_id = %(batch_id)s
   AND (attempts > 0 OR %(waits_for)s <> '{WaitsFor.STORE}'
        OR NOT EXISTS (SELECT FROM ingest_spooledbatch WHERE attempts > 0 AND waits_for = '{WaitsFor.STORE}'))
"""  # noqa: S608 - constants
CAN_BE_HELD_AGAINST_IT = f"""
SELECT {receipts.DAY_IS_STORED}
    OR %(may_stand_alone)s AND abs(extract(epoch FROM now() - received_at)) > {ALONE_AFTER_SECONDS}
  FROM ingest_spooledbatch AS spooled WHERE batch_id = %(batch_id)s
"""  # noqa: S608 - constants
#: As `stands_still` of one row.
STANDS_STILL = f"""
SELECT EXISTS (SELECT FROM ingest_spooledbatch AS spooled
                WHERE attempts > 0 AND waits_for = '{WaitsFor.STORE}'
                  AND NOT {receipts.ANYTHING_IS_STORED}) AS stands_still
"""  # noqa: S608 - constants


class StandsStill(Exception):
    """The log store takes nothing of anybody, and no outage that we know is why: it makes no sense to go on now."""


def store_stands_still() -> bool:
    """Tell whether batches wait because the log store took nothing, and it has taken nothing since. Cheap."""
    [(stands_still,)] = fetch_all(STANDS_STILL)
    return bool(stands_still)


def settle(failed: Claim, *, reason: str, is_proven: bool) -> None:
    """Give up a claim whose batches could not be stored, and decide what becomes of each. Raises: `StandsStill`."""
    with transaction.atomic():
        stands_still = claims.hold(failed) and judge(
            failed.batch_ids, reason=reason, is_proven=is_proven, alone_up_to=claims.CAREFUL_BATCHES
        )
    if stands_still:
        raise StandsStill(reason)


def release_dead() -> int:
    """Judge the batches of drains that died; return how many drains that were."""
    with transaction.atomic():
        dead = claims.take_dead()
        for claimed in dead:
            judge(claimed, reason="its worker died", is_proven=False)
    return len(dead)


def judge(claimed: Sequence[int], *, reason: str, is_proven: bool, alone_up_to: int = claims.GROUP_BATCHES) -> bool:
    """Decide what becomes of batches that failed; tell whether the log store takes nothing of anybody.

    No claim holds them. More than `alone_up_to` are left as new as they are.
    """
    heads = table.heads(claimed)
    if len(heads) == 1:
        return _judge_one(heads[0], reason=reason, is_proven=is_proven)
    if heads and not _takes_any(heads):
        _have_wait(heads[0], WaitsFor.STORE, reason=reason)
        return True
    if len(heads) <= alone_up_to:
        alone = [head.batch_id for head in heads if not _gets_another_id(head)]
        execute(TRY_AT_ONCE, {"batch_ids": alone, "reason": reason})
    return False


def _judge_one(head: BatchHead, *, reason: str, is_proven: bool) -> bool:
    if _gets_another_id(head):
        return False
    in_its_place = storing.would_take(head)
    if in_its_place is False:
        stands_still = not _takes_any([head])
        _have_wait(head, WaitsFor.STORE if stands_still else WaitsFor.PLACE, reason=reason)
        return stands_still
    if is_proven or _can_be_held_against(head, may_stand_alone=in_its_place is True):
        execute(HOLD_AGAINST, {"batch_id": head.batch_id, "reason": reason})
        return False
    _have_wait(head, "" if in_its_place else WaitsFor.STORE, reason=reason)
    return not in_its_place  # nothing says that the store takes anything


def _gets_another_id(head: BatchHead) -> bool:
    """Give a batch an id that nobody has, if another one has its own; it is tried at once then."""
    is_taken = table.id_is_taken(head.batch_id)
    if is_taken:
        table.renumber(head.batch_id, batch_ids.take_unused())
    return is_taken


def _takes_any(heads: Sequence[BatchHead]) -> bool:
    """Tell whether the log store takes a plain entry of now, whosesoever: as long as that cannot be tried, it does.

    Asked for are these organisations, others whose batches wait, and the one that was stored of last.
    """
    now = current_time()
    keys = {(head.organisation_id, head.api_key_id) for head in heads} | table.waiting_keys() | receipts.last_key()
    tried = random.sample(sorted(keys), min(len(keys), MOST_TRIALS))
    return any(
        storing.would_take(replace(heads[0], organisation_id=organisation, api_key_id=api_key, received_at=now))
        is not False
        for organisation, api_key in tried
    )


def _can_be_held_against(head: BatchHead, *, may_stand_alone: bool) -> bool:
    parameters = {"batch_id": head.batch_id, "may_stand_alone": may_stand_alone}
    return any(answer for (answer,) in fetch_all(CAN_BE_HELD_AGAINST_IT, parameters))


def _have_wait(head: BatchHead, waits_for: str, *, reason: str) -> None:
    execute(HAVE_WAIT, {"batch_id": head.batch_id, "waits_for": waits_for, "reason": reason})
