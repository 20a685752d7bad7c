"""The error groups of entries: which group an entry is in, and what entries a group has."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial

from issues import numbers
from storage.found import FoundEntry, Portion

#: The keys that entries of the group with a number carry.
Grouped = Callable[[int], tuple[int, ...]]


def grouped_by(organisation_id: int) -> Grouped:
    """Return what an organisation's groups are made of. Raises: `OperationalError`."""
    return partial(numbers.keys_of, organisation_id)


def with_groups(organisation_id: int, entries: Iterable[FoundEntry]) -> list[FoundEntry]:
    """Return entries with the numbers of their groups. Raises: `OperationalError`."""
    entries = list(entries)
    keys = {entry.error_key for entry in entries if entry.error_key is not None}
    if not keys:
        return entries
    of_key = numbers.numbers_of(organisation_id, keys)
    return [
        replace(entry, group=of_key.get(entry.error_key)) if entry.error_key is not None else entry for entry in entries
    ]


def with_groups_in(organisation_id: int, portion: Portion) -> Portion:
    """Return a portion with the numbers of its entries' groups."""
    numbered = Portion(with_groups(organisation_id, portion))
    numbered.goes_on = portion.goes_on
    return numbered
