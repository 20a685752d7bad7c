"""Turns of groups for the room that tells people of them: each is handed over once, in its transaction."""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from foundation.postgres import execute, fetch_all

#: What anybody may want to be told of.
TOLD = ("new", "regressed", "woken")
MOST_PAST = 10_000

#: Those that somebody else has taken and not ended are passed over.
_TURNED = """
SELECT turn.id, turn.organisation_id, what, at, own.number, own.project, own.type, own.title, own.culprit,
       own.is_overflow,
       coalesce((SELECT max(level) FROM issues_fingerprint WHERE group_id = own.id), 0),
       coalesce(turn.details->>'release', '')
  FROM issues_turn AS turn JOIN issues_group AS own ON own.id = turn.group_id
"""
TAKE = f"""{_TURNED} WHERE alerted_at IS NULL AND what IN ('new', 'regressed', 'woken')
 ORDER BY turn.id LIMIT %s FOR UPDATE OF turn SKIP LOCKED
"""
PAST = f"""{_TURNED}
 WHERE turn.organisation_id = %s AND what = ANY (%s) AND at >= %s ORDER BY turn.id DESC LIMIT %s
"""
END = "UPDATE issues_turn SET alerted_at = now() WHERE id = ANY (%s)"
#: Of groups, in which environments they were seen in a minute of receipt or later.
ENVIRONMENTS = """
SELECT DISTINCT own.number, kept.environment
  FROM issues_group AS own
  JOIN issues_fingerprint AS fingerprint ON fingerprint.group_id = own.id
  JOIN issues_hour AS kept ON kept.organisation_id = fingerprint.organisation_id AND kept.key = fingerprint.key
 WHERE own.organisation_id = %s AND own.number = ANY (%s) AND kept.hour >= date_trunc('hour', %s::timestamptz, 'UTC')
"""
#: By the hour: those that begin in the time.
BUSIEST = """
SELECT own.number, own.title, sum(kept.events)::bigint AS events
  FROM issues_fingerprint AS fingerprint JOIN issues_group AS own ON own.id = fingerprint.group_id
  JOIN issues_hour AS kept ON kept.organisation_id = fingerprint.organisation_id AND kept.key = fingerprint.key
 WHERE fingerprint.organisation_id = %(organisation_id)s AND fingerprint.last_received_at >= %(start)s
   AND kept.hour >= %(start)s AND kept.hour < %(end)s
   AND own.state NOT IN ('ignored', 'muted')
   AND %(project)s IN ('', own.project) AND %(environment)s IN ('', kept.environment)
 GROUP BY own.id ORDER BY events DESC, own.number LIMIT %(limit)s
"""
COUNT_WAITING = "SELECT count(*) FROM issues_turn WHERE alerted_at IS NULL AND what IN ('new', 'regressed', 'woken')"


class Turned(NamedTuple):
    """What happened to a group, and what it is."""

    id: int
    organisation_id: int
    what: str
    at: datetime
    number: int
    project: str
    type: str
    title: str
    culprit: str
    is_overflow: bool
    level: int
    release: str


class Busy(NamedTuple):
    """A group, and how many errors it had."""

    number: int
    title: str
    events: int


def take(limit: int) -> list[Turned]:
    """Return turns that nobody was told of yet, the oldest first, held until the caller's transaction ends."""
    return [Turned(*row) for row in fetch_all(TAKE, [limit])]


def past(organisation_id: int, what: Collection[str], *, since: datetime) -> list[Turned]:
    """Return what happened to an organisation's groups since then, the newest first; ten thousand at most."""
    return [Turned(*row) for row in fetch_all(PAST, [organisation_id, list(what), since, MOST_PAST])]


def end(ids: Collection[int]) -> None:
    """Hand turns over for good, in the caller's transaction."""
    execute(END, [sorted(ids)])


def environments(organisation_id: int, numbers: Collection[int], *, since: datetime) -> set[tuple[int, str]]:
    """Return in which environments groups were seen since the hour of `since`: pairs of number and environment."""
    return {(number, name) for number, name in fetch_all(ENVIRONMENTS, [organisation_id, sorted(numbers), since])}


def busiest(
    organisation_id: int, *, start: datetime, end: datetime, project: str, environment: str, limit: int
) -> list[Busy]:
    """Return the groups with the most errors, by whole hours, that nobody ignores or has muted."""
    given = {"organisation_id": organisation_id, "start": start, "end": end, "project": project}
    return [Busy(*row) for row in fetch_all(BUSIEST, given | {"environment": environment, "limit": limit})]


def count_waiting() -> int:
    """Return how many turns nobody was told of yet."""
    [(waiting,)] = fetch_all(COUNT_WAITING)
    return int(waiting)
