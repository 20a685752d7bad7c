"""What a recording holds: entries as canonical lines, each with where it stood, in one zstd frame. Pure.

What does not fit is left out, the least important first: the entry stays, then its trace, then its neighbours, of
either the nearest.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from msgspec import Raw, Struct, json

from assist.models.recording import MOST_BYTES
from explore.shape import parsed
from foundation.levels import BY_NAME, Level
from ingest.spool import payload
from storage.entry import CanonicalEntry
from storage.found import FoundEntry
from storage.lines import line_of

#: Where clients write a trace's id, if not in its field.
_IN_METADATA = ("trace_id", "traceId")
MOST_OF_TRACE_ID = 256


class _Kept(Struct, array_like=True, gc=False):
    """A line of a frame."""

    id: int
    received_at: datetime
    error_key: int | None
    size_bytes: int
    line: Raw
    edge: str | None = None


_decode_kept = json.Decoder(_Kept).decode
_decode_line = json.Decoder(CanonicalEntry).decode


@dataclass(frozen=True, slots=True)
class Packed:
    """A frame, the entries in it in the order of time, and for how many others there was no room."""

    frame: bytes
    entries: Sequence[FoundEntry]
    left_out: int


def pack(entries: Sequence[FoundEntry], *, most_bytes: int = MOST_BYTES) -> Packed:
    """Return a frame of as many of `entries`, the most important first, as fit; of the first at least its message."""
    kept = len(entries)
    while kept > 1:
        packed = _packed(entries[:kept], left_out=len(entries) - kept)
        if len(packed.frame) <= most_bytes:
            return packed
        kept = max(1, min(kept - 1, kept * most_bytes // len(packed.frame)))
    first = entries[0]
    for fewer in (first, replace(first, metadata=None), replace(first, metadata=None, error=None)):
        packed = _packed([fewer], left_out=len(entries) - 1)
        if len(packed.frame) <= most_bytes:
            break
    return packed


def read(frame: bytes) -> list[FoundEntry]:
    """Return the entries of a frame in the order of time. Raises: `PayloadError`, `MsgspecError`."""
    return [_entry(_decode_kept(line)) for line in payload.unpack(frame)]


def ranked(entries: Sequence[FoundEntry], entry_id: int) -> list[FoundEntry]:
    """Return entries in the order of their importance to one of them; without that one as they are."""
    entry = next((one for one in entries if one.id == entry_id), None)
    if entry is None:
        return list(entries)
    trace_id = trace_of(entry)

    def rank(one: FoundEntry) -> tuple[bool, bool, float]:
        is_of_trace = trace_id is not None and trace_of(one) == trace_id
        return one.id != entry_id, not is_of_trace, abs((one.timestamp - entry.timestamp).total_seconds())

    return sorted(entries, key=rank)


def trace_of(entry: FoundEntry) -> str | None:
    """Return the id of an entry's trace, wherever its client wrote it."""
    if entry.trace_id or entry.metadata is None or b"race" not in bytes(entry.metadata):
        return entry.trace_id
    metadata = parsed(entry.metadata)
    found = [metadata.get(name) for name in _IN_METADATA] if isinstance(metadata, dict) else []
    return next((one for one in found if isinstance(one, str) and 0 < len(one) <= MOST_OF_TRACE_ID), None)


def _packed(entries: Sequence[FoundEntry], *, left_out: int) -> Packed:
    in_time = sorted(entries, key=lambda entry: entry.position)
    lines = [
        json.encode(_Kept(one.id, one.received_at, one.error_key, one.size_bytes, Raw(line_of(one)), one.edge))
        for one in in_time
    ]
    return Packed(payload.pack(b"\n".join(lines)), in_time, left_out)


def _entry(kept: _Kept) -> FoundEntry:
    line = _decode_line(kept.line)
    return FoundEntry(
        id=kept.id,
        received_at=kept.received_at,
        timestamp=line.timestamp,
        level=Level(BY_NAME[line.level]),
        environment=line.environment or "",
        project=line.project_id or "",
        trace_id=line.trace_id,
        span_id=line.span_id,
        parent_span_id=line.parent_span_id,
        privacy_mode=line.privacy_mode,
        message=line.message,
        metadata=line.metadata if bytes(line.metadata) else None,
        error=line.error if bytes(line.error) else None,
        size_bytes=kept.size_bytes,
        error_key=kept.error_key,
        edge=kept.edge,
    )
