"""Aggregates in PostgreSQL: one statement, which counts texts first, and reads them once they are few."""

from decimal import Decimal
from functools import partial
from typing import Any

from foundation import statements
from storage.aggregates import Aggregate, Aggregated, Figure, Function, Series, Value
from storage.postgres.fields import NOTHING, SCALARS, apart, legible, raw, read
from storage.postgres.finding import found_by
from storage.postgres.predicate import Predicate
from storage.postgres.reads import IN_NO_ORDER, reading
from storage.postgres.rolled import STEP
from storage.search import Search, received_from
from storage.wall import ENTRIES

PIECES = (
    "step", "first", "second", "measured", "entries", "where", "first_read", "second_read", "measured_read",
    "first_apart", "second_apart", "parts", "of_groups", "of_labels", "points",
)  # fmt: skip
STATEMENT = statements.read(__file__, "aggregate", **{piece: f"{{{piece}}}" for piece in PIECES})
NO_TEXT = Predicate("NULL::text")
NO_STEP = Predicate("NULL::timestamptz")

POINTS = """
 UNION ALL
SELECT 'point', label, step, NULL, NULL, value FROM ({of_steps}) AS steps
"""

COUNTED = "SELECT step, first, second, entries FROM apart"
#: Each value of what is counted, and none: the group is there all the same.
ITEMS = f"""
SELECT step, first, second, CASE WHEN item <> {NOTHING} THEN item END AS item
  FROM (SELECT step, first, second,
               unnest(CASE WHEN jsonb_typeof(measured) IN {SCALARS} THEN ARRAY[measured]
                           WHEN jsonb_typeof(measured) = 'array' THEN {NOTHING} || ARRAY(
                                SELECT element.value FROM jsonb_array_elements(measured) AS element
                                 WHERE jsonb_typeof(element.value) IN {SCALARS})
                           ELSE ARRAY[{NOTHING}] END) AS item
          FROM apart) AS listed
"""  # noqa: S608 - constants
#: Each number.
NUMBERS = """
SELECT step, first, second, item::numeric AS number, entries
  FROM (SELECT step, first, second, entries,
               unnest(CASE jsonb_typeof(measured)
                           WHEN 'number' THEN ARRAY[measured]
                           WHEN 'array' THEN ARRAY(SELECT element.value FROM jsonb_array_elements(measured) AS element)
                           ELSE ARRAY[]::jsonb[] END) AS item
          FROM apart) AS listed
 WHERE jsonb_typeof(item) = 'number'
"""
SIMPLE = "SELECT {keys}, {value} AS value FROM {source} GROUP BY {keys}"
DISTINCT = """
SELECT {keys}, count(item)::numeric AS value
  FROM (SELECT DISTINCT {keys}, item FROM {source}) AS told_apart GROUP BY {keys}
"""
#: The smallest number that so large a share of the numbers does not exceed.
PERCENTILE = """
SELECT {keys}, min(number) AS value
  FROM (SELECT {keys}, number, sum(sum(entries)) OVER (PARTITION BY {keys} ORDER BY number) AS reached,
               sum(sum(entries)) OVER (PARTITION BY {keys}) AS of_all
          FROM {source} GROUP BY {keys}, number) AS numbers
 WHERE reached >= {share} * of_all GROUP BY {keys}
"""
VALUES = {
    Function.COUNT: "sum(entries)",
    Function.SUM: "sum(number * entries)",
    Function.AVERAGE: "sum(number * entries) / sum(entries)",
    Function.MINIMUM: "min(number)",
    Function.MAXIMUM: "max(number)",
}


def aggregate(search: Search, asked: Aggregate, *, seconds: float | None = None) -> Aggregated:
    """Make figures of the entries that a search finds; see `storage.store.EntryReader`."""
    sql, parameters = _statement(search, asked)
    with reading(search.organisation_id, seconds=seconds) as reader:
        rows = reader.rows(sql, parameters, page_cost=IN_NO_ORDER)
    return _aggregated(rows, asked)


def _statement(search: Search, asked: Aggregate) -> tuple[str, list[Any]]:
    fields = [*asked.by, *[()] * (2 - len(asked.by)), asked.field]
    first, second, measured = (raw(field) if field else NO_TEXT for field in fields)
    first_read, second_read, measured_read = map(legible, fields, ("first", "second", "measured"))
    step = NO_STEP
    if asked.step:
        step = Predicate(STEP.format(moment="timestamp"), (asked.step.total_seconds(), asked.origin))
    where = found_by(search, received_from=received_from(search.start))
    of = partial(_figured, asked.function)
    sql = STATEMENT.format(
        step=step.sql, first=first.sql, second=second.sql, measured=measured.sql, entries=ENTRIES, where=where.sql,
        first_read=first_read, second_read=second_read, measured_read=measured_read, first_apart=apart("first"),
        second_apart=apart("second"), parts=_parts(asked.function),
        of_groups=of("first, second", "parts"), of_labels=of("label", "labelled"),
        points=POINTS.format(of_steps=of("label, step", "labelled")) if asked.step else "",
    )  # fmt: skip
    pieces = (step, first, second, measured, where)
    return sql, [*(one for piece in pieces for one in piece.parameters), asked.limit]


def _parts(function: Function) -> str:
    return {Function.COUNT: COUNTED, Function.DISTINCT: ITEMS}.get(function, NUMBERS)


def _figured(function: Function, keys: str, source: str) -> str:
    if function is Function.DISTINCT:
        return DISTINCT.format(keys=keys, source=source)
    if function.share:
        return PERCENTILE.format(keys=keys, source=source, share=function.share)
    return SIMPLE.format(keys=keys, source=source, value=VALUES[function])


def _aggregated(rows: list[tuple[Any, ...]], asked: Aggregate) -> Aggregated:
    scanned = groups = 0
    found: dict[int, Series] = {}
    for what, label, step, first, second, value in rows:
        match what:
            case "scanned":
                scanned = int(value)
            case "groups":
                groups = int(value)
            case "point":
                found[label].points[step] = _figure(value)
            case _:
                by: tuple[Value, ...] = tuple(map(read, (first, second)))[: len(asked.by)] if label else ()
                found[label] = Series(by, _figure(value))
    others = found.pop(0, None)
    return Aggregated([found[rank] for rank in sorted(found)], others, max(0, groups - asked.limit), scanned, True)


def _figure(value: Decimal) -> Figure:
    return int(value) if value == value.to_integral_value() else value
