"""Questions to the log store, each bound to one organisation and a time range, and what is counted."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from storage.conditions import Condition

#: How far ahead of ours a client's clock may be for its entries to be found: the days of `received_at` that are read.
SKEW = timedelta(days=1)
FIRST_MOMENT = datetime.min.replace(tzinfo=UTC)

Position = tuple[datetime, int]


@dataclass(frozen=True, slots=True)
class Search:
    """What one organisation asks for: entries with `start` <= timestamp < `end` that fulfil `query`."""

    organisation_id: int
    query: Condition
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class LevelCount:
    """How many entries of a level fall into the step that begins at `start`."""

    start: datetime
    level: int
    count: int


def earlier(moment: datetime, *, by: timedelta) -> datetime:
    """Return the moment `by` before, or the first there is: Go's zero time is 0001-01-01."""
    return moment - by if moment - FIRST_MOMENT > by else FIRST_MOMENT
