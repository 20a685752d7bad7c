"""Questions for figures: one measure of the entries that a search finds, by fields of theirs and by steps of time.

What a question means is said here and in docs/search.md, whatever the store; `tests.contract.figures` is the oracle.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Literal, NamedTuple

from storage.conditions import DocumentColumn, TextColumn
from storage.search import EPOCH

#: Groups are told apart by so many characters of a text.
MOST_CHARACTERS = 256
CUT = "…"
#: What a percentile may be off by, where it is not exact, as a share of itself.
ERROR = Decimal("0.01")

Figure = Decimal | int
Value = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Column:
    """A column's value; that of `level` is its number."""

    name: TextColumn | Literal["level", "size_bytes"]


@dataclass(frozen=True, slots=True)
class Member:
    """The values that `name` leads to in a document, as `storage.conditions.Document` says."""

    document: DocumentColumn
    name: str


#: Where an entry's values of a field are: in each of these. Its values are the texts, numbers, true and false there,
#: each element of a list for itself.
Field = tuple[Column | Member, ...]


class Function(StrEnum):
    """What is made of the entries of a group, or of their values of a field; all but the first two take numbers."""

    COUNT = "count"
    DISTINCT = "distinct"
    SUM = "sum"
    AVERAGE = "avg"
    MINIMUM = "min"
    MAXIMUM = "max"
    P50 = "p50"
    P95 = "p95"
    P99 = "p99"

    @property
    def share(self) -> Decimal | None:
        """The share of numbers that are no larger, of a percentile: the smallest number of which that holds."""
        return Decimal(self.value[1:]) / 100 if self.value.startswith("p") else None


@dataclass(frozen=True, slots=True)
class Aggregate:
    """A measure, of `field` unless it is a count, by up to two fields, and by steps if there is one.

    An entry is in the group of each of its values, once; without a value, in that of None. A text is told apart by its
    first `MOST_CHARACTERS`, behind which `CUT` stands for the rest. A group without a number to measure is none.
    """

    function: Function
    field: Field = ()
    by: tuple[Field, ...] = ()
    step: timedelta | None = None
    #: At a whole minute.
    origin: datetime = EPOCH
    limit: int = 20


@dataclass(frozen=True, slots=True)
class Series:
    """A group's figure, and those of its steps by their beginnings, of which those with nothing are left out."""

    by: tuple[Value, ...]
    value: Figure | None
    points: dict[datetime, Figure] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Aggregated:
    """The `limit` groups with the largest figures, the largest first, equal ones by their values as JSON.

    `others` is about what is in all other groups, taken for one, and `other_groups` their number. `scanned` entries
    were found. Figures are exact unless `is_exact` says no: then those of percentiles are within `ERROR`.
    """

    rows: list[Series]
    others: Series | None
    other_groups: int
    scanned: int
    is_exact: bool


@dataclass(frozen=True, slots=True)
class FieldValues:
    """Of a field: how many entries have a value, how many values there are, and the most frequent with their counts."""

    entries: int
    distinct: int
    values: list[tuple[Value, int]]


@dataclass(frozen=True, slots=True)
class Values:
    """The values of fields, in their order, in the newest `entries` found; in all that are found if it `is_all`.

    Texts are told apart as in an `Aggregate`.
    """

    entries: int
    is_all: bool
    fields: list[FieldValues]


class Said(NamedTuple):
    """What an entry says."""

    id: int
    timestamp: datetime
    level: int
    message: str
