"""Counts by level and step from the rollups, as far as those tell, and what is left to be counted from entries.

They tell whole minutes of days of receipt that are trusted, of searches for levels alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any

from foundation.levels import Level
from storage.conditions import Condition, Either, Every, LevelBetween, Unless
from storage.postgres.predicate import Predicate
from storage.postgres.predicates import of_organisation
from storage.postgres.reads import Reader
from storage.search import EPOCH, Search, earlier, later, received_from
from storage.wall import EVENT_MINUTES, ROLLED_DAYS

MINUTE = timedelta(minutes=1)
#: The beginning of the step that a moment falls into; its parameters are the step in seconds and the origin.
STEP = "greatest(date_bin(make_interval(secs => %s), {moment}, %s), '0001-01-01 00:00Z')"
ALWAYS = Predicate("TRUE")

#: Which days tell, and what: in one statement, for either may be over a moment later.
TOLD = f"""
WITH told AS MATERIALIZED (SELECT day FROM {ROLLED_DAYS} WHERE {{own}} AND day >= %s)
SELECT day, NULL::timestamptz, NULL::smallint, NULL::bigint FROM told
 UNION ALL
SELECT NULL, {STEP.format(moment="minute")} AS step, level, sum(entries)::bigint
  FROM {EVENT_MINUTES} JOIN told USING (day)
 WHERE {{own}} AND minute >= %s AND minute < %s AND level = ANY (%s::smallint[])
 GROUP BY step, level
"""  # noqa: S608 - constants


@dataclass(frozen=True, slots=True)
class Part:
    """Entries that no rollup tells of: those that `search` finds, as far as they were `received` when it says."""

    search: Search
    received: Predicate = ALWAYS


@dataclass(frozen=True, slots=True)
class Told:
    """Rows of a step's start, a level and a count, and what they leave out."""

    rows: list[tuple[Any, ...]]
    left: list[Part]


def tell(reader: Reader, search: Search, *, step: timedelta, origin: datetime) -> Told:
    """Ask the rollups."""
    wanted = levels(search.query)
    start, end = _next_minute(search.start), _this_minute(search.end)
    if wanted is None or step % MINUTE or (origin - EPOCH) % MINUTE or start >= end:
        return untold(search)
    own = of_organisation(search.organisation_id)
    first_day = received_from(search.start).date()
    found = reader.rows(
        TOLD.format(own=own.sql),
        [*own.parameters, first_day, step.total_seconds(), origin, *own.parameters, start, end, sorted(wanted)],
    )
    days = sorted(row[0] for row in found if row[0])
    if not days:
        return untold(search)
    left = [Part(replace(search, start=start, end=end), _received_but_on(days))]
    if search.start < start:
        left.append(Part(replace(search, end=start)))
    if end < search.end:
        left.append(Part(replace(search, start=end)))
    return Told([row[1:] for row in found if row[0] is None], left)


def untold(search: Search) -> Told:
    """Return what is told where rollups are not asked."""
    return Told([], [Part(search)])


def levels(condition: Condition) -> frozenset[int] | None:
    """Return the levels that fulfil `condition`, if it asks for nothing else."""
    match condition:
        case LevelBetween(lowest, highest):
            return frozenset(level for level in Level if lowest <= level <= highest)
        case Unless(inner):
            unwanted = levels(inner)
            return None if unwanted is None else frozenset(Level) - unwanted
        case Every(of) | Either(of):
            sets = [levels(one) for one in of]
            known = [one for one in sets if one is not None]
            if len(known) < len(sets):
                return None
            return frozenset(Level).intersection(*known) if isinstance(condition, Every) else frozenset().union(*known)
        case _:
            return None


def _this_minute(moment: datetime) -> datetime:
    return earlier(moment, by=(moment - EPOCH) % MINUTE)


def _next_minute(moment: datetime) -> datetime:
    """Return the first minute that begins at `moment` or later, or the last moment."""
    minute = _this_minute(moment)
    return minute if minute == moment else later(minute, by=MINUTE)


def _received_but_on(days: Sequence[date]) -> Predicate:
    """Return the predicate that an entry was received on none of these days, which are in order."""
    pieces, parameters = ["received_at < %s", "received_at >= %s"], [_midnight(days[0]), _after(days[-1])]
    for day, next_one in pairwise(days):
        if _after(day) < _midnight(next_one):
            pieces.append("received_at >= %s AND received_at < %s")
            parameters += [_after(day), _midnight(next_one)]
    return Predicate(" OR ".join(pieces), tuple(parameters))


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, UTC)


def _after(day: date) -> datetime:
    return later(_midnight(day), by=timedelta(days=1))
