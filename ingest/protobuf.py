"""Protobuf messages of a few known fields, taken apart in bounded pieces: the library reads what is in a piece.

A message may hold millions of empty ones, each of which costs it a hundred times its size: so nobody hands it a body.
Texts are declared `bytes`: for one bad byte in a `string` the library refuses all of a message.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError

from foundation.refusals import Refusal

#: What the library is given at once.
PIECE_BYTES = 256 * 2**10
#: Fields that are stepped over in a body.
MAX_FIELDS = 1_000_000
_VARINT, _FIXED64, _LEN, _FIXED32 = 0, 1, 2, 5
_FIXED_BYTES = {_FIXED64: 8, _FIXED32: 4}
_Field = descriptor_pb2.FieldDescriptorProto
TYPES = {
    "bytes": _Field.TYPE_BYTES,
    "fixed64": _Field.TYPE_FIXED64,
    "fixed32": _Field.TYPE_FIXED32,
    "int32": _Field.TYPE_INT32,
    "int64": _Field.TYPE_INT64,
    "uint32": _Field.TYPE_UINT32,
}

#: Of a message: the number of each field, and its type; a message's name in brackets is a list of it.
Fields = Mapping[str, tuple[int, str]]
#: A field of a length: its number, where its content begins, and where it ends.
Place = tuple[int, int, int]


def messages(package: str, shapes: Mapping[str, Fields]) -> dict[str, Any]:
    """Return a class for each of the messages, by its name."""
    file = descriptor_pb2.FileDescriptorProto(name=f"{package}.proto", package=package, syntax="proto3")
    for name, fields in shapes.items():
        message = file.message_type.add(name=name)
        for field, (number, kind) in fields.items():
            is_list = kind.startswith("[")
            label = _Field.LABEL_REPEATED if is_list else _Field.LABEL_OPTIONAL
            inner = kind.strip("[]")
            if inner in TYPES:
                message.field.add(name=field, number=number, label=label, type=TYPES[inner])
            else:
                message.field.add(
                    name=field, number=number, label=label, type=_Field.TYPE_MESSAGE, type_name=f".{package}.{inner}"
                )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    found = {name: pool.FindMessageTypeByName(f"{package}.{name}") for name in shapes}
    return {name: message_factory.GetMessageClass(descriptor) for name, descriptor in found.items()}


def parse(message: Any, piece: bytes) -> Any:
    """Read a piece of a message. Raises: Refusal `malformed_protobuf`."""
    try:
        return message.FromString(piece)
    except (DecodeError, RecursionError) as error:
        raise Refusal("malformed_protobuf") from error


class Walk:
    """Steps over the fields of a body, and no more of them than are allowed."""

    def __init__(self, body: bytes) -> None:
        self.body = body
        self._left = MAX_FIELDS

    def fields(self, start: int = 0, end: int | None = None) -> Iterator[Place]:
        """Yield the fields that have a length. Raises: Refusal `malformed_protobuf`."""
        for number, _, begin, stop in self._steps(start, len(self.body) if end is None else end):
            if begin >= 0:
                yield number, begin, stop

    def pieces(self, start: int, end: int, *, large_bytes: int) -> Iterator[tuple[bytes, bool]]:
        """Yield the message in pieces of whole fields; one field beyond `large_bytes` comes alone, and is marked.

        Raises: Refusal `malformed_protobuf`.
        """
        if end - start <= PIECE_BYTES:
            yield self.body[start:end], False
            return
        begun = start
        for _, tag, begin, stop in self._steps(start, end):
            if begin >= 0 and stop - begin > large_bytes:
                if tag > begun:
                    yield self.body[begun:tag], False
                yield self.body[begin:stop], True
                begun = stop
            elif stop - begun > PIECE_BYTES:
                yield self.body[begun:stop], False
                begun = stop
        if begun < end:
            yield self.body[begun:end], False

    def _steps(self, start: int, end: int) -> Iterator[tuple[int, int, int, int]]:
        """Yield of each field its number, where its tag, and its content begin (-1 without a length), and its end."""
        body, at = self.body, start
        while at < end:
            self._left -= 1
            if self._left < 0:
                raise Refusal("body_too_large", "The body has too many parts.")
            tag_at = at
            tag, at = varint(body, at, end)
            kind, begin = tag & 7, -1
            if kind == _LEN:
                size_bytes, begin = varint(body, at, end)
                at = begin + size_bytes
            elif kind == _VARINT:
                _, at = varint(body, at, end)
            elif kind in _FIXED_BYTES:
                at += _FIXED_BYTES[kind]
            else:
                raise Refusal("malformed_protobuf")
            if at > end or tag < 8:
                raise Refusal("malformed_protobuf")
            yield tag >> 3, tag_at, begin, at


def varint(body: bytes, at: int, end: int) -> tuple[int, int]:
    """Read a number of up to 64 bits; return it, and where it ends. Raises: Refusal `malformed_protobuf`."""
    value = shift = 0
    while at < end and shift < 70:
        byte = body[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, at
        shift += 7
    raise Refusal("malformed_protobuf")
