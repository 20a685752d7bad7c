"""The bytes of a JSON body → canonical lines, one an entry (docs of `storage.entry` say what is canonical).

Two ways, one verdict: a small body is decoded in one go; a large one, and any body with something wrong in it,
entry by entry, so that neither memory nor the answer depends on how bad the rest of the body is.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC
from itertools import repeat
from operator import add

from msgspec import DecodeError, Raw, Struct, ValidationError, defstruct, json
from msgspec.structs import astuple

from foundation.levels import BY_NAME
from foundation.refusals import FieldError, Refusal
from ingest.protocols.luminalog.inspection import (
    MAX_DEPTH,
    MAX_ENTRY_TEXT_BYTES,
    MAX_MESSAGE_BYTES,
    encode,
    excesses,
    inspect,
    is_absent,
    short_text_excesses,
    too_deep,
    too_large,
)
from ingest.protocols.luminalog.repair import BACKSLASH, ESCAPED_NUL, replace_unstorable, require_utf8, without_bom
from ingest.timestamps import as_utc
from storage.entry import Entry

MAX_ENTRIES = 1_000
MAX_ERRORS = 20
#: A body that could not hold an entry too large to look at is decoded in one go.
WHOLE_BYTES = MAX_ENTRY_TEXT_BYTES
PART_BYTES = 8 * 2**20


@dataclass(frozen=True, kw_only=True, slots=True)
class ParsedBatch:
    """What is kept of a body; `entries` are canonical JSON, `errors` (at most 20) are of the `rejected` ones."""

    entries: list[bytes]
    rejected: int = 0
    below_level: int = 0
    errors: list[FieldError] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True, slots=True)
class EncodedPart:
    """Entries of a batch as NDJSON; `size_bytes` is the sum of their lengths, line ends not counted."""

    payload: bytes
    entries: int
    size_bytes: int


class _Batch(Struct, gc=False):
    logs: list[Entry]


class _Envelope(Struct, gc=False):
    logs: Raw = Raw()
    api_key: Raw = Raw()


#: The elements of `logs` as JSON. A list would grow with whatever is sent; this holds one too many, and skips the rest.
_Slots = defstruct("_Slots", [(f"entry_{index}", Raw, Raw()) for index in range(MAX_ENTRIES + 1)], array_like=True)

_batch = json.Decoder(_Batch)
_entry = json.Decoder(Entry)
_envelope = json.Decoder(_Envelope)
_slots = json.Decoder(_Slots)
_string = json.Decoder(str)
_any = json.Decoder(Raw)


class _Doubt(Exception):
    """The fast path cannot vouch for an entry: look closer."""


def parse_batch(body: bytes, *, lenient: bool, minimum_level: int = 0) -> ParsedBatch:
    """Validate a body and bring its entries into canonical form, all or nothing unless `lenient`.

    Raises: Refusal, with up to 20 errors by JSON pointer.
    """
    text = without_bom(body)
    require_utf8(text)
    if BACKSLASH in text and ESCAPED_NUL in text:
        text = replace_unstorable(text)
    try:
        return _parse(text, lenient=lenient, minimum_level=minimum_level)
    except DecodeError:
        return _parse_repaired(text, lenient=lenient, minimum_level=minimum_level)


def legacy_api_key(body: bytes) -> str | None:
    """Return the deprecated `api_key` of a body without reading its entries; None when there is none to be found."""
    text = without_bom(body)
    for candidate in (text, replace_unstorable(text)):
        try:
            return _string.decode(_envelope.decode(candidate).api_key)
        except (ValidationError, UnicodeDecodeError, RecursionError):
            return None
        except DecodeError:  # of an absent key, too
            continue
    return None


def encode_entries(entries: Sequence[bytes]) -> Iterator[EncodedPart]:
    """Join canonical entries into NDJSON, in parts of about 8 MiB."""
    start = size_bytes = 0
    for index, entry in enumerate(entries):
        if size_bytes + len(entry) > PART_BYTES and index > start:
            yield EncodedPart(payload=b"\n".join(entries[start:index]), entries=index - start, size_bytes=size_bytes)
            start, size_bytes = index, 0
        size_bytes += len(entry)
    if entries:
        yield EncodedPart(payload=b"\n".join(entries[start:]), entries=len(entries) - start, size_bytes=size_bytes)


def _parse(text: bytes, *, lenient: bool, minimum_level: int) -> ParsedBatch:
    if len(text) <= WHOLE_BYTES:
        try:
            return _parse_whole(text, minimum_level=minimum_level)
        except (ValidationError, OverflowError, RecursionError, _Doubt):
            pass
    return _sift(_elements(text), lenient=lenient, minimum_level=minimum_level)


def _parse_repaired(text: bytes, *, lenient: bool, minimum_level: int) -> ParsedBatch:
    """Give a body that is not JSON a second chance: lone surrogates are refused by the decoder, but not by us."""
    repaired = replace_unstorable(text)
    if repaired == text:
        raise Refusal("malformed_json")
    try:
        return _parse(repaired, lenient=lenient, minimum_level=minimum_level)
    except DecodeError as error:
        raise Refusal("malformed_json") from error


def _parse_whole(text: bytes, *, minimum_level: int) -> ParsedBatch:
    entries = _batch.decode(text).logs
    if not 1 <= len(entries) <= MAX_ENTRIES:
        raise _Doubt
    lines = _canonical(entries)
    if minimum_level:
        lines = [line for line, entry in zip(lines, entries, strict=True) if BY_NAME[entry.level] >= minimum_level]
    return ParsedBatch(entries=lines, below_level=len(entries) - len(lines))


def _canonical(entries: Sequence[Entry]) -> list[bytes]:
    """Return the canonical JSON of `entries`. Raises: OverflowError, or _Doubt when one breaks a limit."""
    for entry in entries:
        if entry.timestamp.tzinfo is not UTC:
            entry.timestamp = as_utc(entry.timestamp)
    lines = [encode(entry) for entry in entries]
    if not _are_harmless(lines):
        for entry, line in zip(entries, lines, strict=True):
            if any(_suspicions(entry, line)):
                raise _Doubt
    return lines


def _are_harmless(lines: Sequence[bytes]) -> bool:
    """Tell by the looks of all lines, for a tenth of the time, that `_suspicions` would find nothing."""
    braces, brackets = map(bytes.count, lines, repeat(b"{")), map(bytes.count, lines, repeat(b"["))
    return (
        max(map(len, lines)) <= MAX_MESSAGE_BYTES
        and all(map(bytes.isascii, lines))
        and max(map(add, braces, brackets)) <= MAX_DEPTH
    )


def _suspicions(entry: Entry, line: bytes) -> Iterable[FieldError]:
    """Return the limits that `entry` breaks; most lines show without a look at the entry that it breaks none.

    What is shorter than the longest message breaks no limit in bytes but a short text's, and that only if it is not
    ASCII: the decoder has counted characters. What has no more brackets than levels are allowed is not too deep.
    """
    if len(line) > MAX_MESSAGE_BYTES or line.count(b"{") + line.count(b"[") > MAX_DEPTH:
        return excesses(entry)
    return () if line.isascii() else short_text_excesses(entry)


def _elements(text: bytes) -> list[Raw]:
    """Return the JSON of each element of `logs`."""
    try:
        logs = _logs(text)
    except RecursionError as error:
        raise Refusal("nesting_too_deep", "The body is nested too deeply.") from error
    if is_absent(logs):
        raise _refusal(FieldError(pointer="/logs", code="field_required", detail="is required"))
    try:
        elements = [raw for raw in astuple(_slots.decode(logs)) if len(raw)]
    except ValidationError as error:
        raise _refusal(FieldError(pointer="/logs", code="invalid_payload", detail="must be a list")) from error
    if not elements:
        raise _refusal(FieldError(pointer="/logs", code="empty_batch", detail="must hold at least one entry"))
    if len(elements) > MAX_ENTRIES:
        detail = f"may hold at most {MAX_ENTRIES:,} entries"
        raise _refusal(FieldError(pointer="/logs", code="too_many_entries", detail=detail))
    return elements


def _logs(text: bytes) -> Raw:
    try:
        return _envelope.decode(text).logs
    except ValidationError as error:
        _any.decode(text)  # DecodeError, if it is not even JSON
        raise _refusal(FieldError(pointer="", code="invalid_payload", detail="must be an object")) from error


def _sift(elements: list[Raw], *, lenient: bool, minimum_level: int) -> ParsedBatch:
    """Read the elements one by one; see `parse_batch`."""
    lines: list[bytes] = []
    errors: list[FieldError] = []
    rejected = below_level = 0
    for index, raw in enumerate(elements):
        found = _read_element(raw)
        if isinstance(found, list):
            rejected += 1
            errors += [replace(error, pointer=f"/logs/{index}{error.pointer}") for error in found]
            if not lenient and len(errors) >= MAX_ERRORS:
                break
        elif BY_NAME[found.level] < minimum_level:
            below_level += 1
        else:
            lines.append(encode(found))
    if errors and not (lenient and rejected < len(elements)):
        raise _refusal(*errors[:MAX_ERRORS])
    return ParsedBatch(entries=lines, rejected=rejected, below_level=below_level, errors=errors[:MAX_ERRORS])


def _read_element(raw: Raw) -> Entry | list[FieldError]:
    try:
        text = raw if len(raw) <= MAX_ENTRY_TEXT_BYTES else json.format(raw, indent=-1)
        return [too_large("", MAX_ENTRY_TEXT_BYTES)] if len(text) > MAX_ENTRY_TEXT_BYTES else _read_text(text)
    except RecursionError:
        return [too_deep("")]


def _read_text(text: Raw | bytes) -> Entry | list[FieldError]:
    try:
        entry = _entry.decode(text)
        _canonical([entry])
    except (ValidationError, OverflowError, RecursionError, _Doubt):
        return inspect(text)
    return entry


def _refusal(*errors: FieldError) -> Refusal:
    """Say what is wrong in words: `/logs/3/level` is logs[3].level."""
    place = re.sub(r"/(\d+)", r"[\1]", errors[0].pointer).replace("/", ".").removeprefix(".") or "The body"
    return Refusal(errors[0].code, f"{place} {errors[0].detail}.", errors=errors)
