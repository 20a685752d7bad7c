"""Decide on a rule: pure, and the same for the task that tells people and for the preview that tells what it would do.

The incidents are those of the counts alone: looking twice, late, or while counts still rise ends with the same ones.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from statistics import median

from alerts.terms import (
    CLOSES_AT_PERCENT,
    DAY,
    LEAST_SPIKE_DAYS,
    MISSED_FOR,
    OF_SILENCE,
    SPIKE_DAYS,
    SPIKE_TIMES,
    Closed,
    Counts,
    Extended,
    Kind,
    Moment,
    Opened,
    Outcome,
    Series,
    Spell,
    State,
    Terms,
    Transition,
)

#: What is settled is looked at once more for so long: a commit may have come between two statements of ours.
LOOK_BACK = 2
NOTHING: Counts = {}


@dataclass(frozen=True, slots=True)
class Measure:
    """A window's end: whether it is enough to open an incident, too much to close one, and how much there was."""

    opens: bool
    holds: bool
    amount: int


def first_minute(terms: Terms, settled: int) -> int:
    """Return the first minute whose counts decide on minutes from `settled` on; of a spike, of each of its days."""
    return settled - LOOK_BACK - (0 if terms.kind in OF_SILENCE else terms.window)


def evaluate(terms: Terms, series: Series, state: State, now: Moment) -> Outcome:
    """Return what happened since `state.settled`, as of `now`."""
    if terms.kind in OF_SILENCE:
        return _silences(terms, series, state, now)
    values = sorted({*series.counts, *(spell.value for spell in state.spells)})
    spells = {value: [spell for spell in state.spells if spell.value == value] for value in values}
    transitions = [
        one for value in values for one in _Walk(terms, series, value, spells[value], now).transitions(state.settled)
    ]
    return Outcome(transitions=tuple(transitions), settled=max(state.settled, now.known))


class _Walk:
    """One value's minutes in their order, beside what is known of its incidents."""

    def __init__(self, terms: Terms, series: Series, value: str, spells: list[Spell], now: Moment) -> None:
        self.terms, self.value, self.now = terms, value, now
        self.measure = MEASURES[terms.kind](terms, series, value)
        self.counted = sorted(series.counts.get(value, NOTHING))
        self.open = next((spell for spell in spells if spell.closed is None), None)
        self.closed = [spell for spell in spells if spell.closed is not None]
        #: A ratio of a minute that more may come of says nothing yet.
        self.end = now.known if terms.kind is Kind.RATIO else now.running + 1

    def transitions(self, settled: int) -> Iterator[Transition]:
        start = settled - LOOK_BACK
        spell = self.open if self.open and self.open.opened < start else None
        minute = start - 1
        while (minute := self._next(minute, spell)) < self.end:
            spell = self._joined(spell, minute)
            if self._is_covered(minute):
                if spell:
                    yield from self._told(replace(spell, closed=minute))
                spell = None
                continue
            measure = self.measure(minute)
            if spell is None:
                if measure.opens:
                    spell = Spell(value=self.value, opened=minute, last_over=minute, peak=measure.amount)
                continue
            last_over = max(spell.last_over, minute) if measure.holds else spell.last_over
            spell = replace(spell, last_over=last_over, peak=max(spell.peak, measure.amount))
            if minute - last_over >= max(self.terms.keep_firing, 1):
                if minute >= self.now.known:
                    break  # whether it ends here, or goes on with what follows, the next look knows
                yield from self._told(replace(spell, closed=minute + 1))
                spell = None
        if spell and not self._waits(spell):
            yield from self._told(spell)

    def _next(self, minute: int, spell: Spell | None) -> int:
        """Return the next minute that matters: between incidents, those whose window holds anything."""
        following = minute + 1
        if spell:
            return following
        at = bisect_right(self.counted, following)
        if at and following - self.counted[at - 1] < self.terms.window:
            return following
        ahead = [*self.counted[at : at + 1], self.end]
        if self.open and self.open.opened >= following:
            ahead.append(self.open.opened)
        return min(ahead)

    def _joined(self, spell: Spell | None, minute: int) -> Spell | None:
        """Go on with the open incident where it begins; what was found late, and runs into it, is its beginning."""
        if not self.open or self.open.opened != minute:
            return spell
        found = spell or self.open
        return replace(
            self.open,
            opened=found.opened,
            last_over=max(found.last_over, self.open.last_over),
            peak=max(found.peak, self.open.peak),
        )

    def _is_covered(self, minute: int) -> bool:
        return any(spell.opened <= minute < (spell.closed or 0) for spell in self.closed)

    def _waits(self, spell: Spell) -> bool:
        """Tell whether a spell that was found late may still turn out to be the open incident's beginning."""
        return spell.id is None and self.open is not None and spell.opened < self.open.opened

    def _told(self, spell: Spell) -> Iterator[Transition]:
        if spell.id is None:
            yield Opened(spell)
        elif spell.closed is not None:
            yield Closed(spell)
        elif spell != self.open:
            yield Extended(spell)


def _silences(terms: Terms, series: Series, state: State, now: Moment) -> Outcome:
    """Miss what came and comes no more, in the minutes of which all is known; that something came is known at once."""
    transitions: list[Transition] = []
    last_seen = dict(state.last_seen)
    opened = {spell.value: spell for spell in state.spells if spell.closed is None}
    for value in sorted({*series.counts, *last_seen, *opened}):
        counts, seen, spell = series.counts.get(value, NOTHING), last_seen.get(value), opened.get(value)
        before = spell
        for minute in range(state.settled - LOOK_BACK, min(now.known, now.running) + 1):
            if counts.get(minute):
                seen = max(minute, seen) if seen is not None else minute
                if spell and minute >= spell.opened:
                    spell = replace(
                        spell, closed=max(minute, spell.opened + 1), last_over=max(spell.last_over, minute - 1)
                    )
                    transitions.append(Closed(spell) if spell.id else Opened(spell))
                    spell = before = None
            elif minute < now.known and seen is not None and minute >= state.settled:
                spell = _missed(terms, state, now, Spell(value=value, opened=minute, last_over=minute), seen, spell)
        if spell and spell != before:
            transitions.append(Extended(spell) if spell.id else Opened(spell))
        if seen is not None:
            last_seen[value] = seen
    return Outcome(transitions=tuple(transitions), settled=max(state.settled, now.known), last_seen=last_seen)


def _missed(terms: Terms, state: State, now: Moment, here: Spell, seen: int, spell: Spell | None) -> Spell | None:
    """Return the incident after a minute `here` without anything, of what came last in the minute `seen`."""
    minute, silent = here.opened, here.opened - seen
    if spell:
        return replace(spell, last_over=max(spell.last_over, minute), peak=max(spell.peak, silent))
    is_known = minute - terms.window + 1 >= now.deaf_until
    is_missed = terms.window <= silent and (silent <= terms.window + MISSED_FOR or terms.kind is Kind.MONITOR)
    is_steady = not terms.only_steady or here.value in state.steady
    return replace(here, peak=silent) if is_known and is_missed and is_steady else None


Measuring = Callable[[int], Measure]


class _Window:
    """The sum of the last minutes; asked for one minute after the other it adds and takes one."""

    def __init__(self, counts: Counts, window: int) -> None:
        self._counts, self._window = counts, window
        self._minute: int | None = None
        self._sum = 0

    def until(self, minute: int) -> int:
        """Return what was counted in the window that ends with `minute`."""
        counts = self._counts
        if self._minute is not None and minute == self._minute + 1:
            self._sum += counts.get(minute, 0) - counts.get(minute - self._window, 0)
        elif counts:
            self._sum = sum(counts.get(one, 0) for one in range(minute - self._window + 1, minute + 1))
        self._minute = minute
        return self._sum


def _enough(terms: Terms, series: Series, value: str) -> Measuring:
    window = _Window(series.counts.get(value, NOTHING), terms.window)

    def measure(minute: int) -> Measure:
        found = window.until(minute)
        return Measure(found >= terms.count, found * 100 > terms.count * CLOSES_AT_PERCENT, found)

    return measure


def _share(terms: Terms, series: Series, value: str) -> Measuring:
    part = _Window(series.counts.get(value, NOTHING), terms.window)
    whole = _Window(series.whole.get(value, NOTHING), terms.window)

    def measure(minute: int) -> Measure:
        some, every = part.until(minute), whole.until(minute)
        percent = some * 100 // every if every else 0
        holds = (
            percent * 100 > terms.ratio_percent * CLOSES_AT_PERCENT and every * 100 > terms.count * CLOSES_AT_PERCENT
        )
        return Measure(every >= terms.count and some * 100 >= terms.ratio_percent * every, holds, percent)

    return measure


def _spike(terms: Terms, series: Series, value: str) -> Measuring:
    counts = series.counts.get(value, NOTHING)
    window = _Window(counts, terms.window)
    before = [_Window(counts, terms.window) for _ in range(SPIKE_DAYS)]

    def measure(minute: int) -> Measure:
        found = window.until(minute)
        ends = [(one, minute - day * DAY) for day, one in enumerate(before, 1)]
        known = [one.until(end) for one, end in ends if end - terms.window >= series.known_from]
        if len(known) < LEAST_SPIKE_DAYS:
            return Measure(False, False, found)
        least = max(terms.count, SPIKE_TIMES * median(known))
        return Measure(found >= least, found * 100 > least * CLOSES_AT_PERCENT, found)

    return measure


MEASURES: Mapping[Kind, Callable[[Terms, Series, str], Measuring]] = {
    Kind.THRESHOLD: _enough,
    Kind.SEARCH: _enough,
    Kind.RATIO: _share,
    Kind.SPIKE: _spike,
}
