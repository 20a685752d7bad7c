"""What a list shows of its groups beside their sums: hours, release and environments of each; how many there are."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from issues import listing
from issues.asking import asking
from issues.listing import IN_STATE, Wanted
from issues.models import OTHERS

HOURS = 24
HOUR = timedelta(hours=1)
#: A release is that of the newest hour within so long; environments are those of that time.
LATELY = timedelta(days=30)
#: States whose groups are counted.
COUNTED = ("unresolved", "new", "regressed")

HOURS_OF_GROUPS = """
SELECT group_id, hour, sum(counted.events)::bigint
  FROM issues_visible_hour AS counted JOIN issues_visible_fingerprint USING (organisation_id, key)
 WHERE group_id = ANY (%s::bigint[]) AND hour >= %s AND hour < %s GROUP BY 1, 2
"""
RELEASES_OF_GROUPS = """
SELECT DISTINCT ON (group_id) group_id, release
  FROM issues_visible_hour AS counted JOIN issues_visible_fingerprint USING (organisation_id, key)
 WHERE group_id = ANY (%s::bigint[]) AND hour >= %s AND release NOT IN ('', %s)
 ORDER BY group_id, hour DESC, counted.events DESC, release
"""
ENVIRONMENTS_OF_GROUPS = """
SELECT group_id, array_agg(environment ORDER BY events DESC, environment)
  FROM (SELECT group_id, environment, sum(counted.events) AS events
          FROM issues_visible_hour AS counted JOIN issues_visible_fingerprint USING (organisation_id, key)
         WHERE group_id = ANY (%s::bigint[]) AND hour >= %s AND environment NOT IN ('', %s) GROUP BY 1, 2) AS summed
 GROUP BY 1
"""


@dataclass(slots=True)
class Glance:
    """One group's: events of each of the last hours, the newest last, its newest release, its busiest environments."""

    hours: list[int] = field(default_factory=lambda: [0] * HOURS)
    release: str = ""
    environments: list[str] = field(default_factory=list)


def glances(organisation_id: int, group_ids: Sequence[int], *, now: datetime) -> dict[int, Glance]:
    """Return a glance at each of the groups."""
    found = {one: Glance() for one in group_ids}
    if not found:
        return found
    end = now.replace(minute=0, second=0, microsecond=0) + HOUR
    start = end - HOURS * HOUR
    with asking(organisation_id) as cursor:
        cursor.execute(HOURS_OF_GROUPS, [list(found), start, end])
        for group_id, hour, events in cursor.fetchall():
            found[group_id].hours[(hour - start) // HOUR] += events
        cursor.execute(RELEASES_OF_GROUPS, [list(found), now - LATELY, OTHERS])
        for group_id, release in cursor.fetchall():
            found[group_id].release = release
        cursor.execute(ENVIRONMENTS_OF_GROUPS, [list(found), now - LATELY, OTHERS])
        for group_id, environments in cursor.fetchall():
            found[group_id].environments = environments
    return found


def counts(organisation_id: int, wanted: Wanted) -> dict[str, int]:
    """Return how many groups of some states there are among those that a list is asked for."""
    statement, parameters = listing.statement_of(organisation_id, wanted)
    conditions = (IN_STATE.get(one, f"state = '{one}'") for one in COUNTED)
    sums = ", ".join(f"count(*) FILTER (WHERE {condition})" for condition in conditions)
    with asking(organisation_id) as cursor:
        cursor.execute(f"SELECT {sums} FROM ({statement}) AS found", parameters)  # noqa: S608 - pieces of ours
        return dict(zip(COUNTED, cursor.fetchone() or (), strict=True))
