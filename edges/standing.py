"""How the edges of this installation are: for the doctor, metrics, and whoever lists them."""

from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone

from edges.models import Edge
from quotas import lending

#: An edge that was not heard for so long is silent.
SILENT_SECONDS = 60
SILENT_AFTER = timedelta(seconds=SILENT_SECONDS)
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
    loans = {one.edge_id: one for one in lending.standings()}
    edges = Edge.objects.all() if ended else Edge.objects.filter(revoked_at=None)
    now = timezone.now()
    return [
        EdgeStanding(
            edge=edge,
            unspent_bytes=loans[edge.pk].unspent_bytes if edge.pk in loans else 0,
            short_bytes=loans[edge.pk].short_bytes if edge.pk in loans else 0,
            is_silent=edge.last_seen_at is None or abs(now - edge.last_seen_at) > SILENT_AFTER,
        )
        for edge in edges
    ]
