"""The canonical line of an entry that was read back, as it would be if it came now."""

from msgspec import json

from storage.found import FoundEntry


def line_of(entry: FoundEntry) -> bytes:
    """Return an entry's line; whether its environment came with it, or was its key's, nobody knows any more."""
    members = {
        "timestamp": entry.timestamp,
        "level": entry.level.label,
        "message": entry.message,
        "environment": entry.environment,
        "project_id": entry.project,
        "trace_id": entry.trace_id,
        "span_id": entry.span_id,
        "parent_span_id": entry.parent_span_id,
        "privacy_mode": entry.privacy_mode,
        "metadata": entry.metadata,
        "error": entry.error,
    }
    return json.encode({name: value for name, value in members.items() if value is not None})
