"""The search language in pure Python: what the live tail filters by, and what decides where a store cannot.

The tests hold each store's own language against it.
"""

import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from itertools import chain
from typing import Any

import msgspec

from foundation.holdings import texts_of
from foundation.levels import BY_NAME
from foundation.numbers import Written
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
    Operator,
    Resembles,
    Scalar,
    Test,
    Text,
    Unless,
    Words,
)
from storage.found import FoundEntry
from storage.store import store

COMPARE: dict[Operator, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}

#: A document, with exact numbers.
parse = msgspec.json.Decoder(float_hook=Written).decode
#: What one locale or another takes for the same letter as one of ASCII, in any case: İ, ı and the sign of Kelvin.
BECOME_ASCII = {0x130: "i", 0x131: "i", 0x212A: "k"}


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
        case Counted():
            key = entry.get("error_key")
            return key is not None and (node.keys is None or key in node.keys)
        case Text():
            return _passes(entry.get(node.column), node.test)
        case Words():
            return any(_resembles(text, node.test) for text in _shown(entry))
        case Mentions(text):
            likeness = Resembles(("", text, ""), ignores_case=True)
            texts = chain([entry["message"]], texts_of(entry.get("metadata")), texts_of(entry.get("error")))
            return any(_resembles(one, likeness) for one in texts)
        case Document():
            document = entry.get(node.column)
            return any(_passes(value, node.test) for value in values_of(document, node.names))


def _shown(entry: Mapping[str, Any]) -> Iterator[str]:
    """Yield the texts that words are looked for in, as they are shown."""
    yield entry["message"]
    ahead = [entry.get("metadata"), entry.get("error")]
    while ahead:
        match ahead.pop():
            case dict() as members:
                ahead += members.values()
            case list() as elements:
                ahead += elements
            case str() as text:
                yield text
            case Written() as number:
                yield number.text
            case None:
                pass
            case number_or_constant:
                yield msgspec.json.encode(number_or_constant).decode()


def values_of(document: object, names: Iterable[str]) -> Iterator[object]:
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
        if not text.isascii() and not _may_hold(text, pieces):
            return False
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


def _may_hold(text: str, pieces: Iterable[str]) -> bool:
    """Tell without the store, whose small letters decide, whether it could find those of `pieces` that are ASCII."""
    small = text.translate(BECOME_ASCII).lower()
    return all(piece.lower() in small for piece in pieces if piece.isascii())


def _lower(text: str) -> str:
    return text.lower() if text.isascii() else store().reader.lower(text)


def to_match(entry: FoundEntry) -> dict[str, Any]:
    """Return what conditions ask of a stored entry, its documents parsed and their numbers exact."""
    return {
        "level": entry.level.label,
        "message": entry.message,
        "environment": entry.environment,
        "project": entry.project,
        "trace_id": entry.trace_id,
        "span_id": entry.span_id,
        "parent_span_id": entry.parent_span_id,
        "metadata": None if entry.metadata is None else parse(entry.metadata),
        "error": None if entry.error is None else parse(entry.error),
        "edge": entry.edge,
        "error_key": entry.error_key,
    }
