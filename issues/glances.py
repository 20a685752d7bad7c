"""What a list shows of its groups beside their sums: the last 24 hours of each, and its newest release."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from issues.models import OTHERS
from issues.reading import asking

HOURS = 24
HOUR = timedelta(hours=1)
#: A release is that of the newest hour within so long.
LATELY = timedelta(days=30)

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


@dataclass(slots=True)
class Glance:
    """One group's: how many events each of the last hours had, the newest last, and its newest release."""

    hours: list[int] = field(default_factory=lambda: [0] * HOURS)
    release: str = ""


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
    return found
