"""A batch on its way into the log store."""

from collections.abc import Sequence
from datetime import date, datetime
from operator import attrgetter
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

ENTRIES_A_BATCH = 1024  # room for an index below each batch id


class BatchHead(Struct, frozen=True, kw_only=True):
    """What every carrier of a batch says of it: whose it is, and when it was taken and charged."""

    batch_id: int
    organisation_id: int
    api_key_id: int
    project: str
    environment: str
    received_at: datetime
    period: date
    #: The name of the edge that took it, and when, unless it came here.
    edge: str | None = None
    edge_received_at: datetime | None = None

    @property
    def taken_at(self) -> datetime:
        """When it was answered 200; the clock of an edge never says later than ours."""
        return min(self.edge_received_at or self.received_at, self.received_at)

    def head(self) -> dict[str, Any]:
        """Return what another carrier of the same batch takes over, by name."""
        return dict(zip(HEAD, _head_of(self), strict=True))


#: The names of the head's fields, which are its columns in every table of batches.
HEAD = BatchHead.__struct_fields__
_head_of = attrgetter(*HEAD)


class Batch(BatchHead, frozen=True, kw_only=True):
    """Accepted entries of one API key. `lines[i]` is the canonical form of the entry with index `indexes[i]`.

    `charged` has the bytes that each was charged, if they were changed since; empty: their lengths. `error_keys` has
    the fingerprint that each was counted for, if any; empty: none of them has one; None: nobody has looked.
    """

    lines: Sequence[bytes]
    indexes: Sequence[int]
    charged: Sequence[int] = ()
    error_keys: Sequence[int | None] | None = None

    @property
    def errors(self) -> int | None:
        """How many of these entries are counted as errors; None where nobody has looked."""
        return None if self.error_keys is None else len(self.error_keys) - self.error_keys.count(None)

    @property
    def size_bytes(self) -> int:
        """The bytes charged for these entries."""
        return sum(self.charged or map(len, self.lines))

    @property
    def erased_bytes(self) -> int:
        """How many of those are not stored; less than none, if what is stored is longer."""
        return self.size_bytes - sum(map(len, self.lines)) if self.charged else 0

    def only(self, places: Sequence[int]) -> "Batch":
        """Return the same batch with only the lines at `places`."""
        return replace(
            self,
            lines=[self.lines[n] for n in places],
            indexes=[self.indexes[n] for n in places],
            charged=[self.charged[n] for n in places] if self.charged else (),
            error_keys=[self.error_keys[n] for n in places] if self.error_keys else self.error_keys,
        )

    def with_error_keys(self, keys: Sequence[int | None]) -> "Batch":
        """Return the same batch with the fingerprints that its entries were counted for."""
        return replace(self, error_keys=keys)

    def scrubbed(self, lines: Sequence[bytes]) -> "Batch":
        """Return the same batch with other lines in the place of its own; what was charged stays."""
        return replace(self, lines=lines, charged=[len(line) for line in self.lines])


def head_of(batch_id: int, organisation_id: int, received_at: datetime) -> BatchHead:
    """Return the head of a batch of which no more is known than where its entries lie."""
    return BatchHead(
        batch_id=batch_id,
        organisation_id=organisation_id,
        api_key_id=0,
        project="",
        environment="",
        received_at=received_at,
        period=received_at.date().replace(day=1),
    )


def entry_id(batch_id: int, index: int) -> int:
    """Return the id of the entry at `index` of a batch: lineage and uniqueness without a sequence."""
    return batch_id * ENTRIES_A_BATCH + index
