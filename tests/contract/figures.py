"""Figures of entries in plain Python: what every store's are held against."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal, localcontext
from itertools import product
from math import ceil
from typing import Any

from explore.shape import as_mapping
from foundation.numbers import shorten
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
from storage.matching import values_of

#: A value as JSON writes it: kinds are kept apart, equal numbers are one.
Key = str
NOTHING = "null"
#: Digits: more than any sum has.
EXACTLY = 1_000


def aggregate(entries: Iterable[FoundEntry], asked: Aggregate, step_of: Callable[[datetime], datetime]) -> Aggregated:
    """Make figures of entries."""
    entries = list(entries)
    members = [(_keys(entry, asked), step_of(entry.timestamp), _measured(entry, asked)) for entry in entries]
    of_group: dict[tuple[Key, ...], list[Any]] = defaultdict(list)
    for keys, _, measured in members:
        for key in keys:
            of_group[key].append(measured)
    figures = {key: _figure(asked.function, of_all) for key, of_all in of_group.items()}
    ranked = sorted(((-value, key) for key, value in figures.items() if value is not None))
    top = [key for _, key in ranked[: asked.limit]]
    rest = {key for _, key in ranked[asked.limit :]}
    rows = [Series(tuple(map(_read, key)), figures[key], _points({key}, members, asked)) for key in top]
    left = [measured for keys, _, measured in members for key in keys if key in rest]
    others = Series((), _figure(asked.function, left), _points(rest, members, asked)) if rest else None
    return Aggregated(rows, others, len(rest), len(entries), is_exact=True)


def values(entries: Iterable[FoundEntry], fields: Iterable[Field], *, most: int, is_all: bool) -> Values:
    """Count the values of fields, the most frequent first, equally frequent ones by their JSON."""
    entries = list(entries)
    found = []
    for field in fields:
        counts: dict[Key, int] = defaultdict(int)
        having = 0
        for entry in entries:
            keys = set(map(_shown, _scalars(entry, field)))
            having += bool(keys)
            for key in keys:
                counts[key] += 1
        frequent = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:most]
        found.append(FieldValues(having, len(counts), [(_read(key), count) for key, count in frequent]))
    return Values(len(entries), is_all, found)


def _keys(entry: FoundEntry, asked: Aggregate) -> list[tuple[Key, ...]]:
    of_field = [set(map(_shown, _scalars(entry, field))) or {NOTHING} for field in asked.by]
    return list(product(*of_field))


def _measured(entry: FoundEntry, asked: Aggregate) -> list[Any]:
    return list(_scalars(entry, asked.field))


def _points(
    keys: set[tuple[Key, ...]], members: list[tuple[list[tuple[Key, ...]], datetime, Any]], asked: Aggregate
) -> dict[datetime, Figure]:
    if asked.step is None:
        return {}
    of_step: dict[datetime, list[Any]] = defaultdict(list)
    for own, step, measured in members:
        of_step[step] += [measured for key in own if key in keys]
    found = {step: _figure(asked.function, of_all) for step, of_all in of_step.items() if of_all}
    return {step: value for step, value in found.items() if value is not None}


def _figure(function: Function, of_all: list[list[Any]]) -> Figure | None:
    """Make one figure of the values of each entry of a group."""
    if function is Function.COUNT:
        return len(of_all)
    if function is Function.DISTINCT:
        return len({_json(value) for each in of_all for value in each})
    numbers = sorted(value for each in of_all for value in each if isinstance(value, Decimal))
    if not numbers:
        return None
    with localcontext(prec=EXACTLY):
        match function:
            case Function.SUM:
                return sum(numbers, Decimal())
            case Function.AVERAGE:
                return sum(numbers, Decimal()) / len(numbers)
    match function:
        case Function.MINIMUM:
            return numbers[0]
        case Function.MAXIMUM:
            return numbers[-1]
    share = function.share
    assert share is not None
    return numbers[ceil(share * len(numbers)) - 1]


def _scalars(entry: FoundEntry, field: Field) -> Iterator[str | Decimal | bool]:
    mapping = as_mapping(entry)
    for source in field:
        for value in _at(source, entry, mapping):
            if isinstance(value, bool | str):
                yield value
            elif isinstance(value, int | float | Decimal):
                yield Decimal(repr(value)) if isinstance(value, float) else Decimal(value)


def _at(source: Any, entry: FoundEntry, mapping: Mapping[str, Any]) -> Iterable[object]:
    if isinstance(source, Column):
        value = getattr(entry, source.name)
        return [int(value) if source.name == "level" else value]
    return values_of(mapping.get(source.document), [source.name])


def _shown(value: str | Decimal | bool) -> Key:
    if isinstance(value, str) and len(value) > MOST_CHARACTERS:
        value = value[:MOST_CHARACTERS] + CUT
    return _json(value)


def _json(value: str | Decimal | bool) -> Key:
    if isinstance(value, Decimal):
        text = format(value, "f")
        text = text.rstrip("0").rstrip(".") if "." in text else text
        return "0" if text == "-0" else text
    return json.dumps(value, ensure_ascii=False)


def _read(key: Key) -> Value:
    value: Value = json.loads(shorten(key.encode()))
    return value
