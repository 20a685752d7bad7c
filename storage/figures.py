"""Figures of entries that come one by one, or as many as are alike: for a store without a statement for them. Pure.

What is kept grows with the groups and their different values, never with the entries.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal, localcontext
from itertools import product
from math import ceil
from typing import Any, NamedTuple

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
Scalar = str | Decimal | bool
NOTHING: Key = "null"
#: Digits: more than any sum of numbers has that an entry may hold.
EXACTLY = 1_000


class Alike(NamedTuple):
    """Entries that have the same, and how many they are: of each field of `by` the keys, what is measured, the step."""

    by: Sequence[Sequence[Key]]
    measured: Iterable[Scalar]
    step: datetime | None
    entries: int


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

    def add(self, values: Iterable[Scalar], entries: int) -> None:
        """Add so many entries, each with these values."""
        self.entries += entries
        if self._function is Function.DISTINCT:
            self._values.update(map(_json, values))
            return
        for number in values:
            if isinstance(number, Decimal):
                self._add(number, entries)

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
        self.total += number * times
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


class Tally:
    """How many entries have each value of a field."""

    __slots__ = ("counts", "having")

    def __init__(self) -> None:
        self.having = 0
        self.counts: Counter[Key] = Counter()

    def add(self, keys: Iterable[Key], entries: int) -> None:
        """Add so many entries, each with these values."""
        counted = dict.fromkeys(keys, entries)
        self.having += entries if counted else 0
        self.counts.update(counted)

    def told(self, most: int) -> FieldValues:
        """Return the most frequent first, equally frequent ones by their JSON."""
        frequent = sorted(self.counts.items(), key=lambda item: (-item[1], item[0]))[:most]
        return FieldValues(self.having, len(self.counts), [(_read(key), count) for key, count in frequent])


def aggregate(found: Iterable[Alike], asked: Aggregate) -> Aggregated:
    """Make figures of entries as they come."""
    scanned = 0
    steps: dict[Keys, dict[datetime | None, Sum]] = defaultdict(lambda: defaultdict(lambda: Sum(asked.function)))
    with localcontext(prec=EXACTLY):
        for by, measured, step, entries in found:
            scanned += entries
            for keys in product(*(keys or (NOTHING,) for keys in by)):
                steps[keys][step].add(measured, entries)
        groups = {keys: _merged(asked, list(of_step.values())) for keys, of_step in steps.items()}
        figures = {keys: figure for keys, one in groups.items() if (figure := one.figure()) is not None}
        ranked = sorted(figures, key=lambda keys: (-figures[keys], keys))
        top, rest = ranked[: asked.limit], ranked[asked.limit :]
        rows = [Series(tuple(map(_read, keys)), figures[keys], _points(asked, steps, [keys])) for keys in top]
        others = None
        if rest:
            left = _merged(asked, [groups[keys] for keys in rest]).figure()
            others = Series((), left, _points(asked, steps, rest))
    return Aggregated(rows, others, len(rest), scanned, is_exact=True)


def each(entries: Iterable[FoundEntry], asked: Aggregate, step_of: Callable[[datetime], datetime]) -> Iterator[Alike]:
    """Yield entries one by one; `step_of` tells when a moment's step begins."""
    for entry in entries:
        shape = to_match(entry)
        by = [keys_of(_scalars(entry, shape, field)) for field in asked.by]
        step = step_of(entry.timestamp) if asked.step else None
        yield Alike(by, list(_scalars(entry, shape, asked.field)), step, 1)


def values(entries: Iterable[FoundEntry], fields: Sequence[Field], *, among: int, most: int) -> Values:
    """Count the values of fields."""
    seen, tallies = 0, [Tally() for _ in fields]
    for entry in entries:
        seen += 1
        tally(entry, fields, tallies)
    return Values(seen, seen < among, [one.told(most) for one in tallies])


def tally(entry: FoundEntry, fields: Sequence[Field], tallies: Sequence[Tally]) -> None:
    """Add an entry to the tallies of fields."""
    shape = to_match(entry)
    for one, field in zip(tallies, fields, strict=True):
        one.add(keys_of(_scalars(entry, shape, field)), 1)


def keys_of(found: Iterable[Scalar]) -> list[Key]:
    """Return the keys of the groups that values make, each once."""
    return list(dict.fromkeys(map(_shown, found)))


def scalars(found: Iterable[object]) -> Iterator[Scalar]:
    """Yield those of what documents hold that are values: texts, numbers, true and false."""
    for value in found:
        if isinstance(value, bool | str | Decimal):
            yield value
        elif isinstance(value, int | float):
            yield Decimal(repr(value))


def _points(
    asked: Aggregate, steps: Mapping[Keys, Mapping[datetime | None, Sum]], groups: Sequence[Keys]
) -> dict[datetime, Figure]:
    parts: dict[datetime, list[Sum]] = defaultdict(list)
    for keys in groups:
        for step, one in steps[keys].items():
            if step:
                parts[step].append(one)
    figures = {step: _merged(asked, some).figure() for step, some in parts.items()}
    return {step: figure for step, figure in figures.items() if figure is not None}


def _merged(asked: Aggregate, some: Sequence[Sum]) -> Sum:
    if len(some) == 1:
        return some[0]
    whole = Sum(asked.function)
    for one in some:
        whole.merge(one)
    return whole


def _scalars(entry: FoundEntry, shape: Mapping[str, Any], field: Field) -> Iterator[Scalar]:
    for source in field:
        if isinstance(source, Column):
            found = getattr(entry, source.name)
            yield from scalars([int(found) if source.name == "level" else found])
        else:
            yield from scalars(values_of(shape.get(source.document), [source.name]))


def _shown(value: Scalar) -> Key:
    if isinstance(value, str) and len(value) > MOST_CHARACTERS:
        value = value[:MOST_CHARACTERS] + CUT
    return _json(value)


def _json(value: Scalar) -> Key:
    if isinstance(value, Decimal):
        text = format(Decimal(value.text) if isinstance(value, Written) else value, "f")
        text = text.rstrip("0").rstrip(".") if "." in text else text
        return "0" if text == "-0" else text
    return msgspec.json.encode(value).decode()


def _read(key: Key) -> Value:
    value: Value = msgspec.json.decode(shorten(key.encode()))
    return value
