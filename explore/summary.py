"""Which metadata keys entries have, of what types, and their most frequent values.

Read in bounded memory: one entry is parsed at a time, and the sample ends where it would hold too many keys and values.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from explore.fields import name_of_key
from storage.found import FoundEntry

TOP_VALUES = 10
MAX_DEPTH = 4
#: Longer values are not listed.
MAX_VALUE_CHARACTERS = 200
#: With a value, and each character behind a backslash, it still fits a query.
MAX_NAME_CHARACTERS = 750
#: Different keys and values that a sample may hold; beyond them it ends with the entry at hand.
MOST_TALLIED = 10_000
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

    @property
    def size(self) -> int:
        """How many different things it holds."""
        return 1 + len(self.values)


def summarise(entries: Iterable[FoundEntry], *, limit: int) -> Summary:
    """Return the `limit` most frequent keys, of as many entries as could be looked at."""
    tallies: dict[str, _Tally] = {}
    seen = tallied = 0
    for entry in entries:
        seen += 1
        for key, value in _leaves(_parse(entry.metadata) if entry.metadata else {}):
            name = name_of_key(key)
            tally = tallies.get(name)
            before = tally.size if tally else 0
            tally = tally or tallies.setdefault(name, _Tally())
            tally.add(value)
            tallied += tally.size - before
        if tallied > MOST_TALLIED:
            break
    frequent = sorted(tallies.items(), key=lambda item: (-item[1].count, item[0]))[:limit]
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
