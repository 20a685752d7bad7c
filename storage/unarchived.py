"""Which closed days of organisations are to be archived, and are not: retention waits for those."""

from collections.abc import Collection
from datetime import UTC, date, timedelta
from typing import Any

from django.db import transaction

from foundation.postgres import execute, fetch_all
from storage.archived import Due, at_length, range_of
from storage.kept import KEPT_OF_DAYS
from storage.models import Archiving, Retention
from storage.store import store

#: A day that fails is tried again after so long, times how often it has failed, `MOST_TRIES` times that at most.
AGAIN_AFTER = timedelta(minutes=5)
MOST_TRIES = 36
#: Days before the newest closed one are looked at again with it: batches may be stored late.
AGAIN = timedelta(days=2)
#: As conditions on `kept` and `archived`, which may be missing.
_IS_OTHER = "(archived.entries, archived.size_bytes) IS DISTINCT FROM (kept.entries, kept.size_bytes)"
PLAN = f"""
INSERT INTO storage_archived_day AS planned (organisation_id, day, waits_since)
SELECT organisation_id, day, now()
  FROM ({KEPT_OF_DAYS}) AS kept LEFT JOIN storage_archived_day AS archived USING (organisation_id, day)
 WHERE archived.waits_since IS NULL AND {_IS_OTHER}
 ORDER BY organisation_id, day
    ON CONFLICT (organisation_id, day) DO UPDATE
       SET waits_since = coalesce(planned.waits_since, excluded.waits_since), version = planned.version + 1
"""  # noqa: S608 - constants
FIRST_WAITING = f"""
SELECT min(day) FROM ({KEPT_OF_DAYS}) AS kept LEFT JOIN storage_archived_day AS archived USING (organisation_id, day)
 WHERE archived.waits_since IS NOT NULL OR {_IS_OTHER}
"""  # noqa: S608 - constants
#: archived_day_waits serves it.
FIRST_NOTED = """
SELECT min(day) FROM storage_archived_day
 WHERE waits_since IS NOT NULL AND organisation_id = coalesce(%(organisation_id)s, organisation_id)
   AND day >= %(first)s AND day < %(before)s
"""
#: In one order; what nobody has archived, or is about to, has no row.
CHANGE = """
WITH held AS MATERIALIZED (
    SELECT organisation_id, day FROM storage_archived_day
     WHERE organisation_id = %s AND day = ANY (%s) ORDER BY day FOR UPDATE)
UPDATE storage_archived_day AS archived SET version = version + 1, waits_since = coalesce(waits_since, now())
  FROM held WHERE archived.organisation_id = held.organisation_id AND archived.day = held.day
"""
DUE = """
SELECT organisation_id, day, version, attempt, attempt_version FROM storage_archived_day
 WHERE waits_since IS NOT NULL
   AND (tries = 0 OR %(now)s OR tried_at + least(tries, %(most_tries)s) * %(pause)s::interval < now())
   AND organisation_id = coalesce(%(organisation_id)s, organisation_id) AND day = coalesce(%(day)s::date, day)
 ORDER BY day, organisation_id LIMIT 1
"""


def plan(*, closed_before: date) -> None:
    """Note which days before `closed_before` are to be written, and look at the last ones again: some comes late."""
    first = _first_to_plan()
    if first is not None and first < closed_before:
        with at_length():
            execute(PLAN, range_of(first, closed_before))
    with transaction.atomic():
        row, _ = Archiving.objects.select_for_update().get_or_create(id=1)
        row.planned_through = max(closed_before - timedelta(days=1), row.planned_through or date.min)
        row.save(update_fields=["planned_through"])


def note_look() -> None:
    """Note that somebody has looked for what is to be written."""
    Archiving.objects.get_or_create(id=1)
    execute("UPDATE storage_archiving SET looked_at = now()")


def is_planned(day: date) -> bool:
    """Tell whether `day` was looked at since it was closed."""
    return Archiving.objects.filter(planned_through__gte=day).exists()


def due(*, now: bool = False, organisation_id: int | None = None, day: date | None = None) -> Due | None:
    """Return the oldest day that is to be written; one that failed after a pause, or `now`."""
    parameters: dict[str, Any] = {"now": now, "organisation_id": organisation_id, "day": day}
    rows = fetch_all(DUE, parameters | {"most_tries": MOST_TRIES, "pause": AGAIN_AFTER})
    return Due(*rows[0]) if rows else None


def change(organisation_id: int, days: Collection[date]) -> None:
    """Note in the caller's transaction that entries of these days of receipt are not what they were: see `finish`."""
    if days:
        execute(CHANGE, [organisation_id, sorted(days)])


def first_to_wait_for(*, first: date, before: date, organisation_id: int | None = None) -> date | None:
    """Return the first day before `before` that is to be archived and is not, of one organisation or of any.

    `first` is the first day that the store has; what has come too late for its day's archive waits from now on.
    """
    emptied = Retention.objects.filter(organisation_id=organisation_id or 0).first()
    if emptied:
        first = max(first, emptied.emptied_before.astimezone(UTC).date())
    if first >= before:
        return None
    [(day,)] = fetch_all(FIRST_NOTED, {"organisation_id": organisation_id, "first": first, "before": before})
    if isinstance(day, date):
        before = day  # it waits anyway: only earlier days are to be looked at
    with at_length():
        [(earlier,)] = (
            fetch_all(FIRST_WAITING, range_of(first, before, organisation_id)) if first < before else [(None,)]
        )
        if isinstance(earlier, date):
            execute(PLAN, range_of(earlier, before, organisation_id))
            return earlier
    return day if isinstance(day, date) else None


def _first_to_plan() -> date | None:
    row = Archiving.objects.filter(id=1).first()
    if row and row.planned_through:
        return row.planned_through - AGAIN
    return min((stored.day for stored in store().days.stored()), default=None)
