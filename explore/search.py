"""What may be asked of an organisation's logs: pages, single entries, their context, traces, counts and fields."""

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from explore import cursors
from explore.summary import Field, summarise
from foundation.levels import Level
from storage.conditions import Condition, Document, Either, Equals, Text
from storage.found import FoundEntry
from storage.search import SKEW, Search, earlier, later
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
    """An entry and its neighbours in its project, all in the order of time."""

    before: list[FoundEntry]
    entry: FoundEntry
    after: list[FoundEntry]


@dataclass(frozen=True, slots=True)
class Trace:
    """The entries of a trace in the order of time; `is_complete` unless there are more than could be read."""

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


def find(search: Search, *, limit: int, cursor: str | None = None, newest_first: bool = True) -> Page:
    """Return one page; a cursor of an earlier page continues it. Raises: `Refusal`."""
    after = cursors.read(cursor, organisation_id=search.organisation_id).after if cursor else None
    entries = store().reader.page(search, limit=limit + 1, after=after, newest_first=newest_first)
    if len(entries) <= limit:
        return Page(entries=entries, next_cursor=None)
    last = cursors.Cursor(search.start, search.end, newest_first, entries[limit - 1].position)
    return Page(entries=entries[:limit], next_cursor=cursors.sign(last, organisation_id=search.organisation_id))


def get(organisation_id: int, entry_id: int) -> FoundEntry | None:
    """Return the organisation's entry with this id; another organisation's is None too."""
    return store().reader.entry(organisation_id, entry_id) if 0 <= entry_id < 2**63 else None


def context(organisation_id: int, entry_id: int, *, before: int, after: int) -> Context | None:
    """Return an entry with its neighbours in its project, at most a day away."""
    entry = get(organisation_id, entry_id)
    if entry is None:
        return None
    around = Search(
        organisation_id,
        Text("project", Equals((entry.project,))),
        earlier(entry.timestamp, by=CONTEXT_REACH),
        later(entry.timestamp, by=CONTEXT_REACH),
    )
    return Context(
        before=store().reader.page(around, limit=before, after=entry.position)[::-1],
        entry=entry,
        after=store().reader.page(around, limit=after, after=entry.position, newest_first=False),
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
    entries = store().reader.page(search, limit=limit + 1, newest_first=False)
    return Trace(trace_id=trace_id, entries=entries[:limit], is_complete=len(entries) <= limit)


def in_trace(trace_id: str) -> Condition:
    """Return the condition to belong to a trace, wherever the client wrote its id."""
    test = Equals((trace_id,))
    return Either((Text("trace_id", test), Document("metadata", ("trace_id", "traceId"), test)))


def histogram(search: Search, *, step_seconds: int) -> Histogram:
    """Count by level and step; the first step begins at or before the search's start."""
    step = timedelta(seconds=step_seconds)
    first = earlier(search.start, by=(search.start - cursors.EPOCH) % step)
    steps = max(0, -(-(search.end - first) // step))
    buckets = [TimeBucket(start=first + index * step, counts=Counter()) for index in range(steps)]
    for count in store().reader.level_counts(search, step=step):
        buckets[(count.start - first) // step].counts[Level(count.level)] += count.count
    return Histogram(step_seconds=step_seconds, buckets=buckets)


def level_counts(search: Search) -> dict[Level, int]:
    """Count by level; a `Histogram` has it already, in `totals`."""
    counts = dict.fromkeys(Level, 0)
    for count in store().reader.level_counts(search, step=timedelta(days=3650)):
        counts[Level(count.level)] += count.count
    return counts


def fields(search: Search, *, limit: int = 100) -> Fields:
    """Return the metadata keys of the newest entries that the search finds."""
    entries = store().reader.page(search, limit=SAMPLE_ENTRIES)
    return Fields(fields=summarise(entries, limit=limit), sampled_entries=len(entries))


def as_json(entry: FoundEntry) -> dict[str, Any]:
    """Return the API's shape of an entry: every field is there, null where the entry has none."""
    return {
        "id": str(entry.id),
        "timestamp": as_text(entry.timestamp),
        "received_at": as_text(entry.received_at),
        "level": entry.level.label,
        "message": entry.message,
        "environment": entry.environment,
        "project": entry.project,
        "trace_id": entry.trace_id,
        "span_id": entry.span_id,
        "parent_span_id": entry.parent_span_id,
        "privacy_mode": entry.privacy_mode,
        "metadata": entry.metadata,
        "error": entry.error,
        "size_bytes": entry.size_bytes,
    }


def as_text(moment: datetime) -> str:
    """Return a time as RFC 3339 in UTC with microseconds; the year always has four digits, as `strftime` has not."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
