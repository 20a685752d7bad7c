"""Figures of entries that come one by one: for a store that has no statement of its own for them. Pure.

What is kept grows with the groups and their different values, never with the entries.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal, localcontext
from itertools import product
from math import ceil
from typing import Any

import msgspec

from foundation.numbers import Written, shorten
from storage.aggregates import (
    CUT,
    MOST_CHARACTERS,
    Aggregate,
    Aggregated,
    Column,
    Field,
    FieldValues,
    Figure,
    Function,
    Series,
    Value,
    Values,
)
from storage.found import FoundEntry
from storage.matching import to_match, values_of

#: A value as JSON writes it: kinds are kept apart, equal numbers are one.
Key = str
Keys = tuple[Key, ...]
NOTHING: Key = "null"
#: Digits: more than any sum of numbers has that an entry may hold.
EXACTLY = 1_000


class Sum:
    """What is known of some entries' values, as far as a function asks."""

    __slots__ = ("_function", "_numbers", "_values", "entries", "highest", "lowest", "numbers", "total")

    def __init__(self, function: Function) -> None:
        self._function = function
        self.entries = self.numbers = 0
        self.total = Decimal()
        self.lowest: Decimal | None = None
        self.highest: Decimal | None = None
        self._values: set[Key] = set()
        self._numbers: Counter[Decimal] = Counter()

    def add(self, values: Iterable[str | Decimal | bool]) -> None:
        """Add an entry with its values."""
        self.entries += 1
        if self._function is Function.DISTINCT:
            self._values.update(map(_json, values))
            return
        for number in values:
            if isinstance(number, Decimal):
                self._add(number, 1)

    def merge(self, other: "Sum") -> None:
        """Add what is known of other entries."""
        self.entries += other.entries
        self._values |= other._values
        if self._function.share:
            self._numbers.update(other._numbers)
            self.numbers += other.numbers
        elif other.lowest is not None and other.highest is not None:
            self.numbers += other.numbers
            self.total += other.total
            self.lowest = other.lowest if self.lowest is None else min(self.lowest, other.lowest)
            self.highest = other.highest if self.highest is None else max(self.highest, other.highest)

    def figure(self) -> Figure | None:
        """Return the function's figure; None without a number that it needs."""
        match self._function:
            case Function.COUNT:
                return self.entries
            case Function.DISTINCT:
                return len(self._values)
        if not self.numbers:
            return None
        match self._function:
            case Function.SUM:
                return self.total
            case Function.AVERAGE:
                return self.total / self.numbers
            case Function.MINIMUM:
                return self.lowest
            case Function.MAXIMUM:
                return self.highest
        return self._percentile()

    def _add(self, number: Decimal, times: int) -> None:
        self.numbers += times
        if self._function.share:
            self._numbers[number] += times
            return
        self.total += number
        self.lowest = number if self.lowest is None else min(self.lowest, number)
        self.highest = number if self.highest is None else max(self.highest, number)

    def _percentile(self) -> Decimal:
        assert self._function.share is not None
        wanted, reached = ceil(self._function.share * self.numbers), 0
        for number in sorted(self._numbers):
            reached += self._numbers[number]
            if reached >= wanted:
                return number
        raise AssertionError("a share of some is some")


def aggregate(entries: Iterable[FoundEntry], asked: Aggregate, step_of: Callable[[datetime], datetime]) -> Aggregated:
    """Make figures of entries as they come; `step_of` tells when a moment's step begins."""
    scanned = 0
    of_group: dict[Keys, Sum] = defaultdict(lambda: Sum(asked.function))
    of_step: dict[Keys, dict[datetime, Sum]] = defaultdict(lambda: defaultdict(lambda: Sum(asked.function)))
    with localcontext(prec=EXACTLY):
        for entry in entries:
            scanned += 1
            shape = to_match(entry)
            measured = list(_scalars(entry, shape, asked.field))
            for keys in product(*(_apart(entry, shape, field) or [NOTHING] for field in asked.by)):
                of_group[keys].add(measured)
                if asked.step:
                    of_step[keys][step_of(entry.timestamp)].add(measured)
        figures = {keys: figure for keys, one in of_group.items() if (figure := one.figure()) is not None}
        ranked = sorted(figures, key=lambda keys: (-figures[keys], keys))
        top, rest = ranked[: asked.limit], ranked[asked.limit :]
        rows = [Series(tuple(map(_read, keys)), figures[keys], _points(asked, of_step, [keys])) for keys in top]
        others = None
        if rest:
            left = _merged(asked, (of_group[keys] for keys in rest)).figure()
            others = Series((), left, _points(asked, of_step, rest))
    return Aggregated(rows, others, len(rest), scanned, is_exact=True)


def values(entries: Iterable[FoundEntry], fields: Sequence[Field], *, among: int, most: int) -> Values:
    """Count the values of fields, the most frequent first, equally frequent ones by their JSON."""
    seen, having = 0, [0] * len(fields)
    counts: list[Counter[Key]] = [Counter() for _ in fields]
    for entry in entries:
        seen += 1
        shape = to_match(entry)
        for number, field in enumerate(fields):
            keys = _apart(entry, shape, field)
            having[number] += bool(keys)
            counts[number].update(keys)
    found = [
        FieldValues(own, len(counted), [(_read(key), count) for key, count in _frequent(counted, most)])
        for own, counted in zip(having, counts, strict=True)
    ]
    return Values(seen, seen < among, found)


def _frequent(counted: Counter[Key], most: int) -> list[tuple[Key, int]]:
    return sorted(counted.items(), key=lambda item: (-item[1], item[0]))[:most]


def _points(
    asked: Aggregate, of_step: Mapping[Keys, Mapping[datetime, Sum]], groups: Sequence[Keys]
) -> dict[datetime, Figure]:
    parts: dict[datetime, list[Sum]] = defaultdict(list)
    for keys in groups:
        for step, one in of_step[keys].items() if asked.step else ():
            parts[step].append(one)
    figures = {step: _merged(asked, some).figure() for step, some in parts.items()}
    return {step: figure for step, figure in figures.items() if figure is not None}


def _merged(asked: Aggregate, some: Iterable[Sum]) -> Sum:
    whole = Sum(asked.function)
    for one in some:
        whole.merge(one)
    return whole


def _apart(entry: FoundEntry, shape: Mapping[str, Any], field: Field) -> list[Key]:
    """Return an entry's values of a field, each once."""
    return list(dict.fromkeys(map(_shown, _scalars(entry, shape, field))))


def _scalars(entry: FoundEntry, shape: Mapping[str, Any], field: Field) -> Iterator[str | Decimal | bool]:
    for source in field:
        if isinstance(source, Column):
            found = getattr(entry, source.name)
            items: Iterable[object] = [int(found) if source.name == "level" else found]
        else:
            items = values_of(shape.get(source.document), [source.name])
        for value in items:
            if isinstance(value, bool | str | Decimal):
                yield value
            elif isinstance(value, int | float):
                yield Decimal(repr(value))


def _shown(value: str | Decimal | bool) -> Key:
    if isinstance(value, str) and len(value) > MOST_CHARACTERS:
        value = value[:MOST_CHARACTERS] + CUT
    return _json(value)


def _json(value: str | Decimal | bool) -> Key:
    if isinstance(value, Decimal):
        text = format(Decimal(value.text) if isinstance(value, Written) else value, "f")
        text = text.rstrip("0").rstrip(".") if "." in text else text
        return "0" if text == "-0" else text
    return msgspec.json.encode(value).decode()


def _read(key: Key) -> Value:
    value: Value = msgspec.json.decode(shorten(key.encode()))
    return value
