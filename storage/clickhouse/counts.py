"""Counts of entries: by level and step, and of batches by what their entries fulfil.

The engine counts what surely does; what it leaves open is read, and decided by the language's definition.
"""

from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from datetime import datetime, timedelta

from storage.arrivals import Arrival, FoundOf
from storage.batch import ENTRIES_A_BATCH
from storage.clickhouse.bounds import Bounds
from storage.clickhouse.question import Question
from storage.clickhouse.reading import Asking
from storage.clickhouse.rows import SELECTED, entry_of, micros, moment
from storage.conditions import Condition
from storage.matching import matches, to_match
from storage.search import FIRST_MOMENT, LevelCount, Search
from storage.store import Place

FOUND = f"""
SELECT intDiv(id, {ENTRIES_A_BATCH}) AS batch, project, environment, [{{counts}}]
  FROM entry WHERE {{where}} GROUP BY 1, 2, 3
"""  # noqa: S608 - constants
DOUBTFUL = f"SELECT {SELECTED}, [{{certain}}] FROM entry WHERE {{where}} AND ({{doubts}})"  # noqa: S608 - constants
BY_LEVEL = """
SELECT {step} AS step, CAST(level, 'Int8') AS number, countIf({certain}), count() FROM entry WHERE {where} GROUP BY 1, 2
"""
UNDECIDED = f"SELECT {SELECTED} FROM entry WHERE {{where}} AND NOT ({{certain}})"  # noqa: S608 - constants
#: The beginning of the step that an entry falls into; the first one begins no earlier than time itself.
STEP = "greatest({at} - positiveModulo({at} - {origin}, {step}), {first})"
WHEN = "toUnixTimestamp64Micro(timestamp)"
FIRST = micros(FIRST_MOMENT)
#: Of a batch, a project and an environment: how many entries fulfil each condition.
Found = dict[tuple[int, str, str], list[int]]


def step_of(happened: int, *, origin: int, width: int) -> int:
    """Return the beginning of the step that a time falls into, all in microseconds."""
    return max(happened - (happened - origin) % width, FIRST)


def begins(question: Question, step: timedelta, origin: datetime) -> str:
    """Return the same as SQL, of an entry."""
    width = step // timedelta(microseconds=1)
    return STEP.format(at=WHEN, origin=question.micros(micros(origin)), step=width, first=FIRST)


def by_level(ask: Asking, question: Question, search: Search, *, step: timedelta, origin: datetime) -> list[LevelCount]:
    """Count what a search finds by level and step."""
    bounds, begin, width = question.asked(search), micros(origin), step // timedelta(microseconds=1)
    counts: Counter[tuple[int, int]] = Counter()
    sql = BY_LEVEL.format(step=begins(question, step, origin), where=question.where, certain=bounds.decided)
    left = 0
    for start, level, certain, possible in ask.rows(sql, question.parameters):
        counts[start, level] += certain
        left += possible - certain
    if left:
        sql = UNDECIDED.format(where=question.where, certain=bounds.certain)
        with closing(ask.stream(sql, question.parameters)) as rows:
            for entry in map(entry_of, rows):
                if matches(search.query, to_match(entry)):
                    counts[step_of(micros(entry.timestamp), origin=begin, width=width), entry.level] += 1
    return [LevelCount(moment(start), level, count) for (start, level), count in counts.items() if count]


def of_batches(
    ask: Asking, question: Question, arrivals: Sequence[Arrival], conditions: Sequence[Condition]
) -> list[FoundOf]:
    """Count the entries of batches that fulfil each condition."""
    question.at([Place(one.batch_id, one.received_at) for one in arrivals])
    bounds = [question.bounds(condition) for condition in conditions]
    sql = FOUND.format(counts=", ".join(f"countIf({one.certain})" for one in bounds), where=question.where)
    found: Found = {(row[0], row[1], row[2]): list(row[3]) for row in ask.rows(sql, question.parameters)}
    _add_undecided(ask, question, bounds, conditions, found)
    return [FoundOf(*place, tuple(counts)) for place, counts in found.items() if any(counts)]


def _add_undecided(
    ask: Asking, question: Question, bounds: Sequence[Bounds], conditions: Sequence[Condition], found: Found
) -> None:
    """Add what only the language's definition can tell."""
    doubts = " OR ".join(f"({one.possible}) AND NOT ({one.certain})" for one in bounds if not one.is_exact)
    if not doubts:
        return
    sql = DOUBTFUL.format(certain=", ".join(one.certain for one in bounds), where=question.where, doubts=doubts)
    with closing(ask.stream(sql, question.parameters)) as rows:
        for *row, certain in rows:
            entry = entry_of(row)
            shape = to_match(entry)
            counts = found[entry.id // ENTRIES_A_BATCH, entry.project, entry.environment]
            for at_, condition in enumerate(conditions):
                counts[at_] += not certain[at_] and not bounds[at_].is_exact and matches(condition, shape)
