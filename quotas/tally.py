"""What one process has counted and not yet written."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple
from uuid import UUID, uuid4

from quotas.metrics import OUTCOMES_LOST

MAX_KINDS = 20_000
KINDS_A_PARCEL = 500
#: What became of single entries of a request that was accepted; `REJECTED` goes on with the code of what was wrong.
BELOW_LEVEL, REJECTED = "below_level", "rejected."
#: What was found in single entries before they were kept, and go on with the detector; what is reported was left.
SCRUBBED, REPORTED = "scrubbed.", "reported."
#: What was accepted of agents, by what they speak; and their entries that were made to fit, by the part that was cut.
BY_PROTOCOL, CUT = "protocol.", "cut."
#: What agents sent that is no entry (transactions, sessions): goes on with what it is.
LET_GO = "let_go."
#: Requests beyond a limit that were accepted by the overflow lane; they are counted as accepted, too, once stored.
DEFERRED = "deferred"
#: Entries that could not be scrubbed: of these only the frame was kept.
WITHHELD = "withheld"


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
    """Amounts on their way; the mark makes it harmless to write them again after an answer that never came."""

    mark: UUID
    amounts: dict[Kind, Amount]


class Tally:
    """Amounts by kind, bounded in number."""

    def __init__(self) -> None:
        self._amounts: dict[Kind, Amount] = {}
        self._counting = threading.Lock()
        self._parcel: Parcel | None = None
        self._handing_over = threading.Lock()

    def add(self, kind: Kind, amount: Amount) -> None:
        """Count, in memory only."""
        with self._counting:
            before = self._amounts.get(kind)
            if before is None and len(self._amounts) >= MAX_KINDS:
                OUTCOMES_LOST.inc(amount.requests)
                return
            self._amounts[kind] = before.plus(amount) if before else amount

    def hand_over(self, write: Callable[[Parcel], None]) -> None:
        """Give everything to `write`, parcel by parcel; one that it fails on is kept, and is the next."""
        with self._handing_over:
            while parcel := self._next_parcel():
                write(parcel)
                self._parcel = None

    def _next_parcel(self) -> Parcel | None:
        if self._parcel is None:
            with self._counting:
                kinds = list(islice(self._amounts, KINDS_A_PARCEL))
                if kinds:
                    self._parcel = Parcel(uuid4(), {kind: self._amounts.pop(kind) for kind in kinds})
        return self._parcel
