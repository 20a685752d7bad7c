"""What counts say around one group: where it was seen first, its minutes, what else began then, and who is like it.

Each is one statement behind the wall, and may take so many seconds.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from foundation import statements
from issues.asking import asking
from issues.listing import Summary
from issues.models import OTHERS

#: Of title and culprit: groups at least so similar are alike.
ALIKE = 0.5
MOST_BEGINNINGS, MOST_RELATIVES = 20, 10

FIRST_SEEN = statements.read(__file__, "first_seen")
MINUTES = """
SELECT minute, sum(counted.events)::bigint
  FROM issues_visible_minute AS counted JOIN issues_visible_fingerprint AS own USING (organisation_id, key)
 WHERE organisation_id = %s AND group_id = %s AND minute >= %s AND minute < %s GROUP BY 1 ORDER BY 1
"""
#: Groups that were made, groups that came back, and releases of the project that were seen first.
BEGUN = """
WITH others AS (SELECT id, number, title, created_at FROM issues_visible_group
                 WHERE organisation_id = %(organisation_id)s AND id <> %(group_id)s AND merged_into_id IS NULL)
SELECT 'new', number, title, created_at FROM others WHERE created_at BETWEEN %(start)s AND %(end)s
 UNION ALL
SELECT 'regressed', number, title, turn.at FROM others JOIN issues_visible_turn AS turn ON turn.group_id = others.id
 WHERE what = 'regressed' AND turn.at BETWEEN %(start)s AND %(end)s
 UNION ALL
SELECT 'release', NULL, release, first_seen FROM issues_visible_release
 WHERE organisation_id = %(organisation_id)s AND project = %(project)s AND first_seen BETWEEN %(start)s AND %(end)s
 ORDER BY 4, 1, 2 LIMIT %(limit)s
"""
HAS_TRIGRAMS = "SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_trgm')"
RELATIVES = statements.read(__file__, "alike", similarity="[similarity]")
SIMILARITY = {True: "similarity(title || ' ' || culprit, %(text)s)", False: "0"}
NUMBERED = """
SELECT DISTINCT number, title, key
  FROM issues_visible_fingerprint AS fingerprint JOIN issues_visible_group AS own ON own.id = fingerprint.group_id
 WHERE fingerprint.organisation_id = %s AND key = ANY (%s::bigint[])
"""


@dataclass(frozen=True, slots=True)
class Seen:
    """An environment or a release that a group was seen in: first at `at`, so many times."""

    name: str
    at: datetime
    events: int


@dataclass(frozen=True, slots=True)
class SeenRelease(Seen):
    """Of a release, and when that was seen first, in whatever error of the project."""

    first_seen: datetime | None


@dataclass(frozen=True, slots=True)
class FirstSeen:
    """Where a group was seen, in order; and the newest release of the project that is older, and never had it."""

    environments: list[Seen]
    releases: list[SeenRelease]
    before: tuple[str, datetime] | None


@dataclass(frozen=True, slots=True)
class Beginning:
    """A group that was made or came back, or a release that was seen first."""

    what: Literal["new", "regressed", "release"]
    number: int | None
    title: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Relative:
    """A group that is like another one."""

    number: int
    title: str
    culprit: str
    state: str
    differs_in_words_only: bool
    is_of_same_type: bool
    similarity: float
    last_seen: datetime | None


def first_seen(organisation_id: int, group: Summary, *, seconds: float) -> FirstSeen:
    """Return where a group was first seen. Raises: `OperationalError`."""
    parameters: dict[str, Any] = {
        "organisation_id": organisation_id, "group_id": group.id, "project": group.project, "others": OTHERS,
    }  # fmt: skip
    with asking(organisation_id, seconds=seconds) as cursor:
        cursor.execute(FIRST_SEEN, parameters)
        rows = cursor.fetchall()
    before = [(name, seen) for kind, name, _, seen, _ in rows if kind == "before"]
    return FirstSeen(
        [Seen(name, at, events) for kind, name, at, _, events in rows if kind == "environment"],
        [SeenRelease(name, at, events, seen) for kind, name, at, seen, events in rows if kind == "release"],
        before[0] if before else None,
    )


def minutes(
    organisation_id: int, group: Summary, *, start: datetime, end: datetime, seconds: float
) -> list[tuple[datetime, int]]:
    """Return the minutes of receipt in which a group had events, in order. Raises: `OperationalError`."""
    with asking(organisation_id, seconds=seconds) as cursor:
        cursor.execute(MINUTES, [organisation_id, group.id, start, end])
        found: list[tuple[datetime, int]] = cursor.fetchall()
        return found


def begun(organisation_id: int, group: Summary, *, start: datetime, end: datetime, seconds: float) -> list[Beginning]:
    """Return what else began between two moments. Raises: `OperationalError`."""
    parameters: dict[str, Any] = {
        "organisation_id": organisation_id, "group_id": group.id, "project": group.project,
        "start": start, "end": end, "limit": MOST_BEGINNINGS,
    }  # fmt: skip
    with asking(organisation_id, seconds=seconds) as cursor:
        cursor.execute(BEGUN, parameters)
        return [Beginning(*row) for row in cursor.fetchall() if row[2] != OTHERS]


def relatives(organisation_id: int, group: Summary, *, seconds: float) -> list[Relative]:
    """Return the groups that are most like one. Raises: `OperationalError`."""
    parameters: dict[str, Any] = {
        "organisation_id": organisation_id, "group_id": group.id, "type": group.type,
        "text": f"{group.title} {group.culprit}", "alike": ALIKE, "limit": MOST_RELATIVES,
    }  # fmt: skip
    with asking(organisation_id, seconds=seconds) as cursor:
        cursor.execute(HAS_TRIGRAMS)
        [(has_trigrams,)] = cursor.fetchall()
        cursor.execute(RELATIVES.replace("[similarity]", SIMILARITY[bool(has_trigrams)]), parameters)
        return [Relative(*row) for row in cursor.fetchall()]


def numbered(organisation_id: int, keys: Collection[int], *, seconds: float) -> dict[int, tuple[int, str]]:
    """Return number and title of the group that entries with each key are in. Raises: `OperationalError`."""
    with asking(organisation_id, seconds=seconds) as cursor:
        cursor.execute(NUMBERED, [organisation_id, sorted(keys)])
        return {key: (number, title) for number, title, key in cursor.fetchall()}
