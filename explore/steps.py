"""Steps of a histogram: since 1970 in UTC or, in a reader's zone, as its clocks show them, weeks from Monday on."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

from storage.search import EPOCH, FIRST_MOMENT, LAST_MOMENT, later

HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(weeks=1)
#: Steps that people can read: seconds, minutes, hours, days.
READABLE = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
DEFAULT_STEPS = 60
#: Longer ranges have steps of months: an hour is nothing there.
WITH_CHANGES = timedelta(days=30 * 365)
#: From the Thursday of 1970-01-01 back to a Monday.
TO_MONDAY = timedelta(days=3)


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a range in which the zone's clocks are `ahead` of UTC."""

    start: datetime
    end: datetime
    ahead: timedelta


@dataclass(frozen=True)
class Ruler:
    """Divides a range into steps. Without a zone, they begin at multiples of the step since 1970, in UTC."""

    start: datetime
    end: datetime
    step: timedelta
    zone: ZoneInfo | None = None

    @cached_property
    def pieces(self) -> list[Piece]:
        """The range, cut where clocks change; only steps longer than an hour have to follow those."""
        if self.zone is None or self.step <= HOUR or self.end - self.start > WITH_CHANGES:
            return [Piece(self.start, self.end, self._ahead(self.start))]
        return list(self._between_changes())

    def origin(self, piece: Piece) -> datetime:
        """Return a moment at which a step of the piece begins."""
        monday = TO_MONDAY if self.zone is not None and self.step % WEEK == timedelta() else timedelta()
        return EPOCH - monday - piece.ahead

    def begins(self, piece: Piece, start: datetime) -> datetime:
        """Return when the whole step begins of which `start` is the beginning as the piece's clocks go.

        A day on which clocks change has two, of which one is an hour off.
        """
        if len(self.pieces) == 1 or self.zone is None or LAST_MOMENT - start < DAY:
            return start
        return (start + piece.ahead).replace(tzinfo=self.zone).astimezone(UTC)

    def starts(self) -> list[datetime]:
        """Return the beginnings of all steps; the first is at or before the range's start."""
        found: dict[datetime, None] = {}
        for piece in self.pieces:
            origin = self.origin(piece)
            first, last = (piece.start - origin) // self.step, -((origin - piece.end) // self.step)
            for number in range(first, last):
                found[self.begins(piece, _moment(origin, number * self.step))] = None
        return list(found)

    def _ahead(self, moment: datetime) -> timedelta:
        is_within = moment - FIRST_MOMENT > DAY and LAST_MOMENT - moment > DAY
        return (self.zone and is_within and moment.astimezone(self.zone).utcoffset()) or timedelta()

    def _between_changes(self) -> Iterator[Piece]:
        """Yield pieces; clocks change at most once a week, by whole minutes."""
        start = edge = self.start
        while edge < self.end:
            ahead, following = self._ahead(edge), min(later(edge, by=WEEK), self.end)
            if self._ahead(following) != ahead:
                following = self._change(edge, following)
                yield Piece(start, following, ahead)
                start = following
            edge = following
        if start < self.end:
            yield Piece(start, self.end, self._ahead(start))

    def _change(self, low: datetime, high: datetime) -> datetime:
        ahead = self._ahead(low)
        while high - low > timedelta(seconds=1):
            middle = low + (high - low) / 2
            low, high = (middle, high) if self._ahead(middle) == ahead else (low, middle)
        return high.replace(microsecond=0)


def _moment(origin: datetime, since: timedelta) -> datetime:
    """Return the moment so long after `origin`, or the first there is."""
    return origin + since if since > FIRST_MOMENT - origin else FIRST_MOMENT


def default_step(start: datetime, end: datetime, *, zone: ZoneInfo | None = None) -> int:
    """Return the step in seconds that shows a range in about 60 steps; in a zone, whole weeks beyond days."""
    ideal = (end - start).total_seconds() / DEFAULT_STEPS
    beyond = 86400 if zone is None else 604800
    return next((step for step in READABLE if step >= ideal), -(-int(ideal) // beyond) * beyond)
