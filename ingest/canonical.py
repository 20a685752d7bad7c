"""The canonical form of entries: within which limits, as which lines, in which parts. All protocols end here.

Compact JSON, one entry a line; `storage.entry` says which fields. Whoever wants a look at every entry that is kept,
whatever it came by, takes it here.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC
from itertools import repeat
from operator import add
from typing import Any

from msgspec import json

from foundation.numbers import may_hold_long, shorten
from foundation.refusals import FieldError
from ingest.timestamps import as_utc
from privacy.scrubbing import Findings, QuickScrubber, Scrubber
from storage.entry import Entry

MAX_MESSAGE_BYTES = 10_240
MAX_METADATA_BYTES = 102_400
MAX_ERROR_BYTES = 262_144
MAX_SHORT_TEXT_BYTES = 128
MAX_DEPTH = 64  # an object without a list or an object in it is one level deep
#: White space aside. Nothing legal comes near, even with every character escaped; bounds what one entry can cost us.
MAX_ENTRY_TEXT_BYTES = 2 * 2**20

SHORT_TEXTS = ("environment", "project_id", "trace_id", "span_id", "parent_span_id")

#: Entries of a batch; a request with more becomes several.
MAX_ENTRIES = 1_000
PART_BYTES = 8 * 2**20

encode = json.Encoder().encode


@dataclass(frozen=True, kw_only=True, slots=True)
class EncodedPart:
    """Entries of a batch as NDJSON, scrubbed; `size_bytes` is the sum of their lengths, line ends not counted."""

    payload: bytes
    entries: int
    size_bytes: int
    findings: Findings


class Doubt(Exception):
    """The fast path cannot vouch for an entry: look closer, with `ingest.inspection`."""


def canonical_lines(entries: Sequence[Entry], *, at_a_glance: bool = False) -> list[bytes]:
    """Return the canonical JSON of `entries`. Raises: OverflowError, or Doubt when one breaks a limit.

    `at_a_glance` no entry is looked at closely: whatever may be too large or too deep is doubted.
    """
    for entry in entries:
        if entry.timestamp.tzinfo is not UTC:
            entry.timestamp = as_utc(entry.timestamp)
    lines = _with_short_numbers([encode(entry) for entry in entries])
    if len(lines) == 1 or not _are_harmless(lines):
        for entry, line in zip(entries, lines, strict=True):
            if (at_a_glance and _is_striking(line)) or any(_suspicions(entry, line)):
                raise Doubt
    return lines


def _with_short_numbers(lines: list[bytes]) -> list[bytes]:
    return [shorten(line) for line in lines] if may_hold_long(b"\n".join(lines)) else lines


def _are_harmless(lines: Sequence[bytes]) -> bool:
    """Tell by the looks of all lines, for a tenth of the time, that `_suspicions` would find nothing."""
    text = b"\n".join(lines)
    if max(map(len, lines)) > MAX_MESSAGE_BYTES or not text.isascii():
        return False
    opened = map(bytes.count, lines, repeat(b"{"))
    if b"[" in text:  # few entries have lists
        opened = map(add, opened, map(bytes.count, lines, repeat(b"[")))
    return max(opened) <= MAX_DEPTH


def _suspicions(entry: Entry, line: bytes) -> Iterable[FieldError]:
    """Return the limits that `entry` breaks; most lines show without a look at the entry that it breaks none.

    What is shorter than the longest message breaks no limit in bytes but a short text's, and that only if it is not
    ASCII: the decoder has counted characters. What has no more brackets than levels are allowed is not too deep.
    """
    if _is_striking(line):
        return excesses(entry)
    return () if line.isascii() else short_text_excesses(entry)


def _is_striking(line: bytes) -> bool:
    return len(line) > MAX_MESSAGE_BYTES or line.count(b"{") + line.count(b"[") > MAX_DEPTH


def encode_entries(entries: Sequence[bytes], scrubber: Scrubber | QuickScrubber) -> Iterator[EncodedPart]:
    """Join canonical entries into NDJSON, in parts of at most 1,000 entries and about 8 MiB, each scrubbed.

    All ways in go through here: what has not, is kept nowhere.
    """
    start = size_bytes = 0
    for index, entry in enumerate(entries):
        is_full = size_bytes + len(entry) > PART_BYTES or index - start == MAX_ENTRIES
        if is_full and index > start:
            yield _part(entries[start:index], scrubber)
            start, size_bytes = index, 0
        size_bytes += len(entry)
    if entries:
        yield _part(entries[start:], scrubber)


def _part(entries: Sequence[bytes], scrubber: Scrubber | QuickScrubber) -> EncodedPart:
    scrubbed = scrubber.scrub(b"\n".join(entries))
    size_bytes = len(scrubbed.payload) - len(entries) + 1
    return EncodedPart(
        payload=scrubbed.payload, entries=len(entries), size_bytes=size_bytes, findings=scrubbed.findings
    )


def excesses(entry: Entry) -> Iterator[FieldError]:
    """Yield the limits that a well-typed entry breaks; pointers start at the entry."""
    if len(entry.message.encode()) > MAX_MESSAGE_BYTES:
        yield too_large("/message", MAX_MESSAGE_BYTES)
    yield from short_text_excesses(entry)
    if entry.metadata:
        if is_deeper(entry.metadata, levels=MAX_DEPTH):
            yield too_deep("/metadata")
        elif len(encode(entry.metadata)) > MAX_METADATA_BYTES:
            yield too_large("/metadata", MAX_METADATA_BYTES)
    if entry.error:
        if is_deeper(entry.error.context, levels=MAX_DEPTH - 1):
            yield too_deep("/error/context")
        elif len(encode(entry.error)) > MAX_ERROR_BYTES:
            yield too_large("/error", MAX_ERROR_BYTES)


def short_text_excesses(entry: Entry) -> Iterator[FieldError]:
    """Yield the limits of short texts that an entry breaks."""
    for name in SHORT_TEXTS:
        text = getattr(entry, name)
        if text and len(text.encode()) > MAX_SHORT_TEXT_BYTES:
            yield too_large(f"/{name}", MAX_SHORT_TEXT_BYTES)


def is_deeper(value: Any, *, levels: int) -> bool:
    """Tell whether lists and objects are nested in `value` more than `levels` deep, itself included."""
    floor = [value] if isinstance(value, dict | list) else []
    for _ in range(levels):
        floor = [
            child
            for node in floor
            for child in (node.values() if isinstance(node, dict) else node)
            if isinstance(child, dict | list)
        ]
        if not floor:
            return False
    return bool(floor)


def too_large(pointer: str, limit_bytes: int) -> FieldError:
    """Say that the value at `pointer` is longer than `limit_bytes`."""
    return FieldError(pointer=pointer, code="field_too_large", detail=f"must be at most {limit_bytes:,} bytes long")


def too_deep(pointer: str) -> FieldError:
    """Say that the value at `pointer` is nested too deeply."""
    return FieldError(pointer=pointer, code="nesting_too_deep", detail=f"must be at most {MAX_DEPTH} levels deep")
