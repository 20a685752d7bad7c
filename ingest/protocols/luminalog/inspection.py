"""One entry under the magnifier: which limit does it break, which field is wrong and where.

The fast path of `ingest.wire` asks only `excesses`; field by field is for entries it could not decode.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from msgspec import Raw, ValidationError, json

from foundation.levels import BY_NAME, LevelName
from foundation.refusals import FieldError
from ingest.timestamps import read_timestamp
from storage.entry import Entry, EntryError

MAX_MESSAGE_BYTES = 10_240
MAX_METADATA_BYTES = 102_400
MAX_ERROR_BYTES = 262_144
MAX_SHORT_TEXT_BYTES = 128
MAX_DEPTH = 64  # an object without a list or an object in it is one level deep
#: White space aside. Nothing legal comes near, even with every character escaped; bounds what one entry can cost us.
MAX_ENTRY_TEXT_BYTES = 2 * 2**20

SHORT_TEXTS = ("environment", "project_id", "trace_id", "span_id", "parent_span_id")

NOTHING = Raw()

encode = json.Encoder().encode


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


def is_absent(raw: Raw) -> bool:
    """Tell whether a field is not there, or null, which means the same."""
    return len(raw) == 0 or (len(raw) == len(b"null") and bytes(raw) == b"null")


def inspect(raw: Raw | bytes) -> Entry | list[FieldError]:
    """Read one entry field by field: the entry, or all that is wrong with it."""
    try:
        fields = _fields(raw, "")
    except _Refused as refused:
        return list(refused.errors)
    values, errors = _read(fields, READERS, "")
    errors += [_required(name) for name in REQUIRED if is_absent(fields.get(name, NOTHING))]
    if errors:
        return errors
    entry = Entry(**values)
    return list(excesses(entry)) or entry


class _Refused(Exception):
    """A field's value is not as the contract has it."""

    def __init__(self, *errors: FieldError) -> None:
        self.errors = errors
        super().__init__()


Reader = Callable[[Raw | bytes, str], Any]


def _read(
    fields: Mapping[str, Raw], readers: Mapping[str, Reader], pointer: str
) -> tuple[dict[str, Any], list[FieldError]]:
    """Read the fields that are there and not null; unknown ones are left alone."""
    values: dict[str, Any] = {}
    errors: list[FieldError] = []
    for name, reader in readers.items():
        if not is_absent(fields.get(name, NOTHING)):
            try:
                values[name] = reader(fields[name], f"{pointer}/{name}")
            except _Refused as refused:
                errors += refused.errors
    return values, errors


def _typed(kind: Any, code: str, detail: str) -> Reader:
    decode = json.Decoder(kind).decode

    def read(raw: Raw | bytes, pointer: str) -> Any:
        try:
            return decode(raw)
        except ValidationError as error:
            raise _Refused(FieldError(pointer=pointer, code=code, detail=detail)) from error

    return read


def _timestamp(raw: Raw | bytes, pointer: str) -> datetime:
    try:
        return read_timestamp(raw)
    except (ValidationError, OverflowError) as error:
        detail = "must be an RFC 3339 date and time between the years 1 and 9999"
        raise _Refused(FieldError(pointer=pointer, code="invalid_timestamp", detail=detail)) from error


def _json_object(raw: Raw | bytes, pointer: str) -> dict[str, Any]:
    try:
        _fields(raw, pointer)
        value: dict[str, Any] = json.decode(raw)
    except RecursionError as error:
        raise _Refused(too_deep(pointer)) from error
    except ValidationError as error:  # an object whose values do not fit: only numbers can be like that
        detail = "holds a number that is out of range; send it as a string"
        raise _Refused(FieldError(pointer=pointer, code="number_out_of_range", detail=detail)) from error
    return value


def _error(raw: Raw | bytes, pointer: str) -> EntryError:
    values, errors = _read(_fields(raw, pointer), ERROR_READERS, pointer)
    if errors:
        raise _Refused(*errors)
    return EntryError(**values)


_fields = _typed(dict[str, Raw], "invalid_type", "must be an object")
_text = _typed(str, "invalid_type", "must be a string")

REQUIRED = ("timestamp", "level", "message")
READERS: dict[str, Reader] = {
    "timestamp": _timestamp,
    "level": _typed(LevelName, "invalid_level", "must be one of " + ", ".join(BY_NAME)),
    "message": _text,
    **dict.fromkeys(SHORT_TEXTS, _text),
    "privacy_mode": _typed(bool, "invalid_type", "must be true or false"),
    "metadata": _json_object,
    "error": _error,
}
ERROR_READERS: dict[str, Reader] = {
    "type": _text,
    "message": _text,
    "stack_trace": _typed(list[str], "invalid_type", "must be a list of strings"),
    "context": _json_object,
    "fingerprint": _text,
}


def _required(name: str) -> FieldError:
    return FieldError(pointer=f"/{name}", code="field_required", detail="is required")


def too_large(pointer: str, limit_bytes: int) -> FieldError:
    """Say that the value at `pointer` is longer than `limit_bytes`."""
    return FieldError(pointer=pointer, code="field_too_large", detail=f"must be at most {limit_bytes:,} bytes long")


def too_deep(pointer: str) -> FieldError:
    """Say that the value at `pointer` is nested too deeply."""
    return FieldError(pointer=pointer, code="nesting_too_deep", detail=f"must be at most {MAX_DEPTH} levels deep")
