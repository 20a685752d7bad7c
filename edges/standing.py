"""How the edges of this installation are: for the doctor, metrics, and whoever lists them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.db.models.expressions import RawSQL
from django.utils import timezone

from edges.models import SILENT_AFTER, SILENT_SECONDS, Edge
from foundation.postgres import fetch_all
from quotas import loans

#: Clocks that differ by more have loans lie in the wrong month, and limits act at the wrong time.
CLOCKS_DIFFER_SECONDS = 5.0
#: A spool that is older waits for the link.
LATE_SECONDS = 300.0

#: As one row, for a statement of another room.
STANDING = f"""
SELECT count(*) AS edges,
       count(*) FILTER (WHERE last_seen_at < now() - interval '{SILENT_SECONDS} seconds') AS edges_silent,
       coalesce(max(oldest_seconds), 0)::float8 AS edge_oldest_seconds,
       coalesce(max(abs(clock_seconds)), 0)::float8 AS edge_clock_seconds,
       coalesce(sum(refused_batches), 0)::bigint AS edge_refused_batches
  FROM edges_edge WHERE revoked_at IS NULL
"""  # noqa: S608 - a constant
#: Until when organisations' edges were not heard, or held what is late: NULL stands for all of them.
UNHEARD = """
WITH edge AS (
    SELECT id, name, takes_all, unheard_until,
           last_seen_at < %(now)s - make_interval(secs => %(seconds)s) OR oldest_seconds > %(seconds)s AS is_silent
      FROM edges_edge WHERE revoked_at IS NULL AND last_seen_at IS NOT NULL)
SELECT member.organisation_id, edge.name, CASE WHEN is_silent THEN %(now)s ELSE unheard_until END AS until
  FROM edge LEFT JOIN edges_edge_organisations AS member ON member.edge_id = edge.id AND NOT takes_all
 WHERE (takes_all OR member.organisation_id IS NOT NULL) AND (is_silent OR unheard_until IS NOT NULL)
 ORDER BY until
"""


@dataclass(frozen=True, kw_only=True)
class Unheard:
    """Until when an edge was not heard: what an organisation sent by it meanwhile is not known."""

    edge: str
    until: datetime


@dataclass(frozen=True, kw_only=True)
class EdgeStanding:
    """An edge, and what is wrong with it, if anything is."""

    edge: Edge
    unspent_bytes: int
    short_bytes: int
    is_silent: bool

    @property
    def has_another_clock(self) -> bool:
        return abs(self.edge.clock_seconds) > CLOCKS_DIFFER_SECONDS

    @property
    def is_late(self) -> bool:
        return self.edge.oldest_seconds > LATE_SECONDS

    @property
    def word(self) -> str:
        """Return how it is in a word or three."""
        if self.edge.revoked_at:
            return "ended"
        if self.edge.last_seen_at is None:
            return "never seen"
        if self.is_silent:
            return "silent"
        return "retiring" if self.edge.retiring_at else "late" if self.is_late else "well"


def standings(*, ended: bool = False) -> list[EdgeStanding]:
    """Return the edges that there are, in the order of names; those that have ended only if asked for."""
    edges = Edge.objects.all() if ended else Edge.objects.filter(revoked_at=None)
    return [standing_of(edge) for edge in with_loans(edges)]


def unheard(now: datetime) -> dict[int | None, Unheard]:
    """Return the edge of each organisation that was silent last, if one was; None stands for all of them."""
    rows = fetch_all(UNHEARD, {"now": now, "seconds": SILENT_SECONDS})
    return {organisation_id: Unheard(edge=edge, until=until) for organisation_id, edge, until in rows}


def with_loans(edges: QuerySet[Edge]) -> QuerySet[Edge]:
    """Return the same edges with what `standing_of` needs."""
    of_row = "edges_edge.id"
    return edges.annotate(
        unspent_bytes=RawSQL(loans.UNSPENT_OF.format(edge_id=of_row), ()),  # noqa: S611 - constants
        short_bytes=RawSQL(loans.SHORT_OF.format(edge_id=of_row), ()),  # noqa: S611 - constants
    )


def standing_of(edge: Any) -> EdgeStanding:
    """Return how an edge of `with_loans` is."""
    return EdgeStanding(
        edge=edge,
        unspent_bytes=edge.unspent_bytes,
        short_bytes=edge.short_bytes,
        is_silent=edge.last_seen_at is None or abs(timezone.now() - edge.last_seen_at) > SILENT_AFTER,
    )
