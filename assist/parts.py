"""The parts of the evidence of a group, each in the API's shape. Each asks one thing or two, within its seconds."""

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from itertools import chain

from assist.difference import difference
from assist.facts import LEVEL, Facts, collect
from assist.looked_at import AMONG, LENGTH, LookedAt
from assist.part_shape import Part, beginning, cut, finding, line, nothing, percent, relative, told
from assist.spike import spike_began
from explore.shape import as_text
from issues import circumstances
from issues.people import MOST_PEOPLE
from storage.conditions import Condition, Counted, Either, Equals, Every, Text, Unless
from storage.found import FoundEntry
from storage.search import Search, earlier, later
from storage.store import store

OTHERS, OTHERS_BYTES = 5_000, 4 * 2**20
MOST_FACTS_OF_FAILING, MOST_FACTS_OF_OTHERS = 100_000, 200_000
MOST_ENVIRONMENTS = 20
MINUTE = timedelta(minutes=1)
#: The series of `when`.
STEP = timedelta(minutes=15)
#: What begins so close to a spike began with it.
WITH_IT = timedelta(minutes=5)
LINES, LINES_AFTER, AROUND, IN_TRACE = 30, 10, timedelta(seconds=10), timedelta(days=1)
#: Traces that are looked up, entries of them, and the least share of them that another group is in.
TRACES, ENTRIES_OF_TRACES, LEAST_SHARED = 50, 1_000, 0.3
SHOWN = 10


def first_seen(look: LookedAt) -> Part:
    """Say in which release and environment it came first, and which release before did not have it."""
    found = circumstances.first_seen(look.organisation_id, look.group, seconds=look.seconds)
    first = found.releases[0] if found.releases else None
    began = look.group.first_received_at
    known = first.first_seen if first else None
    return told(
        at=as_text(began),
        release=first.name if first else None,
        release_first_seen=as_text(known) if known else None,
        minutes_after_release=max(0, (began - known) // MINUTE) if known else None,
        release_before=found.before[0] if found.before else None,
        releases=[{"name": one.name, "first_seen": as_text(one.at), "events": one.events} for one in found.releases],
        environments=[
            {"name": one.name, "first_seen": as_text(one.at), "events": one.events} for one in found.environments
        ],
    )


def different(look: LookedAt) -> Part:
    """Say what its entries have more often than others of the same project, environments and time."""
    failing = look.failing
    if not failing.entries:
        return nothing("No entry of this group is kept of the time that is looked at.")
    start, end = look.range
    others = look.seen(
        store().reader.sample(
            Search(look.organisation_id, Every(), failing.since or start, end),
            but=Every((Text("project", Equals((look.group.project,))), _of_environments(failing.entries),
                       Unless(look.keys))),
            limit=OTHERS,
            most_bytes=OTHERS_BYTES,
            among=AMONG,
            seconds=look.seconds,
        )
    )  # fmt: skip
    since = max(others.since or start, failing.since or start)
    of_that_time = [one for one in failing.entries if one.timestamp >= since]
    _count_share(look, len(of_that_time), others.fulfilled)
    if not of_that_time:
        return nothing("So much was logged since its last entries that they cannot be compared.")
    if not others.entries:
        return nothing("Nothing else was logged by this project in these environments at that time.")
    own = collect(of_that_time, look.release_of, most_facts=MOST_FACTS_OF_FAILING)
    foreign = collect(others.entries, look.release_of, most_facts=MOST_FACTS_OF_OTHERS)
    found = difference(*_without_level_of_all(own, foreign))
    return told(
        None if found.findings else "Nothing that these entries say differs beyond chance.",
        start=as_text(since),
        end=as_text(end),
        failing=found.failing,
        others=found.others,
        compared=found.compared,
        left_out=found.identifiers[:SHOWN],
        findings=[finding(one) for one in found.findings],
    )


def before(look: LookedAt) -> Part:
    """Show what was logged before one of its errors: in its trace, or close by in its project and environment."""
    entry = max(look.newest, key=lambda one: (bool(one.trace_id), one.position), default=None)
    if entry is None:
        return nothing("No entry of this group is kept.")
    traced = _in_trace(look, entry) if entry.trace_id else []
    lines = traced or _close_by(look, entry)
    look.note(entry, *lines)
    if not lines:
        return nothing("Nothing else was logged there.")
    return told(
        entry=str(entry.id),
        trace_id=entry.trace_id if traced else None,
        lines=[line(one, entry) for one in lines],
    )


def when(look: LookedAt) -> Part:
    """Say when it became frequent, and what else began then."""
    end = look.group.last_received_at.replace(second=0, microsecond=0) + MINUTE
    start = end - LENGTH
    minutes = circumstances.minutes(look.organisation_id, look.group, start=start, end=end, seconds=look.seconds)
    spike = spike_began(minutes, start=max(start, look.group.first_received_at), end=end)
    is_new = look.group.first_received_at >= start
    began = spike or (look.group.first_received_at if is_new else None)
    found = (
        circumstances.begun(
            look.organisation_id, look.group, start=began - WITH_IT, end=began + WITH_IT, seconds=look.seconds
        )
        if began
        else []
    )
    if not minutes:
        return nothing("Its events are older than the minutes that are kept.")
    return told(
        None if began else "It came evenly: no minute stands out.",
        began=as_text(began) if began else None,
        is_spike=spike is not None,
        series={"start": as_text(start), "step_seconds": STEP // timedelta(seconds=1),
                "events": _series(minutes, start)},
        began_with_it=[beginning(one) for one in found],
    )  # fmt: skip


def who(look: LookedAt) -> Part:
    """Say whom it meets, and where."""
    detail = look.detail
    return told(
        people=detail.people,
        has_more_people=detail.people >= MOST_PEOPLE,
        share_percent=look.share_percent,
        environments=[{"name": one.name, "events": one.events} for one in detail.environments[:SHOWN]],
        releases=[{"name": one.name, "events": one.events} for one in detail.releases[:SHOWN]],
    )


def relatives(look: LookedAt) -> Part:
    """Name groups that are like it."""
    found = circumstances.relatives(look.organisation_id, look.group, seconds=look.seconds)
    return told(groups=[relative(one) for one in found]) if found else nothing("No other group is like it.")


def traces(look: LookedAt) -> Part:
    """Name groups whose errors come in the same traces."""
    own = list(dict.fromkeys(one.trace_id for one in look.newest if one.trace_id))[:TRACES]
    if not own:
        return nothing("Its entries have no traces.")
    start, end = look.range
    found = store().reader.page(
        Search(
            look.organisation_id,
            Every((Either(tuple(Text("trace_id", Equals((one,))) for one in own)), Counted(), Unless(look.keys))),
            earlier(start, by=IN_TRACE),
            later(end, by=IN_TRACE),
        ),
        limit=ENTRIES_OF_TRACES,
        seconds=look.seconds,
    )
    pairs = {(one.trace_id, one.error_key) for one in found}
    keys = {key for _, key in pairs if key is not None}
    named = circumstances.numbered(look.organisation_id, keys, seconds=look.seconds) if keys else {}
    counted = Counter(group for _, group in {(trace, named[key]) for trace, key in pairs if key in named})
    shared = [(group, count) for group, count in counted.most_common(SHOWN) if count >= LEAST_SHARED * len(own)]
    if not shared:
        return nothing("No other group comes in its traces.")
    return told(
        looked_at=len(own),
        groups=[{"number": number, "title": cut(title), "share_percent": percent(count, len(own))}
                for (number, title), count in shared],
    )  # fmt: skip


def basis(look: LookedAt) -> Part:
    """Say why it is one group."""
    made = look.detail.fingerprints
    return told(
        fingerprints=look.group.fingerprints,
        reasons=[{"basis": cut(one.why), "events": one.events} for one in made[:SHOWN]],
    )


#: In this order: what takes long comes late, and says something that the next repeats.
PARTS: dict[str, Callable[[LookedAt], Part]] = {
    "first_seen": first_seen,
    "when": when,
    "before": before,
    "relatives": relatives,
    "basis": basis,
    "different": different,
    "who": who,
    "traces": traces,
}


def _of_environments(entries: Iterable[FoundEntry]) -> Condition:
    """Return the condition that an entry is of one of the environments of these, the most frequent ones."""
    counted = Counter(one.environment for one in entries)
    return Either(tuple(Text("environment", Equals((name,))) for name, _ in counted.most_common(MOST_ENVIRONMENTS)))


def _count_share(look: LookedAt, picked: int, others: int) -> None:
    """Count which share of the entries of that time failed; of those that were picked as many as of all."""
    entries = look.failing.entries
    failing = round(look.failing.fulfilled * picked / len(entries))
    look.share_percent = percent(failing, failing + others)


def _without_level_of_all(failing: list[Facts], others: list[Facts]) -> tuple[list[Facts], list[Facts]]:
    """Leave out the level where all that fail have the same: it is why they are errors, and others are none."""
    if len({facts[LEVEL] for facts in failing}) == 1:
        for facts in chain(failing, others):
            del facts[LEVEL]
    return failing, others


def _in_trace(look: LookedAt, entry: FoundEntry) -> list[FoundEntry]:
    search = Search(
        look.organisation_id,
        Text("trace_id", Equals((entry.trace_id,))),
        earlier(entry.timestamp, by=IN_TRACE),
        entry.timestamp,
    )
    return store().reader.page(search, limit=LINES, seconds=look.seconds)[::-1]


def _close_by(look: LookedAt, entry: FoundEntry) -> list[FoundEntry]:
    """Return what was logged within seconds of it, mostly before."""
    where = Every((Text("project", Equals((entry.project,))), Text("environment", Equals((entry.environment,)))))
    start, end = earlier(entry.timestamp, by=AROUND), later(entry.timestamp, by=AROUND)
    reader = store().reader
    after = reader.page(Search(look.organisation_id, where, entry.timestamp, end),
                        limit=LINES_AFTER + 1, newest_first=False, seconds=look.seconds)  # fmt: skip
    lines = reader.page(
        Search(look.organisation_id, where, start, entry.timestamp), limit=LINES - LINES_AFTER, seconds=look.seconds
    )
    return [*lines[::-1], *(one for one in after if one.id != entry.id)][:LINES]


def _series(minutes: Iterable[tuple[datetime, int]], start: datetime) -> list[int]:
    events = [0] * (LENGTH // STEP)
    for moment, count in minutes:
        events[(moment - start) // STEP] += count
    return events
