"""What one process has counted and not yet handed over to Valkey."""

import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

from foundation import valkey
from quotas.metrics import OUTCOMES_LOST
from quotas.scripts import script

MAX_KINDS = 20_000
KINDS_A_PARCEL = 500
HASH = "{outcomes}"


class Kind(NamedTuple):
    """What is counted apart: one outcome of one key in an hour, given by the Unix seconds of its start."""

    hour: int
    organisation_id: int
    api_key_id: int
    outcome: str


class Amount(NamedTuple):
    """How much of one kind."""

    requests: int
    entries: int
    bytes: int

    def plus(self, other: "Amount") -> "Amount":
        """Return the sum."""
        return Amount(self.requests + other.requests, self.entries + other.entries, self.bytes + other.bytes)


@dataclass(frozen=True, slots=True)
class Parcel:
    """Amounts on their way; the mark makes it harmless to send them again after an answer that never came."""

    mark: str
    amounts: dict[Kind, Amount]

    def arguments(self) -> Iterator[str | int]:
        """Yield field and number of every amount, zeros left out."""
        for kind, amount in self.amounts.items():
            for measure, number in amount._asdict().items():
                if number:
                    yield ":".join(map(str, [*kind, measure]))
                    yield number


class Tally:
    """Amounts by kind, bounded in number."""

    def __init__(self) -> None:
        self._amounts: dict[Kind, Amount] = {}
        self._counting = threading.Lock()
        self._parcel: Parcel | None = None
        self._sending = threading.Lock()

    def add(self, kind: Kind, amount: Amount) -> None:
        """Count, in memory only."""
        with self._counting:
            before = self._amounts.get(kind)
            if before is None and len(self._amounts) >= MAX_KINDS:
                OUTCOMES_LOST.inc(amount.requests)
                return
            self._amounts[kind] = before.plus(amount) if before else amount

    def send(self) -> None:
        """Hand everything over to Valkey. Raises: `redis.RedisError`; what could not be sent is kept."""
        with self._sending:
            while parcel := self._next_parcel():
                keys = [valkey.key(HASH), valkey.key(HASH, parcel.mark)]
                script("add_outcomes")(keys=keys, args=list(parcel.arguments()))
                self._parcel = None

    def _next_parcel(self) -> Parcel | None:
        if self._parcel is None:
            with self._counting:
                kinds = list(islice(self._amounts, KINDS_A_PARCEL))
                if kinds:
                    self._parcel = Parcel(uuid.uuid4().hex, {kind: self._amounts.pop(kind) for kind in kinds})
        return self._parcel
