"""Questions to the log store, each bound to one organisation and a time range, and what is counted."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from storage.conditions import Condition

#: How far ahead of ours a client's clock may be for its entries to be found: the days of `received_at` that are read.
SKEW = timedelta(days=1)
#: Of entries that are read at once: one answer's.
PORTION_BYTES = 2 * 2**20
#: Where steps begin, unless somebody says otherwise.
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST_MOMENT = datetime.min.replace(tzinfo=UTC)
LAST_MOMENT = datetime.max.replace(tzinfo=UTC)

Position = tuple[datetime, int]


@dataclass(frozen=True, slots=True)
class Search:
    """What one organisation asks for: entries with `start` <= timestamp < `end` that fulfil `query`.

    No moment comes after the last: a search that ends with it includes it.
    """

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


def received_from(start: datetime) -> datetime:
    """Return the beginning of the first day of receipt that is read for what happened from `start` on."""
    return earlier(start, by=SKEW).astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def earlier(moment: datetime, *, by: timedelta) -> datetime:
    """Return the moment `by` before, or the first there is: Go's zero time is 0001-01-01."""
    return moment - by if moment - FIRST_MOMENT > by else FIRST_MOMENT


def later(moment: datetime, *, by: timedelta) -> datetime:
    """Return the moment `by` after, or the last there is."""
    return moment + by if LAST_MOMENT - moment > by else LAST_MOMENT
