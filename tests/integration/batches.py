"""Batches for tests of the spool and the drain, packed as a request packs them."""

from datetime import UTC, datetime

import msgspec

from ingest.spool import table
from ingest.spool.payload import pack
from storage.entry import Entry

NOW = datetime(2026, 1, 26, 14, 30, tzinfo=UTC)


def part_of(*messages: str) -> table.Part:
    """Pack one entry a message."""
    lines = [msgspec.json.encode(Entry(timestamp=NOW, level="info", message=message)) for message in messages]
    return table.Part(payload=pack(b"\n".join(lines)), entries=len(lines), size_bytes=sum(map(len, lines)))
