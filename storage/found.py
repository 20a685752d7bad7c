"""An entry as it is read back."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from foundation.levels import Level


@dataclass(frozen=True, slots=True)
class FoundEntry:
    """A stored entry; its fields stand in the order of `COLUMNS`."""

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
    metadata: dict[str, Any] | None
    error: dict[str, Any] | None
    size_bytes: int

    @property
    def position(self) -> tuple[datetime, int]:
        """The place in the order of time; ids tell entries of the same microsecond apart."""
        return self.timestamp, self.id


_NAMES = tuple(field.name for field in fields(FoundEntry))
COLUMNS = ", ".join(_NAMES)


def found(row: Sequence[Any]) -> FoundEntry:
    """Make an entry of a row of `COLUMNS`, as Django's cursors give it: JSON as text."""
    values = dict(zip(_NAMES, row, strict=True))
    values |= {"level": Level(values["level"])}
    values |= {name: _document(values[name]) for name in ("metadata", "error")}
    return FoundEntry(**values)


def _document(value: str | None) -> dict[str, Any] | None:
    return None if value is None else json.loads(value)
