"""Batches for tests of the spool and the drain, packed as a request packs them."""

from datetime import UTC, datetime

import msgspec

from ingest import spool
from ingest.payload import pack
from storage.entry import Entry

NOW = datetime(2026, 1, 26, 14, 30, tzinfo=UTC)


def part_of(*messages: str) -> spool.Part:
    """Pack one entry a message."""
    lines = [msgspec.json.encode(Entry(timestamp=NOW, level="info", message=message)) for message in messages]
    return spool.Part(payload=pack(b"\n".join(lines)), entries=len(lines), size_bytes=sum(map(len, lines)))
