"""When a group became frequent: the beginning of its highest spike. Pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from statistics import median

MINUTE = timedelta(minutes=1)
#: A minute of so many times the median is one of a spike, if it has a few events; the whole spike has more.
TIMES, LEAST_EVENTS, LEAST_IN_ALL = 3, 3, 10
#: After a longer pause another spike begins.
PAUSE = timedelta(minutes=10)


def spike_began(minutes: Sequence[tuple[datetime, int]], *, start: datetime, end: datetime) -> datetime | None:
    """Return the first minute of the spike that the highest minute belongs to; None if there is no spike.

    `minutes` are those between `start` and `end` with events, in order; the median is that of all.
    """
    if not minutes:
        return None
    counts = [events for _, events in minutes]
    usual = median(counts + [0] * max(0, (end - start) // MINUTE - len(counts)))
    high = [(moment, events) for moment, events in minutes if events >= max(TIMES * usual, LEAST_EVENTS)]
    spikes: list[list[tuple[datetime, int]]] = []
    for moment, events in high:
        if spikes and moment - spikes[-1][-1][0] <= PAUSE:
            spikes[-1].append((moment, events))
        else:
            spikes.append([(moment, events)])
    large = [spike for spike in spikes if sum(events for _, events in spike) >= LEAST_IN_ALL]
    if not large:
        return None
    highest = max(large, key=lambda spike: max(events for _, events in spike))
    return highest[0][0]
