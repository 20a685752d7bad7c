"""Rows of the table as entries; times are asked for as microseconds since 1970, whatever the year."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from msgspec import Raw

from foundation.levels import Level
from storage.found import COLUMNS, FoundEntry
from storage.search import EPOCH

MICROSECOND = timedelta(microseconds=1)
_WRITTEN = {
    "received_at": "toUnixTimestamp64Micro(received_at)",
    "timestamp": "toUnixTimestamp64Micro(timestamp)",
    "level": "CAST(level, 'Int8')",
}
#: The columns of an entry, in the order of its fields.
SELECTED = ", ".join(_WRITTEN.get(name, name) for name in COLUMNS)


def micros(moment: datetime) -> int:
    """Return a time as microseconds since 1970."""
    return (moment - EPOCH) // MICROSECOND


def moment(since_1970: int) -> datetime:
    """Return the time of so many microseconds since 1970."""
    return EPOCH + timedelta(microseconds=since_1970)


def at(placeholder: str) -> str:
    """Return the SQL of a time whose parameter holds microseconds."""
    return f"fromUnixTimestamp64Micro({placeholder}, 'UTC')"


def entry_of(row: Sequence[Any]) -> FoundEntry:
    """Make an entry of a row of `SELECTED`."""
    id_, received, happened, level, *texts, message, metadata, error, size_bytes, error_key, edge = row
    environment, project, trace_id, span_id, parent_span_id, privacy_mode = texts
    return FoundEntry(
        id=id_,
        received_at=moment(received),
        timestamp=moment(happened),
        level=Level(level),
        environment=environment,
        project=project,
        trace_id=trace_id,
        span_id=span_id,
        parent_span_id=parent_span_id,
        privacy_mode=privacy_mode,
        message=message,
        metadata=_document(metadata),
        error=_document(error),
        size_bytes=size_bytes,
        error_key=error_key,
        edge=edge,
    )


def _document(text: str) -> Raw | None:
    return Raw(text.encode()) if text else None
