"""Batches that are in no rollup yet: of before there were any, or stored by an older worker beside newer ones.

Until then their days are counted from entries.
"""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from functools import partial
from typing import Any

from django.db import transaction

from foundation.postgres import execute, fetch_all
from storage import rollups
from storage.receipts import WITH_ERASED, Certified
from storage.store import store
from storage.tally import Kind, Tally

#: A step is a transaction of no more than so many batches, and of about so many entries.
STEP_BATCHES, STEP_ENTRIES = 2_000, 100_000

TAKE_TURN = "SELECT pg_advisory_xact_lock(hashtext('storage.unrolled'))"
#: As the index has them.
STRAYS = f"""
SELECT batch_id, organisation_id, received_at, receipt.entries - erased.entries, receipt.size_bytes, true
  FROM storage_receipt AS receipt {WITH_ERASED}
 WHERE NOT is_rolled_up ORDER BY organisation_id, received_at LIMIT %(limit)s
"""  # noqa: S608 - constants
HAS_STRAYS = "SELECT EXISTS (SELECT FROM storage_receipt WHERE NOT is_rolled_up)"
#: What is not whole is as if it were of before: nobody knows what there was of it.
MARK = """
UPDATE storage_receipt SET is_rolled_up = CASE WHEN batch_id = ANY (%(whole)s) THEN true END
 WHERE batch_id = ANY (%(found)s)
"""
DAYS = "SELECT day FROM storage_unrolled_day ORDER BY day DESC"
#: receipt_received_at serves the day.
OF_DAY = f"""
SELECT batch_id, organisation_id, received_at, receipt.entries - erased.entries, receipt.size_bytes, true
  FROM storage_receipt AS receipt {WITH_ERASED},
       (SELECT through FROM storage_unrolled_day WHERE day = %(day)s) AS unrolled
 WHERE received_at >= %(start)s AND received_at < %(end)s AND is_rolled_up IS NULL AND batch_id > unrolled.through
 ORDER BY batch_id LIMIT %(limit)s
"""  # noqa: S608 - constants
MOVE_ON = "UPDATE storage_unrolled_day SET through = %s WHERE day = %s"
IS_DONE = "DELETE FROM storage_unrolled_day WHERE day = %s"


def days() -> list[date]:
    """Return the days of before that are not rolled up, the newest first."""
    return [day for (day,) in fetch_all(DAYS)]


def has_strays() -> bool:
    """Tell whether an older worker has stored batches that are not rolled up."""
    return bool(fetch_all(HAS_STRAYS)[0][0])


def roll_up(*, budget_seconds: float) -> int:
    """Bring batches into the rollups, the newest days first, until all are or the time is up; return how many.

    Each step is a transaction; whoever is interrupted goes on where the last one ended. Raises: `Unavailable`.
    """
    deadline = time.monotonic() + budget_seconds
    batches = 0
    steps: list[Callable[[], int]] = [_roll_up_strays, *(partial(_roll_up_day, day) for day in days())]
    for step in steps:
        rolled_up = 1
        while rolled_up and time.monotonic() < deadline:
            with transaction.atomic():
                execute(TAKE_TURN)
                rolled_up = step()
            batches += rolled_up
    return batches


def _roll_up_strays() -> int:
    found = _found(STRAYS, {"limit": STEP_BATCHES})
    execute(MARK, {"found": [one.batch_id for one in found], "whole": _add(found)})
    return len(found)


def _roll_up_day(day: date) -> int:
    start = datetime.combine(day, time_of_day.min, UTC)
    parameters = {"day": day, "start": start, "end": start + timedelta(days=1), "limit": STEP_BATCHES}
    found = _found(OF_DAY, parameters)
    _add(found)
    if found:
        execute(MOVE_ON, [found[-1].batch_id, day])
    else:
        execute(IS_DONE, [day])
    return len(found)


def _found(sql: str, parameters: dict[str, Any]) -> list[Certified]:
    """Return the batches of a step: of those found the first ones, and one at least if there is any."""
    found: list[Certified] = []
    entries = 0
    for one in (Certified(*row) for row in fetch_all(sql, parameters)):
        found.append(one)
        entries += one.entries
        if entries >= STEP_ENTRIES:
            break
    return found


def _add(found: Sequence[Certified]) -> list[int]:
    """Add what is stored of these batches to the rollups; return those that are whole.

    Of another one something was deleted already, or is missing: its day is counted from what is there.
    """
    counts = _counts(found)
    whole = [one for one in found if counts[one.batch_id].total() == one.entries]
    tally = Tally()
    for one in whole:
        tally.of(one.organisation_id, one.received_at).update(counts[one.batch_id])
    rest = [one for one in found if counts[one.batch_id].total() != one.entries]
    rollups.write(tally, not_told={(one.organisation_id, one.received_at.astimezone(UTC).date()) for one in rest})
    return [one.batch_id for one in whole]


def _counts(found: Sequence[Certified]) -> dict[int, Counter[Kind]]:
    counts: dict[int, Counter[Kind]] = {one.batch_id: Counter() for one in found}
    if found:
        for batch_id, kind, entries in store().writer.kinds(found):
            counts[batch_id][kind] += entries
    return counts
