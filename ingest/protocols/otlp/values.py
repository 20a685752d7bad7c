"""OTLP's `AnyValue` and `KeyValue` → JSON values; of both encodings. Pure.

The protobuf form is read here, and not by the library: most of a request's cost is in attributes, and most are the same
in all of its records.
"""

import math
from base64 import b64encode
from collections.abc import Iterable, Mapping
from struct import Struct as Packed
from typing import Any

from foundation.refusals import Refusal
from ingest.protobuf import varint

#: A value nested deeper is not read, but kept as the bytes that it is.
MAX_LEVELS = 60
#: How many pairs of a request are remembered, and how large ones.
MOST_REMEMBERED, REMEMBERED_BYTES = 4_096, 1_024
_LEN, _VARINT, _FIXED64, _FIXED32 = 2, 0, 1, 5
_double = Packed("<d").unpack_from
_CONTAINERS = (dict, list)
NOTHING: Mapping[str, Any] = {}
STRING, BOOL, INT, DOUBLE, ARRAY, KVLIST, BYTES = range(1, 8)


class Pairs:
    """The attributes of one request, each read once."""

    def __init__(self) -> None:
        self._known: dict[bytes, tuple[str, Any]] = {}
        self.texts: dict[bytes, str] = {b"": ""}

    def read(self, attributes: Iterable[bytes], base: Mapping[str, Any] = NOTHING) -> dict[str, Any]:
        """Return attributes by name, over those of `base`. Raises: Refusal `malformed_protobuf`."""
        recall = self._known.get
        found = {**base}
        for raw in attributes:
            name, value = recall(raw) or self._read(raw)
            found[name] = value
        return found

    def _read(self, raw: bytes) -> tuple[str, Any]:
        pair = self._plain_pair(raw)
        if pair is None:
            pair = key_value(raw, 0, len(raw), MAX_LEVELS)
            if len(raw) > REMEMBERED_BYTES or pair[1].__class__ in _CONTAINERS:
                return pair
        if len(self._known) < MOST_REMEMBERED:
            self._known[raw] = pair
        return pair

    def _plain_pair(self, raw: bytes) -> tuple[str, Any] | None:
        """Read a short `KeyValue` with a short text or a small number in it, as most are; None for any other."""
        size_bytes = len(raw)
        if not 6 <= size_bytes < 128 or raw[0] != 0x0A:
            return None
        at = 2 + raw[1]  # behind the key
        if at + 4 > size_bytes or raw[at] != 0x12 or at + 2 + raw[at + 1] != size_bytes:
            return None
        key, tag, first = raw[2:at], raw[at + 2], raw[at + 3]
        if tag == 0x0A and at + 4 + first == size_bytes:
            return self.texts.get(key) or self.text(key), raw[at + 4 :].decode("utf-8", "replace")
        if tag == 0x18:
            if at + 4 == size_bytes and first < 0x80:
                return self.texts.get(key) or self.text(key), first
            if at + 5 == size_bytes and raw[-1] < 0x80 <= first:
                return self.texts.get(key) or self.text(key), first & 0x7F | raw[-1] << 7
        return None

    def text(self, raw: bytes) -> str:
        """Return a text that many records have."""
        text = self.texts.get(raw)
        if text is None:
            text = raw.decode("utf-8", "replace")
            if len(self.texts) < MOST_REMEMBERED and len(raw) < REMEMBERED_BYTES:
                self.texts[raw] = text
        return text


def key_value(body: bytes, at: int, end: int, levels: int) -> tuple[str, Any]:
    """Read a `KeyValue`. Raises: Refusal `malformed_protobuf`."""
    key, value = "", None
    while at < end:
        tag, begin, at = _field(body, at, end)
        if tag == 0x0A:
            key = body[begin:at].decode(errors="replace")
        elif tag == 0x12:
            value = any_value(body, begin, at, levels)
    return key, value


def body_of(raw: bytes) -> Any:
    """Read the `AnyValue` of a record's body, which mostly is a text. Raises: Refusal `malformed_protobuf`."""
    size_bytes = len(raw)
    if size_bytes > 1 and raw[0] == 0x0A and raw[1] + 2 == size_bytes:
        return raw[2:].decode("utf-8", "replace")
    if (
        size_bytes > 2
        and raw[0] == 0x0A
        and raw[2] < 0x80 <= raw[1]
        and (raw[1] & 0x7F | raw[2] << 7) + 3 == size_bytes
    ):
        return raw[3:].decode("utf-8", "replace")
    return any_value(raw, 0, size_bytes)


def any_value(body: bytes, at: int, end: int, levels: int = MAX_LEVELS) -> Any:
    """Read an `AnyValue`; one that is nested too deeply becomes Base64. Raises: Refusal `malformed_protobuf`."""
    if levels <= 0:
        return b64encode(body[at:end]).decode()
    value: Any = None
    while at < end:
        tag, begin, at = _field(body, at, end)
        number, kind = tag >> 3, tag & 7
        if kind == _LEN:
            value = _of_length(number, body, begin, at, levels, value)
        elif kind == _VARINT and number in (BOOL, INT):
            raw, _ = varint(body, begin, at)
            value = bool(raw) if number == BOOL else raw - 2**64 if raw >= 2**63 else raw
        elif kind == _FIXED64 and number == DOUBLE:
            value = _double(body, begin)[0]
    return value


def _of_length(number: int, body: bytes, at: int, end: int, levels: int, other: Any) -> Any:
    if number == STRING:
        return body[at:end].decode(errors="replace")
    if number == BYTES:
        return b64encode(body[at:end]).decode()
    if number == ARRAY:
        return [any_value(body, begin, stop, levels - 1) for begin, stop in _values(body, at, end)]
    if number == KVLIST:
        return dict(key_value(body, begin, stop, levels - 1) for begin, stop in _values(body, at, end))
    return other


def _values(body: bytes, at: int, end: int) -> Iterable[tuple[int, int]]:
    while at < end:
        tag, begin, at = _field(body, at, end)
        if tag == 0x0A:
            yield begin, at


def _field(body: bytes, at: int, end: int) -> tuple[int, int, int]:
    """Return the tag of the field at `at`, where its content begins, and where it ends."""
    tag = body[at]
    at += 1
    if tag >= 0x80:
        tag, at = varint(body, at - 1, end)
    kind = tag & 7
    if kind == _LEN:
        if at < end and body[at] < 0x80:
            begin = at + 1
            stop = begin + body[at]
        else:
            size_bytes, begin = varint(body, at, end)
            stop = begin + size_bytes
    elif kind == _VARINT:
        begin = at
        _, stop = varint(body, at, end)
    elif kind in (_FIXED64, _FIXED32):
        begin, stop = at, at + (8 if kind == _FIXED64 else 4)
    else:
        raise Refusal("malformed_protobuf")
    if stop > end:
        raise Refusal("malformed_protobuf")
    return tag, begin, stop


def json_pairs(attributes: Any, levels: int = MAX_LEVELS) -> dict[str, Any]:
    """Return attributes in JSON by name; what is no pair is left out."""
    if not isinstance(attributes, list):
        return {}
    return {
        pair["key"]: json_value(pair.get("value"), levels)
        for pair in attributes
        if isinstance(pair, dict) and isinstance(pair.get("key"), str)
    }


def json_value(value: Any, levels: int = MAX_LEVELS) -> Any:
    """Return an `AnyValue` in JSON as the value that it stands for; anything else as it is."""
    if not isinstance(value, dict) or levels <= 0:
        return value
    for name, given in value.items():
        kind = _JSON_KINDS.get(name)
        if kind == ARRAY:
            return [json_value(one, levels - 1) for one in _inner(given)]
        if kind == KVLIST:
            return json_pairs(_inner(given), levels - 1)
        if kind == INT:
            return _number(given, int)
        if kind == DOUBLE:
            return _number(given, float)
        if kind is not None:
            return given
    return value or None


_JSON_KINDS = {
    "stringValue": STRING, "string_value": STRING, "boolValue": BOOL, "bool_value": BOOL, "intValue": INT,
    "int_value": INT, "doubleValue": DOUBLE, "double_value": DOUBLE, "arrayValue": ARRAY, "array_value": ARRAY,
    "kvlistValue": KVLIST, "kvlist_value": KVLIST, "bytesValue": BYTES, "bytes_value": BYTES,
}  # fmt: skip


def _inner(given: Any) -> list[Any]:
    values = given.get("values") if isinstance(given, Mapping) else None
    return values if isinstance(values, list) else []


def _number(given: Any, kind: type[int] | type[float]) -> Any:
    """Return a number that is one, or is written as a text; NaN is none, and what is no number stays."""
    if isinstance(given, str) and len(given) < 400:
        try:
            number = kind(given)
        except ValueError:
            return given
        return number if math.isfinite(number) else None
    return given
