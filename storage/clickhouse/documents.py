"""Tests of values in JSON documents: of what a name leads to, exactly as far as ClickHouse reads JSON as we do.

A value is the text of it that ClickHouse writes: '' where there is none, a whole number of 20 digits in quotes. So a
document with long numbers is left to be decided by `storage.matching`.
"""

import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from itertools import chain

import msgspec

from storage.clickhouse.bounds import NEVER, Bounds, Parameters, exactly
from storage.conditions import Compares, Document, Equals, Exists, Resembles, Scalar, Test

#: A name of so many parts may be written as 2^5 paths; longer ones are decided outside.
MOST_PARTS = 6
#: Digits that a double holds, whatever they are.
MOST_DIGITS = 15
#: Numbers whose doubles may not tell them apart, or that ClickHouse does not read.
LONG_NUMBER = "-?(?:[0-9]{16}|[0-9]+(?:[.][0-9]{18}|(?:[.][0-9]+)?[eE][+-]?[0-9]{3}))"
#: One of them in a document; not digits within a text, such as those of an id, as long as no comma or colon stands
#: before them.
ODD_NUMBERS = f"match({{column}}, '[:,[]{LONG_NUMBER.replace('{', '{{').replace('}', '}}')}')"
ELEMENTS = "if(JSONType({value}) = 'Array', JSONExtractArrayRaw({value}), [{value}])"
SIDES = ("certain", "possible")
_TOKENS = re.compile(r"[0-9A-Za-z\x80-\U0010ffff]+")
_NUMBER = re.compile(r"[0-9.-]*")


def escaped(text: str) -> str:
    """Write `text` as it stands in a document, between its quotation marks."""
    return msgspec.json.encode(text)[1:-1].decode()


def like(pieces: Sequence[str]) -> str:
    """Write pieces for LIKE, with anything between them."""
    return "%".join(re.sub(r"[\\%_]", r"\\\g<0>", piece) for piece in pieces)


def document(condition: Document, parameters: Parameters, *, lower: Callable[[str], str]) -> Bounds:
    """Return what surely has a value that one of the names leads to and that passes the test, and what may have."""
    column, test = condition.column, condition.test
    if not condition.names:
        return exactly(f"{column} <> ''") if isinstance(test, Exists) else NEVER
    held, is_odd = _held(condition, parameters), ODD_NUMBERS.format(column=column)
    long = [name for name in condition.names if name.count(".") >= MOST_PARTS]
    paths = list(chain.from_iterable(map(paths_of, (name for name in condition.names if name not in long))))
    tested = [_tested(column, path, test, parameters, lower) for path in paths]
    certain, possible = (" OR ".join(f"({getattr(one, side)})" for one in tested) or "0" for side in SIDES)
    if long:
        return Bounds(f"{held} AND ({certain}) AND NOT ({is_odd})", held)
    if isinstance(test, Exists):
        return exactly(f"{held} AND ({certain})")
    return Bounds(f"{held} AND ({certain}) AND NOT ({is_odd})", f"{held} AND ({possible} OR {is_odd})")


def _tested(
    column: str, path: Sequence[str], test: Test, parameters: Parameters, lower: Callable[[str], str]
) -> Bounds:
    """Return whether what keys lead to passes: nearly always one value; where there are lists, each of several."""
    keys = [parameters.text(key) for key in path]
    place = ", ".join([column, *keys])
    direct = _Value(parameters, lower, place=place, raw=f"JSONExtractRaw({place})").tested(test)
    element = _Value(parameters, lower, place="one", raw="one").tested(test)
    on_the_way = f" OR JSONType({place}) = 'Null' AND position({column}, '[') > 0" if len(keys) > 1 else ""
    has_lists, elements = f"JSONType({place}) = 'Array'{on_the_way}", _elements(column, keys)
    return Bounds(
        *(
            f"if({has_lists}, arrayExists(one -> {getattr(element, side)}, {elements}), {getattr(direct, side)})"
            for side in SIDES
        )
    )


class _Value:
    """Tests of a value at a place in JSON; `raw` is its text."""

    def __init__(self, parameters: Parameters, lower: Callable[[str], str], *, place: str, raw: str) -> None:
        self._parameters = parameters
        self._lower = lower
        self._raw = raw
        self._text, self._number = f"JSONExtractString({place})", f"JSONExtractFloat({place})"
        self._is_text = f"JSONType({place}) = 'String'"
        self._is_number = f"JSONType({place}) IN ('Int64', 'UInt64', 'Double')"

    def tested(self, test: Test) -> Bounds:
        """Return whether the value surely passes, and whether it may."""
        match test:
            case Exists():
                return exactly(f"{self._raw} NOT IN ('', 'null')")
            case Equals(values):
                tests = [self._equal(value) for value in values]
                return Bounds(*(" OR ".join(f"({getattr(one, side)})" for one in tests) for side in SIDES))
            case Compares(operator, Decimal() as bound):
                return self._compared(operator, bound)
            case Compares(operator, bound):
                return exactly(f"{self._is_text} AND {self._text} {operator} {self._parameters.text(str(bound))}")
            case Resembles():
                return self._resembles(test)

    def _equal(self, value: Scalar) -> Bounds:
        match value:
            case None:
                return exactly(f"{self._raw} = 'null'")
            case bool():
                return exactly(f"{self._raw} = '{str(value).lower()}'")
            case Decimal():
                return self._compared("=", value)
            case str():
                return exactly(f"{self._is_text} AND {self._text} = {self._parameters.text(value)}")

    def _compared(self, operator: str, bound: Decimal) -> Bounds:
        if not _is_a_double(bound):
            return Bounds("0", self._is_number)
        return exactly(f"{self._is_number} AND {self._number} {operator} {self._parameters.number(float(bound))}")

    def _resembles(self, test: Resembles) -> Bounds:
        """Compare texts and constants; a number's text is written in more than one way."""
        pieces = self._lower("\0".join(test.pieces)).split("\0") if test.ignores_case else list(test.pieces)
        pattern = self._parameters.text(like(pieces))
        text = f"lowerUTF8({self._text})" if test.ignores_case else self._text
        constant = f"{self._raw} IN ('true', 'false') AND {self._raw} LIKE {pattern}"
        certain = f"{self._is_text} AND {text} LIKE {pattern} OR {constant}"
        return Bounds(certain, f"{certain} OR {self._is_number}" if all(map(_NUMBER.fullmatch, pieces)) else certain)


def _elements(column: str, keys: Sequence[str]) -> str:
    """Return the SQL of what keys lead to; lists on the way and at the end are looked into, one level deep."""
    first, *others = keys
    found = ELEMENTS.format(value=f"JSONExtractRaw({column}, {first})")
    for key in others:
        inner = ELEMENTS.format(value=f"JSONExtractRaw(outer, {key})")
        found = f"arrayFlatten(arrayMap(outer -> {inner}, {found}))"
    return found


def _held(condition: Document, parameters: Parameters) -> str:
    """Return what every document with such a name and value holds as text: by an index, and by the name."""
    column = condition.column
    ends = list(dict.fromkeys(f'{escaped(name.rpartition(".")[2])}":' for name in condition.names))
    held = [f"({' OR '.join(f'position({column}, {parameters.text(end)}) > 0' for end in ends)})"]
    tokens = _tokens_of(condition)
    if tokens:
        held.insert(0, f"hasAllTokens({column}, {parameters.texts(sorted(tokens))})")
    return " AND ".join(held)


def _tokens_of(condition: Document) -> set[str]:
    """Return words that stand in every such document: of a name's end, and of a value that is to be equal."""
    tokens = set.intersection(*(_tokens(escaped(name.rpartition(".")[2])) for name in condition.names))
    if isinstance(condition.test, Equals):
        tokens |= set.intersection(*map(_written, condition.test.values))
    return tokens


def _written(value: Scalar) -> set[str]:
    """Return words that stand wherever a document has this value."""
    match value:
        case None:
            return {"null"}
        case bool():
            return {str(value).lower()}
        case str():
            return _tokens(escaped(value))
        case Decimal():  # a whole one may have `.0` behind it, or an exponent from 10^16 on
            return {str(abs(int(value)))} if value == value.to_integral_value() and abs(value) < 10**15 else set()


def _tokens(text: str) -> set[str]:
    return {token for token in _TOKENS.findall(text) if token.isascii()}


def _is_a_double(value: Decimal) -> bool:
    """Tell whether no other number of so few digits has the same double."""
    _, digits, exponent = value.normalize().as_tuple()
    return len(digits) <= MOST_DIGITS and isinstance(exponent, int) and exponent > -290 and len(digits) + exponent < 300


def paths_of(name: str) -> list[list[str]]:
    """Return every path of keys that shows as `name`, the deepest first."""
    first, *others = name.split(".")
    paths = [[first]]
    for part in others:
        paths = [path for so_far in paths for path in ([*so_far, part], [*so_far[:-1], f"{so_far[-1]}.{part}"])]
    return paths
