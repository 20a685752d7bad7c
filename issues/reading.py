"""What may be asked of one group, behind the wall: what it is made of, its turns, hours and people; and of releases."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.backends.utils import CursorWrapper

from issues.asking import asking
from issues.fingerprint import described
from issues.listing import Summary, Wanted, summaries
from issues.models import OTHERS
from storage.search import earlier

MOST_TURNS, MOST_FINGERPRINTS, MOST_NAMES = 100, 200, 50

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
NEWEST_RELEASES = """
SELECT project, release, first_seen FROM issues_visible_release
 WHERE organisation_id = %s AND release <> %s ORDER BY first_seen DESC, project, release LIMIT %s
"""


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
        found = summaries(cursor, organisation_id, Wanted(), limit=1, numbers=[number])
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


def releases(organisation_id: int, project: str, *, limit: int = MOST_NAMES) -> list[tuple[str, datetime]]:
    """Return a project's releases, the one that was seen first last at the front, each with when that was."""
    with asking(organisation_id) as cursor:
        cursor.execute(RELEASES, [organisation_id, project, limit])
        found: list[tuple[str, datetime]] = cursor.fetchall()
        return found


def newest_releases(organisation_id: int, *, limit: int) -> list[tuple[str, str, datetime]]:
    """Return the newest releases of an organisation: the project, the name, and when it was seen first."""
    with asking(organisation_id) as cursor:
        cursor.execute(NEWEST_RELEASES, [organisation_id, OTHERS, limit])
        found: list[tuple[str, str, datetime]] = cursor.fetchall()
        return found


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
