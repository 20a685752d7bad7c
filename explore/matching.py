"""The search language in pure Python: what the live tail filters by, and what the tests hold the SQL against."""

import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from foundation.levels import BY_NAME
from storage.conditions import (
    Compares,
    Condition,
    Document,
    Either,
    Equals,
    Every,
    Exists,
    LevelBetween,
    Operator,
    Resembles,
    Scalar,
    Test,
    Text,
    Unless,
)
from storage.store import store

COMPARE: dict[Operator, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def matches(node: Condition, entry: Mapping[str, Any]) -> bool:
    """Tell whether `entry`, in the API's shape, fulfils `node`."""
    match node:
        case Every():
            return all(matches(condition, entry) for condition in node.of)
        case Either():
            return any(matches(condition, entry) for condition in node.of)
        case Unless():
            return not matches(node.condition, entry)
        case LevelBetween():
            return node.lowest <= BY_NAME[entry["level"]] <= node.highest
        case Text():
            return _passes(entry.get(node.column), node.test)
        case Document():
            document = entry.get(node.column)
            return any(_passes(value, node.test) for value in _values(document, node.names))


def _values(document: object, names: Iterable[str]) -> Iterator[object]:
    """Yield what `names` lead to; without one, the document."""
    if not names:
        yield from _elements(document)
    for name in names:
        yield from _named(document, name)


def _named(document: object, name: str) -> Iterator[object]:
    for item in _elements(document):
        if not isinstance(item, dict):
            continue
        if name in item:
            yield from _elements(item[name])
        dot = name.find(".")
        while dot >= 0:
            if name[:dot] in item:
                yield from _named(item[name[:dot]], name[dot + 1 :])
            dot = name.find(".", dot + 1)


def _elements(value: object) -> list[object]:
    """Return the elements of a list, and anything else as one."""
    return value if isinstance(value, list) else [value]


def _passes(value: object, test: Test) -> bool:
    match test:
        case Exists():
            return value is not None
        case Equals():
            return any(_equal(value, wanted) for wanted in test.values)
        case Compares():
            return _compares(value, test)
        case Resembles():
            text = _text(value)
            return text is not None and _resembles(text, test)


def _number(value: object) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    return Decimal(repr(value)) if isinstance(value, float) else Decimal(value)


def _equal(value: object, wanted: Scalar) -> bool:
    if isinstance(wanted, Decimal):
        return _number(value) == wanted
    return type(value) is type(wanted) and value == wanted


def _compares(value: object, test: Compares) -> bool:
    comparable = value if isinstance(test.bound, str) else _number(value)
    return isinstance(comparable, type(test.bound)) and COMPARE[test.operator](comparable, test.bound)


def _text(value: object) -> str | None:
    """Return a scalar as JSON writes it, without quotes."""
    if isinstance(value, bool):
        return "true" if value else "false"
    number = _number(value)
    if number is not None:
        return format(number, "f")
    return value if isinstance(value, str) else None


def _resembles(text: str, test: Resembles) -> bool:
    """Match piece by piece, in time linear in the text: no regular expression, nothing to backtrack."""
    pieces = test.pieces
    if test.ignores_case:
        text, pieces = _lower(text), tuple(_lower("\0".join(pieces)).split("\0"))
    first, *between, last = pieces
    if not text.startswith(first):
        return False
    position = len(first)
    for piece in between:
        found = text.find(piece, position)
        if found < 0:
            return False
        position = found + len(piece)
    return len(text) - len(last) >= position and text.endswith(last)


def _lower(text: str) -> str:
    return text.lower() if text.isascii() else store().reader.lower(text)
