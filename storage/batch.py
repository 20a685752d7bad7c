"""A batch on its way into the log store."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, datetime
from typing import Any

ENTRIES_A_BATCH = 1024  # room for an index below each batch id


@dataclass(frozen=True, kw_only=True, slots=True)
class BatchHead:
    """What every carrier of a batch says of it: whose it is, and when it was taken and charged."""

    batch_id: int
    organisation_id: int
    api_key_id: int
    project: str
    environment: str
    received_at: datetime
    period: date

    def head(self) -> dict[str, Any]:
        """Return what another carrier of the same batch takes over, by name."""
        return {name: getattr(self, name) for name in HEAD}


#: The names of the head's fields, which are its columns in every table of batches.
HEAD = tuple(one.name for one in fields(BatchHead))


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch(BatchHead):
    """Accepted entries of one API key. `lines[i]` is the canonical form of the entry with index `indexes[i]`."""

    lines: Sequence[bytes]
    indexes: Sequence[int]

    @property
    def size_bytes(self) -> int:
        """The bytes charged for these entries."""
        return sum(map(len, self.lines))

    def only(self, places: Sequence[int]) -> "Batch":
        """Return the same batch with only the lines at `places`."""
        return replace(self, lines=[self.lines[n] for n in places], indexes=[self.indexes[n] for n in places])


def entry_id(batch_id: int, index: int) -> int:
    """Return the id of the entry at `index` of a batch: lineage and uniqueness without a sequence."""
    return batch_id * ENTRIES_A_BATCH + index
