"""What was around an entry: its trace, and what else its project logged in its environment just before and after."""

from collections.abc import Sequence
from datetime import timedelta

from django.conf import settings
from django.db import transaction

from assist.recording import ranked, trace_of
from explore.search import in_trace
from storage.batch import ENTRIES_A_BATCH
from storage.conditions import EVERYTHING, Condition, Equals, Every, Text
from storage.found import FoundEntry
from storage.search import PORTION_BYTES, Search, earlier, later
from storage.store import Place, store
from storage.wall import ALIAS

#: So many entries before it, and after it: of the trace, which has 200 with the entry, and neighbours.
OF_TRACE, NEIGHBOURS = (100, 99), (50, 50)
REACH = timedelta(days=1)
#: By which another database would be told from the one that is written to.
WHERE = ("HOST", "PORT", "NAME")


def around(organisation_id: int, entry: FoundEntry) -> list[FoundEntry]:
    """Return an entry with what was around it, the most important first. Raises: `Refusal`, `Unavailable`."""
    trace_id = trace_of(entry)
    beside = Every((Text("project", Equals((entry.project,))), Text("environment", Equals((entry.environment,)))))
    asked: list[tuple[Condition, tuple[int, int]]] = [(in_trace(trace_id), OF_TRACE)] if trace_id else []
    found = {entry.id: entry}
    for condition, limits in [*asked, (beside, NEIGHBOURS)]:
        found |= {one.id: one for one in _nearest(organisation_id, entry, condition, limits)}
    entries = list(found.values())
    return ranked(_as_they_are_now(organisation_id, entries) if _is_read_elsewhere() else entries, entry.id)


def _nearest(
    organisation_id: int, entry: FoundEntry, condition: Condition, limits: tuple[int, int]
) -> list[FoundEntry]:
    start, end = earlier(entry.timestamp, by=REACH), later(entry.timestamp, by=REACH)
    search = Search(organisation_id, condition, start, end)
    return [
        one
        for newest_first, limit in zip((True, False), limits, strict=True)
        for one in store().reader.page(
            search, limit=limit, most_bytes=PORTION_BYTES // 2, after=entry.position, newest_first=newest_first
        )
    ]


def _is_read_elsewhere() -> bool:
    """Tell whether reads go to a replica, which may still have what was erased."""
    reads, writes = settings.DATABASES[ALIAS], settings.DATABASES["default"]
    return any(reads.get(name) != writes.get(name) for name in WHERE)


def _as_they_are_now(organisation_id: int, entries: Sequence[FoundEntry]) -> list[FoundEntry]:
    """Return what there still is of `entries` where they are written, as it is there."""
    places = sorted({Place(one.id // ENTRIES_A_BATCH, one.received_at) for one in entries})
    ids = {one.id for one in entries}
    with transaction.atomic():
        return [one for one in store().eraser.found_in(organisation_id, places, EVERYTHING) if one.id in ids]
