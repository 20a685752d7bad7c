"""What may be asked of an organisation's logs: pages, single entries, their context, traces, counts and fields."""

from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from explore import cursors
from explore.grouped import with_groups, with_groups_in
from explore.steps import Ruler
from explore.summary import Field, summarise
from foundation.levels import Level
from storage.conditions import EVERYTHING, Condition, Document, Either, Equals, Text
from storage.found import FoundEntry
from storage.search import PORTION_BYTES, SKEW, Search, earlier, later
from storage.store import store

__all__ = ["FoundEntry", "Level", "Search"]

CONTEXT_REACH = timedelta(days=1)
TRACE_REACH = timedelta(days=30)
MAX_ENTRIES = 1_000
MAX_STEPS = 1_500
#: Fields are read off the newest entries, not off all.
SAMPLE_ENTRIES = 1_000


@dataclass(frozen=True, slots=True)
class Page:
    """Entries in the order asked for; `next_cursor` is None on the last page."""

    entries: list[FoundEntry]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class Context:
    """An entry and its neighbours in the order of time: the nearest, if not all that was asked for.

    `is_complete` unless neighbours were left out for their bytes.
    """

    before: list[FoundEntry]
    entry: FoundEntry
    after: list[FoundEntry]
    is_complete: bool


@dataclass(frozen=True, slots=True)
class Trace:
    """The entries of a trace in the order of time; `is_complete` unless more, or larger ones, follow."""

    trace_id: str
    entries: list[FoundEntry]
    is_complete: bool


@dataclass(frozen=True, slots=True)
class TimeBucket:
    """One step of a histogram: how many entries of each level."""

    start: datetime
    counts: Counter[Level]


@dataclass(frozen=True, slots=True)
class Histogram:
    """Counts by level and step, gapless from the search's start to its end."""

    step_seconds: int
    buckets: list[TimeBucket]

    @property
    def totals(self) -> dict[Level, int]:
        """The counts of each level over all steps."""
        return {level: sum(bucket.counts[level] for bucket in self.buckets) for level in Level}


@dataclass(frozen=True, slots=True)
class Fields:
    """The metadata keys seen in a sample of the newest entries, the most frequent first."""

    fields: list[Field]
    sampled_entries: int


def find(
    search: Search,
    *,
    limit: int,
    most_bytes: int = PORTION_BYTES,
    cursor: str | None = None,
    newest_first: bool = True,
) -> Page:
    """Return one page, which `most_bytes` may end early; a cursor of an earlier one continues it. Raises: `Refusal`."""
    after = cursors.read(cursor, organisation_id=search.organisation_id).after if cursor else None
    page = store().reader.page(search, limit=limit, most_bytes=most_bytes, after=after, newest_first=newest_first)
    page = with_groups_in(search.organisation_id, page)
    if not page.goes_on:
        return Page(entries=page, next_cursor=None)
    last = cursors.Cursor(search.start, search.end, newest_first, page[-1].position)
    return Page(entries=page, next_cursor=cursors.sign(last, organisation_id=search.organisation_id))


def get(organisation_id: int, entry_id: int) -> FoundEntry | None:
    """Return the organisation's entry with this id; another organisation's is None too."""
    found = store().reader.entry(organisation_id, entry_id) if 0 <= entry_id < 2**63 else None
    return with_groups(organisation_id, [found])[0] if found else None


def context(
    organisation_id: int, entry_id: int, *, before: int, after: int, of_all_projects: bool = False
) -> Context | None:
    """Return an entry with its neighbours in its project, or in any, at most a day away."""
    entry = get(organisation_id, entry_id)
    if entry is None:
        return None
    around = Search(
        organisation_id,
        EVERYTHING if of_all_projects else Text("project", Equals((entry.project,))),
        earlier(entry.timestamp, by=CONTEXT_REACH),
        later(entry.timestamp, by=CONTEXT_REACH),
    )
    earlier_ones, later_ones = (
        store().reader.page(
            around, limit=limit, most_bytes=PORTION_BYTES // 2, after=entry.position, newest_first=newest_first
        )
        for limit, newest_first in ((before, True), (after, False))
    )
    return Context(
        before=with_groups(organisation_id, earlier_ones[::-1]),
        entry=entry,
        after=with_groups(organisation_id, later_ones),
        is_complete=not any(
            side.goes_on and len(side) < limit for side, limit in ((earlier_ones, before), (later_ones, after))
        ),
    )


def trace(
    organisation_id: int,
    trace_id: str,
    *,
    start: datetime | None = None,
    end: datetime | None = None,
    limit: int = MAX_ENTRIES,
) -> Trace:
    """Return a trace's entries, by default of the last 30 days."""
    now = datetime.now(UTC)
    search = Search(organisation_id, in_trace(trace_id), start or now - TRACE_REACH, end or now + SKEW)
    page = store().reader.page(search, limit=limit, newest_first=False)
    entries = with_groups(organisation_id, page)
    return Trace(trace_id=trace_id, entries=entries, is_complete=not page.goes_on)


def in_trace(trace_id: str) -> Condition:
    """Return the condition to belong to a trace, wherever the client wrote its id."""
    test = Equals((trace_id,))
    return Either((Text("trace_id", test), Document("metadata", ("trace_id", "traceId"), test)))


def histogram(search: Search, *, step_seconds: int, zone: ZoneInfo | None = None) -> Histogram:
    """Count by level and step, as the zone's clocks go; the first step begins at or before the search's start."""
    step = timedelta(seconds=step_seconds)
    ruler = Ruler(search.start, search.end, step, zone)
    buckets = {start: TimeBucket(start=start, counts=Counter()) for start in ruler.starts()}
    for piece in ruler.pieces:
        part = replace(search, start=piece.start, end=piece.end)
        for count in store().reader.level_counts(part, step=step, origin=ruler.origin(piece)):
            buckets[ruler.begins(piece, count.start)].counts[Level(count.level)] += count.count
    return Histogram(step_seconds=step_seconds, buckets=list(buckets.values()))


def level_counts(search: Search) -> dict[Level, int]:
    """Count by level; a `Histogram` has it already, in `totals`."""
    counts = dict.fromkeys(Level, 0)
    for count in store().reader.level_counts(search, step=timedelta(days=3650)):
        counts[Level(count.level)] += count.count
    return counts


def fields(search: Search, *, limit: int = 100) -> Fields:
    """Return the metadata keys of the newest entries that the search finds."""
    sample = store().reader.page(search, limit=SAMPLE_ENTRIES)
    summary = summarise(sample, limit=limit)
    return Fields(fields=summary.fields, sampled_entries=summary.entries)
