"""Content codings that agents use beside ours, in bounded pieces; and how one shows that nobody has named.

Agents' own words are not to be trusted: some name two codings and use one, some use one and name none.
"""

import zlib
from collections.abc import Callable, Iterable, Iterator
from itertools import chain

import brotli
from cramjam import DecompressionError, snappy

from foundation.refusals import Refusal
from ingest.receive.inflate import INFLATERS, MAX_MEMBERS, PIECE_BYTES, Inflate, plain

#: What a frame of Snappy begins with (its framing format, section 4.1).
SNAPPY_STREAM = b"\xff\x06\x00\x00sNaPpY"
COMPRESSED, UNCOMPRESSED, PADDING = 0x00, 0x01, 0x80
MAX_FRAME_BYTES = 65_536
CHECKSUM_BYTES, HEAD_BYTES = 4, 4
ZLIB_HEADS = (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")
SNAPPY_BLOCK = "snappy block"
#: No block of Snappy begins so: its first element would copy what is not there yet.
BEGINNINGS_OF_JSON = (b'{"', b"{}", b"{\n", b"{\r")
#: How many bytes tell which coding it is.
ENOUGH_BYTES = len(SNAPPY_STREAM)

#: Asked before a block is inflated, which comes out at once. Raises: `Refusal`.
Cover = Callable[[int], None]


def inflater(coding: str, *, unnamed: str, cover: Cover) -> Inflate:
    """Return what inflates a body of this coding; by its first bytes where it is none that we know.

    `unnamed` is the coding of a body without a name of one that does not show by its first bytes.
    """
    known = _codings(cover)
    if coding in known:
        return known[coding]

    def inflate(chunks: Iterable[bytes]) -> Iterator[bytes]:
        beginning, rest = _beginning(chunks)
        found = shown_by(beginning) or ("" if coding or beginning[:2] in BEGINNINGS_OF_JSON else unnamed)
        return (known[found] if found else plain)(chain([beginning], rest))

    return inflate


def shown_by(beginning: bytes) -> str:
    """Return the coding of a body that begins so, as far as that tells."""
    if beginning.startswith(b"\x1f\x8b"):
        return "gzip"
    if beginning.startswith(b"\x28\xb5\x2f\xfd"):
        return "zstd"
    if beginning.startswith(SNAPPY_STREAM):
        return "snappy"
    # "x^" may begin a text; what begins with the others is none
    return "deflate" if beginning[:2] in ZLIB_HEADS and not beginning[:16].isascii() else ""


def inflate_deflate(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield what a zlib stream holds (RFC 1950), or a raw one. Raises: Refusal `bad_compression`."""
    beginning, rest = _beginning(chunks)
    has_head = len(beginning) >= 2 and beginning[0] & 0x0F == 8 and int.from_bytes(beginning[:2]) % 31 == 0
    decompressor = zlib.decompressobj(zlib.MAX_WBITS if has_head else -zlib.MAX_WBITS)
    try:
        for chunk in chain([beginning], rest):
            pending = chunk
            while pending and not decompressor.eof:
                yield decompressor.decompress(pending, PIECE_BYTES)
                pending = decompressor.unconsumed_tail
            if decompressor.unused_data or (pending and decompressor.eof):
                raise Refusal("bad_compression")
        while not decompressor.eof and (piece := decompressor.decompress(b"", PIECE_BYTES)):
            yield piece
    except zlib.error as error:
        raise Refusal("bad_compression") from error
    if not decompressor.eof:
        raise Refusal("bad_compression")


def inflate_brotli(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield what a Brotli stream holds (RFC 7932), in pieces. Raises: Refusal `bad_compression`."""
    decompressor = brotli.Decompressor()
    try:
        for chunk in chunks:
            if chunk and decompressor.is_finished():
                raise Refusal("bad_compression")
            yield decompressor.process(chunk, output_buffer_limit=PIECE_BYTES)
            while not decompressor.can_accept_more_data():
                yield decompressor.process(b"", output_buffer_limit=PIECE_BYTES)
    except brotli.error as error:
        raise Refusal("bad_compression") from error
    if not decompressor.is_finished():
        raise Refusal("bad_compression")


def inflate_snappy(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield what a framed Snappy stream holds, a frame at a time. Raises: Refusal `bad_compression`."""
    pending, empty_frames, is_begun = bytearray(), 0, False
    for chunk in chunks:
        pending += chunk
        while len(pending) >= HEAD_BYTES:
            kind, size_bytes = pending[0], int.from_bytes(pending[1:4], "little")
            if len(pending) < HEAD_BYTES + size_bytes:
                break
            frame = bytes(pending[HEAD_BYTES : HEAD_BYTES + size_bytes])
            if not is_begun and bytes(pending[: len(SNAPPY_STREAM)]) != SNAPPY_STREAM:
                raise Refusal("bad_compression")
            is_begun = True
            del pending[: HEAD_BYTES + size_bytes]
            piece = _piece_of(kind, frame)
            empty_frames += not piece
            if empty_frames > MAX_MEMBERS:
                raise Refusal("bad_compression")
            yield piece
    if pending or not is_begun:
        raise Refusal("bad_compression")


def _piece_of(kind: int, frame: bytes) -> bytes:
    if kind in (COMPRESSED, UNCOMPRESSED):
        body = frame[CHECKSUM_BYTES:]
        try:
            size_bytes = snappy.decompress_raw_len(body) if kind == COMPRESSED else len(body)
            if size_bytes > MAX_FRAME_BYTES:
                raise Refusal("bad_compression")
            head = bytes([kind]) + len(frame).to_bytes(3, "little")
            return bytes(snappy.decompress(SNAPPY_STREAM + head + frame))  # and its checksum is right
        except DecompressionError as error:
            raise Refusal("bad_compression") from error
    if kind == SNAPPY_STREAM[0] or kind >= PADDING:
        return b""
    raise Refusal("bad_compression")


def _block(cover: Cover) -> Inflate:
    def inflate(chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Yield what one Snappy block holds; its size is asked for before. Raises: Refusal `bad_compression`."""
        block = b"".join(chunks)
        try:
            size_bytes = snappy.decompress_raw_len(block)
            cover(size_bytes)
            yield bytes(snappy.decompress_raw(block))
        except (DecompressionError, ValueError) as error:
            raise Refusal("bad_compression") from error

    return inflate


def _snappy(cover: Cover) -> Inflate:
    """Return what inflates Snappy, framed or one block: the name is used for both."""

    def inflate(chunks: Iterable[bytes]) -> Iterator[bytes]:
        beginning, rest = _beginning(chunks)
        framed = beginning.startswith(SNAPPY_STREAM)
        return (inflate_snappy if framed else _block(cover))(chain([beginning], rest))

    return inflate


def _codings(cover: Cover) -> dict[str, Inflate]:
    return {
        **{coding: inflate for coding, inflate in INFLATERS.items() if coding},
        "deflate": inflate_deflate,
        "br": inflate_brotli,
        "snappy": _snappy(cover),
        "x-snappy-framed": inflate_snappy,
        SNAPPY_BLOCK: _block(cover),
    }


def _beginning(chunks: Iterable[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """Return the first bytes, as far as there are any, and an iterator of the rest."""
    rest = iter(chunks)
    beginning = b""
    for chunk in rest:
        beginning += chunk
        if len(beginning) >= ENOUGH_BYTES:
            break
    return beginning, rest
