"""The group that evidence is gathered of: what is known of it, how long there is left, and its entries once sampled."""

import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property

from issues import sightings
from issues.listing import Summary
from issues.reading import Detail
from storage.conditions import Counted
from storage.found import FoundEntry, Sampled
from storage.search import Search, earlier, later
from storage.store import store

#: Of one query, and of all evidence of a group.
PART_SECONDS, ALL_SECONDS = 2.0, 6.0
#: The last so much of a group's time is looked at, and at least so much.
LENGTH, LEAST_LENGTH = timedelta(hours=48), timedelta(hours=1)
#: Entries that are picked of the newest so many.
FAILING, AMONG = 1_000, 100_000
FAILING_BYTES = 2 * 2**20
NEWEST = 100


class TooLate(Exception):
    """There is no time left for another query."""


@dataclass
class LookedAt:
    """A group, and what the parts of its evidence share."""

    organisation_id: int
    detail: Detail
    now: datetime
    until: float = field(default_factory=lambda: time.monotonic() + ALL_SECONDS)
    #: Receipt of the oldest entry that something of was read.
    oldest_at: datetime | None = None
    #: Of the entries of its project and environments, in per cent; None as long as nobody has counted.
    share_percent: float | None = None

    @property
    def group(self) -> Summary:
        """What is known of it."""
        return self.detail.summary

    @property
    def seconds(self) -> float:
        """How long the next query may take. Raises: `TooLate`."""
        left = self.until - time.monotonic()
        if left < 0.05:
            raise TooLate
        return min(PART_SECONDS, left)

    @property
    def keys(self) -> Counted:
        """Its entries."""
        return Counted(tuple(sorted(made.key for made in self.detail.fingerprints)))

    @cached_property
    def range(self) -> tuple[datetime, datetime]:
        """The time of its entries that is looked at, by their own clocks."""
        end = later(self.group.last_at, by=timedelta(seconds=1))
        start = max(self.group.first_at, earlier(end, by=LENGTH))
        return min(start, earlier(end, by=LEAST_LENGTH)), end

    @cached_property
    def failing(self) -> Sampled:
        """Entries of it that were picked by chance."""
        start, end = self.range
        return self.seen(
            store().reader.sample(
                Search(self.organisation_id, self.keys, start, end),
                limit=FAILING,
                most_bytes=FAILING_BYTES,
                among=AMONG,
                seconds=self.seconds,
            )
        )

    @cached_property
    def newest(self) -> list[FoundEntry]:
        """Its newest entries of that time."""
        start, end = self.range
        search = Search(self.organisation_id, self.keys, start, end)
        return store().reader.page(search, limit=NEWEST, seconds=self.seconds)

    def seen(self, sampled: Sampled) -> Sampled:
        """Remember how old what was read is."""
        self.note(*sampled.entries)
        return sampled

    def note(self, *entries: FoundEntry) -> None:
        """Remember how old entries are, of which something is told."""
        self.oldest_at = min([*([self.oldest_at] if self.oldest_at else []), *(one.received_at for one in entries)],
                             default=None)  # fmt: skip

    def release_of(self, entry: FoundEntry) -> str:
        """Return the release of an entry, as errors are counted."""
        return sightings.release_of(self.organisation_id, entry)
