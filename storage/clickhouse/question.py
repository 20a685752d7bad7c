"""The WHERE of a question, and its parameters: whose entries, of when, and what may fulfil its conditions."""

from collections.abc import Sequence

from storage.aggregates import Field
from storage.batch import ENTRIES_A_BATCH
from storage.clickhouse.bounds import Bounds, Parameters
from storage.clickhouse.fields import Told, told
from storage.clickhouse.predicates import Compiler, Lower
from storage.clickhouse.rows import at, micros
from storage.clickhouse.shown import ALL_SHOWN, Shown
from storage.conditions import Condition
from storage.search import EPOCH, LAST_MOMENT, Position, Search, received_from
from storage.store import Place

#: The first wall.
OWN = "organisation_id = {}"


class Question:
    """One organisation's, with which the key begins."""

    def __init__(self, organisation_id: int, *, lower: Lower, shown: Shown = ALL_SHOWN) -> None:
        self._parameters = Parameters()
        self._compiler = Compiler(self._parameters, lower=lower)
        self._tests = [OWN.format(self._parameters.unsigned(organisation_id)), *shown.tests]

    @property
    def where(self) -> str:
        """The condition of what is looked at."""
        return " AND ".join(f"({test})" for test in self._tests)

    @property
    def parameters(self) -> dict[str, object]:
        """The values of all that was asked until now."""
        return self._parameters.values

    def micros(self, value: int) -> str:
        """Take a number of microseconds as a parameter."""
        return self._parameters.whole(value)

    def bounds(self, condition: Condition) -> Bounds:
        """Return what surely fulfils a condition, and what may, as SQL with parameters of this question."""
        return self._compiler.bounds(condition)

    def asked(self, search: Search, *, after: Position | None = None, newest_first: bool = True) -> Bounds:
        """Ask for what may be found, beyond a position."""
        self._tests.append(f"timestamp >= {self._at(micros(search.start))}")
        if search.end != LAST_MOMENT:
            self._tests.append(f"timestamp < {self._at(micros(search.end))}")
        first_day = received_from(search.start)
        if first_day > EPOCH:  # what partitions begin with
            self._tests.append(f"received_at >= {self._at(micros(first_day))}")
        if after:
            self._tests.append(self._beyond(after, "<" if newest_first else ">"))
        return self.only(search.query)

    def told(self, field: Field) -> Told:
        """Return the texts at a field, with parameters of this question."""
        return told(field, self._parameters)

    def only(self, condition: Condition) -> Bounds:
        """Ask for what may fulfil a condition."""
        bounds = self.bounds(condition)
        self._tests.append(bounds.possible)
        return bounds

    def at(self, places: Sequence[Place]) -> None:
        """Ask for what batches hold that were received at these times, in whatever pairs."""
        times = [micros(one.received_at) for one in places]
        ids = sorted({one.batch_id for one in places})
        self._tests += [
            f"received_at BETWEEN {self._at(min(times))} AND {self._at(max(times))}",
            f"id BETWEEN {self._parameters.unsigned(ids[0] * ENTRIES_A_BATCH)}"
            f" AND {self._parameters.unsigned((ids[-1] + 1) * ENTRIES_A_BATCH - 1)}",
            f"intDiv(id, {ENTRIES_A_BATCH}) IN {self._parameters.list_of(ids, 'UInt64')}",
        ]

    def within(self, first: int, end: int) -> None:
        """Ask for what was received between two times in microseconds."""
        self._tests.append(f"received_at >= {self._at(first)} AND received_at < {self._at(end)}")

    def _beyond(self, after: Position, side: str) -> str:
        """Say what comes after a position in an order; by the key's own column, too, which narrows the reading."""
        moment, id_ = self._at(micros(after[0])), self._parameters.unsigned(after[1])
        return f"timestamp {side}= {moment} AND (timestamp {side} {moment} OR id {side} {id_})"

    def _at(self, value: int) -> str:
        return at(self._parameters.whole(value))
