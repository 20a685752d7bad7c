"""Conditions as two pieces of SQL: what surely fulfils them, and what may. Users' text is in parameters only.

ClickHouse reads JSON in its own way: whole numbers of 20 digits become texts, and beyond 2^53 it compares by doubles.
So where the two pieces differ for an entry, the language's own definition decides (`storage.matching`), and never the
engine. Neither piece is ever NULL.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Bounds:
    """`certain`: only entries that fulfil the condition. `possible`: all that do, and perhaps others."""

    certain: str
    possible: str

    @property
    def is_exact(self) -> bool:
        """Whether there is nothing to decide."""
        return self.certain == self.possible

    @property
    def decided(self) -> str:
        """Of what is possible: whether it is certain."""
        return "1" if self.is_exact else self.certain


def exactly(sql: str) -> Bounds:
    """Return the bounds of what SQL says exactly."""
    return Bounds(sql, sql)


ALWAYS, NEVER = exactly("1"), exactly("0")
#: What SQL says nothing about.
UNDECIDED = Bounds("0", "1")


def every(bounds: Iterable[Bounds]) -> Bounds:
    """Return the bounds of all of these at once."""
    return _joined(" AND ", list(bounds))


def either(bounds: Iterable[Bounds]) -> Bounds:
    """Return the bounds of at least one of these."""
    return _joined(" OR ", list(bounds))


def unless(bounds: Bounds) -> Bounds:
    """Return the bounds of the contrary: surely not what may, and perhaps not what is not sure."""
    return Bounds(f"NOT ({bounds.possible})", f"NOT ({bounds.certain})")


def _joined(word: str, bounds: list[Bounds]) -> Bounds:
    return Bounds(word.join(f"({one.certain})" for one in bounds), word.join(f"({one.possible})" for one in bounds))


@dataclass(slots=True)
class Parameters:
    """Values for one statement; what is asked for returns its place in the SQL."""

    values: dict[str, object] = field(default_factory=dict)

    def text(self, value: str) -> str:
        """Take a text."""
        return self._add(value, "String")

    def number(self, value: float) -> str:
        """Take a double."""
        return self._add(float(value), "Float64")

    def whole(self, value: int) -> str:
        """Take an integer."""
        return self._add(value, "Int64")

    def unsigned(self, value: int) -> str:
        """Take an integer that is an id or a number of something."""
        return self._add(value, "UInt64")

    def list_of(self, values: Iterable[int], kind: str) -> str:
        """Take integers of a type of ClickHouse's."""
        return self._add(list(values), f"Array({kind})")

    def texts(self, values: Iterable[str]) -> str:
        """Take several texts, none of which holds more than letters, digits and signs of ASCII."""
        return self._add(list(values), "Array(String)")

    def _add(self, value: object, kind: str) -> str:
        name = f"p{len(self.values)}"
        self.values[name] = value
        return f"{{{name}:{kind}}}"
