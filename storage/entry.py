"""The canonical form of a log entry: what `ingest` makes of a request, and all that `storage` ever reads."""

from datetime import datetime
from typing import Annotated, Any

from msgspec import Meta, Raw, Struct

from foundation.levels import LevelName

#: At most 128 characters here; `ingest` holds it to 128 bytes, which a btree index can take.
ShortText = Annotated[str, Meta(max_length=128)]


class EntryError(Struct, omit_defaults=True, gc=False):
    """The error of an entry, as the reference's error payload schema has it."""

    type: str | None = None
    message: str | None = None
    stack_trace: list[str] | None = None
    context: dict[str, Any] | None = None
    fingerprint: str | None = None


class Entry(Struct, omit_defaults=True, gc=False):
    """One entry. Its compact JSON, absent fields left out and `timestamp` in UTC, is the canonical form.

    The length of that JSON in bytes is the entry's `size_bytes`.
    """

    timestamp: datetime
    level: LevelName
    message: str
    environment: ShortText | None = None
    project_id: ShortText | None = None
    trace_id: ShortText | None = None
    span_id: ShortText | None = None
    parent_span_id: ShortText | None = None
    privacy_mode: bool | None = None
    metadata: dict[str, Any] | None = None
    error: EntryError | None = None


class CanonicalEntry(Struct):
    """An `Entry` read back from its canonical form; `metadata` and `error` stay JSON."""

    timestamp: datetime
    level: LevelName
    message: str
    environment: str | None = None
    project_id: str | None = None
    trace_id: str | None = None
    span_id: str | None = None
    parent_span_id: str | None = None
    privacy_mode: bool | None = None
    metadata: Raw = Raw()
    error: Raw = Raw()
