"""What may be asked of an organisation's groups, behind the wall: lists, one group, its hours and releases."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from django.conf import settings
from django.db.backends.utils import CursorWrapper

from foundation import statements
from foundation.levels import Level
from issues.fingerprint import described
from storage import wall
from storage.search import earlier
from storage.wall import ALIAS

#: A group that was made so lately, and that nobody has decided on, is new.
NEW = timedelta(days=1)
MOST_TURNS, MOST_FINGERPRINTS, MOST_NAMES = 100, 200, 50

Sort = Literal["last_seen", "first_seen", "events", "people"]
SORTS: Mapping[str, str] = {
    "last_seen": "last_received_at",
    "first_seen": "first_received_at",
    "events": "events",
    "people": "people",
}
STATES = ("all", "unresolved", "new", "regressed", "resolved", "ignored", "muted")
#: As conditions; others are their names.
IN_STATE = {
    "all": "true",
    "new": "state = 'unresolved' AND NOT is_regressed AND created_at > now() - interval '1 day'",
    "regressed": "state = 'unresolved' AND is_regressed",
}

LIST = statements.read(__file__, "list_groups")
#: Both of a group.
FINGERPRINTS = """
SELECT key, version, basis, events, people, first_received_at, last_received_at, home.number, home.title, samples,
       first_sample
  FROM issues_visible_fingerprint AS fingerprint JOIN issues_visible_group AS home ON home.id = home_id
 WHERE group_id = %s ORDER BY events DESC, key LIMIT %s
"""
TURNS = """
SELECT id, what, who_id, by_key, details, at FROM issues_visible_turn WHERE group_id = %s ORDER BY id DESC LIMIT %s
"""
HOURS = """
SELECT hour, sum(counted.events)::bigint
  FROM issues_visible_hour AS counted JOIN issues_visible_fingerprint USING (organisation_id, key)
 WHERE group_id = %s AND hour >= %s AND hour < %s GROUP BY 1 ORDER BY 1
"""
#: `{name}` is environment or release.
BY_NAME = """
SELECT {name}, sum(counted.events)::bigint, min(hour), max(hour)
  FROM issues_visible_hour AS counted JOIN issues_visible_fingerprint USING (organisation_id, key)
 WHERE group_id = %s AND hour >= %s AND hour < %s GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT %s
"""
#: Of several fingerprints: nobody twice.
PEOPLE = """
SELECT count(DISTINCT person)
  FROM issues_visible_person JOIN issues_visible_fingerprint USING (organisation_id, key)
 WHERE group_id = ANY (%s::bigint[]) AND (%s::bigint[] IS NULL OR key = ANY (%s::bigint[]))
   AND key <> ALL (%s::bigint[])
"""
RELEASES = """
SELECT release, first_seen FROM issues_visible_release
 WHERE organisation_id = %s AND project = %s ORDER BY first_seen DESC, release LIMIT %s
"""


@dataclass(frozen=True, slots=True)
class Summary:
    """A group in a list. `people` of a group that was merged may count somebody twice."""

    id: int
    number: int
    project: str
    type: str
    title: str
    culprit: str
    is_overflow: bool
    created_at: datetime
    assignee_id: int | None
    state: str
    state_at: datetime
    is_regressed: bool
    resolution: str
    resolved_in: str
    older_events: int
    ignored_until: datetime | None
    ignored_events: int | None
    ignored_rate: int | None
    ignored_minutes: int | None
    ignored_people: int | None
    events: int
    people: int
    level: Level
    first_received_at: datetime
    last_received_at: datetime
    first_at: datetime
    last_at: datetime
    fingerprints: int

    @property
    def is_new(self) -> bool:
        """Whether it is hardly a day old, and nobody has decided on it."""
        return self.state == "unresolved" and not self.is_regressed and datetime.now(UTC) - self.created_at < NEW


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which groups a list is asked for; what is None may be anything."""

    state: str = "all"
    project: str | None = None
    environment: str | None = None
    release: str | None = None
    text: str | None = None
    since: datetime | None = None  # an event of it was received then or later
    sort: Sort = "last_seen"


_LEVEL = [field.name for field in fields(Summary)].index("level")

#: Where a page ended: what it is sorted by, and the group's number.
Position = tuple[Any, int]


@dataclass(frozen=True, slots=True)
class Page:
    """Groups in the order asked for; `after` is None on the last page."""

    groups: list[Summary]
    after: Position | None


@dataclass(frozen=True, slots=True)
class Made:
    """A fingerprint of a group: what it is grouped by, how many events, and the group that it was made with."""

    key: int
    version: str
    basis: tuple[str, ...]
    events: int
    people: int
    first_received_at: datetime | None
    last_received_at: datetime | None
    home: int
    home_title: str
    samples: tuple[int, ...]
    first_sample: int | None

    @property
    def why(self) -> str:
        """What it is grouped by, for people."""
        return described(self.basis)


@dataclass(frozen=True, slots=True)
class Happened:
    """Something that happened to a group; `who_id` is a member of staff, `by_key` the prefix of an API key."""

    id: int
    what: str
    who_id: int | None
    by_key: str
    details: dict[str, Any]
    at: datetime


@dataclass(frozen=True, slots=True)
class NamedCount:
    """How many events of an environment or a release, and in which hours the first and the last came."""

    name: str
    events: int
    first_hour: datetime
    last_hour: datetime


@dataclass(frozen=True, slots=True)
class Detail:
    """One group: itself, what it is made of, what happened to it, and what came between `start` and `end`."""

    summary: Summary
    people: int
    fingerprints: list[Made]
    turns: list[Happened]
    start: datetime
    end: datetime
    hours: list[tuple[datetime, int]]
    environments: list[NamedCount]
    releases: list[NamedCount]

    @property
    def samples(self) -> list[int]:
        """The ids of the newest entries, and of the first."""
        newest = sorted({one for made in self.fingerprints for one in made.samples}, reverse=True)
        first = min((made.first_sample for made in self.fingerprints if made.first_sample is not None), default=None)
        return newest if first is None or first in newest else [*newest, first]


def groups(organisation_id: int, wanted: Wanted, *, limit: int, after: Position | None = None) -> Page:
    """Return up to `limit` groups, those with most or the newest first."""
    with asking(organisation_id) as cursor:
        found = _summaries(cursor, organisation_id, wanted, limit=limit + 1, after=after)
    last = found[limit - 1] if len(found) > limit else None
    position = (getattr(last, SORTS[wanted.sort]), last.number) if last else None
    return Page(found[:limit], position)


def group(
    organisation_id: int,
    number: int,
    *,
    start: datetime | None = None,
    end: datetime | None = None,
    seconds: float | None = None,
) -> Detail | None:
    """Return one group, or the one that it was merged into; by default with what came in the last 14 days."""
    end = end or datetime.now(UTC)
    start = start or earlier(end, by=timedelta(days=14))
    with asking(organisation_id, seconds=seconds) as cursor:
        found = _summaries(cursor, organisation_id, Wanted(), limit=1, numbers=[number])
        if not found:
            return None
        [summary] = found
        made = _fingerprints(cursor, summary.id)
        cursor.execute(TURNS, [summary.id, MOST_TURNS])
        turns = [
            Happened(id_, what, who_id, by_key, _parsed(details), at)
            for id_, what, who_id, by_key, details, at in cursor.fetchall()
        ]
        cursor.execute(HOURS, [summary.id, start, end])
        hours = cursor.fetchall()
        environments, releases = (_by_name(cursor, name, summary.id, start, end) for name in ("environment", "release"))
        people = people_of(cursor, [summary.id]) if summary.fingerprints > 1 else summary.people
    return Detail(summary, people, made, turns, start, end, hours, environments, releases)


def some(organisation_id: int, numbers: Collection[int]) -> list[Summary]:
    """Return the groups with these numbers, or those that they were merged into, the one with most events first."""
    with asking(organisation_id) as cursor:
        wanted = Wanted(sort="events")
        return _summaries(cursor, organisation_id, wanted, limit=len(numbers), numbers=numbers) if numbers else []


def releases(organisation_id: int, project: str, *, limit: int = MOST_NAMES) -> list[tuple[str, datetime]]:
    """Return a project's releases, the one that was seen first last at the front, each with when that was."""
    with asking(organisation_id) as cursor:
        cursor.execute(RELEASES, [organisation_id, project, limit])
        found: list[tuple[str, datetime]] = cursor.fetchall()
        return found


@contextmanager
def asking(organisation_id: int, *, seconds: float | None = None) -> Iterator[CursorWrapper]:
    """Give a cursor behind the organisation's wall, each of whose statements ends in time."""
    with wall.behind([organisation_id], using=ALIAS) as cursor:
        milliseconds = f"{min(seconds or settings.READ_TIMEOUT_SECONDS, settings.READ_TIMEOUT_SECONDS) * 1000:.0f}"
        cursor.execute("SELECT set_config('statement_timeout', %s, true)", [milliseconds])
        yield cursor


def _summaries(
    cursor: CursorWrapper,
    organisation_id: int,
    wanted: Wanted,
    *,
    limit: int,
    after: Position | None = None,
    numbers: Collection[int] | None = None,
) -> list[Summary]:
    cursor.execute(*listing(organisation_id, wanted, limit=limit, after=after, numbers=numbers))
    return [_summary(row) for row in cursor.fetchall()]


def listing(
    organisation_id: int,
    wanted: Wanted,
    *,
    limit: int | None = None,
    after: Position | None = None,
    numbers: Collection[int] | None = None,
) -> tuple[str, dict[str, Any]]:
    """Return the statement that lists groups, and its parameters; its columns are the fields of `Summary`."""
    column = SORTS[wanted.sort]
    in_state = IN_STATE.get(wanted.state, "state = %(state)s")
    statement = LIST.replace("[sort]", column).replace("[in state]", in_state)
    statement = statement.replace("[after]", f"({column}, number) < (%(after)s, %(after_number)s)" if after else "true")
    parameters = {
        "organisation_id": organisation_id,
        "state": wanted.state,
        "project": wanted.project,
        "environment": wanted.environment,
        "release": wanted.release,
        "likeness": _likeness(wanted.text),
        "since": wanted.since,
        "numbers": list(numbers) if numbers is not None else None,
        "limit": limit,
        "after": after[0] if after else None,
        "after_number": after[1] if after else None,
    }
    return statement, parameters


def _summary(row: Sequence[Any]) -> Summary:
    values: Any = (*row[:_LEVEL], Level(row[_LEVEL]), *row[_LEVEL + 1 :])
    return Summary(*values)


def _likeness(text: str | None) -> str | None:
    if text is None:
        return None
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def _by_name(cursor: CursorWrapper, name: str, group_id: int, start: datetime, end: datetime) -> list[NamedCount]:
    cursor.execute(BY_NAME.format(name=name), [group_id, start, end, MOST_NAMES])
    return [NamedCount(*row) for row in cursor.fetchall()]


def _fingerprints(cursor: CursorWrapper, group_id: int) -> list[Made]:
    cursor.execute(FINGERPRINTS, [group_id, MOST_FINGERPRINTS])
    return [Made(*_arrays_as_tuples(row)) for row in cursor.fetchall()]


def _arrays_as_tuples(row: Sequence[Any]) -> list[Any]:
    return [tuple(value) if isinstance(value, list) else value for value in row]


def people_of(
    cursor: CursorWrapper, group_ids: Sequence[int], *, of: Collection[int] | None = None, without: Collection[int] = ()
) -> int:
    """Return how many people met errors of groups: nobody twice. `of` are keys of fingerprints, or `without`."""
    told = list(of) if of is not None else None
    cursor.execute(PEOPLE, [list(group_ids), told, told, list(without)])
    [(people,)] = cursor.fetchall()
    return int(people)


def _parsed(details: Any) -> dict[str, Any]:
    return details if isinstance(details, dict) else json.loads(details)
