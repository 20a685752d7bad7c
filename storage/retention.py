"""Retention by plan: an organisation's entries go when its plan's days are over, whole UTC days at a time.

An entry stays for its days and the rest of the day it came in. A partition that no plan keeps any more is dropped. A
day that is to be archived waits for that, and what was loaded from an archive stays until its own days are over. A day
into which a batch falls that is yet to be stored waits, too: who stores it looks whether it is there.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from datetime import time as day_time

from django.db.models import F
from django.db.models.functions import Greatest, Now

from foundation.postgres import current_day, fetch_all
from quotas.limits import RETENTION
from storage import archived, loaded, rollups, unarchived
from storage.leaving import may_leave
from storage.models import DroppedPartition, Retention
from storage.store import store

#: Only organisations with a day to delete that the store still has.
DUE = f"""
SELECT organisation_id, boundary
  FROM ({RETENTION}) AS plan
 CROSS JOIN LATERAL (SELECT date_trunc('day', now(), 'UTC') - make_interval(days => retention_days)) AS kept (boundary)
 WHERE boundary > %s
 ORDER BY organisation_id
"""  # noqa: S608 - constants
#: Rooms above say of when the oldest batch is that is yet to be stored, if there is any.
_OLDEST_TO_STORE: list[Callable[[], datetime | None]] = []
LONGEST = f"SELECT max(retention_days) FROM ({RETENTION}) AS plan"  # noqa: S608 - constants


@dataclass(frozen=True, kw_only=True)
class Deletion:
    """What one run deleted of one organisation."""

    organisation_id: int
    before: datetime
    entries: int
    is_complete: bool


def wait_for(oldest: Callable[[], datetime | None]) -> None:
    """Have no day go from the one on that `oldest` returns."""
    _OLDEST_TO_STORE.append(oldest)


def delete_expired(*, budget_seconds: float = 60) -> list[Deletion]:
    """Delete what the plans keep no longer, until the time is up; return what went, organisation by organisation.

    Nothing while the log store is backed up: the next run does.
    """
    with may_leave() as may:
        return _delete_due(time.monotonic() + budget_seconds) if may else []


def _delete_due(deadline: float) -> list[Deletion]:
    deletions = []
    for organisation_id, before in _due():
        deletion = _delete(organisation_id, before=before, deadline=deadline)
        if deletion.entries:
            _record(deletion)
            deletions.append(deletion)
        if not deletion.is_complete:
            break
    return deletions


def drop_expired() -> int:
    """Drop the days older than the longest retention, unless the log store is backed up; return how many."""
    with may_leave() as may:
        return _drop_due() if may else 0


def _drop_due() -> int:
    [(longest,)] = fetch_all(LONGEST)
    if longest is None:
        return 0
    first_kept = _first_kept(current_day() - timedelta(days=longest))
    old = [stored for stored in store().days.stored() if stored.day < first_kept]
    DroppedPartition.objects.bulk_create(
        [DroppedPartition(day=one.day, entries=one.entries, size_bytes=one.size_bytes) for one in old],
        ignore_conflicts=True,
    )
    rollups.distrust(before=first_kept)
    store().days.drop_before(first_kept)
    return len(old)


def _first_kept(day: date) -> date:
    """Return the first day that is not dropped, if no plan keeps those before `day`."""
    old = [stored.day for stored in store().days.stored() if stored.day < day]
    if not old:
        return day
    waiting = unarchived.first_to_wait_for(first=min(old), before=day) if archived.is_on() else None
    return min(one for one in (day, waiting, loaded.first_day(), _first_to_store()) if one is not None)


def _first_to_store() -> date | None:
    found = [oldest() for oldest in _OLDEST_TO_STORE]
    return min((at.astimezone(UTC).date() for at in found if at), default=None)


def _due() -> Iterator[tuple[int, datetime]]:
    """Yield organisations and the moment before which their entries are to go."""
    days = [stored.day for stored in store().days.stored()]
    to_store = _first_to_store()
    for organisation_id, boundary in fetch_all(DUE, [min(days)]) if days else ():
        waiting = _waiting(organisation_id, first=min(days), before=boundary)
        yield organisation_id, min(one for one in (boundary, waiting, _begin_of(to_store)) if one is not None)


def _waiting(organisation_id: int, *, first: date, before: datetime) -> datetime | None:
    """Return the beginning of the first day that is to be archived before anything of it goes."""
    if not archived.is_on():
        return None
    last = before.astimezone(UTC).date()
    day = unarchived.first_to_wait_for(first=first, before=last, organisation_id=organisation_id)
    return _begin_of(day)


def _begin_of(day: date | None) -> datetime | None:
    return None if day is None else datetime.combine(day, day_time.min, UTC)


def _delete(organisation_id: int, *, before: datetime, deadline: float) -> Deletion:
    """Delete in batches, each a transaction. What is about to go is said first: see `operations.verification`."""
    _announce(organisation_id, before=before)
    writer, but = store().writer, loaded.batch_ids(organisation_id, before=before)
    entries, gone = 0, writer.deletes_at_once
    while gone == writer.deletes_at_once and time.monotonic() < deadline:
        gone = writer.delete(organisation_id, before=before, limit=writer.deletes_at_once, but=but)
        entries += gone
    is_complete = gone < writer.deletes_at_once
    return Deletion(organisation_id=organisation_id, before=before, entries=entries, is_complete=is_complete)


def _announce(organisation_id: int, *, before: datetime) -> None:
    retention, is_new = Retention.objects.get_or_create(
        organisation_id=organisation_id, defaults={"emptied_before": before, "ran_at": Now()}
    )
    if not is_new and retention.emptied_before < before:
        Retention.objects.filter(pk=retention.pk).update(emptied_before=Greatest(F("emptied_before"), before))
    rollups.distrust(before=before.astimezone(UTC).date(), organisation_id=organisation_id)


def _record(deletion: Deletion) -> None:
    Retention.objects.filter(organisation_id=deletion.organisation_id).update(
        ran_at=Now(),
        deleted_entries=deletion.entries,
        deleted_entries_in_all=F("deleted_entries_in_all") + deletion.entries,
    )
