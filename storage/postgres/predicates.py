"""Conditions as PostgreSQL's SQL. Users' text goes into parameters only, never into a statement.

A predicate may be NULL where a condition has nothing to ask; whoever negates it must say IS FALSE.
"""

import json
from collections.abc import Iterable
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
    Path,
    Resembles,
    Scalar,
    Text,
    Unless,
)


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
    """JSON paths (lax: lists are looked into) let one GIN index (jsonb_path_ops) serve every equality."""
    column, paths = condition.column, condition.paths
    match condition.test:
        case Exists() if paths == ((),):
            return Predicate(f"{column} IS NOT NULL")
        case Exists():
            return _path_predicate(column, (f"{_path(path)} != null" for path in paths))
        case Equals(values):
            equalities = (f"{_path(path)} == {_literal(value)}" for path in paths for value in values)
            return _path_predicate(column, equalities)
        case Compares(operator, bound):
            return _path_predicate(column, (f"{_path(path)} {operator} {_literal(bound)}" for path in paths))
        case Resembles() as test:
            return _joined(" OR ", (_resembling(column, path, test) for path in paths))


def _path_predicate(column: str, alternatives: Iterable[str]) -> Predicate:
    return Predicate(f"{column} @@ %s::jsonpath", (" || ".join(alternatives),))


def _resembling(column: str, path: Path, test: Resembles) -> Predicate:
    return Predicate(
        f"EXISTS (SELECT FROM jsonb_path_query({column}, %s::jsonpath) AS found(value)"
        " WHERE jsonb_typeof(found.value) IN ('string', 'number', 'boolean')"
        f" AND found.value #>> '{{}}' {_like(test)} %s)",
        (_path(path) + "[*]", _pattern(test.pieces)),
    )


def _like(test: Resembles) -> str:
    return "ILIKE" if test.ignores_case else "LIKE"


def _pattern(pieces: Iterable[str]) -> str:
    escaped = (piece.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") for piece in pieces)
    return "%".join(escaped)


def _path(path: Path) -> str:
    """Write a JSON path; its names and texts are quoted as JSON is (PostgreSQL manual, 8.14.7)."""
    return "$" + "".join(f".{json.dumps(name)}" for name in path)


def _literal(value: Scalar) -> str:
    return str(value) if isinstance(value, Decimal) else json.dumps(value)
