"""Which metadata keys entries have, of what types, and their most frequent values.

Read in bounded memory: one entry is parsed at a time, and the sample ends where it would hold too much.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec
from msgspec import Raw

from explore.fields import name_of_key
from storage.found import FoundEntry

TOP_VALUES = 10
MAX_DEPTH = 4
#: Longer values are not listed.
MAX_VALUE_CHARACTERS = 200
#: With a value, and each character behind a backslash, it still fits a query.
MAX_NAME_CHARACTERS = 750
#: Different keys and values that a sample may hold, and the characters of its keys; it ends within the entry at hand.
MOST_TALLIED, MOST_CHARACTERS = 10_000, 2**20
TYPES = {str: "string", bool: "boolean", int: "number", float: "number", list: "array", type(None): "null"}

Scalar = str | int | float | bool

_parse = msgspec.json.decode


@dataclass(frozen=True, slots=True)
class ValueCount:
    """A value and how many entries of the sample have it."""

    value: Scalar
    count: int


@dataclass(frozen=True, slots=True)
class Field:
    """A metadata key by the name to ask for it, dotted where nested; `count` entries of the sample have it."""

    name: str
    types: list[str]
    count: int
    values: list[ValueCount]


@dataclass(frozen=True, slots=True)
class Summary:
    """The most frequent keys of so many entries."""

    fields: list[Field]
    entries: int


@dataclass(slots=True)
class _Tally:
    count: int = 0
    types: Counter[str] = field(default_factory=Counter)
    values: Counter[tuple[type, Scalar]] = field(default_factory=Counter)

    def add(self, value: Any) -> None:
        self.count += 1
        self.types[TYPES[type(value)]] += 1
        for item in value if isinstance(value, list) else [value]:
            if _is_listed(item):
                self.values[type(item), item] += 1  # the type keeps True and 1 apart


class _Sample:
    """What was seen so far, until it is full."""

    def __init__(self) -> None:
        self.tallies: dict[str, _Tally] = {}
        self._things = self._characters = 0

    @property
    def is_full(self) -> bool:
        return self._things >= MOST_TALLIED or self._characters >= MOST_CHARACTERS

    def add(self, metadata: Raw) -> None:
        """Look at an entry's keys, as far as there is room: beneath a long key each short one has a long name."""
        for key, value in _leaves(_parse(metadata)):
            if self.is_full:
                return
            name = name_of_key(key)
            tally = self.tallies.get(name)
            if tally is None:
                tally = self.tallies[name] = _Tally()
                self._things += 1
                self._characters += len(name)
            before = len(tally.values)
            tally.add(value)
            self._things += len(tally.values) - before


def summarise(entries: Iterable[FoundEntry], *, limit: int) -> Summary:
    """Return the `limit` most frequent keys, of as many entries as could be looked at."""
    sample, seen = _Sample(), 0
    for entry in entries:
        if sample.is_full:
            break
        seen += 1
        if entry.metadata:
            sample.add(entry.metadata)
    frequent = sorted(sample.tallies.items(), key=lambda item: (-item[1].count, item[0]))[:limit]
    return Summary([_field(name, tally) for name, tally in frequent], seen)


def _is_listed(value: Any) -> bool:
    if isinstance(value, str):
        return len(value) <= MAX_VALUE_CHARACTERS
    if isinstance(value, int):
        return value.bit_length() <= 3 * MAX_VALUE_CHARACTERS  # 3.3 bits a digit
    return isinstance(value, float)


def _leaves(document: dict[str, Any], prefix: str = "", depth: int = 1) -> Iterator[tuple[str, Any]]:
    for key, value in document.items():
        if len(prefix) + len(key) > MAX_NAME_CHARACTERS:
            continue
        if isinstance(value, dict):
            if depth < MAX_DEPTH:
                yield from _leaves(value, f"{prefix}{key}.", depth + 1)
        else:
            yield prefix + key, value


def _field(name: str, tally: _Tally) -> Field:
    return Field(
        name=name,
        types=[name for name, _ in tally.types.most_common()],
        count=tally.count,
        values=[ValueCount(value, count) for (_, value), count in tally.values.most_common(TOP_VALUES)],
    )
