"""Stored entries for tests of reading: written straight into the log store."""

import itertools
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from django.db import connection

from foundation.levels import BY_NAME
from storage import partitions

NOW = datetime(2026, 11, 20, 12, 0, 0, tzinfo=UTC)
_ids = itertools.count(1)


def store_entries(entries: Iterable[Mapping[str, Any]], *, organisation_id: int = 1) -> list[int]:
    """Store entries of the API's shape; what they leave out has a default. Return their ids."""
    rows = [_row(entry, organisation_id) for entry in entries]
    partitions.make({row["received_at"].astimezone(UTC).date() for row in rows})
    with connection.cursor() as cursor:
        for row in rows:
            cursor.execute(
                f"INSERT INTO storage_logentry ({', '.join(row)}) VALUES ({', '.join(['%s'] * len(row))})",
                list(row.values()),
            )
    return [row["id"] for row in rows]


def store_entry(*, organisation_id: int = 1, **entry: Any) -> int:
    """Store one entry; return its id."""
    return store_entries([entry], organisation_id=organisation_id)[0]


def _row(entry: Mapping[str, Any], organisation_id: int) -> dict[str, Any]:
    timestamp = entry.get("timestamp", NOW)
    return {
        "id": entry.get("id", next(_ids) * 1024),
        "organisation_id": organisation_id,
        "received_at": entry.get("received_at", timestamp),
        "timestamp": timestamp,
        "level": BY_NAME[entry.get("level", "info")].value,
        "environment": entry.get("environment", "production"),
        "project": entry.get("project", "shop"),
        "trace_id": entry.get("trace_id"),
        "span_id": entry.get("span_id"),
        "parent_span_id": entry.get("parent_span_id"),
        "privacy_mode": entry.get("privacy_mode"),
        "message": entry.get("message", "hello"),
        "metadata": _json(entry.get("metadata")),
        "error": _json(entry.get("error")),
        "size_bytes": entry.get("size_bytes", 100),
    }


def _json(value: object) -> str | None:
    return None if value is None else json.dumps(value)
