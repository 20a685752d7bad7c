"""JSON that others have written, read as far as it can be: bad bytes, NaN and numbers out of range spoil nothing."""

import codecs
import json as stdlib_json
import math
from collections.abc import Iterator
from datetime import datetime
from io import BytesIO
from typing import Any

from django.conf import settings
from msgspec import DecodeError, Raw, json

from foundation.refusals import FieldError, Refusal
from ingest.agents import MAX_ENTRIES, MAX_READ_BYTES, too_many, unread
from ingest.elements import elements_of
from ingest.repair import CHUNK_BYTES, replace_unstorable, without_bom
from storage.entry import Entry

#: A document up to this size is read by a more patient decoder when the quick one cannot.
PATIENT_BYTES = MAX_READ_BYTES
#: A list up to this size has its commas counted; and for how many elements room is made then.
COUNTED_BYTES, STEPS = 8 * 2**20, (16, 256, 4_096, 32_768, MAX_ENTRIES)
BROKEN = FieldError(pointer="", code="malformed_json", detail="is not JSON")
NO_OBJECT = FieldError(pointer="", code="invalid_type", detail="must be an object")

_decode = json.Decoder().decode


def readable(body: bytes) -> bytes:
    """Return a body as UTF-8 in which nothing is that cannot be stored. Raises: Refusal `body_too_large`."""
    text = without_bom(body)
    return replace_unstorable(text if _is_utf8(text) else _with_replacements(text))


def object_of(text: Raw | bytes, *, now: datetime) -> dict[str, Any] | Entry | FieldError:
    """Return the object that `text` is; an entry for one that is too large to be read, or what is wrong with it."""
    if len(text) > MAX_READ_BYTES:
        return unread(bytes(text), now=now)
    try:
        value = _decode(text)
    except RecursionError:
        return unread(bytes(text), now=now)
    except DecodeError:
        try:
            value = patiently(bytes(text))
        except RecursionError:
            return unread(bytes(text), now=now)
        except ValueError:
            return BROKEN
    return value if isinstance(value, dict) else NO_OBJECT


def object_in(value: Any, *, now: datetime) -> dict[str, Any] | None:
    """Return the object that a text of somebody's is; None when it is none."""
    if not isinstance(value, str) or value[-1:] not in ("}", "\n", " ") or value.lstrip()[:1] != "{":
        return None
    found = object_of(value.encode(), now=now) if value.rstrip()[-1:] == "}" else None
    return found if isinstance(found, dict) else None


def patiently(text: bytes) -> Any:
    """Decode JSON in which numbers may be NaN, infinite or beyond bounds: null. Raises: ValueError, RecursionError."""
    value = stdlib_json.loads(
        text, strict=False, parse_constant=lambda _: None, parse_float=_finite, parse_int=_integer
    )
    return _decode(replace_unstorable(stdlib_json.dumps(value).encode()))


def elements(text: bytes | Raw, *, at_most: int) -> list[Raw]:
    """Return the elements of a list. Raises: `Refusal` when it is none, or has more than `at_most`."""
    try:
        found = elements_of(text, at_most=min(at_most, _most(text)))
        if len(found) > at_most:
            raise too_many()
        return found
    except RecursionError as error:
        raise Refusal("nesting_too_deep") from error
    except DecodeError as error:
        if len(text) > PATIENT_BYTES:
            raise Refusal("malformed_json") from error
        return _elements_patiently(bytes(text))


def lines_of(text: bytes, *, at_most: int) -> Iterator[bytes]:
    """Yield the lines that are not blank; blank ones count, for they cost time too.

    Raises: `Refusal` when there are more than `at_most`, unless all were blank.
    """
    is_blank = True
    for number, line in enumerate(BytesIO(text)):
        if number >= at_most:
            if is_blank:
                return
            raise too_many()
        if stripped := line.strip():
            is_blank = False
            yield stripped


def _most(text: bytes | Raw) -> int:
    """Return for how many elements to make room: there are no more than commas, and most lists are short."""
    commas = bytes(text).count(b",") + 1 if len(text) < COUNTED_BYTES else STEPS[-1]
    return next((step for step in STEPS if commas <= step), STEPS[-1])


def _elements_patiently(text: bytes) -> list[Raw]:
    try:
        values = patiently(text)
    except RecursionError as error:
        raise Refusal("nesting_too_deep") from error
    except ValueError as error:
        raise Refusal("malformed_json") from error
    if not isinstance(values, list):
        raise Refusal("invalid_payload")
    return [Raw(json.encode(value)) for value in values]


def _finite(text: str) -> float | None:
    number = float(text)
    return number if math.isfinite(number) else None


def _integer(text: str) -> int | str:
    return int(text) if len(text) <= 300 else text  # Python refuses to read thousands of digits


def _is_utf8(text: bytes) -> bool:
    if text.isascii():
        return True
    try:
        for _ in _decoded(text, "strict"):
            pass
    except UnicodeDecodeError:
        return False
    return True


def _with_replacements(text: bytes) -> bytes:
    """Return the text with U+FFFD for each bad byte, which is three."""
    repaired = bytearray()
    for piece in _decoded(text, "replace"):
        repaired += piece.encode()
        if len(repaired) > settings.MAX_BODY_BYTES:
            raise Refusal("body_too_large")
    return bytes(repaired)


def _decoded(text: bytes, errors: str) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder("utf-8")(errors)
    view = memoryview(text)
    for start in range(0, len(text), CHUNK_BYTES):
        yield decoder.decode(view[start : start + CHUNK_BYTES])
    yield decoder.decode(b"", final=True)
