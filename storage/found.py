"""An entry as it is read back: its documents are JSON text, which is passed on and not parsed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from msgspec import Raw, json

from foundation.levels import BY_NAME, Level
from storage.batch import Batch, entry_id
from storage.entry import CanonicalEntry

#: The names of an entry's members in JSON, and those of their values that are short.
MEMBERS_BYTES = 400


@dataclass(frozen=True, slots=True)
class FoundEntry:
    """A stored entry; its fields stand in the order of `COLUMNS`. Documents are compact, their numbers short."""

    id: int
    received_at: datetime
    timestamp: datetime
    level: Level
    environment: str
    project: str
    trace_id: str | None
    span_id: str | None
    parent_span_id: str | None
    privacy_mode: bool | None
    message: str
    metadata: Raw | None
    error: Raw | None
    size_bytes: int
    #: The fingerprint that it was counted for, if it is an error.
    error_key: int | None = None
    #: The name of the edge that took it, unless it came here.
    edge: str | None = None
    #: The number of its error group, which no store knows: see `explore.grouped`.
    group: int | None = None

    @property
    def position(self) -> tuple[datetime, int]:
        """The place in the order of time; ids tell entries of the same microsecond apart."""
        return self.timestamp, self.id

    @property
    def held_bytes(self) -> int:
        """About what it takes in an answer; what was charged counts the escapes of its texts."""
        texts = len(self.message.encode()) + len(self.metadata or b"") + len(self.error or b"")
        return MEMBERS_BYTES + max(texts, self.size_bytes)


#: An entry, and whose it is.
OwnedEntry = tuple[int, FoundEntry]


class Portion(list[FoundEntry]):
    """As many entries as were asked for, or fewer because of their bytes; `goes_on` when there are more."""

    goes_on = False


@dataclass(frozen=True, slots=True)
class Sampled:
    """Entries that were picked by chance, of so many that `fulfilled`; none from before `since` was looked at.

    `since` is None when all were.
    """

    entries: Portion
    fulfilled: int
    since: datetime | None


def portion(entries: Iterable[FoundEntry], *, limit: int, most_bytes: int) -> Portion:
    """Take up to `limit` entries, and no more once they hold `most_bytes`; one is always taken, however large.

    Looks at one entry more than it takes.
    """
    taken = Portion()
    held_bytes = 0
    for entry in entries:
        held_bytes += entry.held_bytes
        if len(taken) == limit or (taken and held_bytes > most_bytes):
            taken.goes_on = True
            break
        taken.append(entry)
    return taken


#: The names of an entry's fields, in order.
COLUMNS = tuple(field.name for field in fields(FoundEntry) if field.name != "group")
_LEVEL = COLUMNS.index("level")
_decode = json.Decoder(CanonicalEntry).decode


def entries_in(batch: Batch) -> list[FoundEntry]:
    """Return the entries of a batch as they would be read back. Raises: `msgspec.MsgspecError`."""
    return [_entry(batch, index, line) for index, line in zip(batch.indexes, batch.lines, strict=True)]


def _entry(batch: Batch, index: int, line: bytes) -> FoundEntry:
    entry = _decode(line)
    return FoundEntry(
        id=entry_id(batch.batch_id, index),
        received_at=batch.received_at,
        timestamp=entry.timestamp,
        level=Level(BY_NAME[entry.level].value),
        environment=batch.environment if entry.environment is None else entry.environment,
        project=batch.project if entry.project_id is None else entry.project_id,
        trace_id=entry.trace_id,
        span_id=entry.span_id,
        parent_span_id=entry.parent_span_id,
        privacy_mode=entry.privacy_mode,
        message=entry.message,
        metadata=entry.metadata if bytes(entry.metadata) else None,
        error=entry.error if bytes(entry.error) else None,
        size_bytes=len(line),
        edge=batch.edge,
    )


def found(row: Sequence[Any]) -> FoundEntry:
    """Make an entry of a row of `COLUMNS`, whose documents are `Raw`."""
    values: Any = (*row[:_LEVEL], Level(row[_LEVEL]), *row[_LEVEL + 1 :])
    return FoundEntry(*values)
