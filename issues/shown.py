"""Groups as pages show them: a row of the list, what happened to a group, and the entries that are its samples."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from msgspec import json

from accounts.models import Organisation
from issues.facts import Fact, facts
from issues.glances import HOURS, Glance
from issues.laid_out import Run, runs
from issues.listing import Summary
from issues.models import Turn
from issues.ours import Prefixes
from issues.people import MOST_PEOPLE
from issues.reading import Detail, Happened
from issues.shape import as_text
from storage.found import FoundEntry

#: Of a sparkline: the width of an hour, and the height of most.
BAR, HEIGHT = 4, 20
#: Around an entry that is opened in the explorer.
AROUND = timedelta(minutes=30)
DECIDED = {"resolved": "Resolved", "ignored": "Ignored", "muted": "Muted"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A group in the list."""

    group: Summary
    url: str
    release: str
    assignee: str
    environments: str
    events_today: int
    sparkline: str

    @property
    def people(self) -> str:
        """How many people met it, as far as they are told apart."""
        return people_text(self.group.people)


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """A line of a group's activity: what happened, who did it, and what they wrote."""

    at: datetime
    said: str
    who: str
    comment: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """An entry of a group, and where the explorer shows it."""

    entry: FoundEntry
    explorer: str
    context: str
    trace: str
    type: str
    message: str
    stack: list[Run]


def row(organisation: Organisation, group: Summary, glance: Glance, users: Mapping[int, str]) -> Row:
    """Return a group as the list shows it; `users` are names of members of staff."""
    return Row(
        group=group,
        url=address(organisation, group.number),
        release=glance.release,
        assignee=users.get(group.assignee_id or 0, ""),
        environments=_first_of(glance.environments),
        events_today=sum(glance.hours),
        sparkline=sparkline(glance.hours),
    )


def address(organisation: Organisation, number: int) -> str:
    """Return the address of a group's page, which shows it to whoever has it."""
    return f"{reverse('admin:error_group', args=[number])}?{urlencode({'organisation': organisation.slug})}"


def merge_address(organisation: Organisation, number: int, others: Collection[int]) -> str:
    """Return where merging others into a group is previewed."""
    return below("error_merge", organisation, number, {"with": sorted(set(others) - {number})})


def below(name: str, organisation: Organisation, number: int, more: Mapping[str, Collection[int]] | None = None) -> str:
    """Return the address of a page below a group's."""
    query = urlencode({"organisation": organisation.slug, **(more or {})}, doseq=True)
    return f"{reverse(f'admin:{name}', args=[number])}?{query}"


def sparkline(hours: Sequence[int]) -> str:
    """Return the path of an SVG: a bar an hour, `BAR` wide, the highest `HEIGHT`; what there is at all is seen."""
    most = max([*hours, 1])
    heights = [max(2, round(HEIGHT * events / most)) if events else 0 for events in hours[-HOURS:]]
    return "".join(f"M{BAR * n + 2} {HEIGHT}V{HEIGHT - height}" for n, height in enumerate(heights) if height)


def people_text(people: int) -> str:
    """Return a number of people; beyond the highest that is told apart, so."""
    return f"{people:,}" if people < MOST_PEOPLE else f"{MOST_PEOPLE:,}+"


def act(turn: Happened, users: Mapping[int, str]) -> Act:
    """Return what happened to a group, in words."""
    who = users.get(turn.who_id, "somebody who is gone") if turn.who_id else ""
    if turn.by_key:
        who = f"key {turn.by_key}…"
    comment = str(turn.details.get("text", "")) if turn.what == Turn.What.COMMENT else ""
    return Act(at=turn.at, said=_said(turn, users), who=who, comment=comment)


def sample(organisation: Organisation, found: Detail, entry: FoundEntry, prefixes: Prefixes) -> Sample:
    """Return an entry as a group's page shows it."""
    number = found.summary.number
    error = _error(entry)
    stack = error.get("stack_trace")
    around = {
        "organisation": organisation.slug,
        "query": f"group:{number}",
        "from": as_text(entry.timestamp - AROUND),
        "to": as_text(entry.timestamp + AROUND),
        "entry": str(entry.id),
    }
    return Sample(
        entry=entry,
        explorer=explorer(around),
        context=explorer(around | {"view": "context", "of": str(entry.id)}),
        trace=explorer(around | {"view": "trace", "of": entry.trace_id}) if entry.trace_id else "",
        type=str(error.get("type") or ""),
        message=str(error.get("message") or ""),
        stack=runs([str(line) for line in stack], prefixes) if isinstance(stack, list) else [],
    )


def explorer(given: Mapping[str, Any]) -> str:
    """Return an address of the explorer."""
    return f"{reverse('admin:explorer')}?{urlencode(given)}"


def facts_of(organisation: Organisation, found: Detail, entry: FoundEntry) -> list[tuple[Fact, str, str]]:
    """Return what an entry's metadata says, with where the group's entries that say the same are, and the others."""
    of_group = f"group:{found.summary.number}"
    shown = {"organisation": organisation.slug, "from": as_text(found.start), "to": as_text(found.end)}

    def found_by(term: str) -> str:
        return explorer(shown | {"query": f"{of_group} {term}"})

    return [
        (fact, found_by(fact.term), found_by(f"-{fact.term}")) if fact.term else (fact, "", "")
        for fact in facts(entry.metadata)
    ]


def _error(entry: FoundEntry) -> dict[str, Any]:
    error = json.decode(entry.error) if entry.error else {}
    return error if isinstance(error, dict) else {}


def _first_of(names: Sequence[str]) -> str:
    return f"{names[0]} and {len(names) - 1} more" if len(names) > 1 else "".join(names)


def _said(turn: Happened, users: Mapping[int, str]) -> str:
    details, what = turn.details, Turn.What(turn.what).label if turn.what in Turn.What.values else turn.what
    match turn.what:
        case Turn.What.REGRESSED if details.get("release"):
            return f"Came back in {details['release']}"
        case Turn.What.RESOLVED:
            hows = {"next_release": " in the next release", "release": f" in {details.get('release')}"}
            return "Resolved" + hows.get(str(details.get("how")), "")
        case Turn.What.IGNORED:
            return "Ignored" + _until(details)
        case Turn.What.ASSIGNED:
            user_id = details.get("user_id")
            return f"Assigned to {users.get(user_id, 'somebody who is gone')}" if user_id else "Assigned to nobody"
        case Turn.What.MERGED if "groups" in details:
            return "Merged with " + ", ".join(f"#{number}" for number in details["groups"])
        case Turn.What.MERGED:
            return f"Merged into #{details.get('into')}"
        case Turn.What.SPLIT if "groups" in details:
            return "Split: " + ", ".join(f"#{number}" for number in details["groups"])
        case Turn.What.SPLIT:
            return f"Split off #{details.get('from')}"
    return str(what)


def _until(details: Mapping[str, Any]) -> str:
    bounds = []
    if details.get("until"):
        bounds.append(str(details["until"])[:16].replace("T", " ") + " UTC")
    if details.get("events") and details.get("minutes"):
        bounds.append(f"{details['events']:,} events in {details['minutes']:,} minutes")
    elif details.get("events"):
        bounds.append(f"{details['events']:,} more events")
    if details.get("people"):
        bounds.append(f"{details['people']:,} more people")
    return f" until {' or '.join(bounds)}" if bounds else ""
