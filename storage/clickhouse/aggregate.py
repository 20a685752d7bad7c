"""Figures of entries, of which the engine counts together those with the same texts at the fields that are asked for.

What it may read in its own way, and what it cannot decide, is read as entries are: see `storage.clickhouse.fields`.
"""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from datetime import datetime, timedelta

from storage import figures
from storage.aggregates import Aggregate, Aggregated, Field, Values
from storage.clickhouse import fields
from storage.clickhouse.counts import begins, step_of
from storage.clickhouse.entries import Entries
from storage.clickhouse.rows import micros, moment
from storage.clickhouse.server import Row
from storage.figures import Alike, Tally
from storage.search import Search

#: So many kinds of entries are counted together; where there are more, each entry's texts come by themselves.
MOST_KINDS = 200_000
#: So many of the newest entries are read one by one where their texts do not tell.
MOST_LEFT = 200
DAY = timedelta(days=1)
TEXTS = """
SELECT ({left}) AS is_left, if(is_left, 0, {step}) AS step, if(is_left, '', {measured}) AS measured,
       if(is_left, '', {first}) AS first, if(is_left, '', {second}) AS second
  FROM entry WHERE {where}
"""
#: The engine stops once there are too many: nobody takes that answer.
TOGETHER = """
SELECT is_left, step, measured, first, second, count() FROM ({texts})
 GROUP BY is_left, step, measured, first, second LIMIT {limit}
SETTINGS max_rows_to_group_by = {most}, group_by_overflow_mode = 'break'
"""
EACH = "SELECT is_left, step, measured, first, second, 1 FROM ({texts})"
#: Each text of each field of the newest so many, the ids of those that are left, and how many are undecided.
NEWEST = """
SELECT one.1, one.2, count()
  FROM (SELECT arrayJoin(multiIf(NOT is_certain, [({undecided}, '')], is_left, [({by_id}, toString(id))], texts)) AS one
          FROM (SELECT id, ({certain}) AS is_certain, ({left}) AS is_left, [{texts}] AS texts
                  FROM entry WHERE {where} ORDER BY timestamp DESC, id DESC LIMIT 1 BY id LIMIT {limit}))
 GROUP BY one
"""
UNDECIDED, BY_ID = -1, -2


def aggregate(entries: Entries, search: Search, asked: Aggregate) -> Aggregated:
    """Make figures of what a search finds."""
    with closing(_alike(entries, search, asked)) as alike:
        return figures.aggregate(alike, asked)


def values(entries: Entries, search: Search, of: Sequence[Field], *, among: int, most: int) -> Values | None:
    """Count the values of fields in the newest `among` entries; None where those have to be read one by one."""
    question = entries.question()
    bounds, told = question.asked(search), [question.told(field) for field in of]
    texts = ", ".join(f"({number}, {one.text})" for number, one in enumerate(told))
    sql = NEWEST.format(
        undecided=UNDECIDED, by_id=BY_ID, certain=bounds.certain, left=fields.not_told(told), texts=texts,
        where=question.where, limit=among,
    )  # fmt: skip
    ids, tallies, seen, keys_of = list[int](), [Tally() for _ in of], 0, fields.keys_by_text()
    with closing(entries.ask.stream(sql, question.parameters)) as rows:
        for number, text, count in rows:
            if number == UNDECIDED or len(ids) > MOST_LEFT:
                return None
            if number == BY_ID:
                ids.append(int(text))
            else:
                tallies[number].add(keys_of(text), count)
                seen += count if number == 0 else 0
    for entry in entries.by_ids(ids):
        figures.tally(entry, of, tallies)
    seen += len(ids)
    return Values(seen, seen < among, [tally.told(most) for tally in tallies])


def _alike(entries: Entries, search: Search, asked: Aggregate) -> Generator[Alike]:
    """Yield what a search finds: kinds of entries by their texts, and one by one what these do not tell."""
    values_of, keys_of, is_left = fields.values_by_text(), fields.keys_by_text(), False
    for some_left, step, measured, *texts, count in _kinds(entries, search, asked):
        is_left |= bool(some_left)
        if not some_left:
            by = [keys_of(text) for text in texts[: len(asked.by)]]
            yield Alike(by, values_of(measured), moment(step) if asked.step else None, count)
    if is_left:
        yield from figures.each(entries.left(search, [asked.field, *asked.by]), asked, _step_of(asked))


def _kinds(entries: Entries, search: Search, asked: Aggregate) -> Iterator[Row]:
    """Yield whether entries are left, their step, their texts, and how many they are."""
    question = entries.question()
    bounds = question.asked(search)
    told = [question.told(field) for field in (asked.field, *asked.by)]
    measured, first, second = [one.text for one in told] + ["''"] * (2 - len(asked.by))
    texts = TEXTS.format(
        left=fields.not_told(told, bounds), step=begins(question, asked.step, asked.origin) if asked.step else "0",
        measured=measured, first=first, second=second, where=question.where,
    )  # fmt: skip
    together = TOGETHER.format(texts=texts, most=MOST_KINDS, limit=MOST_KINDS + 1)
    rows = entries.ask.rows(together, question.parameters)
    if len(rows) <= MOST_KINDS:
        yield from rows
        return
    with closing(entries.ask.stream(EACH.format(texts=texts), question.parameters)) as each:
        yield from each


def _step_of(asked: Aggregate) -> Callable[[datetime], datetime]:
    origin, width = micros(asked.origin), (asked.step or DAY) // timedelta(microseconds=1)
    return lambda at: moment(step_of(micros(at), origin=origin, width=width))
