"""Which metadata keys entries have, of what types, and their most frequent values."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from explore.fields import name_of_key
from storage.found import FoundEntry

TOP_VALUES = 10
MAX_DEPTH = 4
MAX_VALUE_CHARACTERS = 200
#: With a value, and each character behind a backslash, it still fits a query.
MAX_NAME_CHARACTERS = 750
TYPES = {str: "string", bool: "boolean", int: "number", float: "number", list: "array", type(None): "null"}

Scalar = str | int | float | bool


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


@dataclass(slots=True)
class _Tally:
    count: int = 0
    types: Counter[str] = field(default_factory=Counter)
    values: Counter[tuple[type, Scalar]] = field(default_factory=Counter)

    def add(self, value: Any) -> None:
        self.count += 1
        self.types[TYPES[type(value)]] += 1
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, bool | int | float) or (isinstance(item, str) and len(item) <= MAX_VALUE_CHARACTERS):
                self.values[type(item), item] += 1  # the type keeps True and 1 apart


def summarise(entries: Iterable[FoundEntry], *, limit: int) -> list[Field]:
    """Return the `limit` most frequent keys."""
    tallies: dict[str, _Tally] = {}
    for entry in entries:
        for name, value in _leaves(entry.metadata or {}):
            if len(name) <= MAX_NAME_CHARACTERS:
                tallies.setdefault(name_of_key(name), _Tally()).add(value)
    frequent = sorted(tallies.items(), key=lambda item: (-item[1].count, item[0]))[:limit]
    return [_field(name, tally) for name, tally in frequent]


def _leaves(document: dict[str, Any], prefix: str = "", depth: int = 1) -> Iterator[tuple[str, Any]]:
    for key, value in document.items():
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
