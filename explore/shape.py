"""An entry in the API's shape: as JSON for whoever reads it, and parsed for whoever looks into it."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import Raw

from foundation.numbers import Written
from storage.found import FoundEntry

_encode = msgspec.json.Encoder().encode
_parse = msgspec.json.Decoder(float_hook=Written).decode


def as_json(entry: FoundEntry) -> bytes:
    """Return an entry as JSON: every field is there, null where the entry has none; documents are passed through."""
    return _encode(members(entry, metadata=entry.metadata, error=entry.error))


def as_list(entries: Iterable[FoundEntry]) -> Raw:
    """Return entries as a JSON list."""
    return Raw(b"[%b]" % b",".join(map(as_json, entries)))


def as_mapping(entry: FoundEntry) -> dict[str, Any]:
    """Return an entry with its documents parsed: many times its size, so for one entry at a time.

    For whoever matches it, with the fingerprint that it was counted for.
    """
    shown = members(entry, metadata=parsed(entry.metadata), error=parsed(entry.error))
    return shown | {"error_key": entry.error_key}


def parsed(document: Raw | None) -> Any:
    """Return what a document holds, its numbers exact."""
    return None if document is None else _parse(document)


def as_text(moment: datetime) -> str:
    """Return a time as RFC 3339 in UTC with microseconds; the year always has four digits, as `strftime` has not."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def members(entry: FoundEntry, *, metadata: Any, error: Any) -> dict[str, Any]:
    """Return an entry's members by name, with these documents."""
    return {
        "id": str(entry.id),
        "timestamp": as_text(entry.timestamp),
        "received_at": as_text(entry.received_at),
        "level": entry.level.label,
        "message": entry.message,
        "environment": entry.environment,
        "project": entry.project,
        "trace_id": entry.trace_id,
        "span_id": entry.span_id,
        "parent_span_id": entry.parent_span_id,
        "privacy_mode": entry.privacy_mode,
        "edge": entry.edge,
        "metadata": metadata,
        "error": error,
        "size_bytes": entry.size_bytes,
        "group": entry.group,
    }
