"""What is said since a moment that was not said before it, or more often, or less: patterns of two times compared.

Times of different lengths are compared by what they hold a second. Of what chance explains nothing is said.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from math import log

from explore.patterns import AMONG, Pattern, grouped, newest
from foundation.refusals import Refusal
from storage.aggregates import Said
from storage.search import Search

#: Of the likelihood ratio: one pattern in a thousand that did not change is beyond it (chi-squared, one degree).
CHANCE = 10.83
#: A smaller change of a frequent pattern interests nobody.
LEAST_TIMES = 1.5
LEAST_SECONDS = 1e-6


class Change(StrEnum):
    """How a pattern is since then, in the order in which patterns are told."""

    NEW = "new"
    MORE = "more"
    SAME = "same"
    LESS = "less"
    GONE = "gone"


ORDER = {change: place for place, change in enumerate(Change)}


@dataclass(frozen=True, slots=True)
class Side:
    """What was looked at on one side of the moment: the newest of `seconds`, all that is found there if it `is_all`."""

    entries: int
    seconds: float
    is_all: bool


@dataclass(frozen=True, slots=True)
class Changed:
    """A pattern, which is one of `before` where it is gone; `times` as many a second, if there was one before."""

    pattern: Pattern
    count: int
    before: int
    change: Change
    times: float | None
    #: How far it is from what chance does.
    weight: float


@dataclass(frozen=True, slots=True)
class Changes:
    """The most telling changes of so many patterns, and what they are of; `kinds` counts all."""

    changed: list[Changed]
    kinds: dict[Change, int]
    since: Side
    before: Side


def changes(search: Search, *, since: datetime, limit: int) -> Changes:
    """Compare what a search finds since a moment with what it finds before. Raises: `Refusal`, `Unavailable`."""
    refuse_outside(search, since)
    after, before = replace(search, start=since), replace(search, end=since)
    said, said_before = newest(after), newest(before)
    sides = side(after, said), side(before, said_before)
    found = compared(said, said_before, since=sides[0], before=sides[1])
    kinds = {change: sum(one.change is change for one in found) for change in Change}
    return Changes(found[:limit], kinds, *sides)


def refuse_outside(search: Search, since: datetime) -> None:
    """Refuse a moment on one side of which nothing is. Raises: `Refusal`."""
    if not search.start < since < search.end:
        raise Refusal("invalid_parameter", "since must be later than from, and earlier than to.")


def side(search: Search, said: list[Said]) -> Side:
    """Return what was looked at: where there are more, what is said reaches back to the oldest of it only."""
    is_all = len(said) < AMONG
    start = search.start if is_all else said[-1].timestamp
    return Side(len(said), max((search.end - start).total_seconds(), LEAST_SECONDS), is_all)


def compared(said: Iterable[Said], said_before: Iterable[Said], *, since: Side, before: Side) -> list[Changed]:
    """Compare what was said, the newest first, with what was said before: the most telling first."""
    own = {one.template: one for one in grouped(said)}
    former = {one.template: one for one in grouped(said_before)}
    found = [
        _changed(own.get(name), former.get(name), since.seconds, before.seconds)
        for name in dict.fromkeys([*own, *former])
    ]
    return sorted(found, key=_telling)


def _changed(own: Pattern | None, former: Pattern | None, seconds: float, seconds_before: float) -> Changed:
    pattern = own or former
    assert pattern
    count, before = own.count if own else 0, former.count if former else 0
    times = (count / seconds) / (before / seconds_before) if before else None
    weight = likelihood_ratio(count, before, share=seconds / (seconds + seconds_before))
    return Changed(pattern, count, before, change_of(count, times, weight), times, weight)


def change_of(count: int, times: float | None, weight: float) -> Change:
    """Return how something is that is there `times` as often as before."""
    if times is None:
        return Change.NEW
    if not count:
        return Change.GONE
    if weight < CHANCE or 1 / LEAST_TIMES < times < LEAST_TIMES:
        return Change.SAME
    return Change.MORE if times > 1 else Change.LESS


def in_short(times: float | None) -> float | None:
    """Return the same in four digits."""
    return None if times is None else float(f"{times:.4g}")


def likelihood_ratio(count: int, before: int, *, share: float) -> float:
    """Return twice the logarithm of how much likelier the counts are by shares of their own (G-test)."""
    both = count + before
    pairs = (count, both * share), (before, both * (1 - share))
    return 2 * sum(seen * log(seen / expected) for seen, expected in pairs if seen)


def _telling(one: Changed) -> tuple[int, int, float, str]:
    """Order by change; what is new, or gone, by its gravest level first."""
    is_whole = one.change in (Change.NEW, Change.GONE)
    gravest = max(one.pattern.levels) if is_whole else 0
    by = one.pattern.count if is_whole or one.change is Change.SAME else one.weight
    return ORDER[one.change], -gravest, -by, one.pattern.template
