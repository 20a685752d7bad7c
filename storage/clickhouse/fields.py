"""Fields of entries as SQL: the JSON of what stands there, and whether ClickHouse may have read it in its own way.

The engine takes texts out of documents, and nothing else: so entries that have the same are counted together, and the
language's own definition tells once for all of them what values these are. Documents are compact JSON without a member
twice, as `msgspec` writes it.
"""

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import NamedTuple

from storage.aggregates import Column, Field, Member
from storage.clickhouse.bounds import ALWAYS, Bounds, Parameters
from storage.clickhouse.documents import LONG_NUMBER, ODD_NUMBERS, escaped, paths_of
from storage.figures import Key, Scalar, keys_of, scalars
from storage.matching import parse, values_of

#: A name of so many dots may be written as 2^3 paths; of longer ones entries are read.
MOST_DOTS = 3
#: Of what is counted together; where there is more at a field, entries are read.
MOST_BYTES = 400
#: Of texts whose values are remembered while one question is answered.
MOST_REMEMBERED = 10_000
#: JSON writes it as `\n` within a text.
BETWEEN = "\n"
#: What paths lead to, but for objects, which are no values.
FOUND = "arrayStringConcat(arrayFilter(one -> one <> '' AND NOT startsWith(one, '{{'), [{raws}]), '\\n')"
LEVEL = "CAST(level, 'Int8')"


class Told(NamedTuple):
    """SQL: the JSON of all that stands at a field, a line each, and whether that may be another than came."""

    text: str
    doubt: str


def told(field: Field, parameters: Parameters) -> Told:
    """Return what stands at a field, as SQL with these parameters."""
    sources = [_column(one) if isinstance(one, Column) else _member(one, parameters) for one in field]
    texts = [source.text for source in sources] or ["''"]
    text = texts[0] if len(texts) == 1 else FOUND.format(raws=", ".join(texts))
    return Told(
        text, " OR ".join([f"length({text}) > {MOST_BYTES}", *(f"({one.doubt})" for one in sources if one.doubt)])
    )


def not_told(fields: Iterable[Told], bounds: Bounds = ALWAYS) -> str:
    """Return whether texts do not tell all of an entry, or nothing tells whether it is found."""
    return " OR ".join([f"NOT ({bounds.certain})"] * (not bounds.is_exact) + [one.doubt for one in fields])


def values_by_text() -> Callable[[str], tuple[Scalar, ...]]:
    """Return what makes values of the text of a field, and remembers those of some."""
    return lru_cache(MOST_REMEMBERED)(_values)


def keys_by_text() -> Callable[[str], list[Key]]:
    """Return what makes keys of groups of the text of a field, and remembers those of some."""
    return lru_cache(MOST_REMEMBERED)(lambda text: keys_of(_values(text)))


def _values(text: str) -> tuple[Scalar, ...]:
    found = [value for raw in text.split(BETWEEN) for value in values_of(parse(raw), ())] if text else ()
    return tuple(scalars(found))


def _column(column: Column) -> Told:
    name = LEVEL if column.name == "level" else column.name
    return Told(f"ifNull(toJSONString({name}), '')", "")


def _member(member: Member, parameters: Parameters) -> Told:
    """Ask for it where the document's text names the end of a path at all."""
    column, ends = member.document, _ends(member.name)
    held = " OR ".join(f"position({column}, {parameters.text(end)}) > 0" for end in ends)
    if member.name.count(".") > MOST_DOTS:
        return Told("''", held)
    paths = [[parameters.text(key) for key in path] for path in paths_of(member.name)]
    raws = [f"JSONExtractRaw({column}, {', '.join(path)})" for path in paths]
    text = f"if({held}, {FOUND.format(raws=', '.join(raws))}, '')"
    return Told(text, f"({held}) AND ({_doubt(column, ends, paths, text, parameters)})")


def _doubt(column: str, ends: Iterable[str], paths: Iterable[list[str]], text: str, parameters: Parameters) -> str:
    """Return whether there is a number that is read otherwise, or a list on the way, or no object to be read."""
    long = parameters.text(f"(?:{'|'.join(map(re.escape, ends))}){LONG_NUMBER}")
    ways = dict.fromkeys(", ".join(path[:end]) for path in paths for end in range(1, len(path)))
    lists = [f"JSONType({column}, {way}) = 'Array'" for way in ways]
    in_lists = " OR ".join([ODD_NUMBERS.format(column=column), *lists])
    return (
        f"match({column}, {long}) OR position({column}, '[') > 0 AND ({in_lists})"
        f" OR {text} = '' AND JSONType({column}) <> 'Object'"
    )


def _ends(name: str) -> list[str]:
    """Return how a document writes the last key of each path that shows as `name`."""
    parts = name.split(".")
    return [f'"{escaped(".".join(parts[start:]))}":' for start in range(len(parts) - 1, -1, -1)]
