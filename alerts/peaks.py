"""How high what a rule counts rose, hour by hour: the picture of its preview, beside which the threshold is a line."""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

from alerts.terms import Counts, Kind, Series, Terms

HOUR = 60
#: What has a threshold that a picture can show.
DRAWN = (Kind.THRESHOLD, Kind.SEARCH, Kind.SPIKE, Kind.RATIO)


def peaks(terms: Terms, series: Series, *, start: int, end: int) -> list[int]:
    """Return the most of any window that ended in each hour from `start` on; of a ratio in percent, of enough in all.

    Several values that are counted apart are one picture: the highest of them.
    """
    highest = [0] * max(0, -(-(end - start) // HOUR))
    for value, counts in series.counts.items():
        part, whole = _Sums(counts, terms.window), _Sums(series.whole.get(value, {}), terms.window)
        for minute in part.minutes:
            if start <= minute < end:
                found, place = part.until(minute), (minute - start) // HOUR
                if terms.kind is Kind.RATIO:
                    every = whole.until(minute)
                    found = found * 100 // every if every >= terms.count else 0
                highest[place] = max(highest[place], found)
    return highest


def threshold_of(terms: Terms) -> int | None:
    """Return what makes the rule fire, where that is one number; a spike's is another one every minute."""
    if terms.kind is Kind.SPIKE:
        return None
    return terms.ratio_percent if terms.kind is Kind.RATIO else terms.count


class _Sums:
    """Sums of windows that end with a minute, however few minutes there are, and however long the window is."""

    def __init__(self, counts: Counts, window: int) -> None:
        self.minutes: Sequence[int] = sorted(counts)
        self._until = [0, *accumulate(counts[minute] for minute in self.minutes)]
        self._window = window

    def until(self, minute: int) -> int:
        first, last = bisect_right(self.minutes, minute - self._window), bisect_right(self.minutes, minute)
        return self._until[last] - self._until[first]
