"""Conditions as PostgreSQL's SQL. Users' text goes into parameters only, never into a statement.

A predicate may be NULL where a condition has nothing to ask; whoever negates it must say IS FALSE. Documents are text:
where no index helps, a look at the text (`storage.postgres.narrowing`) spares most entries the reading of it.
"""

import json
from collections.abc import Iterable, Sequence
from decimal import Decimal

from storage.conditions import (
    Compares,
    Condition,
    Counted,
    Document,
    Either,
    Equals,
    Every,
    Exists,
    LevelBetween,
    Mentions,
    Resembles,
    Scalar,
    Test,
    Text,
    Unless,
    Words,
)
from storage.postgres.narrowing import SIGMA, escaped, figures, may_hold, plain_run, written_number
from storage.postgres.predicate import Predicate, joined, pattern

#: Narrowed by what has an index, then decided: the message, and all texts and constants of the documents.
WORDS = """{first}({narrowing}) AND (message ILIKE %s
 OR storage_shows(metadata_value, %s) OR storage_shows(error_value, %s){numbers})"""
#: As dear as one LIKE by PostgreSQL's reckoning, so it comes first; half as dear in truth (Boyer-Moore-Horspool).
WRITTEN = "concat(message, metadata, error)"
HELD = f'lower({WRITTEN} COLLATE "C")'
HOLDS = f"strpos({HELD}, %s) > 0 AND "
#: To make small letters is half of what that costs, and figures have none.
HOLDS_FIGURES = f"strpos({WRITTEN}, %s) > 0 AND "
#: Without the texts, a document's text holds numbers, constants and signs.
NUMBERS = r""" OR regexp_replace(coalesce(metadata, '') || coalesce(error, ''), '"([^"\\]|\\.)*"', '', 'g') ~* %s"""
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


def of_organisation(organisation_id: int) -> Predicate:
    """Return the predicate that an entry is the organisation's: the first wall, and what the indexes begin with."""
    return Predicate("organisation_id = %s", (organisation_id,))


def compile_condition(condition: Condition) -> Predicate:
    """Return the predicate on the view of entries that says `condition`."""
    match condition:
        case Every(()):
            return Predicate("TRUE")
        case Every():
            return joined(" AND ", map(compile_condition, condition.of))
        case Either():
            return joined(" OR ", map(compile_condition, condition.of))
        case Unless():
            inner = compile_condition(condition.condition)
            return Predicate(f"({inner.sql}) IS NOT TRUE", inner.parameters)
        case LevelBetween():
            return _level(condition)
        case Counted(keys):
            return _counted(keys)
        case Text():
            return _text(condition)
        case Document():
            return _document(condition)
        case Words() | Mentions():
            return _anywhere(condition)


def _level(condition: LevelBetween) -> Predicate:
    if condition.lowest == condition.highest:
        return Predicate("level = %s", (condition.lowest,))
    return Predicate("level BETWEEN %s AND %s", (condition.lowest, condition.highest))


def _counted(keys: tuple[int, ...] | None) -> Predicate:
    if keys is None:
        return Predicate("error_key IS NOT NULL")
    return Predicate("error_key = ANY (%s::bigint[])", (list(keys),))


def _text(condition: Text) -> Predicate:
    column = condition.column
    match condition.test:
        case Equals(values):
            return Predicate(f"{column} = %s", (values[0],))
        case Resembles() as test:
            return Predicate(f"{column} {_like(test)} %s", (pattern(test.pieces),))
        case Exists():
            return Predicate(f"{column} IS NOT NULL")
        case Compares():
            raise TypeError("columns of text are not compared")


def _anywhere(condition: Words | Mentions) -> Predicate:
    return _words(condition.test) if isinstance(condition, Words) else _mentions(condition.text)


def _words(test: Resembles) -> Predicate:
    """Look through all that the view calls `words`, which writes documents as JSON."""
    likeness, numbers = pattern(test.pieces), written_number(test.pieces)
    narrow = list(dict.fromkeys(SIGMA.sub("_", pattern(pieces)) for pieces in (test.pieces, map(escaped, test.pieces))))
    narrowing = " OR ".join(["words LIKE lower(%s::text)"] * len(narrow))
    digits = figures(test.pieces)
    run = digits or plain_run(test.pieces)
    quick = HOLDS_FIGURES if digits else HOLDS if run else ""
    sql = WORDS.format(first=quick, narrowing=narrowing, numbers=NUMBERS if numbers else "")
    first, last = ([run] if run else []), ([numbers] if numbers else [])
    return Predicate(sql, (*first, *narrow, likeness, likeness, likeness, *last))


def _mentions(text: str) -> Predicate:
    """Look at all that the view calls `words`, where documents are JSON; JSON within JSON is escaped once more."""
    written = dict.fromkeys([text, escaped(text), escaped(escaped(text))])
    sql = " OR ".join(["words LIKE lower(%s::text)"] * len(written))
    return Predicate(sql, tuple(SIGMA.sub("_", pattern(["", one, ""])) for one in written))


def _document(condition: Document) -> Predicate:
    column = f"{condition.column}_value"
    if not condition.names:
        is_there = isinstance(condition.test, Exists)
        return Predicate(f"{condition.column} IS NOT NULL") if is_there else _at(column, ["$"], condition.test)
    found = _named(column, condition)
    return found if isinstance(condition.test, Equals) else may_hold(condition, then=found)


def _named(column: str, condition: Document) -> Predicate:
    short = [path for name in condition.names if name.count(".") < MOST_PARTS for path in paths_of(name)]
    long = [name for name in condition.names if name.count(".") >= MOST_PARTS]
    predicates = [_walking(column, name, condition.test) for name in long]
    return joined(" OR ", [_at(column, short, condition.test), *predicates] if short else predicates)


def _at(column: str, paths: Sequence[str], test: Test) -> Predicate:
    """JSON paths (lax: lists are looked into) let one GIN index (jsonb_path_ops) serve every equality."""
    match test:
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
        f"storage_resembles({column}, %s::jsonpath[], %s, %s)",
        ([f"{path}[*]" for path in paths], pattern(test.pieces), test.ignores_case),
    )


def _walking(column: str, name: str, test: Test) -> Predicate:
    """Follow the document's own keys along `name`: no index, but work that a name's dots do not multiply."""
    passes = _path_predicate("value", ["$ != null"]) if isinstance(test, Exists) else _at("value", ["$"], test)
    return Predicate(WALK.format(column=column, passes=passes.sql), (name, *passes.parameters))


def _like(test: Resembles) -> str:
    return "ILIKE" if test.ignores_case else "LIKE"


def paths_of(name: str) -> list[str]:
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
