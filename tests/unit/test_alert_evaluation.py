"""What rules find: by kind, at their bounds, and the same however often, late or early somebody looks."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.evaluation import evaluate
from alerts.terms import (
    DAY,
    Closed,
    Extended,
    Kind,
    Moment,
    Opened,
    Outcome,
    Series,
    Spell,
    State,
    Terms,
)

T = 30_000_000  # a minute of 2027
Counts = Mapping[int, int]
NOTHING: Counts = {}


def looked(
    terms: Terms, counts: Counts, *, until: int, whole: Counts = NOTHING, start: int = T, **rest: Any
) -> list[tuple[int, int | None]]:
    """When one look, long afterwards, finds incidents: opened and closed, in minutes since T."""
    series = Series(
        counts={"": {T + at: n for at, n in counts.items()}},
        whole={"": {T + at: n for at, n in whole.items()}},
        known_from=rest.pop("known_from", 0),
    )
    outcome = evaluate(terms, series, State(settled=start, **rest), Moment(running=T + until, known=T + until))
    return [(one.spell.opened - T, one.spell.closed and one.spell.closed - T) for one in outcome.transitions]


BURST = {10: 3, 11: 4, 12: 20, 13: 1}
THRESHOLD = Terms(kind=Kind.THRESHOLD, count=20, window=5, keep_firing=5)


@pytest.mark.parametrize(
    ("terms", "counts", "found"),
    [
        (THRESHOLD, BURST, [(12, 22)]),  # the window is over 80 % until 16, and quiet for 5 minutes at 21
        (replace(THRESHOLD, count=28), BURST, [(13, 21)]),
        (replace(THRESHOLD, count=29), BURST, []),
        (replace(THRESHOLD, keep_firing=0), BURST, [(12, 18)]),
        (replace(THRESHOLD, count=1, window=1, keep_firing=0), {10: 1, 13: 1}, [(10, 12), (13, 15)]),
        (replace(THRESHOLD, count=1, window=1, keep_firing=5), {10: 1, 13: 1}, [(10, 19)]),
        # Hysteresis: 17 of 20 holds it open, 16 does not.
        (replace(THRESHOLD, window=1, keep_firing=0), {10: 20, 11: 17, 12: 17, 13: 16}, [(10, 14)]),
        (THRESHOLD, {}, []),
        (THRESHOLD, {58: 20}, [(58, None)]),
    ],
)
def test_threshold_opens_when_there_is_enough_and_closes_when_there_is_little(
    terms: Terms, counts: Counts, found: list[Any]
) -> None:
    assert looked(terms, counts, until=60) == found
    assert looked(replace(terms, kind=Kind.SEARCH), counts, until=60) == found


RATIO = Terms(kind=Kind.RATIO, count=10, window=2, ratio_percent=50, keep_firing=1)


@pytest.mark.parametrize(
    ("counts", "whole", "found"),
    [
        ({10: 5}, {10: 10}, [(10, 13)]),
        ({10: 4}, {10: 10}, []),
        ({10: 9}, {10: 9}, []),  # too few in all
        ({10: 5, 11: 3}, {10: 10, 11: 6, 12: 40}, [(10, 13)]),
        ({60: 10}, {60: 10}, []),  # more may come of this minute: nothing is said yet
    ],
)
def test_ratio_asks_for_a_part_and_for_enough_in_all(counts: Counts, whole: Counts, found: list[Any]) -> None:
    assert looked(RATIO, counts, whole=whole, until=60) == found


def days(count: int, *, of: int) -> dict[int, int]:
    return {10 - day * DAY: of for day in range(1, count + 1)}


@pytest.mark.parametrize(
    ("counts", "known_days", "found"),
    [
        ({10: 30} | days(7, of=10), 7, [(10, 12)]),
        ({10: 29} | days(7, of=10), 7, []),
        ({10: 30}, 7, [(10, 12)]),  # never before
        ({10: 30} | days(2, of=1), 2, []),  # nobody knows what is usual
        ({10: 30} | days(3, of=10), 3, [(10, 12)]),
        ({10: 19}, 7, []),  # too few to matter
    ],
)
def test_spike_is_three_times_what_is_usual_at_that_time(counts: Counts, known_days: int, found: list[Any]) -> None:
    terms = Terms(kind=Kind.SPIKE, count=20, window=1, keep_firing=1)
    assert looked(terms, counts, until=30, known_from=T - known_days * DAY) == found


ABSENCE = Terms(kind=Kind.ABSENCE, window=10)


@pytest.mark.parametrize(
    ("terms", "counts", "rest", "found"),
    [
        (ABSENCE, {1: 5}, {}, [(11, None)]),
        (ABSENCE, {1: 5, 12: 1}, {}, [(11, 12), (22, None)]),
        (ABSENCE, {1: 5, 11: 1, 21: 1, 31: 1, 41: 1, 51: 1}, {}, []),
        (ABSENCE, {}, {}, []),  # it never came: nobody misses it
        (ABSENCE, {}, {"last_seen": {"": T - 9}}, [(1, None)]),
        (ABSENCE, {}, {"last_seen": {"": T - 8 * DAY}}, []),  # it ended long ago
        (replace(ABSENCE, kind=Kind.MONITOR), {}, {"last_seen": {"": T - 8 * DAY}}, [(0, None)]),
        (replace(ABSENCE, only_steady=True), {1: 5}, {}, []),
        (replace(ABSENCE, only_steady=True), {1: 5}, {"steady": frozenset([""])}, [(11, None)]),
    ],
)
def test_what_came_and_comes_no_more_is_missed(
    terms: Terms, counts: Counts, rest: dict[str, Any], found: list[Any]
) -> None:
    assert looked(terms, counts, until=60, **rest) == found


@pytest.mark.parametrize(
    ("known", "deaf_until", "found"),
    [(60, 0, [11]), (11, 0, []), (12, 0, [11]), (60, 30, [39]), (60, 51, []), (60, 99, [])],
)
def test_our_own_trouble_is_nobodys_silence(known: int, deaf_until: int, found: list[int]) -> None:
    """Neither a minute that waits in the spool, nor a window in which we took nothing."""
    moment = Moment(running=T + 60, known=T + known, deaf_until=T + deaf_until)
    outcome = evaluate(ABSENCE, Series(counts={"": {T + 1: 5}}), State(settled=T), moment)
    assert [one.spell.opened - T for one in outcome.transitions] == found


def test_incident_that_was_over_when_it_was_seen_opens_and_closes_at_once() -> None:
    closed = Spell(value="", opened=T + 30, last_over=T + 31, closed=T + 37, id=1)
    series = Series(counts={"": {T + 10: 20, T + 30: 20}})
    outcome = evaluate(THRESHOLD, series, State(settled=T, spells=(closed,)), Moment(running=T + 60, known=T + 60))
    [one] = outcome.transitions
    assert isinstance(one, Opened)
    assert (one.spell.opened, one.spell.closed) == (T + 10, T + 20)


def test_open_incident_is_not_closed_while_more_may_come() -> None:
    spell = Spell(value="", opened=T + 10, last_over=T + 14, peak=20, id=1)
    series = Series(counts={"": {T + 10: 20}})
    waiting = evaluate(THRESHOLD, series, State(settled=T + 15, spells=(spell,)), Moment(running=T + 60, known=T + 15))
    assert waiting.transitions == ()
    done = evaluate(THRESHOLD, series, State(settled=T + 15, spells=(spell,)), Moment(running=T + 60, known=T + 60))
    assert [type(one) for one in done.transitions] == [Closed]


def test_what_follows_on_a_minute_of_which_more_may_come_is_nobodys_yet() -> None:
    """Whether it is a new incident, or the old one goes on: only that minute tells."""
    spell = Spell(value="", opened=T + 10, last_over=T + 14, peak=20, id=1)
    keep = replace(THRESHOLD, keep_firing=5)
    for late, found in ((0, [(Closed, 10, 20), (Opened, 20, None)]), (20, [(Extended, 10, None)])):
        counts = {T + 10: 20, T + 20: 20}
        first = evaluate(
            keep,
            Series(counts={"": counts}),
            State(settled=T + 15, spells=(spell,)),
            Moment(running=T + 20, known=T + 19),
        )
        assert first.transitions == ()
        counts = counts | {T + 19: late}
        then = evaluate(
            keep,
            Series(counts={"": counts}),
            State(settled=first.settled, spells=(spell,)),
            Moment(running=T + 21, known=T + 20),
        )
        assert [
            (type(one), one.spell.opened - T, one.spell.closed and one.spell.closed - T) for one in then.transitions
        ] == found


def test_values_have_incidents_of_their_own() -> None:
    series = Series(counts={"eu": {T + 5: 20}, "us": {T + 9: 19}, "in": {T + 7: 30}})
    outcome = evaluate(THRESHOLD, series, State(settled=T), Moment(running=T + 8, known=T + 8))
    assert [(one.spell.value, one.spell.peak) for one in outcome.transitions] == [("eu", 20), ("in", 30)]


class Kept:
    """What a database would keep between looks."""

    def __init__(self, terms: Terms) -> None:
        self.terms, self.spells, self.ids = terms, dict[int, Spell](), iter(range(1, 10**6))
        self.state = State(settled=T)

    def look(self, counts: Counts, moment: Moment) -> Outcome:
        series = Series(counts={"": counts} if counts else {}, whole={"": counts} if counts else {})
        outcome = evaluate(self.terms, series, self.state, moment)
        for one in outcome.transitions:
            match one:
                case Opened(spell):
                    number = next(self.ids)
                    assert spell.closed is not None or all(other.closed for other in self.spells.values())
                    self.spells[number] = replace(spell, id=number)
                case Extended(spell) | Closed(spell):
                    assert spell.id
                    assert self.spells[spell.id].closed is None
                    self.spells[spell.id] = spell
        self.state = State(settled=outcome.settled, spells=tuple(self.spells.values()), last_seen=outcome.last_seen)
        return outcome

    def incidents(self) -> list[tuple[int, int, int | None, int]]:
        return sorted((one.opened, one.last_over, one.closed, one.peak) for one in self.spells.values())


TERMS = st.builds(
    Terms,
    kind=st.sampled_from([Kind.THRESHOLD, Kind.ABSENCE, Kind.RATIO]),
    count=st.integers(1, 6),
    window=st.integers(1, 6),
    ratio_percent=st.just(100),
    keep_firing=st.integers(0, 4),
)
#: Of a batch: the minute of receipt, entries, and how many minutes later it is stored.
BATCHES = st.lists(st.tuples(st.integers(0, 50), st.integers(1, 5), st.integers(0, 12)), max_size=25)


@settings(max_examples=300, deadline=None)
@given(terms=TERMS, batches=BATCHES, looks=st.lists(st.integers(0, 75), max_size=12), lag=st.integers(0, 1))
def test_who_looks_often_late_or_twice_finds_what_one_look_finds(
    terms: Terms, batches: list[tuple[int, int, int]], looks: list[int], lag: int
) -> None:
    """Counts rise as batches are stored, late and in any order; what waits is known to wait.

    Of the minute that runs, and with `lag` of the one before, more may come in any case.
    """
    kept, once = Kept(terms), Kept(terms)
    for now in sorted([*looks, *looks[:2], 80]):
        counts: dict[int, int] = {}
        for minute, entries, late in batches:
            if minute + late <= now and minute <= now:
                counts[T + minute] = counts.get(T + minute, 0) + entries
        waiting = [minute for minute, _, late in batches if minute <= now < minute + late]
        moment = Moment(running=T + now, known=T + min([now - lag * (now < 80), *waiting]))
        kept.look(counts, moment)
        again = kept.look(counts, moment)
        assert again.transitions == ()
    once.look(counts, Moment(running=T + 80, known=T + 80))
    assert kept.incidents() == once.incidents()
