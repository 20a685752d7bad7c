"""The tools: each asks what the read API answers, says how that is recorded, and fits its answer into 16 KB."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct, json

from accounts.looks import Look
from accounts.models import AccessRecord
from assist.evidence import evidence_of
from assist.mcp.answering import ROOM
from assist.mcp.arguments import (
    CountLogs,
    ExplainGroup,
    GetGroup,
    GetTrace,
    ListFields,
    ListGroups,
    SearchLogs,
)
from assist.mcp.fitting import NAME_BYTES, cut, fitted, shortened, squeezed, within
from explore import cursors, search
from explore.cursors import Cursor
from explore.parameters import Parameters
from explore.search import in_trace
from explore.shape import as_text
from explore.steps import default_step
from foundation.refusals import Refusal
from issues import cursors as group_cursors
from issues import listing, reading
from issues import shape as group_shape
from issues.listing import Wanted
from storage.found import FoundEntry
from storage.search import SKEW, Search

Action = AccessRecord.Action
#: Of entries that are read for one answer.
READ_BYTES = 512 * 1024
MOST_STEPS, MOST_FIELDS, MOST_VALUES = 100, 500, 5
#: Of a group: what is told of its parts at most.
PARTS = {"fingerprints": 5, "hours": 48, "environments": 10, "releases": 10, "samples": 10, "turns": 10}
#: What a list has beside its elements.
AROUND_BYTES = 1_500


@dataclass(frozen=True, kw_only=True)
class Tool:
    """A tool: what it is for, what it takes, how its use is recorded, and what it answers."""

    name: str
    title: str
    description: str
    arguments: type[Struct]
    look: Callable[[int, Any], Look]
    run: Callable[[int, Any], dict[str, Any]]


def _search(organisation_id: int, asked: SearchLogs | CountLogs | ListFields) -> Search:
    cursor = asked.cursor if isinstance(asked, SearchLogs) else None
    given = {"query": asked.query} | ({"cursor": cursor} if cursor else asked.times())
    return Parameters(given).search(organisation_id)


def _look_at_logs(action: AccessRecord.Action) -> Callable[[int, Any], Look]:
    def look(organisation_id: int, asked: Any) -> Look:
        found = _search(organisation_id, asked)
        return Look(action=action, query=asked.query, start=found.start, end=found.end)

    return look


def search_logs(organisation_id: int, asked: SearchLogs) -> dict[str, Any]:
    """Return entries, and the range that was looked through."""
    return _page(_search(organisation_id, asked), asked, newest_first=asked.order == "newest_first")


def get_trace(organisation_id: int, asked: GetTrace) -> dict[str, Any]:
    """Return entries of a trace, the oldest first."""
    found = _trace(organisation_id, asked)
    return {"trace_id": asked.trace_id} | _page(found, asked, newest_first=False)


def count_logs(organisation_id: int, asked: CountLogs) -> dict[str, Any]:
    """Return counts by level, in all and by steps of time; steps without an entry are left out."""
    found = _search(organisation_id, asked)
    step = asked.step_seconds or default_step(found.start, found.end)
    if (found.end - found.start).total_seconds() / step > MOST_STEPS:
        if asked.step_seconds:
            raise Refusal("invalid_parameter", f"step_seconds would make more than {MOST_STEPS} steps.")
        step = int((found.end - found.start).total_seconds() // MOST_STEPS) + 1
    histogram = search.histogram(found, step_seconds=step)
    told = [(one.start, {level.label: n for level, n in one.counts.items() if n}) for one in histogram.buckets]
    steps = fitted(({"start": as_text(start), **counts} for start, counts in told if counts), room=ROOM - AROUND_BYTES)
    return _range(found) | {
        "step_seconds": step,
        "totals": {level.label: count for level, count in histogram.totals.items()},
        "steps": steps,
    }


def list_fields(organisation_id: int, asked: ListFields) -> dict[str, Any]:
    """Return metadata keys of the newest entries, the most frequent first, with their most frequent values."""
    found, begin = _search(organisation_id, asked), _place(asked.cursor)
    told = search.fields(found, limit=MOST_FIELDS)
    rest = told.fields[begin:]
    written = fitted(
        (
            {
                "name": cut(one.name, 2 * NAME_BYTES),
                "types": one.types,
                "count": one.count,
                "values": [
                    {"value": cut(v.value, NAME_BYTES) if isinstance(v.value, str) else v.value, "count": v.count}
                    for v in one.values[:MOST_VALUES]
                ],
            }
            for one in rest
        ),
        room=ROOM - AROUND_BYTES,
    )
    after = begin + len(written) if len(written) < len(rest) else None
    return _range(found) | {
        "sampled_entries": told.sampled_entries,
        "fields": written,
        "next_cursor": None if after is None else str(after),
    }


def list_groups(organisation_id: int, asked: ListGroups) -> dict[str, Any]:
    """Return error groups."""
    wanted = Wanted(
        state=asked.state,
        project=asked.project or None,
        environment=asked.environment or None,
        release=asked.release or None,
        text=asked.query or None,
        sort=asked.sort,
    )
    after = group_cursors.read(asked.cursor, sort=asked.sort, organisation_id=organisation_id) if asked.cursor else None
    page = listing.groups(organisation_id, wanted, limit=asked.limit, after=after)
    written = fitted((_group(one) for one in page.groups), room=ROOM - AROUND_BYTES) if page.groups else []
    position = page.after
    if len(written) < len(page.groups):
        last = page.groups[len(written) - 1]
        position = getattr(last, listing.SORTS[asked.sort]), last.number
    return {
        "groups": written,
        "next_cursor": group_cursors.sign(position, sort=asked.sort, organisation_id=organisation_id)
        if position
        else None,
    }


def get_group(organisation_id: int, asked: GetGroup) -> dict[str, Any]:
    """Return one error group, with what is known of it."""
    times = Parameters(asked.times())
    start, end = times.moment("from"), times.moment("to")
    if start and start >= (end or datetime.now(UTC)):
        raise Refusal("invalid_parameter", "from must be earlier than to.")
    found = reading.group(organisation_id, asked.number, start=start, end=end)
    if found is None:
        raise Refusal("not_found", "There is no such group.")
    told = group_shape.detail(found, {})
    for name, most in PARTS.items():
        told[name] = (told[name][::-1] if name == "hours" else told[name])[:most]  # hours: the newest first
    for made in told["fingerprints"]:
        del made["parts"]
    return squeezed(told, room=ROOM)


def explain_group(organisation_id: int, asked: ExplainGroup) -> dict[str, Any]:
    """Return the evidence of an error group: no model was asked for it."""
    found = evidence_of(organisation_id, asked.number)
    if found is None:
        raise Refusal("not_found", "There is no such group.")
    return squeezed(found.document, room=ROOM)


def _page(found: Search, asked: SearchLogs | GetTrace, *, newest_first: bool) -> dict[str, Any]:
    """Return a page of entries that fits, and where the next one begins."""
    page = search.find(found, limit=asked.limit, most_bytes=READ_BYTES, cursor=asked.cursor, newest_first=newest_first)
    written = fitted(map(shortened, page.entries), room=ROOM - AROUND_BYTES) if page.entries else []
    after = page.next_cursor
    if len(written) < len(page.entries):
        after = _after(found, page.entries[len(written) - 1], newest_first=newest_first)
    return _range(found) | {"logs": written, "next_cursor": after}


def _after(found: Search, last: FoundEntry, *, newest_first: bool) -> str:
    cursor = Cursor(found.start, found.end, newest_first, last.position)
    return cursors.sign(cursor, organisation_id=found.organisation_id)


def _trace(organisation_id: int, asked: GetTrace) -> Search:
    times = Parameters(asked.times())
    if asked.cursor:
        page = cursors.read(asked.cursor, organisation_id=organisation_id)
        return Search(organisation_id, in_trace(asked.trace_id), page.start, page.end)
    now = datetime.now(UTC)
    start, end = times.moment("from") or now - search.TRACE_REACH, times.moment("to") or now + SKEW
    if start >= end:
        raise Refusal("invalid_parameter", "from must be earlier than to.")
    return Search(organisation_id, in_trace(asked.trace_id), start, end)


def _range(found: Search) -> dict[str, Any]:
    return {"from": as_text(found.start), "to": as_text(found.end)}


def _group(one: listing.Summary) -> dict[str, Any]:
    told: dict[str, Any] = within(group_shape.summary(one, {}), text_bytes=2 * NAME_BYTES, most=50)
    return {name: value for name, value in told.items() if value is not None}


def _place(cursor: str | None) -> int:
    if not cursor:
        return 0
    if not (cursor.isascii() and cursor.isdecimal() and len(cursor) < 7):
        raise Refusal("invalid_parameter", "cursor is not one that this tool gave you.")
    return int(cursor)


def _look_at_group(action: AccessRecord.Action) -> Callable[[int, Any], Look]:
    return lambda _organisation_id, asked: Look(action=action, subject=f"#{asked.number}")


def _look_at_groups(_organisation_id: int, asked: ListGroups) -> Look:
    told = {name: value for name, value in json.decode(json.encode(asked)).items() if value and name != "cursor"}
    return Look(action=Action.GROUPS, query=" ".join(f"{name}:{value}" for name, value in told.items()))


TOOLS = {
    one.name: one
    for one in (
        Tool(
            name="search_logs",
            title="Search logs",
            description="Find log entries, by default of the last hour, the newest first. Narrow the query or range "
            "rather than read many pages; count_logs says how many there are.",
            arguments=SearchLogs,
            look=_look_at_logs(Action.SEARCH),
            run=search_logs,
        ),
        Tool(
            name="count_logs",
            title="Count logs",
            description="Count what a query finds, by level and step of time, by default in the last hour.",
            arguments=CountLogs,
            look=_look_at_logs(Action.HISTOGRAM),
            run=count_logs,
        ),
        Tool(
            name="list_fields",
            title="List metadata fields",
            description="List the metadata keys of the newest entries that a query finds, with their types and most "
            "frequent values: what can be searched for.",
            arguments=ListFields,
            look=_look_at_logs(Action.FIELDS),
            run=list_fields,
        ),
        Tool(
            name="list_groups",
            title="List error groups",
            description="List groups of errors that are one, by default those that nobody has resolved, the one "
            "that was seen last first.",
            arguments=ListGroups,
            look=_look_at_groups,
            run=list_groups,
        ),
        Tool(
            name="get_group",
            title="Read an error group",
            description="Tell one error group: how often by the hour, where, in which releases, why it is one, what "
            "happened to it. `samples` are ids of entries; group:NUMBER finds all of them in search_logs.",
            arguments=GetGroup,
            look=_look_at_group(Action.GROUP),
            run=get_group,
        ),
        Tool(
            name="explain_group",
            title="Explain an error group",
            description="Gather the evidence of one error group: in which release it was first seen, what is different "
            "about its entries (an exact test), what came before, what else began then, who met it, relatives.",
            arguments=ExplainGroup,
            look=_look_at_group(Action.EVIDENCE),
            run=explain_group,
        ),
        Tool(
            name="get_trace",
            title="Read a trace",
            description="Return the entries of a trace, the oldest first, by default of the last 30 days.",
            arguments=GetTrace,
            look=lambda _organisation_id, asked: Look(action=Action.TRACE, subject=asked.trace_id),
            run=get_trace,
        ),
    )
}
