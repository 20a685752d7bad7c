"""Conditions as PostgreSQL's SQL. Users' text goes into parameters only, never into a statement.

A predicate may be NULL where a condition has nothing to ask; whoever negates it must say IS FALSE.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from storage.conditions import (
    Compares,
    Condition,
    Document,
    Either,
    Equals,
    Every,
    Exists,
    LevelBetween,
    Resembles,
    Scalar,
    Test,
    Text,
    Unless,
)

#: A name of so many parts may be written as 2^7 paths, which the index looks up at once; longer ones are walked.
MOST_PARTS = 8
WALK = """EXISTS (
WITH RECURSIVE walk(value, rest) AS (
  SELECT {column}, %s::text
  UNION ALL
  SELECT member->'value', CASE WHEN rest <> member->>'key' THEN substr(rest, length(member->>'key') + 2) END
    FROM walk, jsonb_path_query(value, '$ ? (@.type() == "object").keyvalue()') AS member
   WHERE starts_with(rest || '.', (member->>'key') || '.'))
SELECT FROM walk WHERE rest IS NULL AND {passes})"""


@dataclass(frozen=True, slots=True)
class Predicate:
    """A piece of SQL made of constants of this module, and its parameters in order."""

    sql: str
    parameters: tuple[Any, ...] = ()


def of_organisation(organisation_id: int) -> Predicate:
    """Return the predicate that an entry is the organisation's: the first wall, and what the indexes begin with."""
    return Predicate("organisation_id = %s", (organisation_id,))


def compile_condition(condition: Condition) -> Predicate:
    """Return the predicate on `storage_logentry` that says `condition`."""
    match condition:
        case Every(()):
            return Predicate("TRUE")
        case Every():
            return _joined(" AND ", map(compile_condition, condition.of))
        case Either():
            return _joined(" OR ", map(compile_condition, condition.of))
        case Unless():
            inner = compile_condition(condition.condition)
            return Predicate(f"({inner.sql}) IS NOT TRUE", inner.parameters)
        case LevelBetween(lowest, highest) if lowest == highest:
            return Predicate("level = %s", (lowest,))
        case LevelBetween():
            return Predicate("level BETWEEN %s AND %s", (condition.lowest, condition.highest))
        case Text():
            return _text(condition)
        case Document():
            return _document(condition)


def _joined(conjunction: str, predicates: Iterable[Predicate]) -> Predicate:
    predicates = list(predicates)
    return Predicate(
        conjunction.join(f"({predicate.sql})" for predicate in predicates),
        tuple(parameter for predicate in predicates for parameter in predicate.parameters),
    )


def _text(condition: Text) -> Predicate:
    column = condition.column
    match condition.test:
        case Equals(values):
            return Predicate(f"{column} = %s", (values[0],))
        case Resembles() as test:
            return Predicate(f"{column} {_like(test)} %s", (_pattern(test.pieces),))
        case Exists():
            return Predicate(f"{column} IS NOT NULL")
        case Compares():
            raise TypeError("columns of text are not compared")


def _document(condition: Document) -> Predicate:
    column = condition.column
    if not condition.names:
        return _at(column, ["$"], condition.test)
    short = [path for name in condition.names if name.count(".") < MOST_PARTS for path in _paths(name)]
    long = [name for name in condition.names if name.count(".") >= MOST_PARTS]
    predicates = [_walking(column, name, condition.test) for name in long]
    return _joined(" OR ", [_at(column, short, condition.test), *predicates] if short else predicates)


def _at(column: str, paths: Sequence[str], test: Test) -> Predicate:
    """JSON paths (lax: lists are looked into) let one GIN index (jsonb_path_ops) serve every equality."""
    match test:
        case Exists() if paths == ["$"]:
            return Predicate(f"{column} IS NOT NULL")
        case Exists():
            return _path_predicate(column, (f"{path} != null" for path in paths))
        case Equals(values):
            return _path_predicate(column, (f"{path} == {_literal(value)}" for path in paths for value in values))
        case Compares(operator, bound):
            return _path_predicate(column, (f"{path} {operator} {_literal(bound)}" for path in paths))
        case Resembles():
            return _resembling(column, paths, test)


def _path_predicate(column: str, alternatives: Iterable[str]) -> Predicate:
    return Predicate(f"{column} @@ %s::jsonpath", (" || ".join(alternatives),))


def _resembling(column: str, paths: Sequence[str], test: Resembles) -> Predicate:
    return Predicate(
        f"EXISTS (SELECT FROM unnest(%s::jsonpath[]) AS path, jsonb_path_query({column}, path) AS found(value)"
        " WHERE jsonb_typeof(found.value) IN ('string', 'number', 'boolean')"
        f" AND found.value #>> '{{}}' {_like(test)} %s)",
        ([f"{path}[*]" for path in paths], _pattern(test.pieces)),
    )


def _walking(column: str, name: str, test: Test) -> Predicate:
    """Follow the document's own keys along `name`: no index, but work that a name's dots do not multiply."""
    passes = _path_predicate("value", ["$ != null"]) if isinstance(test, Exists) else _at("value", ["$"], test)
    return Predicate(WALK.format(column=column, passes=passes.sql), (name, *passes.parameters))


def _like(test: Resembles) -> str:
    return "ILIKE" if test.ignores_case else "LIKE"


def _pattern(pieces: Iterable[str]) -> str:
    escaped = (piece.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") for piece in pieces)
    return "%".join(escaped)


def _paths(name: str) -> list[str]:
    """Return every JSON path that shows as `name`, the deepest first.

    Names and texts are quoted as JSON is (PostgreSQL manual, 8.14.7).
    """
    first, *others = name.split(".")
    keys = [[first]]
    for part in others:
        keys = [path for so_far in keys for path in ([*so_far, part], [*so_far[:-1], f"{so_far[-1]}.{part}"])]
    return ["$" + "".join(f".{json.dumps(key)}" for key in path) for path in keys]


def _literal(value: Scalar) -> str:
    return str(value) if isinstance(value, Decimal) else json.dumps(value)
