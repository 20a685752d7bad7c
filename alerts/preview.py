"""What a rule would have found in the last 30 days: decided by the same function as what people are told of."""

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from alerts import asking, drifted
from alerts.asking import minute_of, moment_of, terms_of
from alerts.drifts import concerns
from alerts.evaluation import evaluate
from alerts.models import Rule
from alerts.peaks import DRAWN, peaks, threshold_of
from alerts.searching import condition_of
from alerts.terms import DAY, MINUTE, OF_SILENCE, OF_TURNS, Kind, Moment, Opened, Series, Spell, State, Terms
from alerts.turns import KINDS, concerning
from foundation.refusals import Refusal
from issues import turning
from storage.conditions import Condition, Equals, Every, Text
from storage.errors import Unavailable
from storage.fields import drifts
from storage.search import Search
from storage.store import store

DAYS = 30
#: Of a search: a day a statement, the newest first, as long as there is time; and what was found says how far it came.
SECONDS = 8.0
MOST_VALUES = 20
MOST_SHOWN = 100
#: What somebody can live with.
BEARABLE = DAYS


@dataclass(frozen=True, kw_only=True)
class Preview:
    """The incidents that there would have been since `start`, the newest first; `count` of them, not all may be listed.

    `hours` are of the day (UTC). `bearable` is the smallest threshold that would have made one a day at most, if that
    is another one. `peaks` are the most of a window by the hour since `start`, `threshold` is what fires; of kinds
    that have such a picture.
    """

    start: datetime
    incidents: tuple[Spell, ...]
    count: int
    longest_minutes: int
    hours: tuple[int, ...]
    bearable: int | None
    seconds: float
    peaks: tuple[int, ...] = ()
    threshold: int | None = None


def would_have_fired(rule: Rule, *, now: datetime) -> Preview:
    """Return what an unsaved rule would have found. Raises: `Refusal` when its search is too slow; `QueryError`."""
    began = time.perf_counter()
    start = minute_of(now) - DAYS * DAY
    if rule.kind in OF_TURNS:
        return _of(_turned(rule, moment_of(start)), start=start, began=began, bearable=None)
    if rule.kind == Kind.DRIFT:
        return _of(_drifted(rule, moment_of(start)), start=start, began=began, bearable=None)
    if rule.kind in (Kind.MONITOR, Kind.DIGEST):
        return _of([], start=minute_of(now), began=began, bearable=None)
    series, start = _searched(rule, start, now) if rule.kind == Kind.SEARCH else (_counted(rule, start, now), start)
    terms, moment = terms_of(rule), Moment(running=minute_of(now), known=minute_of(now))
    spells = _spells(terms, series, start, moment)
    bearable = _bearable(terms, series, start, moment) if len(spells) > BEARABLE else None
    found = _of(spells, start=start, began=began, bearable=bearable)
    if terms.kind not in DRAWN:
        return found
    highest = peaks(terms, series, start=start, end=moment.running + 1)
    return replace(found, peaks=tuple(highest), threshold=threshold_of(terms))


def _counted(rule: Rule, start: int, now: datetime) -> Series:
    rule.pk = rule.pk or 0
    asked = asking.ask([(rule, State(settled=start))], until=moment_of(minute_of(now) + 1))
    return _largest(asked.series[rule.pk])


def _largest(series: Series) -> Series:
    values = sorted(series.counts, key=lambda value: -sum(series.counts[value].values()))[:MOST_VALUES]
    return replace(series, counts={value: series.counts[value] for value in values})


def _searched(rule: Rule, start: int, now: datetime) -> tuple[Series, int]:
    """Count by the minute of entries' own time, nearly that of receipt, from now back as far as there is time."""
    began, counts, known = time.monotonic(), dict[int, int](), minute_of(now)
    condition = _bound(rule)
    for day_start, day_end in _days(start, minute_of(now) + 1):
        if time.monotonic() - began > SECONDS:
            break
        search = Search(rule.organisation_id, condition, moment_of(day_start), moment_of(day_end))
        try:
            found = store().reader.level_counts(search, step=timedelta(seconds=MINUTE))
        except Unavailable as error:
            if error.code != "query_timeout" or counts:
                break
            raise Refusal("query_timeout") from error
        for one in found:
            minute = minute_of(one.start)
            counts[minute] = counts.get(minute, 0) + one.count
        known = day_start
    return Series(counts={"": counts}), known


def _bound(rule: Rule) -> Condition:
    """Return what a rule searches for, with its project and environment."""
    bound = [condition_of(rule)]
    if rule.project:
        bound.append(Text("project", Equals((rule.project,))))
    if rule.environment:
        bound.append(Text("environment", Equals((rule.environment,))))
    return bound[0] if len(bound) == 1 else Every(tuple(bound))


def _days(start: int, end: int) -> Iterator[tuple[int, int]]:
    while end > start:
        yield max(start, end - DAY), end
        end -= DAY


def _spells(terms: Terms, series: Series, start: int, moment: Moment) -> list[Spell]:
    outcome = evaluate(terms, series, State(settled=start), moment)
    return [one.spell for one in outcome.transitions if isinstance(one, Opened)]


def _bearable(terms: Terms, series: Series, start: int, moment: Moment) -> int | None:
    """Return the smallest threshold with one incident a day at most; more of it never makes more incidents matter."""
    if terms.kind in OF_SILENCE or terms.kind is Kind.RATIO:
        return None
    low, high = terms.count, max(sum(counts.values()) for counts in series.counts.values()) + 1
    while low + 1 < high:
        middle = (low + high) // 2
        few = len(_spells(replace(terms, count=middle), series, start, moment)) <= BEARABLE
        low, high = (low, middle) if few else (middle, high)
    return high


def _turned(rule: Rule, since: datetime) -> list[Spell]:
    what = [what for what, kind in KINDS.items() if kind == rule.kind]
    turns = turning.past(rule.organisation_id, what, since=since)
    return [
        Spell(
            value=str(turn.number), opened=minute_of(turn.at), last_over=minute_of(turn.at), closed=minute_of(turn.at)
        )
        for _, turn in concerning(rule.organisation_id, [rule], turns)
    ]


def _drifted(rule: Rule, since: datetime) -> list[Spell]:
    """Return the drifts that were found, whether or not there was a rule for them."""
    return [
        Spell(
            value=drifted.value_of(one), opened=minute_of(one.at), last_over=minute_of(one.at), closed=minute_of(one.at)
        )
        for one in drifts.past(rule.organisation_id, since=since)
        if concerns(rule, one)
    ]


def _of(spells: list[Spell], *, start: int, began: float, bearable: int | None) -> Preview:
    hours = Counter(moment_of(spell.opened).hour for spell in spells)
    ended = [spell.closed - spell.opened for spell in spells if spell.closed is not None]
    return Preview(
        start=moment_of(start),
        incidents=tuple(sorted(spells, key=lambda spell: -spell.opened)[:MOST_SHOWN]),
        count=len(spells),
        longest_minutes=max(ended, default=0),
        hours=tuple(hours[hour] for hour in range(24)),
        bearable=bearable,
        seconds=time.perf_counter() - began,
    )
