"""One entry in our own JSON under the magnifier, field by field: which is wrong, and where.

For entries that the fast path could not decode.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from msgspec import Raw, ValidationError, json

from foundation.levels import BY_NAME, LevelName
from foundation.refusals import FieldError
from ingest.canonical import SHORT_TEXTS, excesses, too_deep
from ingest.timestamps import read_timestamp
from storage.entry import Entry, EntryError

NOTHING = Raw()


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
