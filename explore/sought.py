"""What somebody wants erased: entries that a query finds, or all that a value stands in; and the value elsewhere."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from urllib.parse import quote

from explore.hashed import hashed_by
from explore.query import parse
from explore.shape import as_mapping, parsed
from foundation.holdings import Wanted, texts_of
from storage.conditions import (
    EVERYTHING,
    Condition,
    Document,
    Either,
    Equals,
    Every,
    Mentions,
    Resembles,
    Test,
    Text,
    TextColumn,
    Unless,
    Words,
)
from storage.found import FoundEntry
from storage.matching import matches

#: Columns of an entry that hold words of clients, beside what `Mentions` looks into.
COLUMNS: tuple[TextColumn, ...] = ("environment", "project", "trace_id", "span_id", "parent_span_id")
#: What these are asked for is no value of a person: nobody's saved search is to go for it.
NOT_VALUES = ("environment", "project", "edge")
MOST_CHARACTERS = 2_000
LEAST_CHARACTERS = 3


class Unclear(ValueError):
    """What is wrong with what somebody wants erased, for whoever wrote it."""


@dataclass(frozen=True, kw_only=True)
class Sought:
    """The stored entries to look at, which of them are meant, and the same of an entry that is stored nowhere."""

    wanted: Wanted
    condition: Condition
    fits: Callable[[FoundEntry], bool]
    fits_unstored: Callable[[FoundEntry], bool]


def by_query(query: str, organisation_id: int) -> Sought:
    """Return what a query of the search language finds. Raises: `QueryError`; `Unclear` for one that finds all."""
    condition = parse(query, hashed=hashed_by(organisation_id))
    if condition == EVERYTHING:
        raise Unclear("An empty query finds everything: say what is to be erased.")
    return Sought(
        wanted=Wanted(organisation_id, tuple(dict.fromkeys(_values(condition)))),
        condition=condition,
        fits=lambda _entry: True,
        fits_unstored=lambda entry: matches(condition, as_mapping(entry)),
    )


def by_value(value: str, organisation_id: int) -> Sought:
    """Return everything that a value stands in, as it is, in an address, or hashed. Raises: `Unclear`."""
    if not LEAST_CHARACTERS <= len(value) <= MOST_CHARACTERS or "\0" in value:
        raise Unclear(f"A value has {LEAST_CHARACTERS} to {MOST_CHARACTERS:,} characters; a query takes shorter ones.")
    kept = hashed_by(organisation_id)(value, None)
    values = tuple(dict.fromkeys([value, quote(value, safe=""), *([kept] if kept else [])]))
    wanted = Wanted(organisation_id, values)
    in_columns = [Text(column, Resembles(("", one, ""), ignores_case=True)) for one in values for column in COLUMNS]

    def fits(entry: FoundEntry) -> bool:
        return any(map(wanted.is_in, _texts_of(entry)))

    condition = Either((*map(Mentions, values), *in_columns))
    return Sought(wanted=wanted, condition=condition, fits=fits, fits_unstored=fits)


def _texts_of(entry: FoundEntry) -> Iterator[str]:
    """Yield what clients wrote of an entry."""
    yield entry.message
    yield from (text for column in COLUMNS if (text := getattr(entry, column)))
    yield from texts_of(parsed(entry.metadata))
    yield from texts_of(parsed(entry.error))


def _values(condition: Condition) -> Iterator[str]:
    """Yield the values that a condition asks for, but for those that it does not want to find."""
    match condition:
        case Every(of) | Either(of):
            for one in of:
                yield from _values(one)
        case Text(column, test) if column not in NOT_VALUES:
            yield from _of_test(test)
        case Words(test) | Document(_, _, test):
            yield from _of_test(test)
        case Unless() | _:
            return


def _of_test(test: Test) -> Iterator[str]:
    match test:
        case Equals(values):
            yield from (value for value in values if isinstance(value, str))
            yield from (format(value, "f") for value in values if isinstance(value, Decimal))
        case Resembles(("", text, "")) if text:
            yield text
        case _:
            return
