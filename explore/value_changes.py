"""Which values of fields are more frequent since a moment than before it, or less: by their share of the entries.

By shares, and not by time as patterns are: twice the load changes no value. Of what chance explains nothing is said.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from explore import top_values
from explore.changes import CHANCE, Change, change_of, in_short, likelihood_ratio, refuse_outside
from storage.aggregates import Field, FieldValues, Value, Values
from storage.search import Search
from storage.store import store

#: Of each field and side, the most frequent.
MOST_COMPARED = 1_000


@dataclass(frozen=True, slots=True)
class ChangedValue:
    """A value, how many entries have it, and had it before; `times` as large a share of them, if there was one."""

    value: Value
    count: int
    before: int
    change: Change
    times: float | None
    #: How far it is from what chance does.
    weight: float


@dataclass(frozen=True, slots=True)
class FieldChanges:
    """The values of a field that have changed, the most telling first; of all of its values if it `is_all`."""

    changed: list[ChangedValue]
    is_all: bool


def value_changes(search: Search, names: list[str], *, since: datetime, limit: int) -> dict[str, Any]:
    """Return the `limit` values of each field that changed most since a moment. Raises: `Refusal`, `Unavailable`."""
    fields = top_values.read_fields(names)
    own, former, found = compare(search, fields, since=since)
    return {
        "entries": own.entries,
        "exact": own.is_all,
        "before": {"entries": former.entries, "exact": former.is_all},
        "fields": [
            {
                "name": name,
                "entries": has.entries,
                "distinct": has.distinct,
                "exact": one.is_all,
                "values": [_shown(value, field) for value in one.changed[:limit]],
            }
            for name, field, has, one in zip(names, fields, own.fields, found, strict=True)
        ],
    }


def compare(search: Search, fields: list[Field], *, since: datetime) -> tuple[Values, Values, list[FieldChanges]]:
    """Compare the values of fields since a moment with those before. Raises: `Refusal`, `Unavailable`."""
    refuse_outside(search, since)
    own, former = (_values(side, fields) for side in (replace(search, start=since), replace(search, end=since)))
    found = [
        compared(one, other, entries=own.entries, before=former.entries)
        for one, other in zip(own.fields, former.fields, strict=True)
    ]
    return own, former, found


def compared(own: FieldValues, former: FieldValues, *, entries: int, before: int) -> FieldChanges:
    """Compare the values of a field in so many entries with those in so many before."""
    is_all = all(one.distinct == len(one.values) for one in (own, former))
    if not entries or not before:
        return FieldChanges([], is_all)
    found = [_changed(*one, entries, before) for one in _pairs(own, former)]
    return FieldChanges(sorted((one for one in found if one.change is not Change.SAME), key=_telling), is_all)


def _values(search: Search, fields: list[Field]) -> Values:
    return store().reader.values(search, fields, among=top_values.AMONG, most=MOST_COMPARED, seconds=top_values.SECONDS)


def _pairs(own: FieldValues, former: FieldValues) -> Iterator[tuple[Value, int, int]]:
    """Yield values with their counts on both sides; none that may only be too rare to be told of on one of them."""
    counts, counts_before = ({_key(value): (value, n) for value, n in one.values} for one in (own, former))
    is_told, is_told_before = (one.distinct == len(one.values) for one in (own, former))
    for key, (value, _) in (counts | counts_before).items():
        if (key in counts or is_told) and (key in counts_before or is_told_before):
            yield value, counts.get(key, (value, 0))[1], counts_before.get(key, (value, 0))[1]


def _key(value: Value) -> Any:
    """Tell true from 1."""
    return isinstance(value, bool), value


def _changed(value: Value, count: int, before: int, entries: int, entries_before: int) -> ChangedValue:
    times = (count / entries) / (before / entries_before) if before else None
    weight = likelihood_ratio(count, before, share=entries / (entries + entries_before))
    change = change_of(count, times, weight) if weight >= CHANCE else Change.SAME
    return ChangedValue(value, count, before, change, times, weight)


def _telling(one: ChangedValue) -> tuple[float, str]:
    return -one.weight, str(one.value)


def _shown(one: ChangedValue, field: Field) -> dict[str, Any]:
    return {
        "value": top_values.shown(one.value, field),
        "change": one.change,
        "count": one.count,
        "before": one.before,
        "times": in_short(one.times),
    }
